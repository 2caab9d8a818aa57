package reproduce

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment"
)

func TestIncremental(t *testing.T) {
	// law makes runs that learn all ranks, at distances proportional to a power of the start's size.
	law := func(small, large experiment.Number, ranks ...int) []observation {
		return learned([]float64{1e-6, 1e-1}, func(alpha float64) []experiment.Plateau {
			all := plateaus(ranks...)
			for i := range all {
				if all[i].Distance = small; alpha > 1e-3 {
					all[i].Distance = large
				}
			}
			return all
		})
	}
	expect(t, "as claimed", judgeIncremental(law(0.001, 0.04, 0, 1, 2, 3)), Agrees)
	expect(t, "not at the truth yet", judgeIncremental(law(0.001, 0.04, 0, 1, 2)), Unclear)
	expect(t, "not much closer", judgeIncremental(law(0.02, 0.03, 0, 1, 2, 3)), Unclear)
	expect(t, "all at once", judgeIncremental(law(0.001, 0.04, 0, 3)), Disagrees)
	twins := func(ranks ...int) []observation {
		all := law(0.001, 0.04, ranks...)
		for i := range all {
			all[i].Spectrum = "1,0.3,0.3"
		}
		return all
	}
	expect(t, "two equal singular values", judgeIncremental(twins(0, 1, 3)), Agrees)
	expect(t, "a part of two equal singular values", judgeIncremental(twins(0, 1, 2, 3)), Disagrees)
	level := law(0.001, 0.04)
	for i := range level {
		level[i].Spectrum = "1,1,1"
	}
	expect(t, "equal singular values", judgeIncremental(level), Unclear)
	own := law(0.001, 0.04, 0, 1, 2, 3)
	for i := range own {
		own[i].Spectrum, own[i].Truth, own[i].Matrices = "", "X.npy", "A.npy"
	}
	expect(t, "a user's truth", judgeIncremental(own), Unclear)
	mixed := law(0.001, 0.04, 0, 1, 2, 3)
	for i, ranks := range [][]int{{0, 1, 2, 3}, {0, 1, 3}, {0, 3}, {0, 2, 1, 3}} {
		mixed[2*i].Plateaus = plateaus(ranks...)
	}
	for range 20 { // maps have an order of their own each time
		got, want := judgeIncremental(mixed).Findings, judgeIncremental(mixed).Findings
		if !slices.Equal(got, want) {
			t.Fatalf("%q and %q", got, want)
		}
	}
	expect(t, "one start", judgeIncremental(law(0.001, 0.04, 0, 1, 2, 3)[:1]), Unclear)
	expect(t, "nothing", judgeIncremental(nil), Unclear)
}

// TestApproximations: the distances between best approximations, for 1, 0.4, 0.4, 0.1 with the norm √1.33.
func TestApproximations(t *testing.T) {
	o := observe(func(o *observation) { o.Rank, o.Kappa, o.Spectrum = 4, 0, "1,0.4,0.4,0.1" })
	got := approximationsOf(o)
	want := []approximation{{1, 0.4 * math.Sqrt2 / math.Sqrt(1.33)}, {3, 0.1 / math.Sqrt(1.33)}, {4, 0}}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i := range want {
		if got[i].rank != want[i].rank || math.Abs(got[i].next-want[i].next) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
