// Package drivertest has what tests of code on a device share.
package drivertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// margin is how many bytes are watched on each side of an allocation: what Alloc's pointers are aligned to.
const margin = 256

// canary is what lies there: NaN as f64, f32 and bf16, so that a kernel that reads too far and uses it shows it.
var canary = func() []byte {
	b := make([]byte, margin)
	for i := range b {
		b[i] = [2]byte{0xFA, 0xFF}[i%2]
	}
	return b
}()

// Guard returns d with a margin on both sides of each allocation. What was written there is an error of t, found when
// the allocation is freed or the device closed. Live counts what was asked for, without margins; Info's Free knows of
// them. All else is d's.
func Guard(t testing.TB, d driver.Device) driver.Device {
	return &guard{Device: d, t: t, sizes: map[driver.Pointer]int64{}}
}

type guard struct {
	driver.Device
	t        testing.TB
	sizes    map[driver.Pointer]int64 // of what is taken, without margins
	launched string                   // the last launch in words
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

// check looks at the margins of an allocation. A device that cannot be read any more says so elsewhere.
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

// damage returns where a margin first differs from what it should be, and in how many bytes it does.
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
