package reproduce

import (
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
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

func TestReLUCompletion(t *testing.T) {
	// from makes ten runs for each start, as many of which recover as its share says. Half-way the train loss
	// of the others is some times the last one.
	from := func(shares map[string]int, times float64) (all []observation) {
		for _, init := range []string{"relu-spectral", "spectral", "random"} {
			for k := range 10 {
				if shares[init] < 0 {
					continue
				}
				all = append(all, observe(func(o *observation) {
					recovered := k < shares[init]
					o.Init, o.Recovered, o.Seed = init, &recovered, uint64(k)
					if !recovered {
						o.through(200, sweep.Point{TrainLoss: 0.05 * times}, sweep.Point{TrainLoss: 0.05})
					}
				}))
			}
		}
		return all
	}
	judge := func(what string, made, random int, want Status) {
		expect(t, what, judgeReLU(from(map[string]int{"relu-spectral": made, "random": random}, 1)), want)
	}
	judge("as claimed", 10, 1, Agrees)
	judge("half of the random ones", 10, 5, Agrees)
	judge("most of the random ones", 10, 6, Unclear)
	judge("all of the random ones", 10, 9, Disagrees)
	judge("one does not", 9, 1, Disagrees)
	judge("neither", 0, 0, Disagrees)
	judge("one start alone", 10, -1, Unclear)
	diverged := from(map[string]int{"relu-spectral": 10}, 1)
	for i := range diverged {
		if diverged[i].Init == "random" {
			diverged[i].Status = solver.Diverged.String()
		}
	}
	expect(t, "random starts diverge", judgeReLU(diverged), Unclear)
	expect(t, "the loss still falls", judgeReLU(from(map[string]int{"relu-spectral": 10}, 1.4)), Unclear)
	expect(t, "nothing", judgeReLU(nil), Unclear)
}
