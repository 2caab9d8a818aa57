package solver

import (
	"fmt"
	"math"
)

// Sample holds the measurements of one iterate. A number that cannot be known, for example without a truth,
// is NaN. If a parametrization has two factors U and V, the U below is [U; V]/√2 and V_X is [V_X; V_Y]/√2,
// which have the same properties.
type Sample struct {
	Iteration int
	// TrainLoss is f(U).
	TrainLoss float64
	// TestError is ‖Z − M*‖_F / ‖M*‖_F.
	TestError float64
	// TrainRMSE is the root mean square of the residuals ⟨A_i, Z⟩ − y_i, in the data's unit
	// ([sensing.UnitSquares]). It is NaN if the truth is known, nothing is held out and the measurements are
	// no entries.
	TrainRMSE float64
	// HeldOutRMSE is the same of the held-out measurements; NaN if there are none.
	HeldOutRMSE float64
	// Signal is σ_min(UW), where V_XᵀU = VΣWᵀ: how much of the truth's subspace is learned.
	Signal float64
	// Noise is ‖UW⊥‖: how large the rest of the factor is.
	Noise float64
	// Angle is ‖V_X⊥ᵀ V_UW‖: the sine of the largest principal angle between the truth's subspace and the
	// signal's.
	Angle float64
	// SpectralAngle is the sine of the largest principal angle between the top r* left singular vectors of U
	// and the spectral estimate. If U has fewer columns, it takes all of its vectors; if one of these has the
	// singular value 0, it is NaN.
	SpectralAngle float64
	// Imbalance is ‖UᵀU − VᵀV‖_F of two factors; NaN for one factor.
	Imbalance float64
	// Flatness is the trace of the Hessian of f in the factor of a [Layered] parametrization; NaN for others.
	Flatness float64
	// Shift is ‖e‖/√m, the root mean square of [RGDA]'s shift of the observations; NaN for other methods.
	Shift float64
	// Evaluations is how many values of f [ZerothOrder] has computed so far; NaN for other methods.
	Evaluations float64
	// Seconds is the time spent on steps so far, without measuring or writing.
	Seconds float64
	// Sigma has the singular values of U, largest first.
	Sigma []float64

	further []float64 // metrics without a field, by slot; NaN or beyond the end: unknown
}

// Value returns the value of the metric with a name; NaN if it is unknown. It panics if the table has no such
// metric.
func (s *Sample) Value(name string) float64 { return s.metric(name).Of(s) }

// Set writes the value of the metric with a name. It panics if the table has no such metric.
func (s *Sample) Set(name string, value float64) { s.metric(name).Set(s, value) }

func (s *Sample) metric(name string) *Metric {
	m := metricNamed(name)
	if m == nil {
		panic(fmt.Sprintf("solver: there is no metric %q", name))
	}
	return m
}

// WithoutSigma returns the sample without its singular values. Metrics that are derived from them stay.
func (s Sample) WithoutSigma() Sample {
	for _, m := range metrics {
		if m.Derive == nil {
			continue
		}
		if value := m.Of(&s); !math.IsNaN(value) {
			m.Set(&s, value)
		}
	}
	s.Sigma = nil
	return s
}

// NewSample returns a sample in which nothing is known yet: every number but Seconds is NaN.
func NewSample(iteration int) Sample {
	nan := math.NaN()
	return Sample{
		Iteration: iteration, TrainLoss: nan, TestError: nan, TrainRMSE: nan, HeldOutRMSE: nan,
		Signal: nan, Noise: nan, Angle: nan, SpectralAngle: nan,
		Imbalance: nan, Flatness: nan, Shift: nan, Evaluations: nan,
	}
}

// Recorder receives a run's samples. It may keep a sample and its slices.
type Recorder interface {
	Record(s Sample) error
}

// Trajectory is a [Recorder] that keeps every sample, in the order of iterations.
type Trajectory []Sample

// Record implements [Recorder].
func (t *Trajectory) Record(s Sample) error {
	*t = append(*t, s)
	return nil
}

// Recorders passes each sample to several recorders in turn.
type Recorders []Recorder

// Record implements [Recorder].
func (r Recorders) Record(s Sample) error {
	for _, each := range r {
		if err := each.Record(s); err != nil {
			return err
		}
	}
	return nil
}
