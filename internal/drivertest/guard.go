// Package drivertest has helpers for tests of code that uses a device.
package drivertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// margin is how many bytes are watched on each side of an allocation: the alignment of Alloc's pointers.
const margin = 256

// canary fills the margins: NaN as f64, f32 and bf16, so that results show that a kernel has read too far.
var canary = func() []byte {
	b := make([]byte, margin)
	for i := range b {
		b[i] = [2]byte{0xFA, 0xFF}[i%2]
	}
	return b
}()

// Guard returns d with a margin on both sides of each allocation. If a kernel writes to a margin, t gets an
// error when the allocation is freed or the device closed. Live counts the requested bytes, without margins;
// Info's Free includes the margins. Otherwise the device behaves like d.
func Guard(t testing.TB, d driver.Device) driver.Device {
	g := &guard{Device: d, t: t, sizes: map[driver.Pointer]int64{}}
	if graphs, ok := d.(driver.GraphDevice); ok {
		return &graphGuard{g, graphs}
	}
	return g
}

// graphGuard is a guard of a device that replays graphs.
type graphGuard struct {
	*guard
	graphs driver.GraphDevice
}

// Record implements driver.GraphDevice.
func (g *graphGuard) Record(calls []driver.Call) (driver.Graph, error) { return g.graphs.Record(calls) }

// Replay implements driver.GraphDevice.
func (g *graphGuard) Replay(recorded driver.Graph) error {
	g.launched = "in a graph"
	return g.graphs.Replay(recorded)
}

// Forget implements driver.GraphDevice.
func (g *graphGuard) Forget(recorded driver.Graph) error { return g.graphs.Forget(recorded) }

// Peer implements driver.PeerDevice, if the guarded device does.
func (g *graphGuard) Peer() (driver.Peer, error) {
	if peer, ok := g.Device.(driver.PeerDevice); ok {
		return peer.Peer()
	}
	return nil, driver.ErrPeer
}

// CopyFrom implements driver.PeerDevice, if the guarded device does.
func (g *graphGuard) CopyFrom(from driver.Peer, pieces ...driver.Piece) error {
	if peer, ok := g.Device.(driver.PeerDevice); ok {
		return peer.CopyFrom(from, pieces...)
	}
	return driver.ErrPeer
}

type guard struct {
	driver.Device
	t        testing.TB
	sizes    map[driver.Pointer]int64 // sizes of the live allocations, without margins
	launched string                   // the last launch, as text
}

// Alloc implements driver.Device.
func (g *guard) Alloc(size int64) (driver.Pointer, error) {
	if size < 0 {
		return g.Device.Alloc(size)
	}
	outer, err := g.Device.Alloc(size + 2*margin)
	if err != nil {
		return 0, err
	}
	p := outer + margin
	for _, side := range []driver.Pointer{outer, p + driver.Pointer(size)} {
		if err := g.Upload(side, canary); err != nil {
			return 0, errors.Join(err, g.Device.Free(outer))
		}
	}
	g.sizes[p] = size
	return p, nil
}

// Free implements driver.Device.
func (g *guard) Free(p driver.Pointer) error {
	size, ok := g.sizes[p]
	if !ok {
		return g.Device.Free(p)
	}
	g.t.Helper()
	g.check(p, size)
	delete(g.sizes, p)
	return g.Device.Free(p - margin)
}

// Live implements driver.Device.
func (g *guard) Live() int64 { return g.Device.Live() - 2*margin*int64(len(g.sizes)) }

// Launch implements driver.Device.
func (g *guard) Launch(l driver.Launch) error {
	g.launched = l.String()
	return g.Device.Launch(l)
}

// Close implements driver.Device.
func (g *guard) Close() error {
	g.t.Helper()
	for p, size := range g.sizes {
		g.check(p, size)
	}
	clear(g.sizes)
	return g.Device.Close()
}

// check checks the margins of an allocation. If the device can no longer be read, other calls report that.
func (g *guard) check(p driver.Pointer, size int64) {
	g.t.Helper()
	got := make([]byte, margin)
	for _, side := range []struct {
		name  string
		at    driver.Pointer
		first int64 // offset in the allocation
	}{{"in front of", p - margin, -margin}, {"behind", p + driver.Pointer(size), size}} {
		if g.Download(got, side.at) != nil {
			return
		}
		if first, count := damage(got); count > 0 {
			g.t.Errorf("%d bytes %s an allocation of %d bytes were written, the first at its byte %d%s",
				count, side.name, size, side.first+int64(first), g.suspect())
		}
	}
}

// damage returns where a margin first differs from the canary, and in how many bytes it differs.
func damage(got []byte) (first, count int) {
	for i, b := range got {
		if b == canary[i] {
			continue
		}
		if count == 0 {
			first = i
		}
		count++
	}
	return first, count
}

func (g *guard) suspect() string {
	if g.launched == "" {
		return ""
	}
	return fmt.Sprintf("; the last kernel was %s", g.launched)
}
