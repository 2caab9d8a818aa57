//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gorgonia.org/cu"

	"github.com/matsense/matsense/gpu/cuda/internal/libcuda"
	"github.com/matsense/matsense/gpu/driver"
)

var _ driver.PeerDevice = (*device)(nil)

// Peer implements driver.PeerDevice.
func (d *device) Peer() (driver.Peer, error) { return d, d.usable() }

// CopyFrom implements driver.PeerDevice: this device's stream waits for an event of the other one's, copies,
// and records an event, for which the other one's stream waits. The host waits for nothing. The driver copies
// from device to device or through the host's memory, whatever the machine can do.
func (d *device) CopyFrom(peer driver.Peer, pieces ...driver.Piece) error {
	from, ok := peer.(*device)
	if !ok || from == d {
		return errors.New("cuda: a copy from a device that is no other GPU")
	}
	total := int64(0)
	for _, p := range pieces {
		if p.Size < 0 {
			return fmt.Errorf("cuda: copy of %d bytes", p.Size)
		}
		total += p.Size
	}
	for _, one := range []*device{d, from} {
		if err := one.usable(); err != nil {
			return err
		}
		if err := one.makeEvent(); err != nil {
			return err
		}
	}
	if total == 0 {
		return nil
	}
	d.link(from)
	// Each stream records an event and waits for one.
	if err := d.queue(len(pieces) + 2); err != nil {
		return err
	}
	if err := from.queue(2); err != nil {
		return err
	}
	status := libcuda.CopyPeer(
		libcuda.Queue{Context: handle(d.context), Stream: handle(d.stream), Event: handle(d.event)},
		libcuda.Queue{Context: handle(from.context), Stream: handle(from.stream), Event: handle(from.event)},
		pieces)
	if status == 0 {
		return nil
	}
	err := d.fail(fmt.Sprintf("copy of %d bytes from %v", total, from), status)
	if f := (*failure)(nil); d.lost == nil && errors.As(err, &f) {
		f.kind = driver.ErrPeer
	}
	return err
}

// links are devices whose streams may wait for each other, also through others: each has copied from another
// one, or another one from it.
type links struct {
	open []*device
	lost error // of one of them, which may be closed
}

// link joins the links of two devices.
func (d *device) link(other *device) {
	joined := d.links
	if joined == other.links {
		return
	}
	joined.open = append(joined.open, other.links.open...)
	joined.lost = cmp.Or(joined.lost, other.links.lost)
	for _, one := range joined.open {
		one.links = joined
	}
}

// unlink takes a device that is closed out of its links. If it is lost, they remember that.
func (d *device) unlink() {
	l := d.links
	l.note(d)
	l.open = slices.DeleteFunc(l.open, func(one *device) bool { return one == d })
}

// note remembers that one of the devices is lost.
func (l *links) note(one *device) {
	if l.lost == nil {
		l.lost = one.lost
	}
}

// failed asks all of the devices and returns the error of one that is lost.
func (l *links) failed() error {
	for _, one := range l.open {
		if l.lost != nil {
			break
		}
		if one.lost == nil {
			if err := within(one.context, one.stream.Query); err != nil && code(err) != notReady {
				_ = one.fail("wait", code(err)) // it is lost, or another call says what is wrong
			}
		}
		l.note(one)
	}
	return l.lost
}

// await waits for the device's stream, within its context. Copies between devices make the stream wait for
// those of other ones. If one of these is lost, the driver may never end that wait. So the host asks all of
// them in turn, also those for which the stream waits through others.
func (d *device) await() error {
	if !d.linked() {
		return d.stream.Synchronize()
	}
	for began := time.Now(); ; {
		if err := d.stream.Query(); err == nil || code(err) != notReady {
			return err
		}
		if err := d.links.failed(); err != nil {
			d.lost, d.stuck = err, true
			return err
		}
		if time.Since(began) > time.Millisecond {
			time.Sleep(20 * time.Microsecond)
		}
	}
}

// linked says whether the device's stream may wait for those of other devices.
func (d *device) linked() bool { return len(d.links.open) > 1 || d.links.lost != nil }

// mostQueued is the most calls that the stream of a linked device may have. A stream has room for about 1000.
// Then the driver lets the next call wait until there is room again, and there is none if a device is lost.
const mostQueued = 512

// queue notes that so many calls will be put into the stream, and waits if these are too many.
func (d *device) queue(calls int) error {
	if d.recording {
		return nil
	}
	if d.queued+calls > mostQueued && d.linked() {
		if err := d.Wait(); err != nil {
			return err
		}
	}
	d.queued += calls
	return nil
}

// beforeCopy waits for the stream of a linked device. The driver may do this too before a copy from or to
// memory that is not page-locked, and then a lost device would not end the wait.
func (d *device) beforeCopy() error {
	if !d.linked() {
		return nil
	}
	return d.await()
}

// abandoned has, by their indices, the GPUs with a stream that waits for a lost GPU, and why they cannot be
// used: the driver would wait for this stream before it frees anything in the GPU's context, which all
// devices of the process share.
var abandoned sync.Map

// abandon notes that a stuck stream stays.
func (d *device) abandon() {
	abandoned.Store(d.info.Index, fmt.Errorf("cuda: %v, waits for a lost GPU, and can only be used by "+
		"another process: %w", d, d.lost))
}

// isAbandoned returns why a GPU cannot be used; nil if it can.
func isAbandoned(index int) error {
	err, _ := abandoned.Load(index)
	why, _ := err.(error)
	return why
}

// makeEvent makes the event by which other streams wait for this device's.
func (d *device) makeEvent() error {
	if d.event != (cu.Event{}) {
		return nil
	}
	return d.do("make an event", noSize, func() (err error) {
		d.event, err = cu.MakeEvent(cu.DisableTiming)
		return err
	})
}
