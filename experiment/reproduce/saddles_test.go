package reproduce

import (
	"math"
	"testing"
)

// planted makes forty runs of each method, from the saddle and beside it at some α. Their steps are the
// predicted steps times a factor, plus bend(α). stay selects the runs that end at the saddle.
func planted(factor float64, bend func(alpha float64) float64, stay func(o *observation) bool) []observation {
	var all []observation
	for seed := range 40 {
		for _, method := range []string{"rgd", "rsgd", "gd"} {
			for _, alpha := range []float64{0, 1e-8, 1e-6, 1e-4, 1e-2} {
				if method == "rsgd" && alpha > 0 {
					continue
				}
				all = append(all, observe(func(o *observation) {
					o.Method, o.Alpha, o.Seed, o.StartSeed = method, alpha, uint64(seed), uint64(seed)
					o.Init, o.Rank, o.FactorRank, o.Kappa, o.Step = "saddle", 3, 2, 2, 0.2
					o.Record.Iterations = 200
					growth := 0.2 * 0.75 // for λ = 1 and ¼
					if method == "rgd" {
						growth = 0.1 * 3
					}
					steps := int(10 + bend(alpha) + factor*math.Log(1/max(alpha, 1e-16))/math.Log1p(growth))
					o.Targets, o.Final.TestError = []*int{&steps}, 0.2129
					if stay(o) {
						o.Targets[0], o.Final.TestError, o.Trajectory[2].TestError = nil, 0.8516, 0.8516
					}
				}))
			}
		}
	}
	return all
}

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
			o.Init, o.Method, o.Alpha, o.Rank, o.FactorRank, o.Kappa, o.Step = "saddle", "rgd", 1e-6, 3, 2, 2, 0.2
			o.Record.Iterations, o.Trajectory[2].TestError, o.Final.TestError = steps, halfway, end
		})), want)
	}
	also("one ends at another saddle", 0.4789, 0.4789, 200, Disagrees)
	also("one passes another saddle", 0.8516, 0.4789, 200, Unclear)
	also("one ends between", 0.6, 0.6, 200, Unclear)
	also("one has too few steps to leave", 0.8516, 0.8516, 80, Unclear)
	also("one has steps enough to leave", 0.8516, 0.8516, 120, Disagrees) // ln(1e6)/ln(1.3) is 52.7
	elsewhere := observe(func(o *observation) { o.Method, o.Alpha, o.Rank, o.FactorRank = "rgd", 1e-6, 3, 3 })
	judge("one begins elsewhere", append(planted(1, straight, nobody), elsewhere), Agrees)
	judge("all begin elsewhere", []observation{elsewhere}, Unclear)
	expect(t, "nothing", judgeSaddles(nil), Unclear)
}

// TestSaddleLevels: the eigenvalues are 1, 9/16 and 1/4, and two or one are kept.
func TestSaddleLevels(t *testing.T) {
	a, b, c := 1.0, 81.0/256, 1.0/16 // their squares
	for r, want := range map[int][]float64{2: {c, b, a}, 1: {b + c, a + c, a + b}, 3: {0}} {
		got := saddleLevels(3, r, 2)
		if len(got) != len(want) {
			t.Fatalf("rank %d: %v", r, got)
		}
		for i := range want {
			if math.Abs(got[i]-math.Sqrt(want[i]/(a+b+c))) > 1e-15 {
				t.Errorf("rank %d: %v, want the roots of %v", r, got, want)
			}
		}
	}
}
