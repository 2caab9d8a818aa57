package reproduce

import (
	"math"
	"testing"
)

func TestIterations(t *testing.T) {
	law := func(slope, curve float64) []observation {
		return grid(alphas, func(o *observation, alpha, w float64) {
			e := math.Log(1 / alpha)
			steps := int(math.Round(w*20 + slope*e + curve*e*e))
			o.Alpha, o.Targets = alpha, []*int{&steps}
		})
	}
	predicted := 1 / math.Log(1.25)
	expect(t, "the predicted slope", judgeIterations(law(predicted, 0)), Agrees)
	expect(t, "a sixth off", judgeIterations(law(predicted*1.17, 0)), Unclear)
	expect(t, "a half off", judgeIterations(law(predicted*1.5, 0)), Disagrees)
	expect(t, "a parabola", judgeIterations(law(-9*predicted, 0.4*predicted)), Disagrees)
	as := func(all []observation, change func(o *observation)) []observation {
		for i := range all {
			change(&all[i])
		}
		return all
	}
	rectangular := func(o *observation) { o.Parametrization, o.N2 = "uv", 40 }
	slower := 1 / math.Log(1.125)
	expect(t, "UVᵀ with its slope", judgeIterations(as(law(slower, 0), rectangular)), Agrees)
	expect(t, "UVᵀ with the slope of UUᵀ", judgeIterations(as(law(predicted, 0), rectangular)), Disagrees)
	for what, change := range map[string]func(o *observation){
		"another method":          func(o *observation) { o.Method = "momentum" },
		"another parametrization": func(o *observation) { o.Parametrization = "deep" },
		"measurements a aᵀ":       func(o *observation) { o.Ensemble = "rank-one" },
		"entries by their sign":   func(o *observation) { o.Ensemble = "relu-completion" },
		"decaying steps":          func(o *observation) { o.StepDecay = "power:0.5" },
		"another loss":            func(o *observation) { o.Loss = "huber" },
		"an unknown scale":        func(o *observation) { o.LinkScale = "unknown" },
	} {
		expect(t, what, judgeIterations(as(law(2*predicted, 0), change)), Unclear)
	}
	missed := observe(func(o *observation) { o.Targets = []*int{nil} })
	expect(t, "none got there", judgeIterations([]observation{missed}), Unclear)

	kappa := law(1/math.Log(1+0.25/9), 0)
	for i := range kappa {
		kappa[i].Kappa = 3
	}
	both := append(law(predicted, 0), kappa...)
	expect(t, "two condition numbers", judgeIterations(both), Agrees)
	for i := range both {
		if both[i].Kappa == 3 {
			both[i].Targets = []*int{nil}
		}
	}
	expect(t, "one condition number never gets there", judgeIterations(both), Unclear)
}
