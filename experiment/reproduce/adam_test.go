package reproduce

import (
	"math"
	"testing"
)

// fits makes runs of gd, momentum and Adam from starts of several sizes. They fit, and their test errors
// follow three laws.
func fits(gd, momentum, adam func(alpha float64) float64) (all []observation) {
	laws := map[string]func(float64) float64{"gd": gd, "momentum": momentum, "adam": adam}
	for _, method := range []string{"gd", "momentum", "adam"} {
		law := laws[method]
		all = append(all, grid(alphas, func(o *observation, alpha, wobble float64) {
			o.Parametrization, o.Method, o.Alpha = "uv", method, alpha
			o.Final.TrainLoss, o.Final.TestError = 1e-9, wobble*law(alpha)
		})...)
	}
	return all
}

func TestAdam(t *testing.T) {
	falling, level := math.Sqrt, func(float64) float64 { return 0.1 }
	power := func(p float64) func(float64) float64 {
		return func(alpha float64) float64 { return math.Pow(alpha, p) }
	}
	expect(t, "as claimed", judgeAdam(fits(falling, falling, level)), Agrees)
	expect(t, "Adam does as gd does", judgeAdam(fits(falling, falling, falling)), Disagrees)
	expect(t, "the start does not matter to gd", judgeAdam(fits(level, level, level)), Disagrees)
	expect(t, "Adam's error falls with the start more slowly than gd's",
		judgeAdam(fits(falling, falling, power(0.15))), Unclear)
	expect(t, "Adam's error is level and as small as gd's least",
		judgeAdam(fits(falling, falling, func(float64) float64 { return 1e-4 })), Disagrees)
	expect(t, "Adam's error is level and a little above gd's least",
		judgeAdam(fits(falling, falling, func(float64) float64 { return 5e-4 })), Unclear)
	expect(t, "the start does not matter to momentum", judgeAdam(fits(falling, level, level)), Disagrees)
	expect(t, "Adam is worse from smaller starts", judgeAdam(fits(falling, falling, power(-0.05))), Agrees)

	unfitted := fits(falling, falling, level)
	unfitted[0].Final.TrainLoss = 1e-3
	expect(t, "a run does not fit", judgeAdam(unfitted), Unclear)
	others := keep(unfitted, func(o observation) bool { return o.Method != "adam" })
	expect(t, "no runs of Adam", judgeAdam(others), Unclear)
	expect(t, "nothing", judgeAdam(nil), Unclear)
}
