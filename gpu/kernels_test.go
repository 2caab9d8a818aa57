package gpu_test

import (
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/drivertest"
	"github.com/matsense/matsense/internal/kerneltest"
)

// TestKernels runs every kernel on the emulator: once without canaries, so that a kernel faults if it reads
// or writes outside a buffer or reads an unwritten number; once with NaNs around the buffers, as on a GPU.
func TestKernels(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(testing.TB, driver.Device) driver.Device
	}{
		{"bare", func(_ testing.TB, d driver.Device) driver.Device { return d }},
		{"guarded", drivertest.Guard},
	} {
		t.Run(c.name, func(t *testing.T) {
			kerneltest.Run(t, func(t *testing.T) driver.Device {
				t.Parallel()
				// No launch here takes a million warp instructions: a launch that takes sixteen million waits
				// for ever.
				return c.wrap(t, emulator.New(emulator.Config{Multiprocessors: 80, Steps: 1 << 24}))
			})
		})
	}
}
