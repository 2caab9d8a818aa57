package experiment

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
)

// TestSingleIndexRuns: the truth is found behind a link, whether the link is known or unknown; the error is
// the distance to what can be found. Two configurations with different links do not share a problem.
func TestSingleIndexRuns(t *testing.T) {
	const base = "parametrization=sparse observation=single-index link=sign n=50 measurements=3000 " +
		"alpha=1e-5 step=0.5 iterations=100 precision=auto "
	var errors [2]float64
	for i, scale := range []string{"known", "unknown"} {
		c := configOf(t, strings.Fields(base+"link-scale="+scale)...)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		g, err := PlanGroup([]config.Config{c}, 1, cpuHost(1e9))
		if err != nil {
			t.Fatal(err)
		}
		err = g.Run(context.Background(), nil, nil, func(_ int, r *Run, err error) {
			if err != nil {
				t.Fatal(err)
			}
			errors[i] = float64(r.Summary.Final.TestError)
			if f := r.Summary.Final; !(f.Signal > 100*f.Noise) || r.Summary.Phases.SaddleEnd == nil ||
				r.Summary.Phases.AlignmentEnd != nil || r.Summary.Spectral != nil {
				t.Errorf("%s: %+v, %+v", scale, f, r.Summary.Phases)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// Without noise the error is √(3·(π/2)/3000) = 0.04 or so.
	if !(errors[0] < 0.1 && math.Abs(errors[1]-errors[0]) < 0.01) {
		t.Errorf("test errors %v", errors)
	}
	a, b := configOf(t, strings.Fields(base)...), configOf(t, strings.Fields(base+"link=tanh")...)
	if a.ProblemKey() == b.ProblemKey() {
		t.Error("two links share a problem")
	}
}
