package experiment

import (
	"math"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// BestIterates says which of a run's measured iterates have the least errors. An iteration is null and its
// error null if no iterate has a known error.
type BestIterates struct {
	BestTestError          Number `json:"best_test_error"`
	BestTestErrorIteration *int   `json:"best_test_error_iteration"`
	BestHeldOut            Number `json:"best_held_out_rmse"`
	BestHeldOutIteration   *int   `json:"best_held_out_rmse_iteration"`
}

// BestOf returns the best iterates of a trajectory; of several with the same error, the first.
func BestOf(t solver.Trajectory) (b BestIterates) {
	b.BestTestError, b.BestTestErrorIteration = leastOf(t, "test_error")
	b.BestHeldOut, b.BestHeldOutIteration = leastOf(t, "held_out_rmse")
	return b
}

// leastOf returns the least known value of a metric in a trajectory, and the first iteration that has it; NaN
// and nil if none is known.
func leastOf(t solver.Trajectory, metric string) (least Number, at *int) {
	least = Number(math.NaN())
	for i := range t {
		if v := t[i].Value(metric); v < float64(least) || at == nil && !math.IsNaN(v) {
			least, at = Number(v), &t[i].Iteration
		}
	}
	return least, at
}

// resultSample returns the sample of the iterate that is the result: the last one, or the best one if that is
// kept.
func resultSample(c *config.Config, res *solver.Result, t solver.Trajectory) solver.Sample {
	if c.KeepsBest() {
		for _, s := range t {
			if s.Iteration == res.Iteration {
				return s
			}
		}
	}
	if len(t) == 0 {
		return solver.NewSample(0)
	}
	return t[len(t)-1]
}
