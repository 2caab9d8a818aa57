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
//
// A graph has no copies. They cut the calls of a step into stretches, each of which has a graph of its own.

const (
	// recordStep is how often a stretch has the same calls before they are recorded.
	recordStep = 3
	// recordBody is how often a gradient makes the same calls before they are recorded alone, because the
	// calls before them differ: the step size of combine, with step decay. A stretch that is the same each
	// time is recorded sooner, if it has at most longestGraph calls.
	recordBody = 6
	// shortestGraph and longestGraph are the fewest and the most calls of a graph. A graph of one call saves
	// nothing. A pass cannot be interrupted within a graph.
	shortestGraph, longestGraph = 2, 64
	// longestStretch is the most calls of a stretch that is recorded, in pieces of longestGraph calls.
	longestStretch = 2048
	// mostSequences is how many sequences of calls are remembered, with graphs or without.
	mostSequences = 128
	// slowStep is how long the calls of a step may keep the host, if the next step is to be replayed. A
	// device that runs kernels on the host, and can interrupt them, takes so long for large problems.
	slowStep = time.Second
)

// graphs is a device that replays graphs of what repeated does.
type graphs struct {
	driver.GraphDevice
	tell func(text string)

	repeating bool          // within repeated
	direct    bool          // within repeated, but no call waits
	calls     []driver.Call // of the stretch so far
	first     int           // how many of them are of the first part
	waiting   int           // how many of them wait, the last ones
	single    int           // how many of them were done one by one
	next      *sequence     // the one that the waiting calls begin, if a call was found to continue it
	slow      bool          // the step before kept the host for long

	known   []*sequence
	clock   int   // counts uses of sequences
	refused bool  // the device cannot do graphs
	late    error // why a cooperative launch that had waited was refused
}

// sequence is a sequence of calls that was made before.
type sequence struct {
	calls []driver.Call
	seen  int
	used  int          // the clock of the last use
	graph driver.Graph // nil before it is recorded
}

// errLate is the error of calls that come after the refusal of a cooperative launch that had waited. It does
// not wrap the refusal, which is not that of the call.
var errLate = errors.New("gpu: a launch before this one was refused")

// replay lets the device replay graphs, if it can.
func (d *device) replay() {
	if can, ok := d.Device.(driver.GraphDevice); ok {
		d.graphs = &graphs{GraphDevice: can, tell: d.tell}
		d.Device = d.graphs
	}
}

// repeated does two parts of a step, whose calls may be those of an earlier step. A graph has calls of both
// or, if the first part differs from step to step, of the second. The second part may be done twice, so it
// must not change what it reads.
//
// If a cooperative launch has waited and the device has no room for it any more, all calls behind it are done
// nevertheless, so that the device has what the host takes for done. Their results are of no use. Then the
// second part is done once more and no call waits, so that who makes the launch learns of the refusal.
func (d *device) repeated(first, second func() error) error {
	all := d.replaying()
	if len(all) == 0 || all[0].repeating {
		if err := first(); err != nil {
			return err
		}
		return second()
	}
	began := time.Now()
	for _, g := range all {
		g.repeating, g.late = true, nil
		g.begin()
	}
	defer func() {
		for _, g := range all {
			g.repeating, g.direct = false, false
			g.slow = d.interrupted != nil && time.Since(began) > slowStep
		}
	}()
	err := first()
	for _, g := range all {
		g.first = len(g.calls)
	}
	if err == nil {
		err = second()
	}
	if err = finish(all, err); !errors.Is(err, errLate) {
		return err
	}
	for _, g := range all {
		g.direct, g.late = true, nil
		g.begin()
	}
	return second()
}

// replaying returns the device and those that share its rows, if they replay graphs.
func (d *device) replaying() (all []*graphs) {
	for _, one := range append([]*device{d}, d.others...) {
		if one.graphs != nil {
			all = append(all, one.graphs)
		}
	}
	return all
}

// finish does what waits on all devices, even if the step was interrupted. err is the error of the step.
func finish(all []*graphs, err error) error {
	if errors.Is(err, driver.ErrLost) {
		for _, g := range all {
			g.begin()
		}
		return err
	}
	for _, g := range all {
		end := g.end
		if err != nil {
			end = g.flush
		}
		switch failed := end(); {
		case err == nil:
			err = failed
		case failed != nil && !errors.Is(failed, errLate) && !errors.Is(err, failed):
			err = errors.Join(err, failed)
		}
	}
	return err
}

// begin begins a stretch.
func (g *graphs) begin() { g.calls, g.first, g.waiting, g.single, g.next = nil, 0, 0, 0, nil }

// end ends a stretch: it does what waits, and notes the calls.
func (g *graphs) end() error {
	if err := g.flush(); err != nil {
		return err
	}
	calls, first, single := g.calls, g.first, g.single
	g.begin()
	switch {
	case single == 0 || g.refused || g.slow || len(calls) > longestStretch:
		return nil
	case len(calls) > longestGraph:
		for _, part := range [][]driver.Call{calls[:first], calls[first:]} {
			for piece := range slices.Chunk(part, longestGraph) {
				if _, err := g.learn(piece, recordBody); err != nil {
					return err
				}
			}
		}
		return nil
	}
	recorded, err := g.learn(calls, recordStep)
	if recorded || err != nil || first == 0 {
		return err
	}
	_, err = g.learn(calls[first:], recordBody)
	return err
}

// learn notes that calls were made, and records them if that was often enough. recorded says that there is a
// graph of them.
func (g *graphs) learn(calls []driver.Call, least int) (recorded bool, err error) {
	if len(calls) < shortestGraph || g.refused {
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
	return g.drop(slices.MinFunc(g.known, func(a, b *sequence) int { return a.used - b.used }))
}

// drop forgets a sequence.
func (g *graphs) drop(s *sequence) error {
	g.known = slices.DeleteFunc(g.known, func(other *sequence) bool { return other == s })
	if s.graph == nil {
		return nil
	}
	return g.Forget(s.graph)
}

// use notes that a sequence was used now.
func (g *graphs) use(s *sequence) {
	g.clock++
	s.used = g.clock
}

// refuse ends the use of graphs, and tells the user why.
func (g *graphs) refuse(err error) {
	g.refused, g.known, g.next = true, nil, nil // Close frees the graphs
	g.tell(fmt.Sprintf("each launch of a step is a call of its own, which gives the same bits and takes "+
		"longer if the problem is small: %v", err))
}

// put makes a call.
func (g *graphs) put(c driver.Call) error {
	if g.late != nil {
		return errLate
	}
	if !g.repeating || g.direct {
		return c.On(g.GraphDevice)
	}
	c.Args = slices.Clone(c.Args) // the caller may use the slice again
	g.calls = append(g.calls, c)
	g.waiting++
	for g.waiting > 0 {
		g.next = g.continued()
		if g.next == nil {
			if err := g.one(g.waiting > 1); err != nil {
				return err
			}
			continue
		}
		if len(g.next.calls) > g.waiting {
			return nil
		}
		return g.replay(g.next)
	}
	if g.late != nil {
		return errLate
	}
	return nil
}

// continued returns a sequence with a graph that begins with the waiting calls; nil if there is none.
func (g *graphs) continued() *sequence {
	if g.slow {
		return nil
	}
	waiting := g.calls[len(g.calls)-g.waiting:]
	if s, last := g.next, len(waiting)-1; s != nil { // it begins with the calls before the last
		if s.calls[last].Same(waiting[last]) {
			return s
		}
	}
	for _, s := range g.known {
		if s.graph != nil && len(s.calls) >= len(waiting) &&
			slices.EqualFunc(s.calls[:len(waiting)], waiting, driver.Call.Same) {
			return s
		}
	}
	return nil
}

// replay does the waiting calls, which are all calls of a sequence. If the device has no room for a
// cooperative launch of the graph, the launches are made one by one.
func (g *graphs) replay(s *sequence) error {
	g.use(s)
	g.next = nil
	switch err := g.Replay(s.graph); {
	case errors.Is(err, driver.ErrGraph) && errors.Is(err, driver.ErrCooperative):
		if err := g.drop(s); err != nil {
			return err
		}
		return g.flush()
	case errors.Is(err, driver.ErrGraph):
		g.refuse(err)
		return g.flush()
	default:
		g.waiting = 0
		return err
	}
}

// one does the first waiting call. late says that it has waited since an earlier call: then who made it can
// no longer launch fewer blocks when the device refuses a cooperative launch.
func (g *graphs) one(late bool) error {
	at := len(g.calls) - g.waiting
	c := g.calls[at]
	g.waiting--
	g.single++
	g.next = nil
	if late {
		c.Interrupted = nil
	}
	err := c.On(g.GraphDevice)
	if err == nil {
		return nil
	}
	g.calls = slices.Delete(g.calls, at, at+1)
	if at < g.first {
		g.first--
	}
	if late && errors.Is(err, driver.ErrCooperative) {
		g.late = err
		return nil
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
	if g.late != nil {
		return errLate
	}
	return nil
}

// outside prepares for a call that a graph cannot have.
func (g *graphs) outside() error {
	if !g.repeating || g.direct {
		return nil
	}
	return g.end()
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

// Peer implements driver.PeerDevice, if the device does.
func (g *graphs) Peer() (driver.Peer, error) {
	if err := g.outside(); err != nil {
		return nil, err
	}
	if d, ok := g.GraphDevice.(driver.PeerDevice); ok {
		return d.Peer()
	}
	return nil, driver.ErrPeer
}

// CopyFrom implements driver.PeerDevice, if the device does.
func (g *graphs) CopyFrom(from driver.Peer, pieces ...driver.Piece) error {
	if err := g.outside(); err != nil {
		return err
	}
	if d, ok := g.GraphDevice.(driver.PeerDevice); ok {
		return d.CopyFrom(from, pieces...)
	}
	return driver.ErrPeer
}
