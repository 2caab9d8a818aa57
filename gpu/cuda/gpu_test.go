//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda_test

import (
	"encoding/binary"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

// On a real GPU, if there is one.
func TestGPU(t *testing.T) {
	d := open(t)
	infos, err := cuda.Devices()
	must(t, err)
	for _, info := range infos {
		t.Logf("%+v", info)
	}
	exercise(t, d)
	if len(infos) > 1 {
		t.Run("copies between devices", exercisePeers)
	}

	t.Run("all blocks of a cooperative launch wait for each other", func(t *testing.T) {
		k := load(t, d, "meet")
		info, err := d.Info()
		must(t, err)
		shared := info.BlockShared // more than the 48 KiB that a block may always use
		blocks, err := k.Resident(1, shared)
		must(t, err)
		if blocks != info.Multiprocessors {
			t.Errorf("%d blocks with all shared memory on %d multiprocessors", blocks, info.Multiprocessors)
		}
		out, count := alloc(t, d, int64(4*blocks)), alloc(t, d, 4)
		must(t, d.Fill(count, 0, 4))
		launch := driver.Launch{
			Kernel: k, Grid: driver.Dim{blocks, 1, 1}, Block: driver.Dim{1, 1, 1}, Shared: shared,
			Cooperative: true, Args: []driver.Arg{driver.Ptr(out), driver.Ptr(count), driver.U32(shared)},
		}
		must(t, d.Launch(launch))
		got := make([]byte, 4*blocks)
		must(t, d.Download(got, out))
		for i := range blocks {
			if word := binary.LittleEndian.Uint32(got[4*i:]); int(word) != blocks {
				t.Fatalf("block %d saw %d, want %d", i, word, blocks)
			}
		}
		launch.Grid[0]++
		wantError(t, d.Launch(launch), nil, "cuda: launch meet grid=",
			"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE (720)")
	})

	t.Run("the compiler's log", func(t *testing.T) {
		_, err := d.Load("broken", broken)
		wantError(t, err, nil, "cuda: load broken: CUDA_ERROR_INVALID_PTX (218)", "line 5", "frobnicate")
	})

	t.Run("out of memory", func(t *testing.T) {
		_, err := d.Alloc(1 << 50)
		wantError(t, err, driver.ErrMemory,
			"cuda: alloc of 1125899906842624 bytes: CUDA_ERROR_OUT_OF_MEMORY (2)", "are free")
	})
}

// In a separate process, because a process in which a kernel has failed can no longer use CUDA.
func TestGPULost(t *testing.T) {
	if !child() {
		open(t).Close()
		runChild(t, "TestGPULost")
		return
	}
	d := open(t)
	must(t, d.Launch(driver.Launch{
		Kernel: load(t, d, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{256, driver.U32(1), driver.U32(1)},
	}))
	wantError(t, d.Wait(), driver.ErrLost, "CUDA_ERROR_ILLEGAL_ADDRESS (700)",
		"(in launch add grid=1×1×1 block=32×1×1)")
	_, err := d.Alloc(1)
	wantError(t, err, driver.ErrLost, "cuda: wait: CUDA_ERROR_ILLEGAL_ADDRESS (700)")
}

func BenchmarkLaunch(b *testing.B) {
	d := open(b)
	launch := driver.Launch{Kernel: load(b, d, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{0, driver.U32(0), driver.U32(0)}}
	b.ReportAllocs()
	for b.Loop() {
		must(b, d.Launch(launch))
	}
	must(b, d.Wait())
}
