//go:build cuda

package gpu

import (
	"sync"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/drivertest"
)

// guarded devices have canaries around everything that is allocated.
const guarded, unguarded = true, false

// held keeps the GPU open for as long as the tests run: to open one that nobody has open takes a while.
var held = sync.OnceValues(func() (driver.Device, error) {
	gpus, err := cuda.Devices()
	if err != nil {
		return nil, err
	}
	return cuda.Open(gpus[0].Index)
})

// onGPU returns a backend on the first GPU, or skips the test.
func onGPU(t testing.TB, storage Storage, precision Precision, guarded bool) Backend {
	t.Helper()
	gpus, err := cuda.Devices()
	if err != nil {
		t.Skipf("needs a GPU: %v", err)
	}
	if _, err := held(); err != nil {
		t.Fatal(err)
	}
	connect := func() (driver.Device, error) {
		d, err := cuda.Open(gpus[0].Index)
		if err != nil || !guarded {
			return d, err
		}
		return drivertest.Guard(t, d), nil
	}
	return Backend{Label: "cuda", Info: gpus[0], Connect: connect, Storage: storage, Precision: precision}
}

func TestCUDABackend(t *testing.T) {
	for _, storage := range []Storage{Memory, Generated} {
		t.Run(string(storage), func(t *testing.T) { backendtest.Suite{RowsOnly: true}.Run(t, onGPU(t, storage, F64, guarded)) })
	}
	t.Run("single precision", func(t *testing.T) {
		backendtest.Suite{RowsOnly: true, Single: true}.Run(t, onGPU(t, Memory, F32, guarded))
	})
}

func TestCUDAAgreesWithTheHost(t *testing.T) {
	for _, storage := range []Storage{Memory, Generated} {
		t.Run(string(storage), func(t *testing.T) {
			backendtest.Suite{RowsOnly: true}.Agree(t, onGPU(t, storage, F64, guarded), cpu.Backend{})
		})
	}
}

// TestCUDASameBits: contract gives the same bits in one launch and in three steps, and twice, on the device.
func TestCUDASameBits(t *testing.T) {
	sameBits(t, []way{
		{"one pass", onGPU(t, Memory, F64, guarded), true},
		{"one pass generated", onGPU(t, Generated, F64, guarded), true},
		{"three steps", onGPU(t, Memory, F64, guarded), false},
		{"three steps generated", onGPU(t, Generated, F64, guarded), false},
		{"one pass again", onGPU(t, Memory, F64, guarded), true},
	}, []size{{5, 61, 3}, {91, 37, 2}, {200, 3001, 7}})
}
