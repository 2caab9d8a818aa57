package reproduce

import (
	"math"
	"testing"
)

// momenta makes observations of gd and of the heavy ball with as many momenta as κ, at most four. Each κ has
// another best momentum, and all others are twice as slow; 0 steps mean that the target is not reached.
func momenta(kappas []float64, plain, heavy func(kappa float64) float64) []observation {
	gd := func(kappa, _ float64) float64 { return plain(kappa) }
	all := methodGrid(kappas, alphas[:1], map[string]law{"gd": gd})
	for i, beta := range []float64{0.4, 0.7, 0.9, 0.95}[:len(kappas)] {
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
	but := func(lost float64, law func(float64) float64) func(float64) float64 { // one κ is never reached
		return func(kappa float64) float64 {
			if kappa == lost {
				return 0
			}
			return law(kappa)
		}
	}
	judge("gd never gets to the largest κ", but(8, power(50, 2)), power(50, 1), Unclear)
	kappas = []float64{2, 4, 8, 16}
	judge("gd never gets to the largest of four κ", but(16, power(50, 2)), power(50, 1), Unclear)
	// For κ = 16 the heavy ball takes more steps than gd for κ = 8, for which it takes fewer.
	judge("gd never gets to the largest κ", but(16, power(50, 2)), power(220, 1), Unclear)
	judge("the heavy ball never gets to the largest κ", power(50, 2), but(16, power(50, 1)), Disagrees)
	expect(t, "nothing", judgeMomentum(nil), Unclear)
}
