package gpu

import (
	"context"
	"testing"

	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/solver"
)

// TestResident: in a step of the scaled methods nothing moves between host and device, after a first step
// that uploads lists, and the host does not wait. prec-gd reads its loss: 8 bytes for each member of the
// batch.
func TestResident(t *testing.T) {
	for _, c := range []struct {
		method solver.Method
		par    solver.Parametrization
		down   int64
		waits  int
	}{
		{solver.ScaledGD{StepSize: 0.1}, solver.PSD{}, 0, 0},
		{solver.ScaledGD{StepSize: 0.1}, solver.UV{}, 0, 0},
		{solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.1}, solver.PSD{}, 0, 0},
		{solver.ScaledGDLambda{StepSize: 0.1, Lambda: 0.1}, solver.UV{}, 0, 0},
		{solver.RGD{StepSize: 0.1}, solver.PSD{}, 0, 0},
		{solver.PrecGD{StepSize: 0.1}, solver.UV{}, 2 * 8, 1},
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
			e, err := b.Open(context.Background(), p, solver.Batch{
				Parametrization: c.par, FactorRanks: []int{rank, rank}, Needs: c.method.Needs(),
			})
			must(t, err)
			defer func() { must(t, e.Close()) }()
			var members []*solver.Member
			for i := range 2 {
				m, err := solver.NewMember(e, i, p.Ensemble.Space(), c.par, rank)
				must(t, err)
				u, err := solver.Random{Alpha: 1, Seed: uint64(i)}.Factor(m.Shapes(), nil)
				must(t, err)
				must(t, m.Set(solver.Iterate, u))
				members = append(members, m)
			}
			for step := range 3 {
				bus.Reset()
				must(t, e.Gradient(0, 1)) // as the loop does, of all members at once
				for _, m := range members {
					must(t, c.method.Step(m, step))
				}
				if step == 0 {
					continue
				}
				if bus.Up != 0 || bus.Down != 2*c.down || bus.Waits != 2*c.waits {
					t.Errorf("step %d of two members: %d bytes to the device, %d bytes back, %d waits",
						step, bus.Up, bus.Down, bus.Waits)
				}
			}
		})
	}
}
