package reproduce

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment/sweep"
)

var reluThresholdsExperiment = Experiment{
	Name:  "relu-thresholds",
	About: "recovery and error over n, the threshold of what is observed, and noise",
	Claim: `If the entries of a positive semidefinite matrix that reach a threshold are observed, gradient
descent from a start made for such entries finds the matrix (Liu, Wang, Huang, Qu and Balzano, arXiv
2406.05822). It should do so for every size n, and with noise end at an error that is proportional to the
noise. The threshold is in units of the root mean square of the entries, and with 0 the entries that are not
negative are observed.`,
	Compared: `from relu-spectral, for each n and threshold: recovery without noise, the power of the noise σ
in the last test error, and that error over that of least squares in the tangent space at the truth, as if
the observed entries were drawn (median)`,
	AgreesIf: `all runs without noise recover the truth, every power is within 0.1 of 1, and every median is
at most 1.5`,
	DisagreesIf: `for a threshold a tenth of the runs without noise do not recover the truth, or for an n and
a threshold the power is more than 0.25 off or the median is above 3`,
	Untested: `thresholds so high that small rows have fewer observed entries than columns, noise on what is
observed, other ranks (which relu-completion tests), and the paper's comparison of methods`,
	judge: judgeReLUThresholds,
}

func judgeReLUThresholds(all []observation) Verdict {
	v := Verdict{Status: Unclear}
	made := keep(all, func(o observation) bool { return o.Init == "relu-spectral" })
	thresholds, groups := by(made, func(o observation) float64 { return o.ReLUThreshold })
	agree, disagree := len(thresholds) > 0, false
	for _, t := range thresholds {
		v.Figures = append(v.Figures, Figure{Query: sweep.Query{
			X: "n", Y: "test_error", By: "noise",
			Where: map[string][]string{"relu-threshold": {formatThreshold(groups[t][0])}},
		}})
		sizes, ofSize := by(groups[t], func(o observation) int { return o.N })
		var exact share
		for _, n := range sizes {
			g := ofSize[n]
			here := shareOf(keep(g, func(o observation) bool { return o.Noise == 0 }))
			noisy := keep(g, func(o observation) bool { return o.Noise > 0 && !o.Diverged() })
			exact.recovered, exact.of = exact.recovered+here.recovered, exact.of+here.of
			s := slopeOf(noisy, log10(noiseOf), log10(testError))
			over := median(noisy, func(o observation) float64 { return testError(o) / oracleError(o) })
			v.find("threshold %g, n = %d: %v recover without noise; with noise the error is σ to the power "+
				"of %v, and %.3g times that of least squares (median)", t, n, here, s, over)
			off := math.Abs(s.mean - 1) // NaN without three values of σ
			agree = agree && here.of > 0 && here.recovered == here.of && off <= 0.1 && over <= 1.5
			disagree = disagree || off > 0.25 || over > 3
		}
		disagree = disagree || exact.of > 0 && 10*(exact.of-exact.recovered) >= exact.of
	}
	if len(thresholds) == 0 {
		v.find("there are no runs from relu-spectral")
	}
	v.settle(agree, disagree)
	return v
}

// formatThreshold returns the threshold as a sweep has it.
func formatThreshold(o observation) string {
	f, _ := o.Field("relu-threshold")
	return fmt.Sprint(f)
}
