package solver_test

import (
	"fmt"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// leastSquares returns the V with the least Σ (⟨A_i, UVᵀ⟩ − y_i)², by the QR decomposition of all equations
// at once. With turned it returns the U for a given V.
func leastSquares(t *testing.T, p *sensing.Problem, y []float64, fixed *mat.Dense, turned bool) *mat.Dense {
	t.Helper()
	e := p.Ensemble.(sensing.RowSource[float32])
	n1, n2 := e.Space().Dims()
	_, r := fixed.Dims()
	free := n2
	if turned {
		free = n1
	}
	equations := mat.NewDense(len(y), free*r, nil)
	row, a := make([]float32, n1*n2), mat.NewDense(n1, n2, nil)
	for i := range y {
		e.Row(i, row)
		for k, v := range row {
			a.Set(k/n2, k%n2, float64(v))
		}
		var product mat.Dense
		if turned {
			product.Mul(a, fixed)
		} else {
			product.Mul(a.T(), fixed)
		}
		equations.SetRow(i, product.RawMatrix().Data)
	}
	var qr mat.QR
	qr.Factorize(equations)
	var x mat.Dense
	must(t, qr.SolveTo(&x, false, mat.NewDense(len(y), 1, slices.Clone(y))))
	return mat.NewDense(free, r, x.RawMatrix().Data)
}

// TestAltMinStep: iteration 0 goes to the least squares solution for V, and iteration 1 from
// there to that for U. It is the solution of a QR decomposition, with noise too, for a U and a V of any size
// and of moderate condition, and for more columns than the truth's rank.
func TestAltMinStep(t *testing.T) {
	for _, kappa := range []float64{1, 10} {
		for _, size := range []float64{1, 1e-3} {
			t.Run(fmt.Sprintf("κ=%g/size=%g", kappa, size), func(t *testing.T) {
				p := rectangular(t, 300, kappa)
				p.Noise, p.NoiseSeed = 0.1, 3
				m := memberOf(t, p, solver.UV{}, 3)
				f, err := solver.Random{Alpha: size, Seed: 4}.Factor(m.Shapes(), nil)
				must(t, err)
				must(t, m.Set(solver.Iterate, f))
				method := solver.AltMin{Tolerance: 1e-12, Most: 200}
				y := m.Observations()
				for iteration := range 4 {
					if turned := iteration%2 == 1; turned {
						f[0] = leastSquares(t, p, y, f[1], true)
					} else {
						f[1] = leastSquares(t, p, y, f[0], false)
					}
					want := productOf(f)
					must(t, method.Step(m, iteration))
					must(t, m.Get(solver.Iterate, f))
					var off mat.Dense
					off.Sub(productOf(f), want)
					// λ is 2e-13 of the squares, and the conditions of UᵀU and VᵀV are below 1e3.
					if d := mat.Norm(&off, 2); !(d < 1e-9*mat.Norm(want, 2)) {
						t.Errorf("iteration %d: UVᵀ is %g from that of the least squares solution", iteration, d)
					}
					if u, v := mat.Norm(f[0], 2), mat.Norm(f[1], 2); !(u < 2*v && v < 2*u) {
						t.Errorf("iteration %d: the norms of U and V are %g and %g", iteration, u, v)
					}
				}
			})
		}
	}
}

// TestAltMinIsometry: if all entries are observed, H·P = P·UᵀU/2, and one step of the
// conjugate gradients goes to the minimum.
func TestAltMinIsometry(t *testing.T) {
	p := observedRectangle(t, 3)
	m := memberOf(t, p, solver.UV{}, 4)
	f, err := solver.Random{Alpha: 0.2, Seed: 1}.Factor(m.Shapes(), nil)
	must(t, err)
	must(t, m.Set(solver.Iterate, f))
	truth := productOf(solver.Factor{p.Truth.X(), p.Truth.Right()})
	var want mat.Dense
	want.Mul(projector(t, f[0]), truth) // UVᵀ = U(UᵀU)⁻¹UᵀM*
	must(t, solver.AltMin{Tolerance: 1e-12, Most: 1}.Step(m, 0))
	must(t, m.Get(solver.Iterate, f))
	var off mat.Dense
	off.Sub(productOf(f), &want)
	// λ is 2e-13 of the squares, and the condition of UᵀU is below 1e3.
	if d := mat.Norm(&off, 2); !(d < 1e-9) {
		t.Errorf("UVᵀ is %g from the projection of M*", d)
	}
}

// TestAltMinConverges: f never grows, and with r = r* the error of Gaussian measurements falls
// to rounding in about as many iterations for κ = 10 as for κ = 1, from random starts of any size.
func TestAltMinConverges(t *testing.T) {
	const iterations = 60
	for _, alpha := range []float64{1, 1e-6} {
		var steps []int
		for _, kappa := range []float64{1, 10} {
			var path solver.Trajectory
			solve(t, rectangular(t, 600, kappa), solver.AltMin{Tolerance: 1e-8, Most: 100},
				solver.Settings{Parametrization: solver.UV{}, Start: solver.Random{Alpha: alpha, Seed: 2},
					FactorRank: 2, Iterations: iterations, MeasureEvery: 1, Stopper: solver.LossBelow(0),
					Recorder: &path})
			above := 0
			for i, x := range path {
				if !(x.TestError < 1e-10) {
					above = x.Iteration
				}
				if i > 0 && x.TrainLoss > path[i-1].TrainLoss*(1+1e-9)+1e-28 {
					t.Errorf("κ = %g: f grows from %g to %g", kappa, path[i-1].TrainLoss, x.TrainLoss)
				}
			}
			if last := path[iterations].TestError; !(last < 1e-13) {
				t.Errorf("κ = %g, α = %g: the test error is %g", kappa, alpha, last)
			}
			steps = append(steps, above+1)
		}
		t.Log(steps)
		if slices.Max(steps) > iterations/2 {
			t.Errorf("α = %g: %v iterations for κ = 1 and 10", alpha, steps)
		}
	}
}

// TestAltMinResumes: a resumed run goes on with the matrix whose turn it is.
func TestAltMinResumes(t *testing.T) {
	p := rectangular(t, 400, 2)
	method := solver.AltMin{Tolerance: 1e-6, Most: 20}
	settings := func(iterations int) solver.Settings {
		return solver.Settings{Parametrization: solver.UV{}, Start: solver.Random{Alpha: 0.1, Seed: 1},
			FactorRank: 4, Iterations: iterations}
	}
	for _, state := range resumes(t, p, method, settings, 8, 1, 4) {
		if len(state.Slots) != 1 {
			t.Errorf("a state has %d slots, the iterate and %d more", len(state.Slots), len(state.Slots)-1)
		}
	}
}

// TestGradientAt: the gradient is that of the point, and the iterate stays.
func TestGradientAt(t *testing.T) {
	p := rectangular(t, 200, 2)
	m := memberOf(t, p, solver.UV{}, 2)
	u, v := solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes())
	for i, s := range m.Shapes() {
		u[i], v[i] = generic(s.Rows, 2, uint64(i)), generic(s.Rows, 2, uint64(5+i))
	}
	at, want, iterate := u.Clone(), u.Clone(), u.Clone()
	must(t, m.Set(solver.Iterate, v))
	must(t, m.Gradient())
	must(t, m.Get(solver.Gradient, want))
	must(t, m.Set(solver.Iterate, u))
	must(t, m.Set(solver.MethodSlot, v))
	must(t, m.GradientAt(solver.MethodSlot, solver.MethodSlot+1))
	must(t, m.Get(solver.Gradient, at))
	must(t, m.Get(solver.Iterate, iterate))
	for i := range u {
		if !mat.Equal(at[i], want[i]) || !mat.Equal(iterate[i], u[i]) {
			t.Errorf("matrix %d: the gradient or the iterate differs", i)
		}
	}
	if m.GradientAt(solver.VectorSlot, solver.MethodSlot) == nil {
		t.Error("a vector is no point, and is not refused")
	}
}

// TestAltMinSuits: other parametrizations have no U and V of one product.
func TestAltMinSuits(t *testing.T) {
	for _, p := range []solver.Parametrization{solver.PSD{}, solver.Indefinite{}, solver.Deep{Depth: 2}} {
		if solver.Suits(solver.AltMin{}, p) == nil {
			t.Errorf("%s is not refused", p.Name())
		}
	}
	if solver.SuitsLoss(solver.AltMin{}, solver.L1{}) == nil {
		t.Error("ℓ1 is not refused")
	}
}
