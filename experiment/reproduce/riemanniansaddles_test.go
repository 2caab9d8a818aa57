package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

func TestSaddles(t *testing.T) {
	straight := func(float64) float64 { return 0 }
	nobody := func(*observation) bool { return false }
	judge := func(what string, all []observation, want Status) { expect(t, what, judgeSaddles(all), want) }
	judge("as claimed", planted(1, straight, nobody), Agrees)
	judge("rgd stays at the saddle itself", planted(1, straight, func(o *observation) bool {
		return o.Method == "rgd" && o.Alpha == 0
	}), Agrees)
	judge("one of rgd stays", planted(1, straight, func(o *observation) bool {
		return o.Method == "rgd" && o.Alpha == 1e-6 && o.Seed == 7
	}), Disagrees)
	judge("one of rsgd stays", planted(1, straight, func(o *observation) bool {
		return o.Method == "rsgd" && o.Seed == 7
	}), Disagrees)
	judge("a third slower", planted(1.33, straight, nobody), Disagrees)
	judge("a sixth slower", planted(1.17, straight, nobody), Unclear)
	judge("no line", planted(1, func(alpha float64) float64 {
		return 60 * math.Abs(math.Log10(max(alpha, 1e-8))+5)
	}, nobody), Unclear)
	judge("too few", planted(1, straight, nobody)[:9*20], Unclear)
	// also judges one more run of rgd, with its test error half-way and at its end.
	also := func(what string, halfway, end float64, steps int, want Status) {
		t.Helper()
		judge(what, append(planted(1, straight, nobody), observe(func(o *observation) {
			o.Init, o.Method, o.Alpha, o.Step = "saddle", "rgd", 1e-6, 0.2
			o.Rank, o.FactorRank, o.Kappa = 3, 2, 2
			o.through(steps, sweep.Point{TestError: halfway}, sweep.Point{TestError: end})
		})), want)
	}
	// ln(1e6)/ln(1.3) is 52.7, and ln(1e6)/ln(1.125), at the other saddle, 117.3; half as many more are
	// asked.
	also("one stays at another saddle", 0.4789, 0.4789, 180, Disagrees)
	also("one has too few steps to leave another saddle", 0.4789, 0.4789, 170, Unclear)
	also("one passes another saddle", 0.8516, 0.4789, 400, Unclear)
	also("one ends between", 0.6, 0.6, 400, Unclear)
	also("one has too few steps to leave", 0.8516, 0.8516, 70, Unclear)
	also("one has steps enough to leave", 0.8516, 0.8516, 90, Disagrees)
	elsewhere := observe(func(o *observation) { o.Method, o.Alpha, o.Rank, o.FactorRank = "rgd", 1e-6, 3, 3 })
	judge("one begins elsewhere", append(planted(1, straight, nobody), elsewhere), Agrees)
	judge("all begin elsewhere", []observation{elsewhere}, Unclear)
	expect(t, "nothing", judgeSaddles(nil), Unclear)
}
