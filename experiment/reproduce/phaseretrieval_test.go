package reproduce

import (
	"slices"
	"testing"
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
