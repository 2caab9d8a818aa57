package reproduce

import (
	"testing"

	"github.com/matsense/matsense/solver"
)

// found makes observations of entries of 40 × 40 matrices of rank 2, symmetric and not. Runs recover from
// least entries on, except missing runs with the most entries.
func found(least map[string]int, missing int) (all []observation) {
	for _, name := range []string{"psd", "uv"} {
		for _, m := range []float64{60, 120, 300, 620, 800, 1300} {
			for _, o := range grid([]float64{m}, func(o *observation, m, _ float64) {
				o.Parametrization, o.Measurements = name, int(m)
			}) {
				if name == (solver.UV{}).Name() {
					o.N2 = 40
				}
				recovered := o.Measurements >= least[name]
				if m == 1300 && missing > 0 {
					recovered = false
					missing--
				}
				o.Recovered = &recovered
				all = append(all, o)
			}
		}
	}
	return all
}

func TestCompletion(t *testing.T) {
	// The free numbers are 79 and 156; twice as many times ln 40 are 583 and 1151.
	judge := func(what string, psd, uv, missing int, want Status) {
		expect(t, what, judgeCompletion(found(map[string]int{"psd": psd, "uv": uv}, missing)), want)
	}
	judge("as claimed", 300, 800, 0, Agrees)
	judge("at the limits", 583, 1151, 0, Agrees)
	judge("from fewer than the free numbers", 60, 800, 0, Disagrees)
	judge("not from many", 700, 800, 0, Disagrees)
	judge("one of many does not", 300, 800, 1, Unclear)
	judge("two of many do not", 300, 800, 2, Disagrees)
	all := found(map[string]int{"psd": 300, "uv": 800}, 0)
	few := keep(all, func(o observation) bool { return o.Measurements <= 500 })
	expect(t, "few entries alone", judgeCompletion(few), Unclear)
	expect(t, "nothing", judgeCompletion(nil), Unclear)
}
