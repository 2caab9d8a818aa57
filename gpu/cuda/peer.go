//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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

// note remembers that one of the devices is lost, and which.
func (l *links) note(one *device) {
	if l.lost == nil && one.lost != nil {
		l.lost = fmt.Errorf("%v, is lost: %w", one, one.lost)
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
	if len(d.links.open) == 1 && d.links.lost == nil {
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
