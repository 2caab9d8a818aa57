package reproduce

import (
	"math"
	"testing"
)

func TestOver(t *testing.T) {
	law := func(slope float64) []observation {
		return grid([]float64{2, 4, 10, 40}, func(o *observation, r, w float64) {
			end := int(math.Round(w * (50 + slope*math.Log10(r))))
			o.FactorRank, o.AlignmentEnd = int(r), &end
		})
	}
	expect(t, "shorter alignment", judgeOver(law(-10)), Agrees)
	expect(t, "longer alignment", judgeOver(law(10)), Disagrees)
	level := law(0)
	for i := range level {
		end := 50 + i%3
		level[i].AlignmentEnd = &end
	}
	expect(t, "alignment of one length", judgeOver(level), Unclear)
	lost := law(-10)
	no := false
	lost[3].Recovered = &no
	expect(t, "one run that does not recover", judgeOver(lost), Disagrees)
	lost = law(-10)
	lost[3].Status, lost[3].Recovered = "diverged", &no
	expect(t, "one run that diverges", judgeOver(lost), Disagrees)
	lost = law(-10)
	lost[0].Recovered = &no
	expect(t, "a run of r* columns that does not recover", judgeOver(lost), Agrees)
}
