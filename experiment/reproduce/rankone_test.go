package reproduce

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

func TestPhaseRetrieval(t *testing.T) {
	// law makes runs that recover from some number of measurements on, for a spectral start with one column
	// and a random start with four.
	law := func(spectral, random int) (all []observation) {
		for i, from := range []int{spectral, random} {
			sizes := []float64{40, 80, 160, 320, 480}
			all = slices.Concat(all, grid(sizes, func(o *observation, m, _ float64) {
				recovered := int(m) >= from
				o.Rank, o.Init, o.FactorRank = 1, []string{"spectral", "random"}[i], []int{1, 4}[i]
				o.Measurements, o.Recovered = int(m), &recovered
			}))
		}
		return all
	}
	expect(t, "from 4n and 2n", judgePhaseRetrieval(law(160, 80)), Agrees)
	expect(t, "one start does not", judgePhaseRetrieval(law(160, 1000)), Disagrees)
	expect(t, "from n", judgePhaseRetrieval(law(40, 160)), Disagrees)
	most := law(160, 160)
	no := false
	for i := range most {
		if most[i].Measurements >= 320 && most[i].Seed == 0 {
			most[i].Recovered = &no
		}
	}
	expect(t, "three of four", judgePhaseRetrieval(most), Unclear)
	few := keep(law(160, 160), func(o observation) bool { return o.Measurements <= 160 })
	expect(t, "few measurements alone", judgePhaseRetrieval(few), Unclear)
	many := keep(law(160, 160), func(o observation) bool { return o.Measurements >= 160 })
	expect(t, "many alone", judgePhaseRetrieval(many), Unclear)
	if v := judgePhaseRetrieval(nil); v.Status != Unclear {
		t.Errorf("nothing: %s", v.Status)
	}
}

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
