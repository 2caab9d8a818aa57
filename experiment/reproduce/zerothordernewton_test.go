package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// newtonGrid makes runs of three sizes, three numbers of directions and five radii, of which the middle one
// is the best, with the given regrets for the best radius.
func newtonGrid(regret func(d, q float64) float64) (all []observation) {
	for _, d := range []int{5, 10, 20} {
		for _, q := range []int{40, 160, 640} {
			radii := []float64{0.01, 0.014, 0.02, 0.028, 0.04}
			all = append(all, grid(radii, func(o *observation, r, w float64) {
				o.Method, o.N, o.Rank, o.FactorRank, o.BootstrapSteps = "zeroth-order-newton", d, 1, 1, 12
				o.Radius, o.Directions = r, q
				value := w * regret(float64(d), float64(q)) * (1 + math.Abs(math.Log(r/0.02)))
				o.Final = sweep.Point{Iteration: 14, TrainLoss: value}
				o.Trajectory = []sweep.Point{
					{TrainLoss: 1}, {Iteration: 12, TrainLoss: 1}, {Iteration: 13, TrainLoss: value}, o.Final,
				}
			})...)
		}
	}
	return all
}

// powers returns the law d^p·q^s.
func powers(p, s float64) func(d, q float64) float64 {
	return func(d, q float64) float64 { return 1e-5 * math.Pow(d, p) * math.Pow(q, s) }
}

func TestZerothOrderNewton(t *testing.T) {
	judge := func(what string, regret func(d, q float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeZerothOrderNewton(newtonGrid(regret)), want)
	}
	judge("as claimed", powers(4./3, -2./3), Agrees)
	judge("nearly as claimed", powers(1.25, -0.62), Agrees)
	judge("in between", powers(1.1, -0.62), Unclear)
	judge("linear in d", powers(1, -2./3), Disagrees)
	all := newtonGrid(powers(4./3, -2./3))
	edge := keep(all, func(o observation) bool { return o.Radius >= 0.02 })
	expect(t, "the best radius is the least", judgeZerothOrderNewton(edge), Unclear)
	two := keep(all, func(o observation) bool { return o.N > 5 })
	expect(t, "two sizes", judgeZerothOrderNewton(two), Unclear)
	expect(t, "nothing", judgeZerothOrderNewton(nil), Unclear)
}
