//go:build !cuda

package cuda

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// Built reports whether this build can use GPUs.
const Built = false

// Devices describes the GPUs. In this build, it returns an error that says how to build with CUDA.
func Devices() ([]driver.Info, error) { return nil, errAbsent() }

// Open opens a GPU. In this build, it returns an error that says how to build with CUDA.
func Open(int) (driver.Device, error) { return nil, errAbsent() }

func errAbsent() error {
	return fmt.Errorf("cuda: %w: this build has no CUDA: build with -tags cuda (README, GPU)",
		driver.ErrNoDevice)
}
