package gpu_test

import (
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/kerneltest"
)

// TestKernels runs every kernel on the emulator. There are no canaries around the buffers: a kernel faults if
// it reads or writes outside a buffer or reads an unwritten number.
func TestKernels(t *testing.T) {
	kerneltest.Run(t, func(t *testing.T) driver.Device {
		t.Parallel()
		// No launch here takes a million warp instructions: one that takes sixteen million waits for ever.
		return emulator.New(emulator.Config{Multiprocessors: 132, Steps: 1 << 24})
	})
}
