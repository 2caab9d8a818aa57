package reproduce

import (
	"math"
	"testing"
)

// momenta makes observations of gd and of the heavy ball with three momenta. Each κ has another best
// momentum, and all others are twice as slow; 0 steps mean that the target is not reached.
func momenta(kappas []float64, plain, heavy func(kappa float64) float64) []observation {
	gd := func(kappa, _ float64) float64 { return plain(kappa) }
	all := methodGrid(kappas, alphas[:1], map[string]law{"gd": gd})
	for i, beta := range []float64{0.4, 0.7, 0.9} {
		steps := func(kappa, _ float64) float64 {
			if kappa == kappas[i] {
				return heavy(kappa)
			}
			return 2 * heavy(kappa)
		}
		for _, o := range methodGrid(kappas, alphas[:1], map[string]law{"momentum": steps}) {
			o.Momentum = beta
			all = append(all, o)
		}
	}
	return all
}

func TestMomentum(t *testing.T) {
	power := func(scale, exponent float64) func(float64) float64 {
		return func(kappa float64) float64 { return scale * math.Pow(kappa, exponent) }
	}
	kappas := []float64{2, 4, 8}
	judge := func(what string, plain, heavy func(float64) float64, want Status) {
		expect(t, what, judgeMomentum(momenta(kappas, plain, heavy)), want)
	}
	judge("as claimed", power(50, 2), power(50, 1), Agrees)
	judge("the heavy ball grows with κ² as well", power(50, 2), power(40, 2), Disagrees)
	judge("gd grows with κ alone", power(100, 1), power(50, 1), Disagrees)
	judge("the heavy ball is slower", power(5, 2), power(1000, 1), Disagrees)
	judge("a power of 1.4", power(50, 2), power(50, 1.4), Unclear)
	judge("gd never gets to the largest κ", func(kappa float64) float64 {
		return max(0, 6-kappa) * 100
	}, power(50, 1), Unclear)
	expect(t, "nothing", judgeMomentum(nil), Unclear)
}
