package reproduce

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/sensing"
)

const phaseRetrievalClaim = `Gradient descent on uuᵀ recovers a vector of n numbers from the squares of its
products with a few times n random vectors. Each step reads the m·n numbers of these vectors twice. The start
is the spectral estimate (Candès, Li and Soltanolkotabi, arXiv 1407.1065), a small random vector (Chen, Chi,
Fan and Ma, arXiv 1803.07726), or a small random factor with more than one column.`

// judgePhaseRetrieval asks that nine of ten runs of each start recover the truth from 8n measurements or
// more, and none from n or fewer, as several vectors satisfy n generic ones. It disagrees if fewer than half
// of the runs recover from 8n, or one in ten from n.
func judgePhaseRetrieval(all []observation) Verdict {
	one := map[string][]string{"factor-rank": {"1"}}
	v := Verdict{Status: Unclear, follow: []string{"alpha"}, Figures: []Figure{
		{Query: sweep.Query{X: "measurements", Y: "test_error", By: "init", Where: one}},
		{Query: sweep.Query{
			X: "measurements", Y: "test_error", By: "factor-rank",
			Where: map[string][]string{"init": {"random"}},
		}},
	}, mayDiverge: counted}
	starts, groups := by(all, func(o observation) string {
		return fmt.Sprintf("%s start, r = %d", o.Init, o.FactorRank)
	})
	agree, disagree := len(starts) > 0, false
	for _, start := range starts {
		sizes, runs := by(groups[start], func(o observation) int { return o.Measurements })
		least, most, text := math.Inf(1), math.Inf(-1), "" // shares of runs that recover
		for _, m := range sizes {
			g := runs[m]
			here := shareOf(g)
			text += fmt.Sprintf("; m = %.3gn: %v", float64(m)/float64(g[0].N), here)
			if m <= g[0].N {
				most = max(most, here.part())
			}
			if m >= 8*g[0].N {
				least = min(least, here.part())
			}
		}
		v.find("%s, recovered%s", start, text[1:])
		agree = agree && least >= 0.9 && least <= 1 && most == 0
		disagree = disagree || least < 0.5 || most >= 0.1
	}
	v.settle(agree, disagree)
	return v
}

const multiIndexClaim = `While m/n is below a threshold, the leading eigenvectors of Σ T(y_i) a_i a_iᵀ are
independent of the directions on which y depends. The best T lowers this threshold to that of weak recovery
(1/2 for phase retrieval). Above the threshold a formula predicts the overlap (Mondelli and Montanari, arXiv
1708.05932; Lu and Li, arXiv 1702.06435; Kovačević, Zhang and Mondelli, arXiv 2502.01583, for several
directions).`

// judgeMultiIndex asks that the median overlap be within 0.1 of the prediction for every m. With the optimal
// T it must be below max(20/n, 0.05) for m/n up to 0.8 of the threshold, and above 0.2 from twice the
// threshold on. (The overlap with a random vector is 1/n on average; near the threshold that of an
// eigenvector at the edge of the bulk is larger.) It disagrees if an overlap is 0.2 from the prediction, or
// above 0.2 below the threshold.
func judgeMultiIndex(all []observation) Verdict {
	const overlap = "estimate_overlap"
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "measurements", Y: overlap, By: "preprocessing"}},
	}}
	kinds, groups := by(all, func(o observation) string {
		if o.Noise > 0 {
			return fmt.Sprintf("%s, noise %g", o.Preprocessing, o.Noise)
		}
		return o.Preprocessing
	})
	isOptimal := func(o observation) bool { return o.Preprocessing == string(sensing.Optimal) }
	agree, disagree := slices.ContainsFunc(all, isOptimal), false
	for _, kind := range kinds {
		first := groups[kind][0]
		limit, err := first.Predict()
		if err != nil {
			v.find("%v", err)
			continue
		}
		threshold := limit.WeakRecovery
		sizes, runs := by(groups[kind], func(o observation) int { return o.Measurements })
		n := float64(first.N)
		below, above := false, false
		prediction := Guide{Name: "predicted, " + kind}
		for _, m := range sizes {
			delta := float64(m) / n
			measured := median(runs[m], func(o observation) float64 { return float64(o.EstimateOverlap) })
			limit, _ := runs[m][0].Predict() // as that of the first run
			predicted := limit.Overlap()
			v.find("%s, m = %.3gn: overlap %.3f, predicted %.3f (median of %d runs)",
				kind, delta, measured, predicted, len(runs[m]))
			off := math.Abs(measured - predicted)
			agree, disagree = agree && off <= 0.1, disagree || off > 0.2
			prediction.X, prediction.Y = append(prediction.X, float64(m)), append(prediction.Y, predicted)
			if !isOptimal(first) {
				continue
			}
			switch {
			case delta <= 0.8*threshold:
				below = true
				agree = agree && measured < math.Max(20/n, 0.05)
			case delta >= 2*threshold:
				above = true
				agree = agree && measured > 0.2
			}
			disagree = disagree || delta <= threshold && measured > 0.2
		}
		v.Figures[0].Guides = append(v.Figures[0].Guides, prediction)
		if isOptimal(first) {
			v.find("%s: for large n the overlap is 0 below m = %.4gn with every T", kind, threshold)
			agree = agree && below && above
			v.Figures[0].Guides = append(v.Figures[0].Guides, Guide{
				Name: "weak recovery",
				X:    []float64{threshold * n, threshold * n}, Y: []float64{1 / n, 1},
			})
		}
	}
	v.settle(agree, disagree)
	return v
}
