package driver

import (
	"errors"
	"slices"
)

// ErrGraph: the device cannot record or replay some calls. It has done none of them, and still works.
var ErrGraph = errors.New("no graph of these calls")

// GraphDevice is a device that records calls as a graph and then does all of them again in one call.
type GraphDevice interface {
	Device
	// Record makes a graph of calls, at least one, without doing them. It keeps nothing of calls but what
	// Interrupted points to. The error wraps ErrGraph if the device cannot record them.
	Record(calls []Call) (Graph, error)
	// Replay does the calls of a graph in their order, as if they were made one by one. Like Launch, it may
	// return before they are done. The error wraps ErrGraph if the device has done none of them and still
	// works, and also ErrCooperative if it has no room for a cooperative launch of the graph. The memory that
	// the calls use must not have been freed.
	Replay(g Graph) error
	// Forget frees a graph when its last replay is done. Close frees the graphs that are left.
	Forget(g Graph) error
}

// Graph is a recorded sequence of calls.
type Graph any

// Call is a call of Launch or, if the launch has no kernel, of Fill.
type Call struct {
	Launch
	Dst   Pointer
	Value byte
	Size  int64
}

// On does the call on a device.
func (c Call) On(d Device) error {
	if c.Kernel == nil {
		return d.Fill(c.Dst, c.Value, c.Size)
	}
	return d.Launch(c.Launch)
}

// Same says whether two calls do the same. Interrupted may differ.
func (c Call) Same(o Call) bool {
	return c.Kernel == o.Kernel && c.Grid == o.Grid && c.Block == o.Block && c.Shared == o.Shared &&
		c.Cooperative == o.Cooperative && slices.Equal(c.Args, o.Args) &&
		c.Dst == o.Dst && c.Value == o.Value && c.Size == o.Size
}
