package gpu

import (
	"testing"

	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/solver"
)

// TestResident: in a step of the scaled methods nothing moves between host and device, after a first step
// that uploads lists, and the host does not wait. prec-gd reads its loss, 8 bytes for each member of the
// batch and each member's step, and sends λ: one copy for both members.
func TestResident(t *testing.T) {
	for _, c := range []struct {
		method   solver.Method
		par      solver.Parametrization
		up, down int64
		waits    int
	}{
		{solver.ScaledGD{StepSize: 0.1}, solver.PSD{}, 0, 0, 0},
		{solver.ScaledGD{StepSize: 0.1}, solver.UV{}, 0, 0, 0},
		{solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.1}, solver.PSD{}, 0, 0, 0},
		{solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.1}, solver.UV{}, 0, 0, 0},
		{solver.RGD{StepSize: 0.1}, solver.PSD{}, 0, 0, 0},
		{solver.PrecGD{StepSize: 0.1}, solver.UV{}, 2 * 8, 2 * 2 * 8, 3},
	} {
		t.Run(c.method.Name()+"/"+c.par.Name(), func(t *testing.T) {
			t.Parallel()
			const rank = 3
			p := problem(t, 9, 20)
			if _, uv := c.par.(solver.UV); uv {
				p = rectProblem(t, 9, 7, 20)
			}
			b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
			bus := through(&b)
			e, members := openMembers(t, b, p, c.par, c.method.Needs(), rank, rank)
			for step := range 3 {
				bus.Reset()
				must(t, e.Gradient(0, 1)) // as the loop does, of all members at once
				for _, m := range members {
					must(t, c.method.Step(m, step))
				}
				must(t, e.Gradient(0, 1)) // what the steps have left to do
				if step == 0 {
					continue
				}
				if bus.Up != c.up || bus.Down != c.down || bus.Waits != c.waits {
					t.Errorf("step %d of two members: %d bytes to the device, %d bytes back, %d waits",
						step, bus.Up, bus.Down, bus.Waits)
				}
			}
		})
	}
}
