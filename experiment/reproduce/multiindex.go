package reproduce

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/sensing"
)

var multiIndexExperiment = Experiment{
	Name:  "multi-index",
	About: "the overlap of spectral estimates with the truth, beside its prediction",
	Claim: `While m/n is below a threshold, the leading eigenvectors of Σ T(y_i) a_i a_iᵀ are independent of
the directions on which y depends. The best T lowers this threshold to that of weak recovery (1/2 for phase
retrieval). Above the threshold a formula predicts the overlap (Mondelli and Montanari, arXiv 1708.05932; Lu
and Li, arXiv 1702.06435; Kovačević, Zhang and Mondelli, arXiv 2502.01583, for several directions).`,
	Compared: `the median overlap of the spectral estimate with the directions over m/n, for each T, beside
its prediction. The overlap with a random vector is 1/n on average. Near the threshold that of an
eigenvector at the edge of the bulk is larger`,
	AgreesIf: `every overlap is within 0.1 of its prediction, and with the optimal T it is below max(20/n,
0.05) for m/n up to 0.8 of the threshold and above 0.2 from twice the threshold on (there must be runs of
both)`,
	DisagreesIf: `an overlap is more than 0.2 off, or with the optimal T above 0.2 although m/n is not above
the threshold`,
	Untested: `more than one direction (which eigenvalues tests, for the link quadratic alone), the links
product and sign-product, and noise`,
	judge: judgeMultiIndex,
}

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
