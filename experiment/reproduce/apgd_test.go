package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// alternating makes observations of apgd and gd whose steps to the target follow laws of κ and α, and whose
// errors fall by a law of the share of these steps.
func alternating(steps, plain law, fall func(share float64) float64) []observation {
	all := methodGrid([]float64{1, 3, 10}, []float64{1e-3, 1}, map[string]law{"apgd": steps, "gd": plain})
	for i := range all {
		o := &all[i]
		last := 200
		if o.Targets[0] != nil {
			last = *o.Targets[0]
		}
		o.Trajectory = nil
		for j := range 201 {
			share := float64(j) / 200
			o.Trajectory = append(o.Trajectory, sweep.Point{
				Iteration: int(math.Round(share * float64(last))), TestError: fall(share),
			})
		}
		o.Final = o.Trajectory[200]
	}
	return all
}

func linearly(share float64) float64 { return math.Pow(10, -10*share) }

func TestAPGD(t *testing.T) {
	constant := func(_, _ float64) float64 { return 1000 }
	quadratic := func(kappa, _ float64) float64 { return 1000 * kappa * kappa }
	judge := func(what string, steps, plain law, fall func(float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeAPGD(alternating(steps, plain, fall)), want)
	}
	judge("as claimed", constant, quadratic, linearly, Agrees)
	judge("steps grow with κ", func(kappa, _ float64) float64 { return 1000 * kappa }, quadratic, linearly,
		Disagrees)
	judge("steps grow by a half", func(kappa, _ float64) float64 { return 1000 * (1 + kappa/20) }, quadratic,
		linearly, Unclear)
	judge("large starts do not arrive for the largest κ", func(kappa, alpha float64) float64 {
		if kappa*alpha > 5 {
			return 0
		}
		return 1000
	}, quadratic, linearly, Disagrees)
	judge("no power of T is linear", constant, quadratic, func(share float64) float64 {
		return math.Pow(1+1e4*share, -2.5)
	}, Disagrees)
	judge("gd is as fast", constant, constant, linearly, Disagrees)
	expect(t, "nothing", judgeAPGD(nil), Unclear)
	expect(t, "no runs of apgd", judgeAPGD(methodGrid([]float64{1, 3, 10}, alphas[:1],
		map[string]law{"gd": quadratic})), Unclear)
}
