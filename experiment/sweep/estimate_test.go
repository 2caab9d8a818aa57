package sweep

import "testing"

// TestEstimate: dense rows are timed, and steps over other measurements are counted. A plan says nothing of
// methods whose steps are no passes over the measurements, nor where the observations are made of samples,
// which may take longer than all steps.
func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		base           string
		known, counted bool
	}{
		{"n: 12, measurements: 150", true, false},
		{"n: 12, measurements: 70, ensemble: completion", true, true},
		{"n: 12, measurements: 150, ensemble: rank-one", true, true},
		{"n: 16, measurements: 120, ensemble: pauli", true, true},
		{"n: 12, measurements: 150, method: sgd", false, false},
		{"n: 12, parametrization: sparse, observation: single-index", false, false},
		{"n: 12, observation: multi-index", false, false},
	} {
		p := planned(t, "base: {"+c.base+", workers: 1}\naxes: [seed: [1, 2]]\n")
		if p.Estimate > 0 != c.known || p.Counted != c.counted {
			t.Errorf("%s: the estimate is %v, counted: %v", c.base, p.Estimate, p.Counted)
		}
	}
}
