//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/gpu/driver"
)

// TestDriverDevices: describing GPUs opens none. NVML reports the free memory of each; without NVML it is
// unknown.
func TestDriverDevices(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if !underDriver(t, "CPUDRIVER_DEVICES=3", "CPUDRIVER_NVML_FREE=0:1000,1:2000",
		"CPUDRIVER_MEMORY=4000", "CPUDRIVER_RETAIN=46", "CPUDRIVER_WATCHDOG=1:1",
		"CPUDRIVER_COOPERATIVE_ATTRIBUTE=2:0", "CPUDRIVER_CLOCK=1:1980000",
		"CPUDRIVER_MEMORY_CLOCK=1:2619000,2:9000", "CPUDRIVER_BUS_WIDTH=1:5120",
		"CPUDRIVER_SINGLE_TO_DOUBLE=2:32", "CPUDRIVER_LOG="+log) {
		return
	}
	infos, err := cuda.Devices()
	must(t, err)
	for i, want := range []driver.Info{
		{Free: 1000, Cooperative: true, SingleToDouble: 2},
		// The data sheet of the H100 SXM says 3.35 TB/s.
		{Free: 2000, Cooperative: true, Watchdog: true, Clock: 1.98e9, Bandwidth: 3.35232e12,
			SingleToDouble: 2},
		{Free: 4000, SingleToDouble: 32},
	} {
		got := infos[i]
		if got.Free != want.Free || got.Cooperative != want.Cooperative || got.Watchdog != want.Watchdog ||
			got.Clock != want.Clock || got.Bandwidth != want.Bandwidth ||
			got.SingleToDouble != want.SingleToDouble || got.Index != i {
			t.Errorf("GPU %d is %+v, want %+v", i, got, want)
		}
	}
	content, err := os.ReadFile(os.Getenv("CPUDRIVER_LOG"))
	if err == nil && strings.Contains(string(content), "retain") {
		t.Errorf("contexts were made:\n%s", content)
	}
	_, err = cuda.Open(1)
	wantError(t, err, nil, "cuda: open GPU 1, PTX on the CPU: CUDA_ERROR_DEVICE_UNAVAILABLE (46)",
		"another process may hold it")
	if !errors.Is(err, driver.ErrBusy) {
		t.Errorf("%v does not say that the device is busy", err)
	}
}

// TestDriverDevicesWithoutNVML: without NVML the free memory is unknown.
func TestDriverDevicesWithoutNVML(t *testing.T) {
	if !underDriver(t, "CPUDRIVER_NVML=0") {
		return
	}
	infos, err := cuda.Devices()
	must(t, err)
	if infos[0].Free != -1 {
		t.Errorf("%d bytes are free", infos[0].Free)
	}
}

// TestDriverCooperation: the error of a refused cooperative launch differs from other errors, and the device
// still works.
func TestDriverCooperation(t *testing.T) {
	for _, status := range []string{"720", "801"} {
		t.Run(status, func(t *testing.T) {
			if !underDriver(t, "CPUDRIVER_COOPERATIVE="+status) {
				return
			}
			d := open(t)
			launch := driver.Launch{
				Kernel: load(t, d, "add"), Grid: driver.Dim{1, 1, 1}, Block: driver.Dim{32, 1, 1},
				Args:        []driver.Arg{driver.Ptr(alloc(t, d, 128)), driver.U32(0), driver.U32(0)},
				Cooperative: true,
			}
			err := d.Launch(launch)
			if !errors.Is(err, driver.ErrCooperative) || !strings.Contains(err.Error(), "("+status+")") {
				t.Errorf("the error is %v", err)
			}
			launch.Cooperative = false
			must(t, d.Launch(launch))
			must(t, d.Wait())
		})
	}
}
