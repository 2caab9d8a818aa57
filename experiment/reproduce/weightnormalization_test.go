package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// normalizing makes runs of weight-normalization and of gd whose errors after T steps with r columns
// follow the given laws. They arrive at the target where the error is 0.1 first.
func normalizing(normalized, plain func(T, r float64) float64) (all []observation) {
	runs := func(method string, columns []float64, iterations int, law func(T, r float64) float64) {
		all = append(all, grid(columns, func(o *observation, r, wobble float64) {
			o.Method, o.Rank, o.FactorRank = method, 2, int(r)
			o.Trajectory, o.Targets = nil, []*int{nil}
			for i := range 401 {
				at := i * iterations / 400
				error := wobble * law(float64(at), r)
				if error < 0.1 && o.Targets[0] == nil {
					o.Targets[0] = &at
				}
				o.Trajectory = append(o.Trajectory, sweep.Point{Iteration: at, TestError: error})
			}
			o.Final = o.Trajectory[400]
		})...)
	}
	runs("weight-normalization", []float64{3, 6, 12}, 400, normalized)
	runs("gd", []float64{6, 12}, 6000, plain)
	return all
}

// linearAfter is an error that stays at 1 for some steps and falls linearly then.
func linearAfter(steps func(r float64) float64) func(T, r float64) float64 {
	return func(T, r float64) float64 { return math.Exp(-0.2 * math.Max(0, T-steps(r))) }
}

func inverse(r float64) float64 { return 240 / r }

func overT(T, _ float64) float64 { return 1 / (1 + 0.5*T) }

func TestNormalization(t *testing.T) {
	judge := func(what string, normalized, plain func(T, r float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeNormalization(normalizing(normalized, plain)), want)
	}
	judge("as claimed", linearAfter(inverse), overT, Agrees)
	judge("columns do not matter", linearAfter(func(float64) float64 { return 50 }), overT, Disagrees)
	judge("more columns cost steps", linearAfter(func(r float64) float64 { return 10 * r }), overT, Disagrees)
	judge("columns matter little", linearAfter(func(r float64) float64 { return 60 - 2*r }), overT, Unclear)
	judge("weight normalization is sublinear",
		func(T, r float64) float64 { return math.Pow(1+r*T/20, -4) }, overT, Disagrees)
	judge("runs with few columns do not arrive", linearAfter(func(r float64) float64 {
		if r < 4 {
			return 1000
		}
		return 240 / r
	}), overT, Disagrees)
	judge("gd is linear too", linearAfter(inverse),
		func(T, _ float64) float64 { return math.Exp(-0.002 * T) }, Disagrees)
	judge("gd is a little faster than 1/T", linearAfter(inverse),
		func(T, _ float64) float64 { return math.Pow(1+T, -1.15) }, Unclear)
	// A run that stays long before it falls has few points of the fall in its record.
	thin := normalizing(linearAfter(inverse), overT)
	for i := range thin {
		if thin[i].Method == "weight-normalization" && thin[i].Seed == 1 {
			var points []sweep.Point
			for j := 0; j < len(thin[i].Trajectory); j += 8 {
				points = append(points, thin[i].Trajectory[j])
			}
			thin[i].Trajectory = points
		}
	}
	expect(t, "thin records of one seed", judgeNormalization(thin), Agrees)
	for i := range thin {
		if thin[i].Method == "weight-normalization" {
			thin[i].Trajectory = thin[i].Trajectory[:2]
		}
	}
	expect(t, "thin records", judgeNormalization(thin), Unclear)
	expect(t, "nothing", judgeNormalization(nil), Unclear)
	expect(t, "no runs of gd", judgeNormalization(keep(normalizing(linearAfter(inverse), overT),
		func(o observation) bool { return o.Method != "gd" })), Unclear)
}
