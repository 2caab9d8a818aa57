package reproduce

import (
	"fmt"
	"math"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

var eigenvaluesExperiment = Experiment{
	Name:  "eigenvalues",
	About: "the eigenvalues that leave the bulk one by one in multi-index models",
	Claim: `As the number of measurements of a multi-index model grows, eigenvalues of Σ T(y_i) a_i a_iᵀ
leave the bulk of the spectrum one by one, each from a predicted number of measurements on and at a
predicted place. The eigenvector of an eigenvalue outside the bulk has the predicted overlap with the
directions on which y depends; those in the bulk have none (Kovačević, Zhang and Mondelli, arXiv
2502.01583).`,
	Compared: `for models with p ≥ 2 directions the p + 1 largest eigenvalues over m/n, and the overlaps of
their eigenvectors with the directions, beside their predictions (medians)`,
	AgreesIf: `eigenvalues are within a tenth of the bulk's half-width of their predictions, overlaps are
within 0.15, and for one model every number of eigenvalues outside the bulk, from 0 to p, is predicted for
some m (an eigenvalue counts from an overlap of 0.2 on)`,
	DisagreesIf: `an eigenvalue is more than a quarter of the half-width off, or an overlap more than 0.3`,
	Untested: `links other than quadratic, noise, directions that do not diagonalize E[z zᵀ | y] for every y,
and a T that is best for all of them`,
	judge: judgeEigenvalues,
}

func judgeEigenvalues(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	several := v.about(all, func(o observation) bool { return o.Rank > 1 }, "have one direction")
	models, groups := by(several, eigenvalueModel)
	agree, disagree, oneByOne := true, false, false
	for _, model := range models {
		sizes, runs := by(groups[model], func(o observation) int { return o.Measurements })
		counts := map[int]bool{} // numbers of eigenvalues outside that are predicted
		first := groups[model][0]
		figure := Figure{Query: sweep.Query{X: "measurements", Y: "eigenvalue", Where: map[string][]string{
			"rank": {fmt.Sprint(first.Rank)}, "spectrum": {first.Spectrum},
		}}, Guides: make([]Guide, first.Rank+1)}
		figure.Guides[0].Name = "predicted"
		for _, m := range sizes {
			limit, err := runs[m][0].Predict()
			if err != nil {
				v.find("%s: %v", model, err)
				agree = false
				break
			}
			width := limit.Edge - limit.Mean
			count, text := 0, ""
			for k, at := range limit.Top(first.Rank + 1) {
				value := median(runs[m], ofEigenvalue(k, func(e experiment.Eigenvalue) experiment.Number {
					return e.Value
				}))
				overlap := median(runs[m], ofEigenvalue(k, func(e experiment.Eigenvalue) experiment.Number {
					return e.Overlap
				}))
				text += fmt.Sprintf("; %.3f (%.3f), %.2f (%.2f)", value, at.Value, overlap, at.Overlap)
				off, missed := math.Abs(value-at.Value)/width, math.Abs(overlap-at.Overlap)
				agree = agree && off <= 0.1 && missed <= 0.15
				disagree = disagree || off > 0.25 || missed > 0.3
				if at.Overlap >= 0.2 {
					count++
				}
				guide := &figure.Guides[k]
				guide.X, guide.Y = append(guide.X, float64(m)), append(guide.Y, at.Value)
			}
			counts[count] = true
			v.find("%s, m = %.3gn: eigenvalues and overlaps (predicted) %s", model, float64(m)/float64(first.N),
				strings.TrimPrefix(text, "; "))
		}
		oneByOne = oneByOne || len(counts) == first.Rank+1
		v.Figures = append(v.Figures, figure)
	}
	if !oneByOne {
		v.find("for no model are there numbers of measurements at which 0, 1, … and all eigenvalues are outside")
	}
	v.settle(agree && oneByOne, disagree)
	return v
}

// eigenvalueModel names a multi-index model and its T.
func eigenvalueModel(o observation) string {
	name := fmt.Sprintf("%s, p = %d", o.Link, o.Rank)
	if o.Spectrum != "" {
		name += ", " + o.Spectrum
	} else if o.Kappa > 1 {
		name += fmt.Sprintf(", κ = %g", o.Kappa)
	}
	name += ", " + o.Preprocessing
	if o.Noise > 0 {
		name += fmt.Sprintf(", noise %g", o.Noise)
	}
	return name
}

// ofEigenvalue returns a value of the eigenvalue at place k of a run's estimate, or NaN if it is not there.
func ofEigenvalue(k int, value func(e experiment.Eigenvalue) experiment.Number) func(o observation) float64 {
	return func(o observation) float64 {
		if k >= len(o.Eigenvalues) {
			return math.NaN()
		}
		return float64(value(o.Eigenvalues[k]))
	}
}
