package reproduce

import (
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

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
