package gpu

import (
	"context"
	"errors"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestMethods: methods with slots or a projection do the same on the device as on the host; methods that draw
// are refused before any work.
func TestMethods(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Sym{N: 6}, 60, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(6, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: e, Truth: truth}
	device := emulated(t, emulator.Config{}, solver.Memory, solver.F64)
	end := func(b solver.Backend, m solver.Method) (*mat.Dense, error) {
		res, err := solver.Solve(context.Background(), p, b, m,
			solver.Settings{Start: solver.Random{Alpha: 0.5, Seed: 1}, FactorRank: 2, Iterations: 4})
		if err != nil {
			return nil, err
		}
		return res.Factor[0], nil
	}
	for _, m := range []solver.Method{
		solver.Momentum{StepSize: 0.1, Momentum: 0.5}, solver.RGD{StepSize: 0.3},
		solver.Nesterov{StepSize: 0.1, Momentum: 0.5}, solver.PolyakGD{StepSize: 0.5},
	} {
		got, err := end(device, m)
		if err != nil {
			t.Fatal(err)
		}
		want, err := end(cpu.Backend{}, m)
		if err != nil {
			t.Fatal(err)
		}
		if !mat.EqualApprox(got, want, 1e-12) {
			t.Errorf("%s ends at\n%v\nnot at\n%v", m.Name(), mat.Formatted(got), mat.Formatted(want))
		}
	}
	batch := solver.MiniBatches{Size: 5, Seed: 1}
	for _, m := range []solver.Method{
		solver.SGD{StepSize: 0.1, Batch: batch}, solver.RSGD{StepSize: 0.1, Batch: batch},
	} {
		if _, err := end(device, m); !errors.Is(err, solver.ErrUnsupported) {
			t.Errorf("%s on the device: %v", m.Name(), err)
		}
	}
}
