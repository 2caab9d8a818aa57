package solver

import (
	"math"
	"slices"

	"github.com/matsense/matsense/sensing"
)

// Thresholds define the phases of a trajectory. A field with the value 0 takes its default.
type Thresholds struct {
	// AlignmentMargin: alignment ends when the angle is at most 1 + AlignmentMargin times the angle of the
	// spectral estimate, and the spectral angle is at most AlignmentSine. Default 0.1.
	AlignmentMargin float64
	// AlignmentSine is needed if the spectral estimate is poor: a start may then lie as close to the truth as
	// the estimate does, without having turned to the estimate. Default 0.5: 30°.
	AlignmentSine float64
	// SignalFraction: saddle avoidance ends when the signal is at least SignalFraction·σ_min(X), or for
	// sparse vectors SignalFraction times the least magnitude. Default 1/√10.
	SignalFraction float64
	// FloorFactor: on the floor the test error stays within this factor of its least value, and is flat: the
	// medians of its two halves differ by at most FloorFactor^¼. In a steady fall they would differ by
	// √FloorFactor. Default 2.
	FloorFactor float64
}

func (t Thresholds) withDefaults() Thresholds {
	if t.AlignmentMargin == 0 {
		t.AlignmentMargin = 0.1
	}
	if t.AlignmentSine == 0 {
		t.AlignmentSine = 0.5
	}
	if t.SignalFraction == 0 {
		t.SignalFraction = 1 / math.Sqrt(10)
	}
	if t.FloorFactor == 0 {
		t.FloorFactor = 2
	}
	return t
}

// Never is the index of a phase boundary that the trajectory did not reach.
const Never = -1

// Phases are the boundaries between the three phases of a trajectory, as indices of its samples, or [Never].
//
//	I    alignment          the factor, still small, turns its column space to the spectral estimate's
//	II   saddle avoidance   the signal grows from its small start to a visible size
//	III  refinement         the rest, down to a floor
type Phases struct {
	AlignmentEnd int // first sample past phase I
	SaddleEnd    int // first sample past phase II
	FloorStart   int // first sample of the floor: all later test errors are within a factor of the least
}

// Phases finds the phases. estimateAngle is [SpectralEstimate.AngleTo] of the truth: the early iterates turn
// to the estimate, so their angle falls to this value, which is never zero at finite m.
func (t Trajectory) Phases(truth *sensing.Truth, estimateAngle float64, limits Thresholds) Phases {
	limits = limits.withDefaults()
	p := Phases{Never, Never, Never}
	if truth == nil {
		return p
	}
	const rounding = 1e-12 // of angles: both are zero if the truth is the whole space
	full := truth.Least()
	least := math.Inf(1)
	for i, s := range t {
		aligned := s.Angle <= (1+limits.AlignmentMargin)*estimateAngle+rounding &&
			s.SpectralAngle <= limits.AlignmentSine
		if aligned && p.AlignmentEnd == Never {
			p.AlignmentEnd = i
		}
		if p.SaddleEnd == Never && s.Signal >= limits.SignalFraction*full {
			p.SaddleEnd = i
		}
		least = min(least, s.TestError)
	}
	if p.SaddleEnd == Never {
		return p // a floor belongs to refinement
	}
	start := len(t)
	for start > p.SaddleEnd && t[start-1].TestError <= limits.FloorFactor*least {
		start--
	}
	// A floor is flat: its first half is as low as its second. At the end of a steady fall, be it like cᵏ,
	// 1/k or 1/√k, the medians of the halves differ by about √FloorFactor.
	if half := (len(t) - start) / 2; half >= 2 {
		first, second := medianError(t[start:start+half]), medianError(t[start+half:])
		if first <= math.Pow(limits.FloorFactor, 0.25)*second {
			p.FloorStart = start
		}
	}
	return p
}

// medianError returns the median test error of a nonempty list of samples.
func medianError(t Trajectory) float64 {
	errors := make([]float64, len(t))
	for i, s := range t {
		errors[i] = s.TestError
	}
	slices.Sort(errors)
	return errors[len(errors)/2]
}
