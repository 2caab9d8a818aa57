package reproduce

import (
	"math"
	"testing"
)

func TestIndefinite(t *testing.T) {
	law := func(psd, indefinite, shared float64, recovered bool) (all []observation) {
		for name, exponent := range map[string]float64{"psd": psd, "indefinite": indefinite} {
			all = append(all, grid(alphas, func(o *observation, alpha, w float64) {
				o.Parametrization, o.Alpha = name, alpha
				o.Final.TestError = w * math.Pow(alpha, exponent)
				o.Final.Imbalance = 2 * math.Sqrt2 * shared
				o.Recovered = &recovered
			})...)
		}
		return all
	}
	expect(t, "as claimed", judgeIndefinite(law(1.4, 1.42, 1e-4, true)), Agrees)
	expect(t, "not recovered", judgeIndefinite(law(1.4, 1.42, 1e-4, false)), Disagrees)
	expect(t, "slower in α", judgeIndefinite(law(1.4, 0.9, 1e-4, true)), Disagrees)
	expect(t, "errors grow as α falls", judgeIndefinite(law(-0.5, -0.5, 1e-4, true)), Disagrees)
	expect(t, "slopes somewhat apart", judgeIndefinite(law(1.4, 1.2, 1e-4, true)), Unclear)
	expect(t, "U and V share much", judgeIndefinite(law(1.4, 1.4, 0.2, true)), Disagrees)
	expect(t, "U and V share something", judgeIndefinite(law(1.4, 1.4, 0.02, true)), Unclear)
	expect(t, "unknown what they share", judgeIndefinite(law(1.4, 1.4, math.NaN(), true)), Unclear)
	expect(t, "nothing", judgeIndefinite(nil), Unclear)
}
