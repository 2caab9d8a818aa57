//go:build cuda

package gpu

import (
	"os"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
)

// TestMain keeps the first GPU open while the tests run: the driver needs a while to open a GPU that no
// process has open, and most tests open it again. The end of the process closes it.
func TestMain(m *testing.M) {
	if gpus, err := cuda.Devices(); err == nil {
		_, _ = cuda.Open(gpus[0].Index) // a test that needs the GPU reports the error
	}
	os.Exit(m.Run())
}
