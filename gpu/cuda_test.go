//go:build cuda

package gpu

import (
	"errors"
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/cpudriver"
	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/internal/drivertest"
	"github.com/matsense/matsense/solver"
)

// guarded devices have canaries around each allocation.
const guarded, unguarded = true, false

// onGPU returns a backend on the first GPU, or skips the test.
func onGPU(t testing.TB, storage solver.Storage, precision solver.Precision, guarded bool) Backend {
	t.Helper()
	gpus, err := cuda.Devices()
	if err != nil {
		t.Skipf("needs a GPU: %v", err)
	}
	device, err := cuda.Open(gpus[0].Index)
	if err != nil {
		t.Fatal(err)
	}
	info, err := device.Info() // with what is free now
	if err := errors.Join(err, device.Close()); err != nil {
		t.Fatal(err)
	}
	connect := func() (driver.Device, error) {
		d, err := cuda.Open(gpus[0].Index)
		if err != nil || !guarded {
			return d, err
		}
		return drivertest.Guard(t, d), nil
	}
	return Backend{Label: "cuda", Info: info, Connect: connect, Storage: storage, Precision: precision}
}

// interpreted says whether the device is that of package cpudriver, on which large sizes take too long.
func interpreted(b Backend) bool { return b.Info.Name == cpudriver.DeviceName }

func TestCUDABackend(t *testing.T) {
	for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		t.Run(string(storage), func(t *testing.T) {
			b := onGPU(t, storage, solver.F64, guarded)
			var suite backendtest.Suite
			switch {
			case interpreted(b) && storage == solver.Memory:
				suite = backendtest.Suite{
					Small: true, LargeOf: []string{"gaussian-f32", "rademacher", "pauli"}}
			case interpreted(b):
				suite = backendtest.Suite{Brief: true}
			}
			suite.Run(t, b)
		})
	}
	t.Run("single precision", func(t *testing.T) {
		b := onGPU(t, solver.Memory, solver.F32, guarded)
		backendtest.Suite{Single: true, Small: interpreted(b)}.Run(t, b)
	})
}

func TestCUDAAgreesWithTheHost(t *testing.T) {
	for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		t.Run(string(storage), func(t *testing.T) {
			b, agree := onGPU(t, storage, solver.F64, guarded), backendtest.Agree
			if interpreted(b) && storage == solver.Generated {
				agree = backendtest.AgreeGenerated
			}
			agree(t, b, cpu.Backend{})
		})
	}
}

// TestCUDASameBits: on the device, contract gives the same bits in one launch and in three steps, and twice.
func TestCUDASameBits(t *testing.T) {
	memory := onGPU(t, solver.Memory, solver.F64, guarded)
	sizes := []size{{5, 61, 3}, {91, 37, 2}, {200, 3001, 7}, {900, 101, 3}} // the last has short slabs
	if interpreted(memory) {
		sizes = sizes[:2]
	}
	sameBits(t, []way{
		{"one pass", memory, true},
		{"one pass generated", onGPU(t, solver.Generated, solver.F64, guarded), true},
		{"three steps", memory, false},
		{"three steps generated", onGPU(t, solver.Generated, solver.F64, guarded), false},
		{"one pass again", memory, true},
	}, sizes)
}

// TestCUDAEmulator: the device gives the bits of the emulator.
func TestCUDAEmulator(t *testing.T) {
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			device := onGPU(t, storage, precision, guarded)
			// With as many multiprocessors as the device, the emulator launches the same blocks.
			alike := emulated(t, emulator.Config{Multiprocessors: device.Info.Multiprocessors}, storage,
				precision)
			for _, size := range []size{{5, 61, 3}, {13, 151, 2}, {91, 37, 2}} {
				for name, e := range backendtest.Ensembles(t, size.n, size.m) {
					t.Run(fmt.Sprintf("%s/%s/%s/n=%d", precision, storage, name, size.n), func(t *testing.T) {
						losses := []solver.Loss{solver.Squared{}}
						if size.n == 13 {
							losses = append(losses, others...)
						}
						for _, l := range losses {
							for _, once := range []bool{true, false} {
								got, f := steps(t, device, e, size.r, once, l)
								want, wantF := steps(t, alike, e, size.r, once, l)
								if !mat.Equal(got, want) || f != wantF {
									t.Errorf("%s, one launch: %v: f is %v on the device and %v on the emulator",
										l.Name(), once, f, wantF)
								}
							}
						}
					})
				}
			}
		}
	}
}
