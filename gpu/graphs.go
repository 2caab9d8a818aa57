package gpu

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/matsense/matsense/gpu/driver"
)

// A step of gradient descent with a fixed step size makes the same calls each time: the same kernels, with
// the same grids and arguments. This file lets a device record them as a graph and do them in one call
// (driver.GraphDevice). Methods and operators know nothing of it: they make their calls, and graphs sees that
// the calls are those of a recorded graph.
//
// A call that continues the beginning of a graph waits. The last call of the graph replays it. A call that
// no graph continues, or any other use of the device, first does the waiting calls one by one, in their
// order. So the device does what it would do without graphs, whatever the arguments are: a graph is replayed
// only if every one of its calls was made just before, with the same arguments. A call that has waited is
// done to its end, even on a device that can interrupt launches: who made the call took it for done.

const (
	// recordStep is how often a step makes the same calls before they are recorded.
	recordStep = 3
	// recordBody is how often a gradient makes the same calls before they are recorded alone, because the
	// calls before them differ: the step size of combine, with step decay. A step that is the same each time
	// is recorded before.
	recordBody = 6
	// longestGraph is the most calls of a graph. More calls take longer than their launches cost, and a pass
	// cannot be interrupted within a graph.
	longestGraph = 64
	// mostSequences is how many sequences of calls are remembered, with graphs or without.
	mostSequences = 32
	// slowStep is how long the calls of a step may keep the host, if the next step is to be replayed. A
	// device that runs kernels on the host, and can interrupt them, takes so long for large problems.
	slowStep = time.Second
)

// graphs is a device that replays graphs of what repeated does.
type graphs struct {
	driver.GraphDevice
	tell func(text string)

	repeating bool          // within repeated
	calls     []driver.Call // that repeated has made so far
	waiting   int           // how many of them wait, the last ones
	single    int           // how many of them were done one by one
	broken    bool          // something that a graph cannot have was done between them
	slow      bool          // the step before kept the host for long

	known   []*sequence
	clock   int   // counts uses of sequences
	refused bool  // the device cannot do graphs
	failure error // of a call that had waited, after which the device's contents are unknown
}

// sequence is a sequence of calls that was made before.
type sequence struct {
	calls []driver.Call
	seen  int
	used  int          // the clock of the last use
	graph driver.Graph // nil before it is recorded
}

// replay lets the device replay graphs, if it can.
func (d *device) replay() {
	if can, ok := d.Device.(driver.GraphDevice); ok {
		d.graphs = &graphs{GraphDevice: can, tell: d.tell}
		d.Device = d.graphs
	}
}

// repeated does two parts of a step, whose calls may be those of an earlier step. A graph has the calls of
// both or, if the first part differs from step to step, of the second.
func (d *device) repeated(first, second func() error) error {
	g := d.graphs
	if g == nil || g.repeating {
		if err := first(); err != nil {
			return err
		}
		return second()
	}
	began := time.Now()
	g.repeating, g.calls, g.waiting, g.single, g.broken = true, nil, 0, 0, false
	defer func() {
		g.repeating, g.slow = false, d.interrupted != nil && time.Since(began) > slowStep
	}()
	begin, whole := 0, false
	err := first()
	if err == nil {
		begin, whole = len(g.calls), !g.broken
		g.broken = false
		err = second()
	}
	if errors.Is(err, driver.ErrLost) {
		g.waiting = 0
		return err
	}
	// What waits is done even if the step was interrupted.
	if failed := g.flush(); failed != nil && !errors.Is(err, failed) {
		return errors.Join(err, failed)
	}
	if err != nil || g.broken || g.single == 0 || begin == len(g.calls) {
		return err
	}
	if whole {
		if recorded, err := g.learn(g.calls, recordStep); recorded || err != nil {
			return err
		}
	}
	if begin == 0 {
		return nil
	}
	_, err = g.learn(g.calls[begin:], recordBody)
	return err
}

// learn notes that calls were made, and records them if that was often enough. recorded says that there is a
// graph of them.
func (g *graphs) learn(calls []driver.Call, least int) (recorded bool, err error) {
	if g.refused || g.slow || len(calls) > longestGraph {
		return false, nil
	}
	at := slices.IndexFunc(g.known, func(s *sequence) bool {
		return slices.EqualFunc(s.calls, calls, driver.Call.Same)
	})
	if at < 0 {
		if err := g.makeRoom(); err != nil {
			return false, err
		}
		at = len(g.known)
		s := &sequence{calls: slices.Clone(calls)}
		for i := range s.calls {
			s.calls[i].Interrupted = nil
		}
		g.known = append(g.known, s)
	}
	s := g.known[at]
	s.seen++
	g.use(s)
	if s.graph != nil || s.seen < least {
		return s.graph != nil, nil
	}
	if s.graph, err = g.Record(s.calls); errors.Is(err, driver.ErrGraph) {
		g.refuse(err)
		return false, nil
	}
	return true, err
}

// makeRoom forgets the sequence that was not used for the longest time, if there are many.
func (g *graphs) makeRoom() error {
	if len(g.known) < mostSequences {
		return nil
	}
	oldest := 0
	for i, s := range g.known {
		if s.used < g.known[oldest].used {
			oldest = i
		}
	}
	graph := g.known[oldest].graph
	g.known = slices.Delete(g.known, oldest, oldest+1)
	if graph == nil {
		return nil
	}
	return g.Forget(graph)
}

// use notes that a sequence was used now.
func (g *graphs) use(s *sequence) {
	g.clock++
	s.used = g.clock
}

// refuse ends the use of graphs, and tells the user why.
func (g *graphs) refuse(err error) {
	g.refused, g.known = true, nil // Close frees the graphs
	g.tell(fmt.Sprintf("each launch of a step is a call of its own, which gives the same bits and takes "+
		"longer if the problem is small: %v", err))
}

// put makes a call.
func (g *graphs) put(c driver.Call) error {
	if g.failure != nil {
		return g.failure
	}
	if !g.repeating {
		return c.On(g.GraphDevice)
	}
	c.Args = slices.Clone(c.Args) // the caller may use the slice again
	g.calls = append(g.calls, c)
	g.waiting++
	for g.waiting > 0 {
		s := g.continued()
		if s == nil {
			if err := g.one(g.waiting > 1); err != nil {
				return err
			}
			continue
		}
		if len(s.calls) > g.waiting {
			return nil
		}
		return g.replay(s)
	}
	return nil
}

// continued returns a sequence with a graph that begins with the waiting calls; nil if there is none.
func (g *graphs) continued() *sequence {
	if g.slow {
		return nil
	}
	waiting := g.calls[len(g.calls)-g.waiting:]
	for _, s := range g.known {
		if s.graph != nil && len(s.calls) >= len(waiting) &&
			slices.EqualFunc(s.calls[:len(waiting)], waiting, driver.Call.Same) {
			return s
		}
	}
	return nil
}

// replay does the waiting calls, which are all calls of a sequence.
func (g *graphs) replay(s *sequence) error {
	g.use(s)
	err := g.Replay(s.graph)
	if errors.Is(err, driver.ErrGraph) {
		g.refuse(err)
		return g.flush()
	}
	g.waiting = 0
	return err
}

// one does the first waiting call. If it has waited since an earlier call, who made it can no longer launch
// fewer blocks when the device refuses a cooperative launch. Then the device is not used any more. (It took
// the same launch when the graph was recorded.)
func (g *graphs) one(late bool) error {
	c := g.calls[len(g.calls)-g.waiting]
	g.waiting--
	g.single++
	if late {
		c.Interrupted = nil
	}
	err := c.On(g.GraphDevice)
	if err != nil {
		g.broken = true
	}
	if late && errors.Is(err, driver.ErrCooperative) {
		g.failure = errors.New("gpu: a launch that the device took before: " + err.Error())
		return g.failure
	}
	return err
}

// flush does the waiting calls one by one.
func (g *graphs) flush() error {
	for g.waiting > 0 {
		if err := g.one(true); err != nil {
			return err
		}
	}
	return g.failure
}

// outside prepares for a call that a graph cannot have.
func (g *graphs) outside() error {
	g.broken = true
	return g.flush()
}

// Launch implements driver.Device.
func (g *graphs) Launch(l driver.Launch) error { return g.put(driver.Call{Launch: l}) }

// Fill implements driver.Device.
func (g *graphs) Fill(dst driver.Pointer, value byte, size int64) error {
	return g.put(driver.Call{Dst: dst, Value: value, Size: size})
}

// Wait implements driver.Device. It changes nothing on the device, so the calls around it can be recorded.
func (g *graphs) Wait() error {
	if err := g.flush(); err != nil {
		return err
	}
	return g.GraphDevice.Wait()
}

// Upload implements driver.Device.
func (g *graphs) Upload(dst driver.Pointer, src []byte) error {
	if err := g.outside(); err != nil {
		return err
	}
	return g.GraphDevice.Upload(dst, src)
}

// Download implements driver.Device.
func (g *graphs) Download(dst []byte, src driver.Pointer) error {
	if err := g.outside(); err != nil {
		return err
	}
	return g.GraphDevice.Download(dst, src)
}

// Copy implements driver.Device.
func (g *graphs) Copy(dst, src driver.Pointer, size int64) error {
	if err := g.outside(); err != nil {
		return err
	}
	return g.GraphDevice.Copy(dst, src, size)
}

// Mark implements driver.Device.
func (g *graphs) Mark() (driver.Mark, error) {
	if err := g.outside(); err != nil {
		return nil, err
	}
	return g.GraphDevice.Mark()
}

// Free implements driver.Device. A device gives memory back whatever failed.
func (g *graphs) Free(p driver.Pointer) error {
	return errors.Join(g.outside(), g.GraphDevice.Free(p))
}
