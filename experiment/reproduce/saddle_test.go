package reproduce

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// planted makes forty runs of each method, from the saddle and beside it at some α. Their steps are the
// predicted steps times a factor, plus bend(α). stay selects the runs that end at the saddle.
func planted(factor float64, bend func(alpha float64) float64, stay func(o *observation) bool) []observation {
	var all []observation
	for seed := range 40 {
		for _, method := range []string{"rgd", "rsgd", "gd"} {
			for _, alpha := range []float64{0, 1e-8, 1e-6, 1e-4, 1e-2} {
				if method == "rsgd" && alpha > 0 {
					continue
				}
				all = append(all, observe(func(o *observation) {
					o.Method, o.Alpha, o.Seed, o.StartSeed = method, alpha, uint64(seed), uint64(seed)
					o.Init, o.Rank, o.FactorRank, o.Kappa, o.Step = "saddle", 3, 2, 2, 0.2
					growth := 0.2 * 0.75 // for λ = 1 and ¼
					if method == "rgd" {
						growth = 0.1 * 3
					}
					steps := int(10 + bend(alpha) + factor*math.Log(1/max(alpha, 1e-16))/math.Log1p(growth))
					o.Targets, o.Final.TestError = []*int{&steps}, 0.2129
					if stay(o) {
						o.Targets[0] = nil
						o.through(200, sweep.Point{TestError: 0.8516}, sweep.Point{TestError: 0.8516})
					}
				}))
			}
		}
	}
	return all
}

// TestCriticalPoints: the eigenvalues are 1, 9/16 and 1/4, and two or one are kept.
func TestCriticalPoints(t *testing.T) {
	a, b, c := 1.0, 81.0/256, 1.0/16 // their squares
	root := func(missing float64) float64 { return math.Sqrt(missing / (a + b + c)) }
	for r, want := range map[int][]saddle{
		2: {{root(b), 9. / 16, 1. / 4}, {root(a), 1, 1. / 4}},
		1: {{root(a + c), 1, 9. / 16}, {root(a + b), 1, 1. / 4}},
	} {
		o := observe(func(o *observation) { o.Rank, o.FactorRank, o.Kappa = 3, r, 2 })
		best, got := criticalPoints(o)
		near := func(x, y float64) bool { return math.Abs(x-y) < 1e-15 }
		if !near(best, root(map[int]float64{2: c, 1: b + c}[r])) {
			t.Errorf("rank %d: the least error is %v", r, best)
		}
		if !slices.EqualFunc(got, want, func(x, y saddle) bool {
			return near(x.level, y.level) && near(x.missing, y.missing) && near(x.kept, y.kept)
		}) {
			t.Errorf("rank %d: %v, want %v", r, got, want)
		}
		if planted := plantedSaddle(o); planted != got[len(got)-1] {
			t.Errorf("rank %d: the planted saddle is %v", r, planted)
		}
	}
	equal := observe(func(o *observation) { o.Rank, o.FactorRank, o.Kappa = 3, 2, 1 })
	if best, got := criticalPoints(equal); len(got) > 0 || math.Abs(best-math.Sqrt(1./3)) > 1e-15 {
		t.Errorf("equal eigenvalues have the saddles %v beside %v", got, best)
	}
	for _, r := range []int{2, 40, 80} { // of a truth of rank 90: 4005 saddles and more
		many := observe(func(o *observation) { o.Rank, o.FactorRank, o.Kappa = 90, r, 2 })
		if _, got := criticalPoints(many); len(got) != 1 || got[0] != plantedSaddle(many) {
			t.Errorf("rank 90 and %d columns: the saddles are %v", r, got)
		}
	}
}
