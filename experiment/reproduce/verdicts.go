package reproduce

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

func (v *Verdict) find(format string, args ...any) {
	v.Findings = append(v.Findings, fmt.Sprintf(format, args...))
}

// settle sets the outcome. It stays unclear if neither is true, or if runs that might contradict the claim
// have not arrived.
func (v *Verdict) settle(agree, disagree bool) {
	switch {
	case disagree:
		v.Status = Disagrees
	case agree && !v.partial:
		v.Status = Agrees
	}
}

const alphaClaim = `The test error that is reached is at most of order α^(21/16) (Theorem 3.3). This is a
bound and not a rate: a slope of 21/16 = 1.31 or more in logarithms agrees with it. The theorem asks that the
measurements be nearly an isometry on matrices of low rank, and its constants do not tell how nearly, so the
verdict is on the most measurements. With fewer the slope is smaller, and with few it is below the bound's:
the theorem does not cover them.`

const boundExponent = 21.0 / 16

// judgeAlpha compares the slope with the bound for the most measurements, over the runs that reached their
// floor and at least five decades of alpha. If the bound holds for some number of measurements, it must hold
// for more, and no interval may lie wholly above that of more measurements: the theorem's condition on the
// measurements is easier for more of them. Otherwise the verdict disagrees.
func judgeAlpha(all []observation) Verdict {
	const least = 4.99 // five decades, less a rounding
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{X: "alpha", Y: "test_error", By: "measurements"}},
	}}
	reached := v.arrived(all, hasFloor, "reached no floor")
	measurements := func(o observation) int { return o.Measurements }
	sizes, groups := by(reached, measurements)
	most := 0
	for _, o := range all {
		most = max(most, measurements(o))
	}
	lowest := math.Inf(-1) // the largest lower end of the intervals so far
	held := false          // for some number of measurements so far
	for _, m := range sizes {
		g := groups[m]
		span := decades(g, alphaOf)
		s := slopeOf(g, log10(alphaOf), log10(testError))
		regime := "the bound cannot be told from it"
		switch {
		case s.low >= boundExponent:
			regime = "the bound holds"
		case s.high < boundExponent:
			regime = "too few measurements for the bound"
		}
		v.find("m = %d = %.3g·n·r*: slope %v over %.1f decades of α, least R² %.4f; the bound's is %.4f: %s",
			m, float64(m)/float64(g[0].N*g[0].Rank), s, span, s.worst, boundExponent, regime)
		if s.high < lowest || held && s.high < boundExponent {
			v.find("with m = %d the slope is smaller than with fewer measurements", m)
			v.Status = Disagrees
		}
		if s.low > lowest { // not if unknown
			lowest = s.low
		}
		held = held || s.low >= boundExponent
		if m < most {
			continue
		}
		switch {
		case span < least || math.IsNaN(s.low):
			v.find("fewer than five decades of α")
		case s.low >= boundExponent:
			v.settle(true, v.Status == Disagrees)
		case s.high < boundExponent:
			v.Status = Disagrees
		}
		// The bound's slope, through the middle of what was measured.
		x := median(g, alphaOf)
		near := keep(g, func(o observation) bool { return !(math.Abs(math.Log(o.Alpha/x)) > 2) })
		y := median(near, testError)
		guide := Guide{Name: "slope 21/16, the bound's"}
		_, alphas := by(g, alphaOf)
		for a := range alphas {
			guide.X = append(guide.X, a)
		}
		slices.Sort(guide.X)
		guide.X = []float64{guide.X[0], guide.X[len(guide.X)-1]}
		for _, a := range guide.X {
			guide.Y = append(guide.Y, y*math.Pow(a/x, boundExponent))
		}
		v.Figures[0].Guides = []Guide{guide}
	}
	return v
}

// While UUᵀ is small compared with M* = XXᵀ, the gradient at U is −S·U with S = 1/m Σ y_i A_i ≈ M*, so that a
// step is
//
//	U_{t+1} = (I + μ·S) U_t
//
// and the component of U along the truth's i-th direction, which begins at a size of order α, grows by
// 1 + μσ_i² each step. The weakest component, along σ_min(X), reaches the size of the truth when
// α·(1 + μσ_min²)^t is of order σ_min:
//
//	t = ln(1/α) / ln(1 + μσ_min²) + a constant
//
// The number of steps from there to a given test error does not depend on α. For UVᵀ, where M* is σ_i² along
// the i-th pair of directions, the component grows by 1 + μσ_i²/2.
const iterationsClaim = `While the factor is small its weakest component grows by 1 + μσ_min² each step, so
that the steps to a given test error are a line in ln(1/α) with slope 1/ln(1 + μσ_min²), where σ_min = 1/κ of
X.`

// judgeIterations asks for straight lines (R² of 0.99 for each seed) with the slope predicted to within a
// tenth. It disagrees if a slope is off by more than a quarter, or an R² is below 0.9.
func judgeIterations(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Fit: true, Query: sweep.Query{X: "alpha", Y: "iterations_to_0.01", By: "kappa"}},
	}}
	told := v.about(all, func(o observation) bool {
		return o.Method == "gd" && o.StepDecay == "" && o.HasSquaredLoss() && isIsotropic(o) &&
			o.LinkScale != "unknown" && (o.Parametrization == "psd" || o.Parametrization == "uv")
	}, "are not of the kind for which the slope is predicted (gd with constant steps on the squared loss of UUᵀ "+
		"or UVᵀ, with isotropic measurements)")
	there := v.arrived(told, func(o observation) bool { return reached(o) != nil },
		"did not reach a test error of 1 %")
	kappas, groups := by(there, kappaOf)
	agree, disagree := len(kappas) > 0, false
	for i, kappa := range kappas {
		g := groups[kappa]
		growth := g[0].Step / (kappa * kappa) // ‖X‖ is 1
		if g[0].Parametrization == "uv" {
			growth /= 2
		}
		predicted := 1 / math.Log1p(growth)
		s := slopeOf(g, logInverseAlpha, stepsToTarget)
		off := s.mean/predicted - 1
		v.find("κ = %g: slope %v steps per e-fold, predicted %.3g (%+.0f %%), least R² %.4f, "+
			"over %.1f decades of α",
			kappa, s, predicted, 100*off, s.worst, decades(g, alphaOf))
		agree = agree && math.Abs(off) <= 0.1 && s.worst >= 0.99
		disagree = disagree || math.Abs(off) > 0.25 || s.worst < 0.9
		var guide Guide
		if i == 0 {
			guide.Name = "predicted slopes"
		}
		alphas, ends := by(g, alphaOf)
		largest := alphas[len(alphas)-1]
		for _, a := range []float64{alphas[0], largest} {
			guide.X = append(guide.X, a)
			guide.Y = append(guide.Y, median(ends[largest], stepsToTarget)+predicted*math.Log(largest/a))
		}
		v.Figures[0].Guides = append(v.Figures[0].Guides, guide)
	}
	v.settle(agree, disagree)
	return v
}

const phasesClaim = `Three phases follow one another: the factor turns to the spectral estimate while it is
still small, then it leaves the saddle at zero, then the truth is refined.`

// judgePhases asks that all phases end, in order, and that the test error at their ends be as their names
// say. It disagrees if a phase ends before the one before it, which may never end.
func judgePhases(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{{Phases: true}}}
	agree, disagree := len(all) > 0, false
	for _, o := range all {
		ends := []*int{o.AlignmentEnd, o.SaddleEnd, o.FloorStart}
		for i, name := range []string{
			"I    alignment ends", "II   saddle avoidance ends", "III  refinement's floor begins",
		} {
			if ends[i] == nil {
				v.find("%s: not reached in %d iterations", name, o.Record.Iterations)
				agree = false
				continue
			}
			p := pointAt(o.Trajectory, *ends[i])
			v.find("%s: iteration %d, with test error %.2g, signal %.2g, noise %.2g, "+
				"angle to the spectral estimate %.2g and to the truth %.2g",
				name, *ends[i], p.TestError, p.Signal, p.Noise, p.SpectralAngle, p.Angle)
			if i > 0 && (ends[i-1] == nil || *ends[i-1] >= *ends[i]) {
				v.find("the phase before it has not ended by then")
				disagree = true
			}
		}
		if o.AlignmentEnd == nil || o.FloorStart == nil {
			continue
		}
		small := float64(pointAt(o.Trajectory, *o.AlignmentEnd).TestError)
		v.find("when alignment ends the test error is %.3f (zero has the error 1); at the floor it is %.2g",
			small, o.Final.TestError)
		disagree = disagree || small <= 0.9 || o.Final.TestError >= experiment.RecoveredBelow
	}
	v.settle(agree, disagree)
	return v
}

// pointAt returns the point of a trajectory nearest to an iteration.
func pointAt(t []sweep.Point, iteration int) sweep.Point {
	best := sweep.Point{Iteration: math.MaxInt}
	away := func(p sweep.Point) int { return max(p.Iteration-iteration, iteration-p.Iteration) }
	for _, p := range t {
		if best.Iteration == math.MaxInt || away(p) < away(best) {
			best = p
		}
	}
	return best
}

// halves returns a value at the last point of a run's first half, and at its last point: NaN if the run
// diverged, or has no point between its start and its half.
func halves(o observation, value func(p sweep.Point) float64) (halfway, end float64) {
	if o.Diverged() || len(o.Trajectory) == 0 {
		return math.NaN(), math.NaN()
	}
	last := o.Trajectory[len(o.Trajectory)-1]
	halfway = math.NaN()
	for _, p := range o.Trajectory {
		if p.Iteration > 0 && 2*p.Iteration <= last.Iteration {
			halfway = value(p)
		}
	}
	return halfway, value(last)
}

// hasSettled reports whether a value changed by less than a tenth in the last half of the steps: see
// [halves].
func hasSettled(halfway, end float64) bool { return math.Abs(halfway-end) <= 0.1*math.Abs(end) }

const overClaim = `More columns than the truth's rank do no harm: the truth is recovered with any number of
them, and alignment takes fewer steps with more columns.`

// judgeOver asks that every run with at least 2r* columns recover the truth, and that phase I get shorter
// with the logarithm of the number of columns.
func judgeOver(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "factor-rank", Y: "alignment_end"}},
		{Query: sweep.Query{X: "factor-rank", Y: "test_error"}},
	}}
	columns := func(o observation) int { return o.FactorRank }
	wide := keep(all, func(o observation) bool { return o.FactorRank >= 2*o.Rank })
	recovering := shareOf(wide)
	v.find("%v runs with r ≥ 2r* recover the truth (test error below %g)",
		recovering, experiment.RecoveredBelow)
	aligned := v.arrived(all, func(o observation) bool { return o.AlignmentEnd != nil }, "did not align")
	end := func(o observation) float64 { return float64(*o.AlignmentEnd) }
	ranks, groups := by(aligned, columns)
	for _, r := range ranks {
		v.find("r = %d: phase I ends at iteration %g, test error %.2g (medians of %d runs)",
			r, median(groups[r], end), median(groups[r], testError), len(groups[r]))
	}
	s := slopeOf(aligned, log10(func(o observation) float64 { return float64(o.FactorRank) }), end)
	v.find("phase I against log₁₀ r: slope %v steps", s)
	switch {
	case len(wide) == 0 || math.IsNaN(s.low):
	default:
		v.settle(s.high < 0, recovering.recovered < len(wide) || s.low > 0)
	}
	return v
}

const generalizationClaim = `A factor of n columns fits fewer than n(n+1)/2 observations by matrices that
have nothing to do with the truth. Yet gradient descent from a small start finds the truth as soon as there
are a few times as many observations as the truth has free numbers. With fewer observations than free
numbers, no method can.`

// judgeGeneralization asks for a good fit with every number of measurements (a loss below a millionth of the
// start's), a test error above 0.1 with fewer measurements than free numbers, and a test error below 0.01
// with four times as many or more.
func judgeGeneralization(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "measurements", Y: "test_error"}},
		{Query: sweep.Query{X: "measurements", Y: "train_loss"}},
	}}
	fits, below, above := true, true, true
	under, over := 0, 0
	sizes, groups := by(stable(all), func(o observation) int { return o.Measurements })
	for _, m := range sizes {
		g := groups[m]
		free := freeNumbers(g[0], g[0].Rank)
		loss := median(g, partOfLoss)
		e := median(g, testError)
		v.find("m = %d, %.2f of the %g free numbers: train loss %.1e of the start's, test error %.1e "+
			"(medians of %d runs)",
			m, float64(m)/free, free, loss, e, len(g))
		fits = fits && loss < 1e-6
		if float64(m) < free {
			under++
			below = below && e > 0.1
		}
		if float64(m) >= 4*free {
			over++
			above = above && e < 0.01
		}
	}
	if under == 0 || over == 0 {
		v.find("measurements are not on both sides of the free numbers")
		return v
	}
	v.settle(fits && below && above, !below || !above)
	return v
}

const spectralClaim = `From a small start the factor first turns to the spectral method's subspace, comes far
closer to it than that subspace is to the truth, and then leaves it for the truth.`

// judgeSpectral asks, for each number of columns, that the median of the closest angle to the spectral
// estimate be within [experiment.AkinWithin] of the estimate's angle to the truth, and the median of the last
// angle at least half of it. It disagrees if the closest angle is more than half of the estimate's angle, or
// if the last angle is at most twice the closest although the runs went on for as many iterations again.
func judgeSpectral(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: sweep.Iteration, Y: "spectral_angle", By: "factor-rank"}},
	}}
	ranks, groups := by(stable(all), func(o observation) int { return o.FactorRank })
	agree, disagree := len(ranks) > 0, false
	for _, r := range ranks {
		g := groups[r]
		estimate := median(g, func(o observation) float64 { return float64(o.EstimateAngle) })
		closest := median(g, func(o observation) float64 { return float64(o.ClosestAngle) })
		last := median(g, func(o observation) float64 { return o.Final.SpectralAngle })
		when := median(g, func(o observation) float64 {
			if o.ClosestIteration == nil {
				return math.NaN()
			}
			return float64(*o.ClosestIteration)
		})
		v.find("r = %d: closest to the spectral estimate at iteration %g, sine %.2g (%.2g°), "+
			"in the end %.2g; the estimate is %.2g (%.2g°) from the truth (medians of %d runs)",
			r, when, closest, degrees(closest), last, estimate, degrees(estimate), len(g))
		agree = agree && closest <= experiment.AkinWithin*estimate && last >= estimate/2
		stays := last <= 2*closest && median(g, lastIteration) >= 2*when
		agree = agree && !stays
		disagree = disagree || closest > estimate/2 || stays
	}
	v.settle(agree, disagree)
	return v
}

func lastIteration(o observation) float64 { return float64(o.Final.Iteration) }

func degrees(sine float64) float64 { return math.Asin(sine) * 180 / math.Pi }
