package solver

import (
	"context"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// divergence is the factor that defines divergence: a run has diverged if its loss exceeds divergence·(f(0) +
// f(U₀)). Descent does not increase the loss. A step that is a little too large may increase it for a while,
// but by far less than this factor.
const divergence = 1e4

// verdict is what a measurement says about a run: its recorder's error, or whether it goes on.
type verdict struct {
	status Status
	err    error
}

// due lists the runs whose current iterates are to be measured.
func due(runs []*run) []*run {
	return slices.DeleteFunc(slices.Clone(runs), func(r *run) bool { return !r.isMeasured() })
}

// measure takes samples of the current iterates of runs, passes them to the recorders and asks the stoppers,
// for each run's verdict. The gradients are already there.
func (g *batch) measure(runs []*run) error {
	if len(runs) == 0 {
		return nil
	}
	if err := g.settle(); err != nil {
		return err
	}
	numbers, losses := make([]int, len(runs)), make([]float64, len(runs))
	for i, r := range runs {
		numbers[i] = r.number
	}
	if err := g.engine.Losses(losses, numbers...); err != nil {
		return err
	}
	var good []*run
	samples := map[*run]*Sample{}
	for i, r := range runs {
		s, err := r.sample(losses[i])
		if err != nil {
			return err
		}
		if r.verdict = (verdict{}); s == nil {
			r.verdict.status = Diverged
			continue
		}
		good, samples[r] = append(good, r), s
	}
	if err := g.measureFactors(good, samples); err != nil {
		return err
	}
	for _, r := range good {
		if err := r.measureHeldOut(samples[r]); err != nil {
			return err
		}
		if err := r.record(samples[r]); err != nil {
			return err
		}
	}
	return nil
}

// sample begins a sample with the loss and what the method knows; nil if the run has diverged.
func (r *run) sample(loss float64) (*Sample, error) {
	if r.lastLoss = loss; r.firstLoss == 0 {
		r.firstLoss = loss
	}
	size, err := r.member.Dot(Iterate, Iterate)
	if err != nil {
		return nil, err
	}
	bound := divergence * (r.zeroLoss + r.firstLoss)
	if !(loss <= bound) || math.IsInf(loss, 1) || math.IsNaN(size) || math.IsInf(size, 1) {
		return nil, nil
	}
	s := NewSample(r.iteration)
	s.TrainLoss, s.TrainRMSE, s.Seconds = loss, r.trainRMSE(loss), r.seconds
	if m, ok := r.method.(Measuring); ok {
		err = m.Measure(&s, r.member)
	}
	return &s, err
}

// measureFactors fills in everything in the samples that comes from the factors alone: where the engine keeps
// them if possible, together for runs with one meter, and on the host otherwise.
func (g *batch) measureFactors(runs []*run, samples map[*run]*Sample) error {
	together := map[*thinMeter][]*thinWork{}
	for _, r := range runs {
		if r.thin == nil {
			continue
		}
		w, err := g.workOf(r)
		if err != nil {
			return err
		}
		w.sample = samples[r]
		together[r.thin] = append(together[r.thin], w)
	}
	for m, works := range together {
		if err := m.measure(works); err != nil {
			return err
		}
	}
	for _, r := range runs {
		if r.thin != nil && g.works[r.number].sound {
			continue
		}
		f := NewFactor(r.member.Shapes())
		if err := r.member.Get(Iterate, f); err != nil {
			return err
		}
		err := undivided(g.interrupted, func() error { return r.meter.measure(samples[r], f) })
		if err != nil {
			return err
		}
		if samples[r].Flatness, err = flatness(g.engine, r.Parametrization, r.Loss, f); err != nil {
			return err
		}
	}
	return nil
}

// record keeps a measured iterate as good, and as the best if it is, passes its sample to the recorder and
// decides whether the run goes on.
func (r *run) record(s *Sample) error {
	if r.iteration%r.MeasureEvery == 0 { // not at a last iterate off the grid: the run may be continued
		if err := r.member.Combine(Good, 1, Iterate, 0, Iterate); err != nil {
			return err
		}
		r.goodAt, r.hasGood = r.iteration, true
	}
	if err := r.compare(s); err != nil {
		return err
	}
	if r.Recorder != nil {
		if err := r.Recorder.Record(*s); err != nil {
			r.verdict.err = jobError{err}
			return nil
		}
	}
	if r.Stopper != nil {
		r.verdict.status = r.Stopper.Stop(*s)
	}
	if r.verdict.status == Running && r.patienceEnded() {
		r.verdict.status = Stalled
	}
	return nil
}

// thinMeter returns the meter of a run's factors on the engine, which runs with one r* share; nil if they are
// measured on the host: if the engine has no algebra, or if measuredThere says so. top has the spectral
// estimate's first vectors.
func (g *batch) thinMeter(r *run, top *mat.Dense) (*thinMeter, error) {
	engine, ok := g.engine.(AlgebraEngine)
	space := g.problem.Ensemble.Space()
	if !ok || !measuredThere(space, r.Parametrization, r.measured()) {
		return nil, nil
	}
	if m := g.meters[r.Rank]; m != nil {
		return m, nil
	}
	left, right, err := engine.Thin(r.number)
	if err != nil {
		return nil, err
	}
	m, err := newThinMeter(engine, space, left != right, g.problem.Truth, top)
	if g.meters == nil {
		g.meters = map[int]*thinMeter{}
	}
	g.meters[r.Rank] = m
	return m, err
}

// workOf returns the memory for a run's measurements on the engine. The last run in the same place may have
// left it.
func (g *batch) workOf(r *run) (*thinWork, error) {
	left, _, err := r.thin.engine.Thin(r.number)
	if err != nil {
		return nil, err
	}
	_, d := left.Dims()
	if w := g.works[r.number]; w != nil {
		if w.meter == r.thin && w.d == d {
			w.most = r.SingularValues
			return w, nil
		}
		if err := w.free(); err != nil {
			return nil, err
		}
	}
	w, err := r.thin.newWork(r.number, d, r.SingularValues)
	if g.works == nil {
		g.works = map[int]*thinWork{}
	}
	g.works[r.number] = w
	return w, err
}

// MeasureSeconds times one measurement of a random factor's metrics on a backend, without the gradient; 0 if
// there is no such factor, or if ctx is done before. Estimates of run time use it.
func MeasureSeconds(
	ctx context.Context, b Backend, p Parametrization, space sensing.Space, rank, factorRank int,
) float64 {
	n1, n2 := space.Dims()
	rank = max(rank, 1)
	truth, err := sensing.NewRectTruth(n1, n2, rank, 1, 1)
	if _, symmetric := space.(sensing.Sym); symmetric {
		truth, err = sensing.NewTruth(n1, rank, 1, 1)
	}
	if err != nil {
		return 0
	}
	one, err := sensing.NewGaussian(space, 1, sensing.F32, 1)
	if err != nil {
		return 0
	}
	g := &batch{problem: &sensing.Problem{Ensemble: one, Truth: truth}, interrupted: ctx.Err}
	g.engine, err = b.Open(ctx, g.problem, Batch{
		Interrupted:     ctx.Err,
		Parametrization: p, FactorRanks: []int{factorRank},
		Metrics: MetricsOf(space, p, true, Measured{FactorRank: factorRank, Rank: rank}),
	})
	if err != nil {
		return 0
	}
	defer g.engine.Close()
	r := &run{batch: g, Settings: Settings{
		Parametrization: p, Rank: rank, FactorRank: factorRank, SingularValues: rank + 1,
	}}
	seconds, err := r.measureSeconds(space)
	if err != nil {
		return 0
	}
	return seconds
}

// measureSeconds times the second measurement of a run's factor; the first allocates memory.
func (r *run) measureSeconds(space sensing.Space) (seconds float64, err error) {
	if r.member, err = NewMember(r.engine, 0, space, r.Parametrization, r.FactorRank); err != nil {
		return 0, err
	}
	start, err := Random{Alpha: 1, Seed: 1}.Factor(r.member.Shapes(), nil)
	if err != nil {
		return 0, err
	}
	if err := r.member.Set(Iterate, start); err != nil {
		return 0, err
	}
	left, right := r.Parametrization.Thin(start)
	top := truthBasis(r.problem.Truth, left != right)
	r.meter = newMeter(r.Parametrization, r.problem, top, r.SingularValues)
	if r.thin, err = r.thinMeter(r, top); err != nil {
		return 0, err
	}
	for range 2 {
		began := time.Now()
		s := NewSample(0)
		if err := r.measureFactors([]*run{r}, map[*run]*Sample{r: &s}); err != nil {
			return 0, err
		}
		seconds = time.Since(began).Seconds()
	}
	return seconds, nil
}
