//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
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
	d.peers[from], from.peers[d] = true, true
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

// await waits for the device's stream, within its context. Copies between devices make the stream wait for
// those of other ones. If one of these is lost, the driver may never end that wait. So the host asks all of
// them in turn.
func (d *device) await() error {
	if len(d.peers) == 0 {
		return d.stream.Synchronize()
	}
	for began := time.Now(); ; {
		if err := d.stream.Query(); err == nil || code(err) != notReady {
			return err
		}
		for peer := range d.peers {
			err := peer.lost
			if err == nil {
				err = within(peer.context, peer.stream.Query)
				if err == nil || code(err) == notReady {
					continue
				}
				err = peer.fail("wait for "+peer.String(), code(err))
			}
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
