package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

func TestUV(t *testing.T) {
	law := func(psd, uv, imbalance float64) (all []observation) {
		for name, exponent := range map[string]float64{"psd": psd, "uv": uv} {
			all = append(all, grid(alphas, func(o *observation, alpha, w float64) {
				o.Parametrization, o.Alpha = name, alpha
				o.Final.TestError = w * math.Pow(alpha, exponent)
				o.Trajectory = []sweep.Point{
					{Imbalance: 1e-12}, {Iteration: 50, Imbalance: imbalance},
					{Iteration: 100, Imbalance: 1e-9},
				}
			})...)
		}
		return all
	}
	expect(t, "as claimed", judgeUV(law(1.4, 1.42, 1e-3)), Agrees)
	expect(t, "unbalanced for a while", judgeUV(law(1.4, 1.42, 0.3)), Disagrees)
	expect(t, "somewhat unbalanced", judgeUV(law(1.4, 1.42, 0.03)), Unclear)
	expect(t, "slower in α", judgeUV(law(1.4, 0.9, 1e-3)), Disagrees)
	expect(t, "errors grow as α falls", judgeUV(law(-0.5, -0.5, 1e-3)), Disagrees)
	expect(t, "slopes somewhat apart", judgeUV(law(1.4, 1.2, 1e-3)), Unclear)
	expect(t, "unknown imbalance", judgeUV(law(1.4, 1.42, math.NaN())), Unclear)
	expect(t, "one of the two", judgeUV(law(1.4, 1.4, 1e-3)[:24]), Unclear)
	expect(t, "nothing", judgeUV(nil), Unclear)
}
