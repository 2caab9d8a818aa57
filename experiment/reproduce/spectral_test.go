package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment"
)

func TestSpectral(t *testing.T) {
	law := func(closest experiment.Number, last float64) []observation {
		return grid([]float64{2, 40}, func(o *observation, r, _ float64) {
			o.FactorRank, o.ClosestAngle, o.Final.SpectralAngle = int(r), closest, last
		})
	}
	expect(t, "there and away", judgeSpectral(law(0.001, 0.2)), Agrees)
	expect(t, "near", judgeSpectral(law(0.05, 0.2)), Unclear)
	expect(t, "never near", judgeSpectral(law(0.15, 0.2)), Disagrees)
	expect(t, "it stays", judgeSpectral(law(0.001, 0.001)), Disagrees)
	unknown := math.NaN()
	expect(t, "unknown angles", judgeSpectral(law(experiment.Number(unknown), unknown)), Unclear)
}
