package sweep

import "github.com/matsense/matsense/sensing"

// Group is a set of runs that share their measurements and observations: these are made once for all of them.
type Group struct{ Runs []Run }

// Groups collects the runs with the same measurements and observations. The groups are in the order of their
// first runs.
func Groups(runs []Run) []Group {
	var groups []Group
	index := map[string]int{}
	for _, r := range runs {
		key := r.Config.ProblemKey()
		i, known := index[key]
		if !known {
			i = len(groups)
			index[key] = i
			groups = append(groups, Group{})
		}
		groups[i].Runs = append(groups[i].Runs, r)
	}
	return groups
}

// cost estimates the time of a group: to make the rows, once, and to take the steps of each run. The unit is
// the time for one entry in one step. Products are rounded before they are added (a conversion forbids a
// fused multiply-add), so that every machine finds the same cost.
func (g Group) cost() float64 {
	cost := rowsCost(g.Runs[0])
	for _, r := range g.Runs {
		cost += runCost(r)
	}
	return cost
}

// entries is the number m·K of entries of a run's measurements; 1 if the sizes come from data files.
func entries(r Run) float64 { return max(r.Config.EntryCount(), 1) }

// runCost is the cost of a run's steps and of the gradient at the last iterate, which is measured.
func runCost(r Run) float64 { return float64(entries(r) * float64(r.Config.Iterations+1)) }

// rowsCost is the cost of making the rows. A normal deviate takes 50 ns on two cores, as long as 300 steps
// with the entry. A q8 entry, a sign, or an entry of user data takes about as long as one step.
func rowsCost(r Run) float64 {
	switch sensing.Entries(r.Config.Entries) {
	case sensing.F64, sensing.F32, sensing.BF16:
		if r.Config.UserMeasurements() == "" {
			return float64(300 * entries(r))
		}
	}
	return entries(r)
}
