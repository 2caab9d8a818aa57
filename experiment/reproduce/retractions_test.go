package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// retracted makes runs from a planted saddle and beside it, with every retraction, parametrization and law of
// the steps. The logarithm of the growth until a run leaves is rate·ln(1/α), beside a constant. stay selects
// the runs that end at the saddle.
func retracted(rate func(o *observation) float64, stay func(o *observation) bool) (all []observation) {
	for seed := range 6 {
		for _, parametrization := range []string{"psd", "uv"} {
			for _, retraction := range []string{"", "second-order", "projection", "exponential"} {
				for _, law := range []string{"", "power:0.75,0.05"} {
					for _, alpha := range []float64{0, 1e-8, 1e-6, 1e-4, 1e-2} {
						o := observe(func(o *observation) {
							o.Parametrization, o.Retraction, o.StepDecay = parametrization, retraction, law
							o.Alpha, o.Seed, o.StartSeed = alpha, uint64(seed), uint64(seed)
							o.Init, o.Rank, o.FactorRank, o.Kappa, o.Step = "saddle", 3, 2, 2, 0.2
							if o.Method = "rgd"; alpha == 0 {
								o.Method = "rsgd"
							}
							want := 3 + rate(o)*math.Log(1/max(alpha, 1e-16))
							steps, sum := 0, 0.0
							for ; sum < want; steps++ {
								factor := 1.0
								if law != "" {
									factor = math.Pow(1+0.05*float64(steps), -0.75)
								}
								sum += math.Log1p(0.3 * factor)
							}
							o.Targets, o.Final.TestError = []*int{&steps}, 0.2129
							if stay(o) {
								o.Targets[0] = nil
								there := sweep.Point{TestError: 0.8516}
								o.through(1000, there, there)
							}
						})
						if alpha > 0 || law != "" {
							all = append(all, o)
						}
					}
				}
			}
		}
	}
	return all
}

func TestRetractions(t *testing.T) {
	same := func(*observation) float64 { return 1 }
	nobody := func(*observation) bool { return false }
	judge := func(what string, all []observation, want Status) {
		t.Helper()
		expect(t, what, judgeRetractions(all), want)
	}
	judge("as claimed", retracted(same, nobody), Agrees)
	judge("one of rgd stays", retracted(same, func(o *observation) bool {
		return o.Retraction == "second-order" && o.Alpha == 1e-6 && o.Seed == 4
	}), Disagrees)
	judge("one retraction is a little slower", retracted(func(o *observation) float64 {
		if o.Retraction == "" {
			return 1.17
		}
		return 1
	}, nobody), Unclear)
	judge("too few of rsgd", keep(retracted(same, nobody), func(o observation) bool {
		return o.Method == "rgd" || o.Seed < 3
	}), Unclear)
	judge("one retraction alone", keep(retracted(same, nobody), func(o observation) bool {
		return o.Retraction == "projection"
	}), Unclear)
	judge("nothing", nil, Unclear)
}
