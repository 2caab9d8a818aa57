package sweep

import "github.com/matsense/matsense/solver"

// UnderWay has the runs of a sweep that take steps now, by their numbers. A run that has ended is deleted.
type UnderWay map[int]Reached

// Reached is how far a run under way has come.
type Reached struct{ Iteration, To int }

// Watch hears what a run does.
func (u UnderWay) Watch(r Run, a solver.Activity, iteration int) {
	switch to := r.Config.Iterations; {
	case a != solver.Stepping:
	case iteration >= to: // the run ends, and another may take its place
		delete(u, r.Index)
	default:
		u[r.Index] = Reached{iteration, to}
	}
}

// Range is the least and the greatest iteration that the runs have reached, and the fewest and the most that
// they take; all are 0 if there is no run.
func (u UnderWay) Range() (least, greatest, fewest, most int) {
	first := true
	for _, r := range u {
		if first {
			least, greatest, fewest, most, first = r.Iteration, r.Iteration, r.To, r.To, false
		}
		least, greatest = min(least, r.Iteration), max(greatest, r.Iteration)
		fewest, most = min(fewest, r.To), max(most, r.To)
	}
	return least, greatest, fewest, most
}

// Share is how much of so many runs is done, from 0 to 1, if some have ended. Of a run under way it counts
// the part that is done.
func (u UnderWay) Share(ended, runs int) float64 {
	done := float64(ended)
	for _, r := range u {
		done += float64(r.Iteration) / float64(max(r.To, 1))
	}
	return min(done/float64(max(runs, 1)), 1)
}
