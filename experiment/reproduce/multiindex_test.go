package reproduce

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

func TestMultiIndex(t *testing.T) {
	link, err := sensing.LinkOf("norm")
	if err != nil {
		t.Fatal(err)
	}
	law := link.Law(1, 0)
	make := func(change func(delta, predicted float64) float64) []observation {
		return slices.Concat(
			grid([]float64{250, 400, 700, 1000, 2000}, func(o *observation, m, w float64) {
				transform, err := link.Transform(sensing.Optimal, 1)
				if err != nil {
					t.Fatal(err)
				}
				o.Link, o.Preprocessing, o.N, o.Rank, o.Measurements = "norm", "optimal", 1000, 1, int(m)
				predicted := solver.PredictEigenvalues(law, transform, m/1000).Overlap()
				o.EstimateOverlap = experiment.Number(change(m/1000, predicted))
			}),
		)
	}
	expect(t, "as predicted", judgeMultiIndex(make(func(_, p float64) float64 { return p + 0.001 })), Agrees)
	expect(t, "knows too early", judgeMultiIndex(make(func(d, p float64) float64 {
		return math.Max(p, 0.3)
	})), Disagrees)
	expect(t, "knows a little too early", judgeMultiIndex(make(func(d, p float64) float64 {
		return math.Max(p, 0.09)
	})), Unclear)
	expect(t, "knows nothing", judgeMultiIndex(make(func(_, _ float64) float64 { return 0.001 })), Disagrees)
	expect(t, "somewhat less", judgeMultiIndex(make(func(_, p float64) float64 {
		return math.Max(p-0.15, 0)
	})), Unclear)
	expect(t, "unknown", judgeMultiIndex(make(func(_, _ float64) float64 { return math.NaN() })), Unclear)
	if v := judgeMultiIndex(nil); v.Status != Unclear {
		t.Errorf("nothing: %s", v.Status)
	}
}
