//go:build cuda

package gpu

import (
	"fmt"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestCUDASampled: the device gives the bits of the emulator for uneven rows, in one pass and in steps.
func TestCUDASampled(t *testing.T) {
	device := onGPU(t, solver.Memory, solver.F64, guarded)
	for _, space := range []sensing.Space{sensing.Sym{N: 150}, sensing.Rect{N1: 9, N2: 300}} {
		for _, steps := range []bool{false, true} {
			t.Run(fmt.Sprint(space, "/in steps ", steps), func(t *testing.T) {
				p, ranks := uneven(t, space), []int{3, 1, 33, 65, 2, 300}
				emulating := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
				got, losses := gradients(t, device, p, steps, ranks...)
				want, wantLosses := gradients(t, emulating, p, steps, ranks...)
				for i, r := range ranks {
					for j := range want[i] {
						if !mat.Equal(got[i][j], want[i][j]) || losses[i] != wantLosses[i] {
							t.Errorf("∇f[%d] or f at rank %d differs from the emulator's", j, r)
						}
					}
				}
			})
		}
	}
}
