//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"gorgonia.org/cu"

	"github.com/matsense/matsense/gpu/cuda/internal/libcuda"
	"github.com/matsense/matsense/gpu/driver"
)

// Built reports whether this build can use GPUs.
const Built = true

// Device attributes for which cu has no name.
const (
	kernelExecTimeout cu.DeviceAttribute = 17 // CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT
	singleToDouble    cu.DeviceAttribute = 87 // CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO
	cooperativeLaunch cu.DeviceAttribute = 95 // CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH
	blockSharedOptIn  cu.DeviceAttribute = 97 // CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
)

// oldest is the oldest driver version whose functions and PTX (7.0) suffice: CUDA 11.0.
const oldest = 11000

// Devices describes the GPUs that the driver shows, at least one. Its error wraps driver.ErrNoDevice and says
// what is missing. Devices opens no GPU: Free comes from NVIDIA's management library, and is −1 if that is
// not installed.
func Devices() ([]driver.Info, error) {
	count, err := ready()
	if err != nil {
		return nil, err
	}
	infos := make([]driver.Info, count)
	for i := range infos {
		gpu, err := cu.GetDevice(i)
		if err == nil {
			infos[i], err = describe(i, gpu)
		}
		if err != nil {
			return nil, fmt.Errorf("cuda: describe GPU %d: %s", i, explain(code(err)))
		}
	}
	return infos, nil
}

// ready loads and initializes the driver, once, and returns how many GPUs it shows.
func ready() (count int, err error) {
	missing := func(format string, args ...any) (int, error) {
		return 0, fmt.Errorf("cuda: %w: %s", driver.ErrNoDevice, fmt.Sprintf(format, args...))
	}
	problem, status := libcuda.Load()
	switch {
	case strings.HasPrefix(problem, "libcuda.so.1: cannot open shared object file: No such file"):
		return missing("libcuda.so.1 was not found: is the NVIDIA driver installed?")
	case problem != "":
		return missing("libcuda.so.1 could not be loaded: %s", problem)
	case status == noDevice:
		return missing("no GPU is visible%s", visible())
	case status != 0:
		return missing("the NVIDIA driver reports: %s", explain(status))
	}
	if version := cu.Version(); version < oldest {
		return missing("the NVIDIA driver is for %s, and %s or later is needed",
			versionText(version), versionText(oldest))
	}
	if count, err = cu.NumDevices(); err != nil {
		return missing("the NVIDIA driver reports: %s", explain(code(err)))
	}
	if count == 0 {
		return missing("no GPU is visible%s", visible())
	}
	return count, nil
}

func visible() string {
	if value, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set {
		return fmt.Sprintf(" (CUDA_VISIBLE_DEVICES=%q)", value)
	}
	return ""
}

// versionText writes the driver's version number, 1000·major + 10·minor, as text.
func versionText(version int) string { return fmt.Sprintf("CUDA %d.%d", version/1000, version%1000/10) }

// describe returns what is known of a GPU that is not open.
func describe(index int, gpu cu.Device) (driver.Info, error) {
	info := driver.Info{Index: index, Driver: versionText(cu.Version()), Free: libcuda.Free(int(gpu))}
	var err error
	if info.Name, err = gpu.Name(); err != nil {
		return info, err
	}
	if info.Memory, err = gpu.TotalMem(); err != nil {
		return info, err
	}
	// For a part of a GPU, the library reports the free memory of the whole GPU.
	info.Free = min(info.Free, info.Memory)
	var cooperative, timeout int
	for attribute, into := range map[cu.DeviceAttribute]*int{
		cooperativeLaunch:         &cooperative,
		kernelExecTimeout:         &timeout,
		cu.ComputeCapabilityMajor: &info.Capability[0],
		cu.ComputeCapabilityMinor: &info.Capability[1],
		cu.MultiprocessorCount:    &info.Multiprocessors,
		cu.L2CacheSize:            &info.L2,
		singleToDouble:            &info.SingleToDouble,
		blockSharedOptIn:          &info.BlockShared,
	} {
		if *into, err = gpu.Attribute(attribute); err != nil {
			return info, err
		}
	}
	info.Cooperative, info.Watchdog = cooperative != 0, timeout != 0
	info.Clock, info.Bandwidth = speeds(gpu)
	return info, nil
}

// speeds returns the peak clock of the multiprocessors in cycles a second, and the peak rate of the memory in
// bytes a second: two transfers of the bus's width in each cycle of the memory. Each is 0 if it is unknown;
// all else works without them.
func speeds(gpu cu.Device) (clock, bandwidth float64) {
	const kilohertz, bitsOfByte, transfers = 1e3, 8, 2
	of := func(attribute cu.DeviceAttribute) float64 {
		value, err := gpu.Attribute(attribute)
		if err != nil {
			return 0
		}
		return float64(value)
	}
	memory, width := of(cu.MemoryClockRate)*kilohertz, of(cu.GlobalMemoryBusWidth)/bitsOfByte
	return of(cu.ClockRate) * kilohertz, transfers * memory * width
}

// within calls f with the context current, on one thread, and then restores the thread's context.
func within(context cu.CUContext, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.PushCurrentCtx(context); err != nil {
		return err
	}
	err := f()
	if _, popped := cu.PopCurrentCtx(); err == nil {
		err = popped
	}
	return err
}
