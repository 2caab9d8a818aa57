package sweep

import "testing"

// TestEstimate: dense rows are timed, and steps over other measurements are counted. A plan says nothing of
// methods whose steps are no passes over the measurements, nor where the observations are made of samples,
// which may take longer than all steps.
func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		base, axis     string
		known, counted bool
	}{
		{"n: 12, measurements: 150", "alpha: [1e-3, 1e-4]", true, false},
		{"n: 12, measurements: 70, ensemble: completion", "alpha: [1e-3, 1e-4]", true, true},
		{"n: 12, measurements: 150, ensemble: rank-one", "alpha: [1e-3, 1e-4]", true, true},
		{"n: 16, measurements: 120, ensemble: pauli", "alpha: [1e-3, 1e-4]", true, true},
		{"n: 12, measurements: 150", "method: [gd, sgd]", false, false},
		{"n: 12, measurements: 150", "method: [sgd, gd]", false, false},
		{"n: 12, measurements: 150", "{seed: [1, 2], method: [gd, sgd]}", false, false},
		{"n: 12, parametrization: sparse, observation: single-index", "alpha: [1e-3, 1e-4]", false, false},
		{"n: 12, observation: multi-index", "seed: [1, 2]", false, false},
		{"n: 12, measurements: 150, method: none, init: spectral, ensemble: rank-one", "seed: [1, 2]", false, false},
	} {
		p := planned(t, "base: {"+c.base+", workers: 1}\naxes:\n  - "+c.axis+"\n")
		if p.Estimate > 0 != c.known || p.Counted != c.counted {
			t.Errorf("%s, %s: the estimate is %v, counted: %v", c.base, c.axis, p.Estimate, p.Counted)
		}
	}
}

// TestEstimateAddsUp: the estimate of two groups of different ranks is the sum of theirs, in either order.
// Symptom: counted work grows with the rank, and the second group had the estimate of the first.
func TestEstimateAddsUp(t *testing.T) {
	of := func(ranks, seeds string) float64 { // hardly any measuring, whose time is not the same twice
		p := planned(t, "base: {n: 300, measurements: 9000, ensemble: completion, iterations: 100000,\n"+
			"  measure-every: 100000, workers: 1}\naxes:\n  - factor-rank: "+ranks+"\n    seed: "+seeds+"\n")
		return p.Estimate.Seconds()
	}
	sum := of("[17]", "[1]") + of("[31]", "[1]")
	for _, ranks := range []string{"[17, 31]", "[31, 17]"} {
		if got := of(ranks, "[1, 2]"); !(got > 0.9*sum && got < 1.1*sum) {
			t.Errorf("factor-rank %s: %g s, and one by one %g", ranks, got, sum)
		}
	}
}
