package reproduce

import (
	"math"
	"strings"
	"testing"
)

func TestAlpha(t *testing.T) {
	law := func(exponent, wobble float64) []observation {
		return grid(alphas, func(o *observation, alpha, w float64) {
			o.Alpha = alpha
			o.Final.TestError = w * math.Pow(alpha, exponent+wobble*(w-1))
		})
	}
	expect(t, "a slope of 1.5", judgeAlpha(law(1.5, 1)), Agrees)
	expect(t, "a slope of 1.1", judgeAlpha(law(1.1, 1)), Disagrees)
	expect(t, "slopes from 1.2 to 1.5", judgeAlpha(law(1.2, 10)), Unclear)
	falling := observe(func(o *observation) { o.FloorStart = nil })
	expect(t, "nothing", judgeAlpha([]observation{falling}), Unclear)

	short := judgeAlpha(grid(alphas[1:], func(o *observation, alpha, _ float64) {
		o.Alpha, o.Final.TestError = alpha, alpha*alpha
	}))
	expect(t, "four decades", short, Unclear)

	// The most measurements decide.
	few := law(1.1, 1)
	for i := range few {
		few[i].Measurements = 400
	}
	all := append(few, law(1.5, 1)...)
	v := judgeAlpha(all)
	expect(t, "few and more measurements", v, Agrees)
	if !strings.Contains(v.Findings[0], "slope 1.1") || !strings.Contains(v.Findings[0], "too few") ||
		!strings.Contains(v.Findings[1], "the bound holds") {
		t.Errorf("%q", v.Findings)
	}
	all = append(all, falling)
	open := judgeAlpha(all)
	expect(t, "one run without a floor", open, Unclear)
	if !strings.Contains(open.Findings[0], "1 of 49 runs") {
		t.Errorf("%q", open.Findings)
	}
	for i := range all {
		if all[i].Measurements == 800 {
			all[i].FloorStart = nil
		}
	}
	expect(t, "no floor with the most measurements", judgeAlpha(all), Unclear)
	g := v.Figures[0].Guides[0]
	if slope := math.Log(g.Y[1]/g.Y[0]) / math.Log(g.X[1]/g.X[0]); math.Abs(slope-21.0/16) > 1e-12 {
		t.Errorf("the guide has another slope: %+v", g)
	}
}

// TestAlphaOverMeasurements: more measurements may not give a smaller slope.
func TestAlphaOverMeasurements(t *testing.T) {
	// slopes makes runs whose slopes are given for m/(n·r*) = 5, 10, …
	slopes := func(of ...float64) (all []observation) {
		for i, exponent := range of {
			all = append(all, grid(alphas, func(o *observation, alpha, w float64) {
				o.Alpha, o.Measurements = alpha, 400<<i
				o.Final.TestError = w * math.Pow(alpha, exponent+(w-1))
			})...)
		}
		return all
	}
	independent := slopes(0.82, 1.17, 1.46, 1.60) // measured by another program
	expect(t, "the slopes of another program", judgeAlpha(independent), Agrees)
	expect(t, "few measurements alone", judgeAlpha(slopes(0.82, 1.17)), Disagrees)
	expect(t, "the bound fails for more", judgeAlpha(slopes(1.17, 1.46, 1.2, 1.60)), Disagrees)
	expect(t, "the slope falls", judgeAlpha(slopes(1.9, 1.6, 1.4)), Disagrees)
	expect(t, "one slope", judgeAlpha(slopes(1.5, 1.5, 1.5)), Agrees)
}
