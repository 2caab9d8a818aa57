package drivertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// fake is a device whose memory is a slice that is never reused. It has only the methods that these tests
// need.
type fake struct {
	driver.Device
	memory []byte
	taken  map[driver.Pointer]int64
	lost   error
	closed int
}

func newFake() *fake { return &fake{memory: make([]byte, 256), taken: map[driver.Pointer]int64{}} }

func (f *fake) Alloc(size int64) (driver.Pointer, error) {
	if f.lost != nil || size < 0 {
		return 0, errors.Join(f.lost, fmt.Errorf("alloc of %d bytes", size))
	}
	p := driver.Pointer(len(f.memory))
	f.memory = append(f.memory, make([]byte, (size+255)/256*256)...)
	f.taken[p] = size
	return p, nil
}

func (f *fake) Free(p driver.Pointer) error {
	if _, ok := f.taken[p]; !ok {
		return fmt.Errorf("free of %#x", p)
	}
	delete(f.taken, p)
	return f.lost
}

func (f *fake) Live() (live int64) {
	for _, size := range f.taken {
		live += size
	}
	return live
}

func (f *fake) Upload(dst driver.Pointer, src []byte) error {
	copy(f.memory[dst:], src)
	return f.lost
}

func (f *fake) Download(dst []byte, src driver.Pointer) error {
	copy(dst, f.memory[src:])
	return f.lost
}

func (f *fake) Launch(l driver.Launch) error {
	for _, a := range l.Args {
		f.memory[a]++
	}
	return f.lost
}

func (f *fake) Close() error { f.closed++; return f.lost }

// kernel stands for the kernel that fake.Launch runs: it changes the bytes to which its arguments point.
type kernel struct{ driver.Kernel }

func (kernel) Name() string { return "poke" }

// listener is a testing.TB that records errors.
type listener struct {
	testing.TB
	errors []string
}

func (l *listener) Helper() {}

func (l *listener) Errorf(format string, args ...any) {
	l.errors = append(l.errors, fmt.Sprintf(format, args...))
}

func TestGuard(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int64
		write []int64 // offsets in the allocation
		want  []string
	}{
		{"inside", 100, []int64{0, 50, 99}, nil},
		{"nothing to be inside of", 0, nil, nil},
		{"before", 100, []int64{-1}, []string{
			"1 bytes in front of an allocation of 100 bytes were written, the first at its byte -1; " +
				"the last kernel was launch poke grid=2×1×1 block=32×1×1",
		}},
		{"far before", 100, []int64{-256, -3}, []string{"2 bytes in front of an allocation of 100 bytes"}},
		{"behind", 100, []int64{100, 101, 355}, []string{"3 bytes behind an allocation of 100 bytes"}},
		{"behind nothing", 0, []int64{0}, []string{"1 bytes behind an allocation of 0 bytes"}},
		{"both", 512, []int64{-1, 512}, []string{"in front of", "behind"}},
	} {
		for _, end := range []string{"Free", "Close"} {
			t.Run(c.name+"/"+end, func(t *testing.T) {
				l, f := &listener{TB: t}, newFake()
				d := Guard(l, f)
				p, err := d.Alloc(c.size)
				must(t, err)
				if p%256 != 0 || d.Live() != c.size {
					t.Errorf("%d bytes at %#x, where %d bytes are live", c.size, p, d.Live())
				}
				launch := driver.Launch{
					Kernel: kernel{}, Grid: driver.Dim{2, 1, 1}, Block: driver.Dim{32, 1, 1},
				}
				for _, at := range c.write {
					launch.Args = append(launch.Args, driver.Arg(int64(p)+at))
				}
				must(t, d.Launch(launch))
				if end == "Free" {
					must(t, d.Free(p))
					if d.Live() != 0 || len(f.taken) != 0 {
						t.Errorf("%d bytes are live after Free, %v taken", d.Live(), f.taken)
					}
				}
				must(t, d.Close())
				must(t, d.Close())
				if f.closed != 2 {
					t.Errorf("the device was closed %d times", f.closed)
				}
				if len(l.errors) != len(c.want) {
					t.Fatalf("%d errors, want %d: %q", len(l.errors), len(c.want), l.errors)
				}
				for i, want := range c.want {
					if !strings.Contains(l.errors[i], want) {
						t.Errorf("error %q, want %q", l.errors[i], want)
					}
				}
			})
		}
	}
}

// TestGuardPassesErrors: a failing device fails in the same way with a guard, and no margin is reported.
func TestGuardPassesErrors(t *testing.T) {
	l, f := &listener{TB: t}, newFake()
	d := Guard(l, f)
	p, err := d.Alloc(8)
	must(t, err)
	if err := d.Free(p + 1); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%#x", p+1)) {
		t.Errorf("Free of what was not taken: %v", err)
	}
	if _, err := d.Alloc(-1); err == nil || !strings.Contains(err.Error(), "-1 bytes") {
		t.Errorf("Alloc of -1 bytes: %v", err)
	}
	f.lost = driver.ErrLost
	clear(f.memory)
	if _, err := d.Alloc(8); !errors.Is(err, driver.ErrLost) {
		t.Errorf("Alloc on a lost device: %v", err)
	}
	if err := d.Free(p); !errors.Is(err, driver.ErrLost) {
		t.Errorf("Free on a lost device: %v", err)
	}
	if err := d.Close(); !errors.Is(err, driver.ErrLost) {
		t.Errorf("Close on a lost device: %v", err)
	}
	if len(l.errors) > 0 {
		t.Errorf("a lost device has margins: %q", l.errors)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
