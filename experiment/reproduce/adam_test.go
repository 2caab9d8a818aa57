package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// fitting makes runs of gd, momentum and Adam from starts of several sizes. They fit, and their test errors
// follow three laws.
func fitting(gd, momentum, adam func(alpha float64) float64) (all []observation) {
	laws := map[string]func(float64) float64{"gd": gd, "momentum": momentum, "adam": adam}
	for _, method := range []string{"gd", "momentum", "adam"} {
		law := laws[method]
		all = append(all, grid(alphas, func(o *observation, alpha, wobble float64) {
			o.Parametrization, o.Method, o.Alpha = "uv", method, alpha
			o.N, o.N2, o.Measurements = 20, 20, 240
			o.Final.TrainLoss, o.Final.TestError = 1e-5, wobble*law(alpha)
			o.Trajectory = []sweep.Point{{TrainLoss: 0.3}, o.Final}
		})...)
	}
	return all
}

func TestAdam(t *testing.T) {
	falling, level := math.Sqrt, func(float64) float64 { return 0.1 }
	power := func(p float64) func(float64) float64 {
		return func(alpha float64) float64 { return math.Pow(alpha, p) }
	}
	expect(t, "as claimed", judgeAdam(fitting(falling, falling, level)), Agrees)
	expect(t, "Adam does as gd does", judgeAdam(fitting(falling, falling, falling)), Disagrees)
	expect(t, "the start does not matter to gd", judgeAdam(fitting(level, level, level)), Disagrees)
	expect(t, "Adam's error falls with the start more slowly than gd's",
		judgeAdam(fitting(falling, falling, power(0.15))), Unclear)
	expect(t, "Adam's error is level and as small as gd's least",
		judgeAdam(fitting(falling, falling, func(float64) float64 { return 1e-4 })), Disagrees)
	expect(t, "Adam's error is level and a little above gd's least",
		judgeAdam(fitting(falling, falling, func(float64) float64 { return 5e-4 })), Unclear)
	expect(t, "the start does not matter to momentum", judgeAdam(fitting(falling, level, level)), Disagrees)
	expect(t, "Adam is worse from smaller starts", judgeAdam(fitting(falling, falling, power(-0.05))), Agrees)

	unfitted := fitting(falling, falling, level)
	unfitted[0].Final.TrainLoss = 1e-4
	expect(t, "a run does not fit", judgeAdam(unfitted), Unclear)
	others := keep(unfitted, func(o observation) bool { return o.Method != "adam" })
	expect(t, "no runs of Adam", judgeAdam(others), Unclear)
	for _, method := range []string{"gd", "momentum", "adam"} {
		renamed := fitting(falling, falling, level)
		for i := range renamed {
			if renamed[i].Method == method {
				renamed[i].Method = "nesterov"
			}
		}
		expect(t, "nesterov in the place of "+method, judgeAdam(renamed), Unclear)
	}
	expect(t, "gd's error falls slowly", judgeAdam(fitting(power(0.2), falling, level)), Unclear)
	determined := fitting(falling, falling, falling)
	for i := range determined {
		determined[i].Measurements = 400
	}
	expect(t, "M has no more numbers than there are measurements", judgeAdam(determined), Unclear)
	expect(t, "nothing", judgeAdam(nil), Unclear)
}
