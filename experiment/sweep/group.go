package sweep

import "github.com/matsense/matsense/sensing"

// Group is runs that share their measurements and observations, which need to be made only once.
type Group struct{ Runs []Run }

// Groups puts runs with the same measurements and observations together, in the order of their first runs.
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

// cost estimates the time of a group on its own: making the rows, once, and the steps of each run. Its unit is one entry in
// one step. Products are rounded before they are added (a conversion forbids a fused multiply-add), so that every machine
// finds the same.
func (g Group) cost() float64 {
	cost := rowsCost(g.Runs[0])
	for _, r := range g.Runs {
		cost += runCost(r)
	}
	return cost
}

// entries is the number m·K of a run's entries; at least 1 where files say.
func entries(r Run) float64 { return max(r.Config.EntryCount(), 1) }

// runCost is that of a run's steps, and of the last gradient, which is measured.
func runCost(r Run) float64 { return float64(entries(r) * float64(r.Config.Iterations+1)) }

// rowsCost is that of making the rows. A Gaussian entry takes 50 ns on two cores where it is a normal deviate, as long as
// 300 steps; q8 entries and signs, and a user's own, take about as long as one.
func rowsCost(r Run) float64 {
	switch sensing.Entries(r.Config.Entries) {
	case sensing.F64, sensing.F32, sensing.BF16:
		if r.Config.UserMeasurements() == "" {
			return float64(300 * entries(r))
		}
	}
	return entries(r)
}
