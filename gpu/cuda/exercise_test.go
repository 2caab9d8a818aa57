//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

// open opens GPU 0, and skips the test if there is none.
func open(t testing.TB) driver.Device {
	t.Helper()
	d, err := cuda.Open(0)
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func load(t testing.TB, d driver.Device, name string) driver.Kernel {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".ptx"))
	must(t, err)
	k, err := d.Load(name, string(text))
	must(t, err)
	return k
}

func alloc(t testing.TB, d driver.Device, size int64) driver.Pointer {
	t.Helper()
	p, err := d.Alloc(size)
	must(t, err)
	if p%256 != 0 {
		t.Fatalf("alloc of %d bytes is at %#x", size, uint64(p))
	}
	return p
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, kind error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %q, want %q in it", err, part)
		}
	}
	for _, k := range []error{driver.ErrNoDevice, driver.ErrMemory, driver.ErrLost, driver.ErrGraph} {
		if is := errors.Is(err, k); is != errors.Is(kind, k) {
			t.Errorf("%q: is %q: %v", err, k, is)
		}
	}
}

// exercise tests on a device what every device must do.
func exercise(t *testing.T, d driver.Device) {
	info, err := d.Info()
	must(t, err)
	if info.Name == "" || info.Index != 0 || info.Capability[0] < 3 ||
		!strings.HasPrefix(info.Driver, "CUDA 1") ||
		info.Memory <= 0 || info.Free <= 0 || info.Free > info.Memory ||
		info.Multiprocessors < 1 || info.L2 < 1 || info.BlockShared < 48<<10 {
		t.Errorf("%+v", info)
	}

	t.Run("memory", func(t *testing.T) {
		for _, size := range []int64{0, 1, 31, 256, 257, 4099} {
			p := alloc(t, d, size)
			if d.Live() != size {
				t.Errorf("%d bytes live, want %d", d.Live(), size)
			}
			src := bytes.Repeat([]byte{1, 2, 3, 5, 8}, int(size)/5+1)[:size]
			want := bytes.Clone(src)
			must(t, d.Upload(p, src))
			clear(src) // src may be changed as soon as Upload returns
			got := make([]byte, size)
			must(t, d.Download(got, p))
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes came back changed", size)
			}
			if size > 2 {
				must(t, d.Fill(p+1, 0xee, size-2))
				must(t, d.Download(got[:2], p))
				must(t, d.Download(got[2:], p+2))
				if got[0] != 1 || got[1] != 0xee || got[size-2] != 0xee || got[size-1] != want[size-1] {
					t.Errorf("fill of %d bytes: % x", size-2, got)
				}
			}
			must(t, d.Free(p))
			if size > 0 {
				wantError(t, d.Free(p), nil, "cuda: free of 0x")
			}
		}
		if d.Live() != 0 {
			t.Errorf("%d bytes live at the end", d.Live())
		}
	})

	t.Run("kernels", func(t *testing.T) {
		k := load(t, d, "add")
		if r := k.Resources(); k.Name() != "add" || r.Registers < 1 || r.MostThreads < 32 || r.Shared != 0 {
			t.Errorf("%s: %+v", k.Name(), r)
		}
		const n = 257
		p := alloc(t, d, 4*n)
		defer d.Free(p)
		must(t, d.Fill(p, 0, 4*n))
		launch := driver.Launch{Kernel: k, Grid: driver.Dim{3, 1, 1}, Block: driver.Dim{128, 1, 1},
			Args: []driver.Arg{driver.Ptr(p), driver.U32(n - 1), driver.U32(7)}}
		for range 3 { // each launch sees the result of the one before
			must(t, d.Launch(launch))
			launch.Args[2] = driver.U32(100) // Args may be changed, too
		}
		words := make([]byte, 4*n)
		must(t, d.Download(words, p))
		for i := range n {
			want := uint32(207)
			if i == n-1 {
				want = 0
			}
			if got := binary.LittleEndian.Uint32(words[4*i:]); got != want {
				t.Fatalf("word %d is %d, want %d", i, got, want)
			}
		}
	})

	t.Run("graphs", func(t *testing.T) { exerciseGraphs(t, d) })

	t.Run("arguments of every type", func(t *testing.T) {
		k := load(t, d, "types")
		p := alloc(t, d, 32)
		defer d.Free(p)
		// The upper half of the slot of a .u32 argument must be ignored.
		args := []driver.Arg{
			driver.Ptr(p), driver.U32(-2) | 1<<63,
			driver.F32(1.5), driver.U64(1<<63 | 5), driver.F64(-math.Pi),
		}
		must(t, d.Launch(driver.Launch{
			Kernel: k, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{1, 1, 1}, Args: args,
		}))
		got := make([]byte, 32)
		must(t, d.Download(got, p))
		for i, want := range []uint64{
			1<<32 - 2, uint64(math.Float32bits(1.5)), 1<<63 | 5, math.Float64bits(-math.Pi),
		} {
			if bits := binary.LittleEndian.Uint64(got[8*i:]); bits != want {
				t.Errorf("argument %d arrived as %#x, want %#x", i+1, bits, want)
			}
		}
	})

	t.Run("marks", func(t *testing.T) {
		k := load(t, d, "add")
		from, err := d.Mark()
		must(t, err)
		must(t, d.Launch(driver.Launch{Kernel: k, Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
			Args: []driver.Arg{0, driver.U32(0), driver.U32(0)}}))
		to, err := d.Mark()
		must(t, err)
		elapsed, err := d.Elapsed(from, to)
		must(t, err)
		if elapsed <= 0 {
			t.Errorf("a launch took %v", elapsed)
		}
		_, err = d.Elapsed(from, to)
		wantError(t, err, nil, "cuda: elapsed between marks")
		same, err := d.Mark()
		must(t, err)
		if elapsed, err := d.Elapsed(same, same); elapsed != 0 || err != nil {
			t.Errorf("from a mark to itself: %v, %v", elapsed, err)
		}
	})

	t.Run("any thread", func(t *testing.T) {
		p := alloc(t, d, 1)
		defer d.Free(p)
		for i := range 8 {
			done := make(chan error)
			go func() {
				runtime.LockOSThread() // never unlocked: the thread is new and ends with the goroutine
				done <- d.Fill(p, byte(i), 1)
			}()
			must(t, <-done)
			got := []byte{0xff}
			must(t, d.Download(got, p))
			if got[0] != byte(i) {
				t.Errorf("%d, want %d", got[0], i)
			}
		}
	})

	t.Run("what cannot be", func(t *testing.T) {
		_, err := d.Alloc(-1)
		wantError(t, err, nil, "cuda: alloc of -1 bytes")
		wantError(t, d.Fill(0, 0, -1), nil, "cuda: fill of -1 bytes")
		wantError(t, d.Launch(driver.Launch{}), nil, "cuda: launch of a kernel that this device did not load")
		k := load(t, d, "add")
		err = d.Launch(driver.Launch{Kernel: k, Grid: driver.Dim{1, 0, 1}, Block: driver.Dim{1, 1, 1}})
		wantError(t, err, nil, "cuda: launch add grid=1×0×1 block=1×1×1: ", "positive")
		if n, err := k.Resident(1<<20, 0); n != 0 || err != nil {
			t.Errorf("resident with a million threads: %d, %v", n, err)
		}
		if n, err := k.Resident(32, 1<<30); n != 0 || err != nil {
			t.Errorf("resident with a gigabyte of shared memory: %d, %v", n, err)
		}
		_, err = k.Resident(0, 0)
		wantError(t, err, nil, "cuda: resident blocks of add with 0 threads")
	})
}

// exerciseGraphs: a graph has launches, cooperative ones among them, and fills, and does all of them at each
// replay, with the memory's contents of its moment.
func exerciseGraphs(t *testing.T, d driver.Device) {
	graphs := d.(driver.GraphDevice)
	add, meet := load(t, d, "add"), load(t, d, "meet")
	const n = 257
	p, count := alloc(t, d, 4*n), alloc(t, d, 4)
	defer d.Free(count)
	defer d.Free(p)
	must(t, d.Fill(p, 0, 4*n))
	adding := driver.Call{Launch: driver.Launch{Kernel: add, Grid: driver.Dim{3, 1, 1},
		Block: driver.Dim{128, 1, 1}, Args: []driver.Arg{driver.Ptr(p), driver.U32(n), driver.U32(7)}}}
	// Two blocks that wait for each other, with more shared memory than a block has unless it asks for it.
	meeting := driver.Call{Launch: driver.Launch{Kernel: meet, Grid: driver.Dim{2, 1, 1},
		Block: driver.Dim{1, 1, 1}, Shared: 60 << 10, Cooperative: true,
		Args: []driver.Arg{driver.Ptr(p), driver.Ptr(count), driver.U32(60 << 10)}}}
	calls := []driver.Call{{Dst: count, Size: 4}, meeting, adding, adding, {Dst: p + 8, Value: 1, Size: 4}}
	g, err := graphs.Record(calls)
	must(t, err)
	calls[2].Args[2] = driver.U32(1000) // the graph has the arguments as they were
	words := func() (w [4]uint32) {
		t.Helper()
		data := make([]byte, 16)
		must(t, d.Download(data, p))
		for i := range w {
			w[i] = binary.LittleEndian.Uint32(data[4*i:])
		}
		return w
	}
	if w := words(); w != [4]uint32{} {
		t.Errorf("after Record: %v", w)
	}
	for i := range uint32(3) {
		must(t, graphs.Replay(g))
		// Both blocks have seen two arrivals, and then 7 was added twice.
		if w := words(); w != [4]uint32{16, 16, 0x01010101, 14 * (i + 1)} {
			t.Errorf("after replay %d: %v", i+1, w)
		}
	}
	must(t, d.Launch(adding.Launch)) // the stream records no more
	if w := words(); w[0] != 1016 {
		t.Errorf("after a launch: %v", w)
	}
	must(t, graphs.Replay(g))
	must(t, graphs.Forget(g)) // while it may still be done
	if w := words(); w[0] != 16 {
		t.Errorf("after Forget: %v", w)
	}
	wantError(t, graphs.Replay(g), nil, "cuda: replay of a graph that this device did not record")
	wantError(t, graphs.Forget(g), nil, "cuda: forget a graph that this device did not record")
	_, err = graphs.Record(nil)
	wantError(t, err, nil, "cuda: record no calls")

	// What cannot be recorded leaves the device as it was.
	info, err := d.Info()
	must(t, err)
	meeting.Grid[0] = 1 << 20
	meeting.Shared = info.BlockShared
	_, err = graphs.Record([]driver.Call{adding, meeting})
	wantError(t, err, driver.ErrGraph, "cuda: record 2 calls: call 2: cuda: launch meet")
	must(t, d.Launch(adding.Launch))
	if w := words(); w[0] != 1016 {
		t.Errorf("after a graph that was refused: %v", w)
	}
	_, err = graphs.Record([]driver.Call{adding}) // Close frees it
	must(t, err)
}
