package experiment

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// TruthSummary says how well the user's truth explains the user's observations.
type TruthSummary struct {
	// Residual is ‖A(M*) − y‖/‖y‖, with A(Z)_i = ⟨A_i, Z⟩: the size of the noise, if the truth is right.
	Residual Number `json:"residual"`
	// Contradicts says that no verdict on the method follows from the truth: it does not explain the
	// observations, and the factor explains them much better, or the truth explains nothing.
	Contradicts bool `json:"contradicts_observations"`
}

// The residuals of a truth, relative to ‖y‖.
const (
	exactTruth   = 1e-6 // at most this: the truth explains the observations, stored in single precision
	wrongTruth   = 0.1  // above this it does not, unless the noise is as large
	uselessTruth = 0.9  // above this it explains nothing
	betterFactor = 0.5  // a factor with this part of the residual explains much more
)

// userFit is how well a user's truth explains the user's observations; nil if one of them is not the user's.
func userFit(c *config.Config, o solver.Opening) *solver.Fit {
	if !c.HasUserData() {
		return nil
	}
	return o.Fit
}

// openingNotes says before the first step what is wrong with the truth, and what must fail.
func openingNotes(c *config.Config, o solver.Opening) (notes []string) {
	if fit := userFit(c, o); fit != nil && fit.Residual > exactTruth {
		notes = append(notes, truthNote(c, fit))
	}
	if o.TruthLoss > 0 && c.AimsAtTruth() {
		notes = append(notes, fmt.Sprintf("f* in Polyak's step is f at the truth, %.6g", o.TruthLoss))
	}
	facts := config.Facts{
		Status: solver.Running, Size: o.Size, ZeroLoss: o.ZeroLoss, TruthLoss: o.TruthLoss,
		Spectral: o.Spectral, FirstLoss: math.NaN(), LastLoss: math.NaN(),
	}
	if advice := c.Advise(facts); advice != nil {
		notes = append(notes, advice.Note())
	}
	return notes
}

// truthNote says how far the truth is from the observations, and why that may be.
func truthNote(c *config.Config, fit *solver.Fit) string {
	far := fmt.Sprintf("‖A(M*) − y‖ is %.3g of ‖y‖", fit.Residual)
	switch {
	case fit.Residual <= wrongTruth:
		return far + " for the truth: that is the noise, if the truth is right"
	case fit.AsMatrix < fit.Residual/10:
		return fmt.Sprintf("the truth does not explain the observations: %s. %s is M* itself, for which it "+
			"is %.2g. --truth takes X of M* = XXᵀ, in NumPy: %s", far, c.Truth, fit.AsMatrix,
			config.FactorInNumPy)
	case fit.Scaled < fit.Residual/10:
		return fmt.Sprintf("the truth does not explain the observations: %s. It explains %.6g·y up to %.2g: "+
			"the two differ by this factor", far, fit.Scale, fit.Scaled)
	}
	return "the truth does not explain the observations: " + far + ". Unless they are as noisy, it belongs " +
		"to other observations, or is not the factor X of M* that --truth takes"
}

// addTruth says whether the truth contradicts the observations, of which the last factor may explain more.
// Only the squared loss says how much more.
func (s *Summary) addTruth(fit *solver.Fit, zeroLoss float64, squared bool) {
	if fit == nil {
		return
	}
	better := squared && s.Final.TrainLoss < betterFactor*betterFactor*fit.Residual*fit.Residual*zeroLoss
	s.Truth = &TruthSummary{
		Residual: Number(fit.Residual),
		Contradicts: fit.Residual > wrongTruth && (fit.Residual > uselessTruth || better) &&
			!(s.Final.TestError < RecoveredBelow),
	}
}
