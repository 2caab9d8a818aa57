package experiment

import (
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// batchOf returns a batch of one member, which can carry out the runs of checked configurations that share
// their problem. It takes the truth as known, if there is a rank.
func batchOf(configs ...config.Config) solver.Batch {
	first := &configs[0]
	b := solver.Batch{Parametrization: first.NewParametrization()}
	largest := 0
	var measured []solver.Measured
	for i := range configs {
		c := &configs[i]
		values, _ := c.CountSingularValues() // Validate refuses what is no number
		largest = max(largest, c.FactorRank)
		b.Losses = append(b.Losses, c.NewLoss())
		b.Needs = b.Needs.And(c.NewMethod().Needs())
		measured = append(measured, solver.Measured{
			FactorRank: c.FactorRank, Rank: c.Rank, SingularValues: values,
		})
	}
	b.FactorRanks = []int{largest}
	b.Metrics = solver.MetricsOf(first.Space(), b.Parametrization, true, measured...)
	return b
}
