//go:build !cuda

package cuda

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
)

// Built says whether this build can use GPUs at all.
const Built = false

// Devices describes the GPUs. In this build it is an error that says how to get one that has them.
func Devices() ([]driver.Info, error) { return nil, errAbsent() }

// Open opens a GPU. In this build it is an error that says how to get one that can.
func Open(int) (driver.Device, error) { return nil, errAbsent() }

func errAbsent() error {
	return fmt.Errorf("cuda: %w: this build has no CUDA: build with -tags cuda (README, GPU)", driver.ErrNoDevice)
}
