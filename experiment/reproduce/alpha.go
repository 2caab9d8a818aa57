package reproduce

import (
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

var alphaExperiment = Experiment{
	Name:  "alpha",
	About: "the test error at the floor against the size α of the start",
	Claim: `The test error that is reached is at most of order α^(21/16) (Theorem 3.3). This is a bound and
not a rate: a slope of 21/16 = 1.31 or more in logarithms agrees with it. The theorem asks that the
measurements be nearly an isometry on matrices of low rank, and its constants do not tell how nearly, so the
verdict is on the most measurements. With fewer the slope is smaller, and with few it is below the bound's:
the theorem does not cover them.`,
	Compared: `the slope of the floor's test error in α, in logarithms, for each number of measurements`,
	AgreesIf: `with the most measurements, and over five decades of α, all of the slope's 95 % interval is at
least 21/16`,
	DisagreesIf: `with the most measurements, and over five decades of α, all of the slope's interval is
below 21/16; or if with any number of measurements all of the interval is below 21/16 although with fewer
all of it was at least 21/16, or all of it is below the interval with fewer`,
	Untested: `the constants of the theorem, and how many measurements it asks for`,
	judge:    judgeAlpha,
}

const boundExponent = 21.0 / 16

func judgeAlpha(all []observation) Verdict {
	const least = 4.99 // five decades, less a rounding
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{X: "alpha", Y: "test_error", By: "measurements"}},
	}}
	reached := v.arrived(all, hasFloor, "reached no floor")
	measurements := func(o observation) int { return o.Measurements }
	sizes, groups := by(reached, measurements)
	most := 0
	for _, o := range all {
		most = max(most, measurements(o))
	}
	lowest := math.Inf(-1) // the largest lower end of the intervals so far
	held := false          // for some number of measurements so far
	for _, m := range sizes {
		g := groups[m]
		span := decades(g, alphaOf)
		s := slopeOf(g, log10(alphaOf), log10(testError))
		regime := "the bound cannot be told from it"
		switch {
		case s.low >= boundExponent:
			regime = "the bound holds"
		case s.high < boundExponent:
			regime = "too few measurements for the bound"
		}
		v.find("m = %d = %.3g·n·r*: slope %v over %.1f decades of α, least R² %.4f; the bound's is %.4f: %s",
			m, float64(m)/float64(g[0].N*g[0].Rank), s, span, s.worst, boundExponent, regime)
		if s.high < lowest || held && s.high < boundExponent {
			v.find("with m = %d the slope is smaller than with fewer measurements", m)
			v.Status = Disagrees
		}
		if s.low > lowest { // not if unknown
			lowest = s.low
		}
		held = held || s.low >= boundExponent
		if m < most {
			continue
		}
		switch {
		case span < least || math.IsNaN(s.low):
			v.find("fewer than five decades of α")
		case s.low >= boundExponent:
			v.settle(true, v.Status == Disagrees)
		case s.high < boundExponent:
			v.Status = Disagrees
		}
		// The bound's slope, through the middle of what was measured.
		x := median(g, alphaOf)
		near := keep(g, func(o observation) bool { return !(math.Abs(math.Log(o.Alpha/x)) > 2) })
		y := median(near, testError)
		guide := Guide{Name: "slope 21/16, the bound's"}
		_, alphas := by(g, alphaOf)
		for a := range alphas {
			guide.X = append(guide.X, a)
		}
		slices.Sort(guide.X)
		guide.X = []float64{guide.X[0], guide.X[len(guide.X)-1]}
		for _, a := range guide.X {
			guide.Y = append(guide.Y, y*math.Pow(a/x, boundExponent))
		}
		v.Figures[0].Guides = []Guide{guide}
	}
	return v
}
