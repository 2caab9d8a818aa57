package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

func TestAsymmetric(t *testing.T) {
	law := func(psd, uv, imbalance float64) (all []observation) {
		for name, exponent := range map[string]float64{"psd": psd, "uv": uv} {
			all = append(all, grid(alphas, func(o *observation, alpha, w float64) {
				o.Parametrization, o.Alpha = name, alpha
				o.Final.TestError = w * math.Pow(alpha, exponent)
				o.Trajectory = []sweep.Point{
					{Imbalance: 1e-12}, {Iteration: 50, Imbalance: imbalance}, {Iteration: 100, Imbalance: 1e-9},
				}
			})...)
		}
		return all
	}
	expect(t, "as claimed", judgeAsymmetric(law(1.4, 1.42, 1e-3)), Agrees)
	expect(t, "unbalanced for a while", judgeAsymmetric(law(1.4, 1.42, 0.3)), Disagrees)
	expect(t, "somewhat unbalanced", judgeAsymmetric(law(1.4, 1.42, 0.03)), Unclear)
	expect(t, "slower in α", judgeAsymmetric(law(1.4, 0.9, 1e-3)), Disagrees)
	expect(t, "slopes somewhat apart", judgeAsymmetric(law(1.4, 1.2, 1e-3)), Unclear)
	expect(t, "unknown imbalance", judgeAsymmetric(law(1.4, 1.42, math.NaN())), Unclear)
	expect(t, "one of the two", judgeAsymmetric(law(1.4, 1.4, 1e-3)[:24]), Unclear)
	expect(t, "nothing", judgeAsymmetric(nil), Unclear)
}
