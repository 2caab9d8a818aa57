//go:build cuda

package gpu

import (
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestCUDAMixedEmulator: in mixed precision the GPU takes the steps of the emulator, bit by bit, near the
// truth and from a renewed anchor.
func TestCUDAMixedEmulator(t *testing.T) {
	const n, m, r = 9, 70, 2
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	must(t, err)
	for name, e := range backendtest.Ensembles(t, n, m) {
		for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
			t.Run(name+"/"+string(storage), func(t *testing.T) {
				steps := func(b Backend) (*mat.Dense, float64) {
					p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01}
					e := engineOf(t, b, p, solver.PSD{}, r)
					u := solver.Factor{away(truth, r, 1e-2)}
					must(t, e.Set(0, solver.Iterate, u))
					must(t, descend(e, 0, 0.25))
					must(t, e.SetAnchor(0, u))
					must(t, descend(e, 0, 0.25))
					loss := lossOf(t, e)
					must(t, e.Get(0, solver.Iterate, u))
					return u[0], loss
				}
				got, loss := steps(onGPU(t, storage, solver.Mixed, guarded))
				want, wantLoss := steps(emulated(t, emulator.Config{}, storage, solver.Mixed))
				if !mat.Equal(got, want) || loss != wantLoss {
					t.Errorf("the factors or the losses, %v and %v, differ", loss, wantLoss)
				}
			})
		}
	}
}
