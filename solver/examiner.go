package solver

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// ErrNotFinite is the error of measuring a factor that has numbers which are NaN or infinite, or whose loss
// is not finite.
var ErrNotFinite = errors.New("the factor, or its loss, is not finite")

// Examiner measures iterates, and makes the spectral estimate, outside of a run. Its numbers are those that a
// run with the same engine would have.
type Examiner struct{ batch *batch }

// NewExaminer returns the examiner of an engine that was opened for a parametrization and a loss. rank is r*
// if the problem has no truth, and 0 if r* is not known; values is how many singular values a sample has, as
// in [Settings]. interrupted ends long work early, as [Batch].Interrupted does; it may be nil.
func NewExaminer(
	p *sensing.Problem, e Engine, par Parametrization, l Loss, rank, values int, interrupted func() error,
) *Examiner {
	if p.Truth != nil {
		rank = p.Truth.Rank()
	}
	s := Settings{Parametrization: par, Loss: l, Rank: rank, SingularValues: wantedValues(values, rank)}
	if interrupted == nil {
		interrupted = func() error { return nil }
	}
	return &Examiner{&batch{problem: p, engine: e, jobs: []Job{{Settings: s}}, interrupted: interrupted}}
}

// Spectral returns the spectral estimate with k pairs, which is made on first use: [NewSpectralEstimate], or
// its like for parametrizations of matrices with eigenvalues of both signs.
func (x *Examiner) Spectral(k int) (*SpectralEstimate, error) { return x.batch.estimate(k) }

// Fit compares the problem's truth with its observations; nil if one of them is missing, or if the
// observations are made from the truth.
func (x *Examiner) Fit() (*Fit, error) { return x.batch.fitOfTruth() }

// Measure measures a member's iterate of the given factor rank. It computes the gradient first, if that is
// missing. The sample's iteration is 0, and metrics that belong to a method or to the time are NaN. The error
// is [ErrNotFinite] if a run with this iterate would have diverged for that reason.
func (x *Examiner) Measure(member, factorRank int) (Sample, error) {
	g := x.batch
	s := g.jobs[0].Settings
	s.FactorRank = factorRank
	space := g.problem.Ensemble.Space()
	shapes, err := s.Parametrization.Shapes(space, factorRank)
	if err != nil {
		return Sample{}, err
	}
	r := &run{
		Settings: s, batch: g, number: member,
		member:     &Member{engine: g.engine, number: member, space: space, shapes: shapes},
		trainUnits: trainUnits(g.problem, s.Loss),
	}
	var top *mat.Dense
	if s.Rank > 0 && !isSelfMeasuring(s.Parametrization) {
		est, err := g.estimate(s.Rank)
		if err != nil {
			return Sample{}, err
		}
		top = est.Top(s.Rank)
	}
	r.meter = newMeter(s.Parametrization, g.problem, top, s.SingularValues)
	if r.thin, err = g.thinMeter(r, top); err != nil {
		return Sample{}, err
	}
	var loss [1]float64
	if err := g.engine.Losses(loss[:], member); err != nil {
		return Sample{}, err
	}
	sample, err := r.sample(loss[0])
	switch {
	case err != nil:
		return Sample{}, err
	case sample == nil:
		return Sample{}, ErrNotFinite
	}
	sample.Seconds = math.NaN() // the iterate belongs to no run
	if err := g.measureFactors([]*run{r}, map[*run]*Sample{r: sample}); err != nil {
		return Sample{}, err
	}
	return *sample, r.measureHeldOut(sample)
}

// Vectors returns the vectors of the r largest values: S is about Σ_j values_j·left_j·right_jᵀ. They are the
// same matrix if S is symmetric and the estimate is not signed. r is at most the number of pairs that were
// found. The caller must not change them.
func (s *SpectralEstimate) Vectors(r int) (left, right *mat.Dense) { return s.sides(r) }
