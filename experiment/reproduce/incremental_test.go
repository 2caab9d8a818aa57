package reproduce

import (
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
	expect(t, "one start", judgeIncremental(law(0.001, 0.04, 0, 1, 2, 3)[:1]), Unclear)
	expect(t, "nothing", judgeIncremental(nil), Unclear)
}
