package gpu

import (
	"context"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/solver"
)

// bus counts what moves between host and device, and how often the host waits.
type bus struct {
	driver.Device
	up, down, waits *int
}

func (b bus) Upload(dst driver.Pointer, src []byte) error {
	*b.up += len(src)
	return b.Device.Upload(dst, src)
}

func (b bus) Download(dst []byte, src driver.Pointer) error {
	*b.down += len(dst)
	*b.waits++
	return b.Device.Download(dst, src)
}

func (b bus) Wait() error {
	*b.waits++
	return b.Device.Wait()
}

func (b bus) Free(p driver.Pointer) error {
	*b.waits++
	return b.Device.Free(p)
}

// TestResident: in a step of the scaled methods nothing moves between host and device, after a first step
// that uploads lists, and the host does not wait. prec-gd reads its loss: 8 bytes for each member of the
// batch.
func TestResident(t *testing.T) {
	for _, c := range []struct {
		method      solver.Method
		par         solver.Parametrization
		down, waits int
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
			var up, down, waits int
			b := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
			connect := b.Connect
			b.Connect = func() (driver.Device, error) {
				d, err := connect()
				return bus{d, &up, &down, &waits}, err
			}
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
				up, down, waits = 0, 0, 0
				must(t, e.Gradient(0, 1)) // as the loop does, of all members at once
				for _, m := range members {
					must(t, c.method.Step(m, step))
				}
				if step == 0 {
					continue
				}
				if up != 0 || down != 2*c.down || waits != 2*c.waits {
					t.Errorf("step %d of two members: %d bytes to the device, %d bytes back, %d waits",
						step, up, down, waits)
				}
			}
		})
	}
}
