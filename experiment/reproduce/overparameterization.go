package reproduce

import (
	"math"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
)

var overparameterizationExperiment = Experiment{
	Name:  "overparameterization",
	About: "the length of phase I and the test error against the factor's columns",
	Claim: `More columns than the truth's rank do no harm: the truth is recovered with any number of them,
and alignment takes fewer steps with more columns.`,
	Compared: `the share of runs with r ≥ 2r* that recover the truth, and the slope of the length of phase I
in log r`,
	AgreesIf:    `all runs with r ≥ 2r* recover the truth, and all of the slope's interval is below 0`,
	DisagreesIf: `a run with r ≥ 2r* does not recover the truth, or all of the slope's interval is above 0`,
	Untested:    `fewer than 2r* columns, for which the theorem asks for a smaller start`,
	judge:       judgeOver,
}

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
