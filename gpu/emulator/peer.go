package emulator

import (
	"errors"
	"fmt"
	"math"

	"github.com/matsense/matsense/gpu/driver"
)

var _ driver.PeerDevice = (*Device)(nil)

// Peer implements driver.PeerDevice.
func (d *Device) Peer() (driver.Peer, error) { return d, d.usable() }

// CopyFrom implements driver.PeerDevice. It counts as one operation of each device. Copies of undefined bytes
// are undefined too.
func (d *Device) CopyFrom(peer driver.Peer, pieces ...driver.Piece) error {
	from, ok := peer.(*Device)
	if !ok || from == d {
		return errors.New("emulator: a copy from a device that is no other emulator")
	}
	if err := errors.Join(d.operation(), from.operation()); err != nil {
		return err
	}
	if d.config.NoPeers {
		return fmt.Errorf("emulator: a copy from another device: %w", driver.ErrPeer)
	}
	for _, p := range pieces {
		if p.Size < 0 || p.Size > math.MaxInt/2 {
			return fmt.Errorf("emulator: copy of %d bytes", p.Size)
		}
		n := int(p.Size)
		to, at, err := d.span("copy", p.Dst, n)
		if err != nil {
			return err
		}
		of, start, err := from.span("copy from this device", p.Src, n)
		if err != nil {
			return err
		}
		copy(to.data[at:at+n], of.data[start:start+n])
		for i := range n {
			to.define(at+i, at+i+1, of.written(start+i))
		}
	}
	return nil
}
