package solver_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

var (
	background = context.Background()
	descent    = solver.GD{StepSize: 0.25}
	momentum   = solver.Momentum{StepSize: 0.1, Momentum: 0.7}
)

// problem is small: n = 17, rank 2, m = 340.
func problem(t testing.TB, noise float64) *sensing.Problem {
	t.Helper()
	e, err := sensing.NewGaussian(sensing.Sym{N: 17}, 340, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := sensing.NewTruth(17, 2, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &sensing.Problem{Ensemble: e, Truth: truth, Noise: noise, NoiseSeed: 1}
}

func small(iterations int) solver.Settings {
	return solver.Settings{Start: solver.Random{Alpha: 1e-3, Seed: 1}, Iterations: iterations}
}

func solve(t *testing.T, p *sensing.Problem, m solver.Method, s solver.Settings) *solver.Result {
	t.Helper()
	res, err := solver.Solve(background, p, cpu.Backend{}, m, s)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// resumes fails if a run of so many iterations, resumed at some iteration, ends in other bits than an
// uninterrupted one. It returns the states from which it resumed.
func resumes(
	t *testing.T, p *sensing.Problem, method solver.Method, settings func(iterations int) solver.Settings,
	iterations int, middles ...int,
) (states []solver.State) {
	t.Helper()
	whole := solve(t, p, method, settings(iterations)).Factor
	for _, middle := range middles {
		var state solver.State
		first, rest := settings(middle), settings(iterations)
		first.Keep = func(kept solver.State) error { state = kept; return nil }
		solve(t, p, method, first)
		rest.Resume = &state
		states = append(states, state)
		for i, got := range solve(t, p, method, rest).Factor {
			if !mat.Equal(got, whole[i]) {
				t.Errorf("resumed at iteration %d, the bits of matrix %d differ", middle, i)
			}
		}
	}
	return states
}

// keepsBits fails if other runs in the batch, the number of workers or a resume change a bit of a run of a
// method, with factors of two and of three matrices.
func keepsBits(t *testing.T, method solver.Method) {
	t.Helper()
	p := rectangular(t, 150, 2)
	for _, par := range []solver.Parametrization{solver.UV{}, solver.Deep{Depth: 3}} {
		settings := func(iterations int, keep *solver.State) solver.Settings {
			s := solver.Settings{Parametrization: par, Start: solver.Random{Alpha: 0.3, Seed: 1},
				FactorRank: 5, Iterations: iterations, MeasureEvery: 4}
			if keep != nil {
				s.Keep = func(k solver.State) error { *keep = k; return nil }
			}
			return s
		}
		var middle solver.State
		whole := solve(t, p, method, settings(30, nil)).Factor
		solve(t, p, method, settings(13, &middle))
		s := settings(30, nil)
		s.Resume = &middle
		others := map[string]solver.Factor{"resumed": solve(t, p, method, s).Factor}
		three, err := solver.Solve(background, p, cpu.Backend{Workers: 3, Storage: solver.Generated}, method,
			settings(30, nil))
		if err != nil {
			t.Fatal(err)
		}
		others["with three workers"] = three.Factor
		other := settings(11, nil)
		other.Start, other.FactorRank = solver.Random{Alpha: 0.2, Seed: 4}, 3
		err = solver.SolveAll(background, p, cpu.Backend{}, 2,
			[]solver.Job{{Method: descent, Settings: other}, {Method: method, Settings: settings(30, nil)}},
			func(job int, r *solver.Result, err error) {
				if err != nil {
					t.Fatal(err)
				}
				if job == 1 {
					others["in a batch"] = r.Factor
				}
			})
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range others {
			for b := range whole {
				if !equalBits(f[b].RawMatrix().Data, whole[b].RawMatrix().Data) {
					t.Errorf("%s, %s: matrix %d has other bits", par.Name(), name, b)
				}
			}
		}
	}
}

// TestMeasuredIterations: the first, the last, and every MeasureEvery-th iterate are measured.
func TestMeasuredIterations(t *testing.T) {
	for _, c := range []struct {
		iterations, every int
		want              []int
	}{
		{0, 0, []int{0}}, {1, 0, []int{0, 1}}, {25, 0, []int{0, 10, 20, 25}}, {9, 3, []int{0, 3, 6, 9}},
		{2, 1, []int{0, 1, 2}},
	} {
		var trajectory solver.Trajectory
		s := small(c.iterations)
		s.MeasureEvery, s.Recorder = c.every, &trajectory
		res := solve(t, problem(t, 0), descent, s)
		var got []int
		for _, x := range trajectory {
			got = append(got, x.Iteration)
		}
		if !slices.Equal(got, c.want) || res.Status != solver.BudgetSpent || res.Iteration != c.iterations {
			t.Errorf("%d iterations measured every %d: at %v, ended as %v at %d",
				c.iterations, c.every, got, res.Status, res.Iteration)
		}
	}
}

// TestRecovers: from a small start a factor of every rank finds the truth, and a smaller start finds it
// better.
func TestRecovers(t *testing.T) {
	for _, r := range []int{2, 5, 17, 20} {
		var errors [2]float64
		for i, alpha := range []float64{1e-3, 1e-6} {
			var trajectory solver.Trajectory
			s := solver.Settings{Start: solver.Random{Alpha: alpha, Seed: 1}, Iterations: 600, FactorRank: r,
				Recorder: &trajectory}
			solve(t, problem(t, 0), descent, s)
			errors[i] = trajectory[len(trajectory)-1].TestError
		}
		// With r = r* both reach the floor of double precision. Past it the floor falls with α.
		if !(errors[1] < 1e-4) || r > 2 && !(errors[1] < errors[0]/10) {
			t.Errorf("factor rank %d: test errors %.2g and %.2g", r, errors[0], errors[1])
		}
	}
}

// TestSpectralStart: the start is near the truth. TestSpectralEstimateIsExact has measurements that determine
// everything, for which it is the best rank-r approximation.
func TestSpectralStart(t *testing.T) {
	var trajectory solver.Trajectory
	s := solver.Settings{Start: solver.Spectral{}, FactorRank: 2, Iterations: 1000, Recorder: &trajectory}
	res := solve(t, problem(t, 0), descent, s)
	first, last := trajectory[0], trajectory[len(trajectory)-1]
	if first.SpectralAngle > 1e-12 ||
		math.Abs(first.Angle-res.Spectral.AngleTo(problem(t, 0).Truth)) > 1e-12 {
		t.Errorf("the start is %g from the estimate and %g from the truth", first.SpectralAngle, first.Angle)
	}
	if !(first.TestError < 1 && last.TestError < 1e-10) {
		t.Errorf("test errors %g and %g", first.TestError, last.TestError)
	}
}

// basis is an ensemble with one measurement for each coordinate, a_i = √K·e_i. So S = M*, and the spectral
// estimate is exact.
type basis struct{ space sensing.Space }

func (basis) Name() string               { return "basis" }
func (b basis) Space() sensing.Space     { return b.space }
func (b basis) Measurements() int        { return b.space.K() }
func (basis) Entries() sensing.Entries   { return sensing.F64 }
func (b basis) Row(i int, dst []float64) { clear(dst); dst[i] = math.Sqrt(float64(b.space.K())) }

func TestSpectralEstimateIsExact(t *testing.T) {
	truth, err := sensing.NewTruth(9, 3, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	p := &sensing.Problem{Ensemble: basis{sensing.Sym{N: 9}}, Truth: truth}
	var trajectory solver.Trajectory
	res := solve(t, p, descent, solver.Settings{Start: solver.Spectral{}, Recorder: &trajectory})
	for j, v := range res.Spectral.Values() {
		want := 0.0
		if j < 3 {
			want = sq(truth.Sigma()[j])
		}
		if !(math.Abs(v-want) < 1e-13) { // n roundings of numbers up to 1
			t.Errorf("eigenvalue %d is %v, want %v", j, v, want)
		}
	}
	// Eigenvalues that should be 0 are 1e-16: their roots leave 1e-8 in the factor, and 1e-16 in the product.
	if got := trajectory[0]; !(got.TestError < 1e-13 && got.Angle < 1e-13 && got.SpectralAngle < 1e-12) {
		t.Errorf("the spectral start misses the truth: %+v", got)
	}
}

func sq(x float64) float64 { return x * x }

// TestSameBits: two runs have the same bits, with any number of workers and of processors.
func TestSameBits(t *testing.T) {
	// At n = 150 the matrix products are large enough for the linear algebra library to share them too.
	for _, n := range []int{17, 150} {
		e, err := sensing.NewGaussian(sensing.Sym{N: n}, 300, sensing.Q8, 1)
		if err != nil {
			t.Fatal(err)
		}
		truth, err := sensing.NewTruth(n, 2, 2, 1)
		if err != nil {
			t.Fatal(err)
		}
		var want *solver.Result
		var wantSamples solver.Trajectory
		for _, procs := range []int{1, 2, 4} {
			for _, workers := range []int{1, 3} {
				var samples solver.Trajectory
				s := small(20)
				s.Recorder = &samples
				old := runtime.GOMAXPROCS(procs)
				res, err := solver.Solve(background, &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.01},
					cpu.Backend{Workers: workers}, descent, s)
				runtime.GOMAXPROCS(old)
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want, wantSamples = res, samples
				}
				if !mat.Equal(res.Factor[0], want.Factor[0]) || !sameSamples(samples, wantSamples) {
					t.Errorf("n = %d: %d processors and %d workers give other bits", n, procs, workers)
				}
			}
		}
	}
}

// TestResume: a run that is interrupted at any iteration and resumed ends with the same bits and the same
// samples, for methods without slots, with slots, and with draws.
func TestResume(t *testing.T) {
	settings := func(r solver.Recorder) solver.Settings { // from where Riemannian steps are defined
		return solver.Settings{Start: solver.Random{Alpha: 0.5, Seed: 1}, FactorRank: 2, Iterations: 40,
			MeasureEvery: 7, Recorder: r}
	}
	for _, m := range []solver.Method{
		descent, momentum,
		solver.SGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 100, Seed: 2}},
		solver.RSGD{StepSize: 0.1, Batch: solver.MiniBatches{Size: 200, Seed: 2}},
		solver.RGD{StepSize: 0.1, Retraction: solver.ExponentialRetraction{}},
		decayingGD(),
		decaying(func(step float64) solver.Method {
			return solver.RSGD{StepSize: step / 2, Retraction: solver.ProjectionRetraction{},
				Batch: solver.MiniBatches{Size: 200, Seed: 2}}
		}),
	} {
		t.Run(m.Name(), func(t *testing.T) {
			var whole solver.Trajectory
			want := solve(t, problem(t, 0.01), m, settings(&whole))
			for _, at := range []int{0, 1, 7, 8, 38} {
				var state *solver.State
				var before, after solver.Trajectory
				ctx, cancel := context.WithCancel(background)
				s := settings(&before)
				s.Keep = func(kept solver.State) error { state = &kept; return nil }
				first, err := solver.Solve(ctx, problem(t, 0.01), cpu.Backend{},
					cancelAfter{m, at, cancel}, s)
				if err != nil {
					t.Fatal(err)
				}
				ends := at // a draw's gradient is not computed any more
				if m.Needs().Gradient {
					ends = at + 1 // the gradient is there already, and the rest of the step takes no time
				}
				if first.Status != solver.Canceled || state.Iteration != ends || first.Iteration != ends {
					t.Fatalf("interrupted in step %d, ended as %v at %d with the state of %d",
						at, first.Status, first.Iteration, state.Iteration)
				}
				if last := before[len(before)-1]; last.Iteration != at/7*7 {
					t.Errorf("interrupted in step %d, the last sample is of iteration %d", at, last.Iteration)
				}
				s.Recorder, s.Resume, s.Start, s.Keep = &after, state, nil, nil
				second := solve(t, problem(t, 0.01), m, s)
				if !mat.Equal(second.Factor[0], want.Factor[0]) {
					t.Errorf("resumed after step %d, the bits differ", at)
				}
				before = slices.DeleteFunc(before,
					func(x solver.Sample) bool { return x.Iteration >= state.Iteration })
				if all := append(before, after...); !sameSamples(all, whole) {
					t.Errorf("resumed after step %d, the samples differ:\n%v\n%v", at, all, whole)
				}
			}
		})
	}
}

// cancelAfter is a method that cancels a context in the step from a given iteration.
type cancelAfter struct {
	solver.Method
	at     int
	cancel func()
}

func (c cancelAfter) Step(m *solver.Member, iteration int) error {
	if iteration == c.at {
		c.cancel()
	}
	return c.Method.Step(m, iteration)
}

// sameSamples compares all fields but the time.
func sameSamples(a, b solver.Trajectory) bool {
	return slices.EqualFunc(a, b, func(x, y solver.Sample) bool {
		return x.Iteration == y.Iteration && x.TrainLoss == y.TrainLoss && x.TestError == y.TestError &&
			x.Signal == y.Signal && x.Noise == y.Noise && x.Angle == y.Angle &&
			x.SpectralAngle == y.SpectralAngle && slices.Equal(x.Sigma, y.Sigma)
	})
}

func TestStopper(t *testing.T) {
	for name, s := range map[string]solver.Stopper{
		"loss":     solver.LossBelow(1e-4),
		"error":    solver.ErrorBelow(1e-2),
		"first of": solver.FirstOf{solver.ErrorBelow(0), solver.LossBelow(1e-4)},
	} {
		t.Run(name, func(t *testing.T) {
			var trajectory solver.Trajectory
			settings := small(10_000)
			settings.Stopper, settings.Recorder = s, &trajectory
			res := solve(t, problem(t, 0), descent, settings)
			last, before := trajectory[len(trajectory)-1], trajectory[len(trajectory)-2]
			if res.Status != solver.Converged || res.Iteration != last.Iteration || res.Iteration == 0 {
				t.Errorf("ended as %v at %d, last sample %d", res.Status, res.Iteration, last.Iteration)
			}
			if s.Stop(last) != solver.Converged || s.Stop(before) != solver.Running {
				t.Error("the run did not end at the first sample that reached the target")
			}
		})
	}
}

// TestDiverged: a step that is too large ends the run. The last good factor is kept, and the suggested step
// works.
func TestDiverged(t *testing.T) {
	var trajectory solver.Trajectory
	kept := 0
	s := small(5000)
	s.Recorder, s.MeasureEvery = &trajectory, 3
	s.Keep = func(solver.State) error { kept++; return nil }
	res := solve(t, problem(t, 0), solver.GD{StepSize: 5}, s)
	last := trajectory[len(trajectory)-1]
	if res.Status != solver.Diverged || res.Iteration != last.Iteration || !res.Factor.Finite() || kept != 0 {
		t.Errorf("ended as %v at %d with the last sample at %d, kept %d times",
			res.Status, res.Iteration, last.Iteration, kept)
	}
	for _, x := range trajectory {
		if math.IsNaN(x.TrainLoss) || math.IsInf(x.TrainLoss, 0) || math.IsNaN(x.TestError) {
			t.Errorf("a sample is not finite: %+v", x)
		}
	}
	s = small(600)
	s.Stopper = solver.ErrorBelow(1e-2)
	suggested := solver.GD{StepSize: res.Spectral.SuggestStep()}
	if res := solve(t, problem(t, 0), suggested, s); res.Status != solver.Converged {
		t.Errorf("with the suggested step the run ended as %v", res.Status)
	}
}

// TestResumeOfDivergence: a run that is to diverge ends the same way from each state that it is resumed from,
// with the same last good iterate.
func TestResumeOfDivergence(t *testing.T) {
	m := solver.GD{StepSize: 3}
	s := small(200)
	s.MeasureEvery, s.KeepEvery = 4, time.Nanosecond
	var states []solver.State
	s.Keep = func(x solver.State) error { states = append(states, x); return nil }
	want := solve(t, problem(t, 0), m, s)
	if want.Status != solver.Diverged || len(states) < 8 {
		t.Fatalf("ended as %v with %d states", want.Status, len(states))
	}
	for _, state := range states {
		s := small(200)
		s.MeasureEvery, s.Resume, s.Start = 4, &state, nil
		got := solve(t, problem(t, 0), m, s)
		if got.Status != solver.Diverged || got.Iteration != want.Iteration ||
			!mat.Equal(got.Factor[0], want.Factor[0]) {
			t.Errorf("resumed at %d it ends as %v with the iterate of %d, not of %d",
				state.Iteration, got.Status, got.Iteration, want.Iteration)
		}
	}
}

// TestKeepEvery: Keep receives states while the run goes on, and the result's state at the end.
func TestKeepEvery(t *testing.T) {
	var states []solver.State
	s := small(30)
	s.KeepEvery = time.Nanosecond // that is, before every step
	s.Keep = func(x solver.State) error { states = append(states, x); return nil }
	res := solve(t, problem(t, 0), descent, s)
	if len(states) != 31 || states[30].Iteration != 30 || states[7].Iteration != 7 {
		t.Fatalf("%d states", len(states))
	}
	if !mat.Equal(states[30].Slots[0][0], res.Factor[0]) || mat.Equal(states[29].Slots[0][0], res.Factor[0]) {
		t.Error("the last state is not the result's")
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (broken) Record(solver.Sample) error { return errBroken }

// TestErrors: errors of recorder and Keep are returned, and settings that make no sense are refused with the
// name of the field.
func TestErrors(t *testing.T) {
	s := small(5)
	s.Recorder = solver.Recorders{&solver.Trajectory{}, broken{}}
	_, err := solver.Solve(background, problem(t, 0), cpu.Backend{}, descent, s)
	if !errors.Is(err, errBroken) {
		t.Errorf("the recorder's error came through as %v", err)
	}
	s = small(5)
	s.Keep = func(solver.State) error { return errBroken }
	_, err = solver.Solve(background, problem(t, 0), cpu.Backend{}, descent, s)
	if !errors.Is(err, errBroken) {
		t.Errorf("Keep's error came through as %v", err)
	}
	for want, change := range map[string]func(*solver.Settings){
		"Settings.Start is missing":                          func(s *solver.Settings) { s.Start = nil },
		"Settings.Iterations must not be negative, got -1":   func(s *solver.Settings) { s.Iterations = -1 },
		"Settings.MeasureEvery must not be negative, got -2": func(s *solver.Settings) { s.MeasureEvery = -2 },
		"the factor rank must be positive, got -3":           func(s *solver.Settings) { s.FactorRank = -3 },
		"the state to resume has 9 iterations, more than the 5 asked for": func(s *solver.Settings) {
			s.Resume = &solver.State{Iteration: 9}
		},
		"the state to resume has 0 slots and gd needs 1": func(s *solver.Settings) { s.Resume = &solver.State{} },
		"the start is 3 × 1 and the factor is 17 × 17": func(s *solver.Settings) {
			s.Start = solver.Given{Start: solver.Factor{mat.NewDense(3, 1, nil)}}
		},
		"the start has elements that are not finite": func(s *solver.Settings) {
			u := mat.NewDense(17, 17, nil)
			u.Set(3, 4, math.NaN())
			s.Start = solver.Given{Start: solver.Factor{u}}
		},
	} {
		s := small(5)
		change(&s)
		_, err := solver.Solve(background, problem(t, 0), cpu.Backend{}, descent, s)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got the error %v, want … %s", err, want)
		}
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err = solver.Solve(ctx, problem(t, 0), cpu.Backend{}, descent, small(5))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before the rows were made: %v", err)
	}
}

func TestStatusText(t *testing.T) {
	for s := solver.Running; s <= solver.Canceled; s++ {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back solver.Status
		if err := back.UnmarshalText(text); err != nil || back != s || !strings.HasSuffix(s.Text(), ".") {
			t.Errorf("%d is %q and comes back as %v, %v; %s", int(s), text, back, err, s.Text())
		}
	}
	var s solver.Status
	if s.UnmarshalText([]byte("finished")) == nil || solver.Status(99).String() != "Status(99)" {
		t.Error("an unknown status was taken")
	}
}
