package reproduce

import (
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
)

// observe makes an observation. What change leaves alone has a value that no verdict objects to.
func observe(change func(o *observation)) observation {
	floor, align, saddle := 100, 10, 50
	recovered := true
	o := observation{config.Default(), &sweep.Record{
		Status: "budget-spent", Recovered: &recovered,
		FloorStart: &floor, AlignmentEnd: &align, SaddleEnd: &saddle,
		EstimateAngle: 0.2, ClosestAngle: 0.001, ClosestIteration: &saddle,
		Trajectory: []sweep.Point{
			{Iteration: 0, TrainLoss: 1, TestError: 1}, {Iteration: 10, TestError: 0.99},
			{Iteration: 100, TestError: 1e-6},
		},
		Final: sweep.Point{Iteration: 200, TrainLoss: 1e-12, TestError: 1e-6, SpectralAngle: 0.2},
	}}
	o.N, o.Rank, o.FactorRank, o.Measurements = 40, 2, 40, 800
	change(&o)
	return o
}

// through gives a run a point half-way, like that of its start, and a last one.
func (o *observation) through(steps int, halfway, end sweep.Point) {
	start := halfway
	halfway.Iteration, end.Iteration, o.Record.Iterations = steps/2, steps, steps
	o.Trajectory, o.Final = []sweep.Point{start, halfway, end}, end
}

// grid makes an observation for each value and each of four seeds, with a factor that differs a little from
// seed to seed.
func grid(values []float64, change func(o *observation, value, wobble float64)) []observation {
	var all []observation
	for seed := range 4 {
		for _, value := range values {
			all = append(all, observe(func(o *observation) {
				o.Seed, o.StartSeed = uint64(seed), uint64(seed)
				change(o, value, 1+0.01*float64(seed))
			}))
		}
	}
	return all
}

func expect(t *testing.T, what string, v Verdict, want Status) {
	t.Helper()
	if v.Status != want {
		t.Errorf("%s: %s, want %s\n%s", what, v.Status, want, strings.Join(v.Findings, "\n"))
	}
	if len(v.Findings) == 0 {
		t.Errorf("%s: a verdict without numbers", what)
	}
}

var alphas = []float64{1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3}

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

func TestPhases(t *testing.T) {
	one := func(change func(o *observation)) Verdict { return judgePhases([]observation{observe(change)}) }
	expect(t, "in order", one(func(*observation) {}), Agrees)
	expect(t, "no floor yet", one(func(o *observation) { o.FloorStart = nil }), Unclear)
	expect(t, "saddle avoidance before alignment", one(func(o *observation) {
		o.AlignmentEnd, o.SaddleEnd = o.SaddleEnd, o.AlignmentEnd
	}), Disagrees)
	expect(t, "a factor that is not small", one(func(o *observation) {
		o.Trajectory[1].TestError = 0.5
	}), Disagrees)
	expect(t, "a floor that is high", one(func(o *observation) { o.Final.TestError = 0.1 }), Disagrees)
}

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

func TestGeneralization(t *testing.T) {
	law := func(below, above, loss float64) []observation {
		return grid([]float64{40, 70, 120, 320, 800}, func(o *observation, m, _ float64) {
			o.Measurements = int(m)
			o.Final.TestError, o.Final.TrainLoss = below, loss
			if m > 200 {
				o.Final.TestError = above
			}
		})
	}
	expect(t, "a threshold", judgeGeneralization(law(0.9, 1e-4, 1e-9)), Agrees)
	expect(t, "recovery below the limit", judgeGeneralization(law(1e-3, 1e-4, 1e-9)), Disagrees)
	expect(t, "no recovery above it", judgeGeneralization(law(0.9, 0.1, 1e-9)), Disagrees)
	expect(t, "fits that are not done", judgeGeneralization(law(0.9, 1e-4, 1e-3)), Unclear)
	expect(t, "one side only", judgeGeneralization(law(0.9, 1e-4, 1e-9)[:2]), Unclear)
	// 156 free numbers: 120 measurements are too few, and 800 more than four times as many.
	wide := law(0.9, 1e-4, 1e-9)
	for i := range wide {
		if wide[i].N2 = 40; wide[i].Measurements == 320 {
			wide[i].Final.TestError = 0.05
		}
	}
	expect(t, "UVᵀ has more free numbers", judgeGeneralization(wide), Agrees)
}

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

// mustRead reads an experiment's quick size.
func mustRead(t *testing.T, e Experiment) *sweep.Spec {
	t.Helper()
	s, err := sweep.Parse(e.File(false))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPresets: both sizes of every experiment are valid sweeps, and the quick size does not cost more than
// the full size.
func TestPresets(t *testing.T) {
	for _, e := range All() {
		var cost [2]float64
		for i, full := range []bool{false, true} {
			name, text := e.File(full)
			s, err := sweep.Parse(name, text)
			if err != nil {
				t.Fatal(err)
			}
			runs, err := s.Runs()
			if err != nil {
				t.Fatal(err)
			}
			if text[0] != '#' {
				t.Errorf("%s does not begin by saying what is shown", name)
			}
			for _, r := range runs {
				cost[i] += r.Config.EntryCount() * float64(r.Config.Iterations)
			}
			for _, f := range e.Judge(&sweep.Results{Spec: s, Runs: runs}).Figures {
				if f.By != "" && !strings.Contains(strings.Join(s.Keys(), " "), f.By) {
					t.Errorf("%s does not vary %s", name, f.By)
				}
			}
		}
		limit := 2e11
		// With a target, most runs stop after a tenth of their iterations.
		if mustRead(t, e).Base.TargetLoss > 0 {
			limit *= 10
		}
		if cost[0] > limit || cost[1] < cost[0] {
			t.Errorf("%s: %.1e multiplications in the quick size, %.1e in the full one",
				e.Name, cost[0], cost[1])
		}
		if e.About == "" || e.Claim == "" || e.Untested == "" {
			t.Errorf("%s does not say what it is about", e.Name)
		}
	}
}

// TestConditionNumbers: every text with a condition number says of which matrix it is. Symptom: kappa is of
// X, most papers' κ is of M* = XXᵀ, its square, and the texts said neither.
func TestConditionNumbers(t *testing.T) {
	for _, x := range All() {
		for _, text := range []string{x.About, x.Claim, x.Untested} {
			text = strings.Join(strings.Fields(text), " ")
			if strings.Contains(text, "κ") && !strings.Contains(text, "κ of X") &&
				!strings.Contains(text, "κ of M*") {
				t.Errorf("%s: of which matrix is κ? %s", x.Name, text)
			}
		}
	}
}
