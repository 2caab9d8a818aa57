//go:build cuda

package gpu_test

import (
	"testing"

	"github.com/matsense/matsense/gpu/cpudriver"
	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/internal/drivertest"
	"github.com/matsense/matsense/internal/kerneltest"
)

// multiprocessors is the number of multiprocessors of the CPU driver's device: enough for the blocks of
// contract's widest case.
const multiprocessors = "132"

// TestCUDAKernels runs every kernel on the first GPU, with canaries around each buffer.
func TestCUDAKernels(t *testing.T) {
	t.Setenv("CPUDRIVER_MULTIPROCESSORS", multiprocessors)
	gpus, err := cuda.Devices()
	if err != nil {
		t.Skipf("there is no GPU to run the kernels on: %v", err)
	}
	if len(gpus) == 0 {
		t.Skip("there is no GPU to run the kernels on")
	}
	t.Logf("%s, compute capability %d.%d, %s",
		gpus[0].Name, gpus[0].Capability[0], gpus[0].Capability[1], gpus[0].Driver)
	kerneltest.Run(t, func(t *testing.T) driver.Device {
		d, err := cuda.Open(gpus[0].Index)
		if err != nil {
			t.Fatal(err)
		}
		return drivertest.Guard(t, d)
	})
}

// TestCUDAPlants: the driver that runs PTX on the CPU finds the mistakes that are planted in kernels.
func TestCUDAPlants(t *testing.T) {
	t.Setenv("CPUDRIVER_MULTIPROCESSORS", multiprocessors)
	gpus, err := cuda.Devices()
	if err != nil || gpus[0].Name != cpudriver.DeviceName {
		t.Skip("a GPU is not for this: a kernel that waits for ever would hold it")
	}
	findPlants(t, kerneltest.CPUDriver, func(t *testing.T) driver.Device {
		d, err := cuda.Open(gpus[0].Index) // which looks after its memory itself, to the byte
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
