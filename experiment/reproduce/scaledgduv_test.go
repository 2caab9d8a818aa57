package reproduce

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// inPaper makes observations in the settings of the paper on ScaledGD. The steps of both methods depend on κ;
// 0 steps mean that the target is not reached.
func inPaper(scaled, plain func(kappa float64) float64) (all []observation) {
	for _, ensemble := range []string{"gaussian", "completion"} {
		for method, steps := range map[string]func(float64) float64{"scaled-gd": scaled, "gd": plain} {
			kappas := []float64{1, 5, 10, 20}
			all = slices.Concat(all, grid(kappas, func(o *observation, kappa, wobble float64) {
				o.Ensemble, o.Method, o.Kappa, o.Rank = ensemble, method, 0, 4
				o.Spectrum = fmt.Sprintf("even:%g", kappa)
				o.takes(int(wobble * steps(kappa)))
			}))
		}
	}
	return all
}

func TestScaledUV(t *testing.T) {
	power := func(exponent float64) func(kappa float64) float64 {
		return func(kappa float64) float64 { return 1000 * math.Pow(kappa, exponent) }
	}
	judge := func(what string, scaled, plain func(float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeScaledUV(inPaper(scaled, plain)), want)
	}
	never := func(float64) float64 { return 0 }
	alone := func(kappa float64) float64 { // for the least κ
		if kappa > 1 {
			return -2100
		}
		return 1000
	}
	judge("as claimed", power(0), power(1), Agrees)
	judge("gd arrives for κ = 1 alone", power(0), alone, Agrees)
	judge("fewer steps for a larger κ", power(-0.05), power(1), Agrees)
	judge("a power of 0.04", power(0.04), power(1), Agrees)
	judge("a power of 0.06", power(0.06), power(1), Disagrees)
	judge("half of the steps for a larger κ", power(-0.2), power(1), Disagrees)
	judge("scaled-gd arrives for κ = 1 alone", alone, power(1), Disagrees)
	judge("scaled-gd never arrives", never, power(1), Disagrees)
	judge("gd does not grow", power(0), power(0.01), Disagrees)
	judge("gd grows by half", power(0), power(0.14), Unclear)
	expect(t, "nothing", judgeScaledUV(nil), Unclear)
	own := inPaper(power(0), power(1))
	for i := range own {
		own[i].Spectrum, own[i].Truth = "", "X.npy"
	}
	expect(t, "a user's truth", judgeScaledUV(own), Unclear)
}
