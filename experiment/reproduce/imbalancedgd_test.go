package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// rates makes runs whose errors after T steps follow the given laws: of UUᵀ with r = r* and r > r*, and with
// r > r* of gd and imbalanced-gd on UVᵀ.
type rates struct {
	narrow, wide   func(T float64) float64
	plain, changed func(T, alpha float64) float64
}

// claimed are the laws of the claim.
func claimed() rates {
	return rates{
		narrow:  func(T float64) float64 { return math.Exp(-0.1 * T) },
		wide:    func(T float64) float64 { return 1 / (1 + 0.5*T) },
		plain:   func(T, alpha float64) float64 { return math.Exp(-0.5 * alpha * alpha * T) },
		changed: func(T, _ float64) float64 { return math.Exp(-0.1 * T) },
	}
}

func (r rates) observations() (all []observation) {
	runs := func(parametrization, method string, rank int, alphas []float64,
		iterations func(alpha float64) int, law func(T, alpha float64) float64) {
		all = append(all, grid(alphas, func(o *observation, alpha, wobble float64) {
			o.Parametrization, o.Method, o.Alpha = parametrization, method, alpha
			o.Rank, o.FactorRank = 2, rank
			o.Trajectory = nil
			for i := range 201 {
				at := i * iterations(alpha) / 200
				o.Trajectory = append(o.Trajectory, sweep.Point{
					Iteration: at, TestError: wobble * law(float64(at), alpha),
				})
			}
			o.Final = o.Trajectory[200]
		})...)
	}
	fixed := func(T int) func(float64) int { return func(float64) int { return T } }
	runs("psd", "gd", 2, []float64{0.5}, fixed(400), func(T, _ float64) float64 { return r.narrow(T) })
	runs("psd", "gd", 4, []float64{0.5}, fixed(6000), func(T, _ float64) float64 { return r.wide(T) })
	runs("uv", "gd", 4, []float64{0.05, 0.1, 0.2}, func(a float64) int { return int(50 / (a * a)) }, r.plain)
	runs("uv", "imbalanced-gd", 4, []float64{0.003, 0.03, 0.3}, fixed(400), r.changed)
	return all
}

func TestImbalanced(t *testing.T) {
	judge := func(what string, change func(r *rates), want Status) {
		t.Helper()
		r := claimed()
		change(&r)
		expect(t, what, judgeImbalanced(r.observations()), want)
	}
	judge("as claimed", func(*rates) {}, Agrees)
	judge("a wide UUᵀ converges linearly", func(r *rates) {
		r.wide = func(T float64) float64 { return math.Exp(-0.002 * T) }
	}, Disagrees)
	judge("a wide UUᵀ is a little faster than 1/T", func(r *rates) {
		r.wide = func(T float64) float64 { return math.Pow(1+T, -1.15) }
	}, Unclear)
	judge("r = r* is sublinear", func(r *rates) {
		r.narrow = func(T float64) float64 { return math.Pow(1+T, -4) }
	}, Disagrees)
	judge("the rate of gd does not depend on α", func(r *rates) {
		r.plain = func(T, _ float64) float64 { return math.Exp(-0.01 * T) }
	}, Disagrees)
	judge("the rate of gd is proportional to α", func(r *rates) {
		r.plain = func(T, alpha float64) float64 { return math.Exp(-0.05 * alpha * T) }
	}, Disagrees)
	judge("the rate of gd grows like α to the power 1.7", func(r *rates) {
		r.plain = func(T, alpha float64) float64 { return math.Exp(-0.2 * math.Pow(alpha, 1.7) * T) }
	}, Unclear)
	judge("the rate of imbalanced-gd falls with α", func(r *rates) {
		r.changed = func(T, alpha float64) float64 { return math.Exp(-0.1 * math.Pow(alpha, 0.2) * T) }
	}, Disagrees)
	judge("the rate of imbalanced-gd falls a little with α", func(r *rates) {
		r.changed = func(T, alpha float64) float64 { return math.Exp(-0.1 * math.Pow(alpha, 0.07) * T) }
	}, Unclear)
	judge("imbalanced-gd stays where it is", func(r *rates) {
		r.changed = func(float64, float64) float64 { return 0.1 }
	}, Disagrees)
	expect(t, "nothing", judgeImbalanced(nil), Unclear)
	expect(t, "no runs of imbalanced-gd", judgeImbalanced(keep(claimed().observations(),
		func(o observation) bool { return o.Method == "gd" })), Unclear)
}
