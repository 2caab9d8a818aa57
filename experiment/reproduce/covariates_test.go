package reproduce

import (
	"math"
	"slices"
	"testing"
)

// covered makes runs for two laws of covariates, whose error is a power of m, with a noise off the support.
func covered(exponents map[string]float64, noise float64) (all []observation) {
	for law, exponent := range exponents {
		all = slices.Concat(all, grid([]float64{1000, 4000, 16000}, func(o *observation, m, w float64) {
			o.Link, o.Covariates, o.Measurements = "sign", law, int(m) // "" is gaussian
			o.Final.TestError = w * math.Pow(m, exponent)
			o.Final.Signal, o.Final.Noise = 0.3, noise
		}))
	}
	return all
}

func TestCovariates(t *testing.T) {
	half := map[string]float64{"": -0.5, "laplace": -0.5}
	expect(t, "as claimed", judgeCovariates(covered(half, 1e-6)), Agrees)
	expect(t, "somewhat slow for one law", judgeCovariates(covered(
		map[string]float64{"": -0.5, "laplace": -0.35}, 1e-6)), Unclear)
	expect(t, "Gaussian alone", judgeCovariates(covered(
		map[string]float64{"": -0.5}, 1e-6)), Unclear)
	expect(t, "nothing", judgeCovariates(nil), Unclear)
}
