package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

// If M* is M_r* + M', with a best approximation M_r* of rank r* and a tail M', then
//
//	y_i = ⟨A_i, M_r*⟩ + ⟨A_i, M'⟩,
//
// and for Gaussian A_i the second term is N(0, ‖M'‖_F²) noise. It is independent of the part of A_i in the
// tangent space at M_r*, because M' is orthogonal to that space. Least squares in that space, of dimension d,
// then has the squared distance d/m·‖M'‖_F² to M_r*, and the distance to M*
//
//	‖M'‖_F·√(1 + d/m).
var approximateRankExperiment = Experiment{
	Name:  "approximate-rank",
	About: "the least error of ScaledGD(λ) against the norm of the truth's small tail",
	Claim: `If the truth M* has r* large singular values and a small tail M', scaled gradient descent with
damping reaches an error ‖UUᵀ − M*‖_F of at most the order of ‖M'‖_F, up to a factor that depends on the
condition number of the large values. It does so from small random starts with any r ≥ r* columns, with
Gaussian measurements (Xu, Shen, Chi and Ma, arXiv 2302.01186).`,
	Compared: `the least ‖UUᵀ − M*‖_F of scaled-gd-lambda on truths with large singular values and a tail M',
which begins behind the largest gap (fivefold at least): its slope in ‖M'‖_F, in logarithms, for each m and
r; its ratio to ‖M'‖_F; and its range over r (medians)`,
	AgreesIf: `every slope is at least 0.95, every ratio at most 3, and errors with different r differ by at
most a quarter`,
	DisagreesIf: `a slope is below 0.8, a ratio is above 10, or errors are twofold apart in r`,
	Untested: `the power of κ of X, the condition on m, tails not small beside the least large value, and a λ
that is not of that value's order`,
	judge: judgeApproximateRank,
}

// tailGap is how many times larger than the tail the large singular values are, at the least.
const tailGap = 5

// headOf returns the number r* of singular values before the largest gap, the norm ‖M'‖_F of the others, and
// whether the gap is at least tailGap.
func headOf(o observation) (rank int, tail float64, ok bool) {
	values := o.Singular()
	gap := 0.0
	for i := 1; i < len(values); i++ {
		if g := values[i-1] / values[i]; g > gap {
			gap, rank = g, i
		}
	}
	for _, s := range values[rank:] {
		tail = math.Hypot(tail, s)
	}
	return rank, tail, gap >= tailGap
}

func judgeApproximateRank(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	tails := v.about(all, func(o observation) bool {
		rank, _, ok := headOf(o)
		return ok && o.FactorRank >= rank && o.BestTestErrorIteration != nil
	}, "have no tail or r < r*")
	if len(tails) == 0 {
		v.find("there is no run to judge")
		return v
	}
	tailOf := func(o observation) float64 { _, tail, _ := headOf(o); return tail }
	ratio := func(o observation) float64 { return leastDistanceOf(o) / tailOf(o) }
	sizes, groups := by(tails, func(o observation) int { return o.Measurements })
	agree, disagree, several := true, false, false
	apart := 1.0
	for _, m := range sizes {
		v.Figures = append(v.Figures, Figure{Query: sweep.Query{
			X: "spectrum", Y: "best_test_error", By: "factor-rank",
			Where: map[string][]string{"measurements": {fmt.Sprint(m)}},
		}})
		columns, of := by(groups[m], func(o observation) int { return o.FactorRank })
		several = several || len(columns) > 1
		for _, r := range columns {
			s := slopeOf(of[r], log10(tailOf), log10(leastDistanceOf))
			most := 0.0
			for _, o := range of[r] {
				most = math.Max(most, ratio(o)) // NaN stays
			}
			v.find("m = %d, r = %d: slope %v in ‖M'‖_F over %.1f decades; the least error is %.4g of it, "+
				"and at most %.4g; the last error is %.4g of the least (medians)",
				m, r, s, decades(of[r], tailOf), median(of[r], ratio), most, median(of[r], overfit))
			agree = agree && s.mean >= 0.95 && most <= 3
			disagree = disagree || s.mean < 0.8 || most > 10
		}
		spectra, ofSpectrum := by(groups[m], func(o observation) string { return o.Spectrum })
		for _, spectrum := range spectra {
			low, high := math.Inf(1), 0.0
			_, of := by(ofSpectrum[spectrum], func(o observation) int { return o.FactorRank })
			for _, g := range of {
				e := median(g, leastDistanceOf)
				low, high = math.Min(low, e), math.Max(high, e)
			}
			apart = math.Max(apart, high/low)
		}
		rank, _, _ := headOf(groups[m][0])
		free := freeNumbers(groups[m][0], rank)
		v.find("m = %d: least squares in the tangent space at the best approximation of rank %d has %.4g "+
			"of ‖M'‖_F, for Gaussian measurements", m, rank, math.Sqrt(1+free/fitted(groups[m][0])))
	}
	v.find("least errors of different r differ by a factor of at most %.2f (medians)", apart)
	v.settle(agree && several && apart <= 1.25, disagree || apart > 2)
	return v
}
