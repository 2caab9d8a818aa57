//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"fmt"
	"reflect"

	"gorgonia.org/cu"

	"github.com/matsense/matsense/gpu/cuda/internal/libcuda"
	"github.com/matsense/matsense/gpu/driver"
)

// The driver's statuses (CUresult in cuda.h) that this package treats in special ways.
const (
	outOfMemory           = 2
	deviceUnavailable     = 46
	noDevice              = 100
	unsupportedPTXVersion = 222
	notFound              = 500
	notReady              = 600
	cooperativeTooLarge   = 720
	notSupported          = 801
)

// lost are the statuses after which a context, and mostly the process, cannot be used any more.
var lost = map[int]bool{
	4:   true, // DEINITIALIZED
	46:  true, // DEVICE_UNAVAILABLE
	214: true, // ECC_UNCORRECTABLE
	220: true, // NVLINK_UNCORRECTABLE
	226: true, // CONTAINED
	700: true, // ILLEGAL_ADDRESS
	702: true, // LAUNCH_TIMEOUT
	709: true, // CONTEXT_IS_DESTROYED
	710: true, // ASSERT
	714: true, // HARDWARE_STACK_ERROR
	715: true, // ILLEGAL_INSTRUCTION
	716: true, // MISALIGNED_ADDRESS
	717: true, // INVALID_ADDRESS_SPACE
	718: true, // INVALID_PC
	719: true, // LAUNCH_FAILED
	721: true, // TENSOR_MEMORY_LEAK
	810: true, // MPS_CLIENT_TERMINATED
	999: true, // UNKNOWN
}

// code returns the driver's number in an error of cu, whose type is an int that cu does not export. For newer
// numbers, cu has no text.
func code(err error) int {
	if value := reflect.ValueOf(err); value.Kind() == reflect.Int {
		return int(value.Int())
	}
	return 999
}

// explain describes a status in the driver's words: "CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory
// access was encountered".
func explain(status int) string {
	name, text := libcuda.Describe(status)
	if name == "" {
		return fmt.Sprintf("error %d, which this driver does not know", status)
	}
	return fmt.Sprintf("%s (%d): %s", name, status, text)
}

// failure is an error of the driver.
type failure struct {
	doing  string // the call that failed
	status int
	more   string // further information
	kind   error  // driver.ErrMemory, ErrLost, ErrBusy, ErrCooperative, ErrGraph or nil
}

func (f *failure) Error() string {
	return fmt.Sprintf("cuda: %s: %s%s", f.doing, explain(f.status), f.more)
}

func (f *failure) Unwrap() error { return f.kind }

// fail returns the error of a failed call, and records it if the device is lost.
func (d *device) fail(doing string, status int) error {
	f := &failure{doing: doing, status: status}
	switch {
	case status == deviceUnavailable && d.stream == cu.Stream{}: // the device was never opened
		f.kind = driver.ErrBusy
		f.more = " (another process may hold it, in exclusive mode)"
	case status == outOfMemory:
		f.kind = driver.ErrMemory
		if d.stream == (cu.Stream{}) {
			f.more = " (other processes hold the device's memory: a context does not fit)"
		}
	case lost[status]:
		f.kind = driver.ErrLost
		f.more = d.suspects()
		d.lost = f
		if d.linked() { // a user needs to know which of them
			d.lost = fmt.Errorf("%v, is lost: %w", d, f)
		}
		return d.lost
	}
	return f
}

// suspects names the launches that may have failed: those since the device was last known to work.
func (d *device) suspects() string {
	switch d.launched {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" (in %v)", d.last)
	default:
		return fmt.Sprintf(
			" (in one of %d launches, the last of them %v; CUDA_LAUNCH_BLOCKING=1 finds which)",
			d.launched, d.last)
	}
}
