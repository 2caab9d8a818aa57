//go:build cuda

package gpu

import (
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// contractThreads is the size of contract's blocks.
const contractThreads = 256

// TestCUDALoad makes the driver compile every kernel. For each kernel the log has one line that
// scripts/gpu-check reads:
//
//	kernel NAME registers=R local=L shared=S dynamic=D blocks=B milliseconds=T
//
// A thread has R registers and L bytes of local memory (stack and spilled registers). A block has S bytes of
// static and D bytes of dynamic shared memory. One multiprocessor holds B blocks of 256 threads. The driver
// took T. A kernel that the driver refuses is an error with the compiler's log, and the test goes on with the
// next.
func TestCUDALoad(t *testing.T) {
	gpus, err := cuda.Devices()
	if err != nil {
		t.Skipf("needs a GPU: %v", err)
	}
	d, err := cuda.Open(gpus[0].Index)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, k := range kernels.All() {
		t.Run(k.Name, func(t *testing.T) {
			start := time.Now()
			loaded, err := d.Load(k.Name, k.Text)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(start)
			dynamic := dynamicShared(k.Name)
			blocks, err := loaded.Resident(contractThreads, dynamic)
			if err != nil {
				t.Error(err)
			}
			r := loaded.Resources()
			t.Logf("kernel %s registers=%d local=%d shared=%d dynamic=%d blocks=%.4g milliseconds=%.1f",
				k.Name, r.Registers, r.Local, r.Shared, dynamic,
				float64(blocks)/float64(gpus[0].Multiprocessors),
				took.Seconds()*1e3)
		})
	}
}

// dynamicShared is the dynamic shared memory of a kernel's blocks: 0 except for contract.
func dynamicShared(name string) int {
	parts := strings.Split(name, "_")
	if parts[0] != "contract" {
		return 0
	}
	entries := sensing.Entries(parts[len(parts)-2])
	if parts[1] == "batch" {
		return kernels.BatchStages(entries.EntryBits(), parts[2] == "small")
	}
	return kernels.Stages(entries.EntryBits(), parts[1] == "early")
}
