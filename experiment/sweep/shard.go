package sweep

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"sort"
)

// Shard returns part i of n parts of a sweep, 0 ≤ i < n, as groups in their order. Every run is in exactly
// one part, and every machine finds the same parts. The parts take about the same time. To split a group
// costs time, since its rows are made more than once: this is done only if the group alone takes longer than
// an n-th of the whole.
func Shard(groups []Group, i, n int) []Group {
	if i < 0 || i >= n {
		panic(fmt.Sprintf("sweep: part %d of %d", i, n))
	}
	var part []Group
	for _, p := range split(groups, n) {
		if p.part == i {
			slices.SortFunc(p.runs, func(a, b Run) int { return cmp.Compare(a.Index, b.Index) })
			part = append(part, Group{p.runs})
		}
	}
	return part
}

// piece is a set of runs of one group that are in one part.
type piece struct {
	group, part int
	runs        []Run
}

// divisible is a group that takes longer than an n-th of the whole.
type divisible struct {
	group int
	// runs are the group's runs, the shortest first: if one does not fit, no later one does, and so no part
	// gets two pieces of the group.
	runs []Run
	// upTo has, for each k, the cost of the rows and of the first k runs.
	upTo []float64
}

// split divides groups into n parts. First each group that takes at most an n-th of the whole goes to the
// part with the least to do, the longest group first. Then the runs of the longer groups fill all parts up to
// the same level. The pieces are in the order of their groups.
func split(groups []Group, n int) []piece {
	costs := make([]float64, len(groups))
	order := make([]int, len(groups))
	fair := 0.0
	for g, group := range groups {
		costs[g], order[g] = group.cost(), g
		fair += costs[g]
	}
	fair /= float64(n)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(costs[b], costs[a]) })

	parts := make(loads, n)
	for i := range parts {
		parts[i].part = i
	}
	var pieces []piece
	var large []divisible
	for _, g := range order {
		if costs[g] > fair {
			large = append(large, divide(g, groups[g]))
			continue
		}
		pieces = append(pieces, piece{g, parts[0].part, slices.Clone(groups[g].Runs)})
		parts.add(costs[g])
	}
	pieces = append(pieces, pourLowest(large, parts, fair)...)
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.group, b.group) })
	return pieces
}

// divide prepares a group to be split.
func divide(group int, g Group) divisible {
	d := divisible{group, slices.Clone(g.Runs), []float64{rowsCost(g.Runs[0])}}
	slices.SortStableFunc(d.runs, func(a, b Run) int { return cmp.Compare(runCost(a), runCost(b)) })
	for i, r := range d.runs {
		d.upTo = append(d.upTo, d.upTo[i]+runCost(r))
	}
	return d
}

// pourLowest finds the lowest level, at least the given one, at which the parts have room for all groups. It
// returns the pieces at this level.
func pourLowest(groups []divisible, parts loads, level float64) []piece {
	pieces, ok := pour(groups, parts, level)
	if ok {
		return pieces
	}
	low, high := level, level
	for !ok {
		low, high = high, 2*high
		pieces, ok = pour(groups, parts, high)
	}
	for range 30 { // to a billionth of the level
		middle := low + (high-low)/2
		if lower, ok := pour(groups, parts, middle); ok {
			pieces, high = lower, middle
		} else {
			low = middle
		}
	}
	return pieces
}

// pour gives the runs of groups, in their order, to the part with the least to do, as many as fit up to the
// level. It returns false if they do not all fit.
func pour(groups []divisible, parts loads, level float64) ([]piece, bool) {
	parts = slices.Clone(parts)
	var pieces []piece
	for _, g := range groups {
		for from := 0; from < len(g.runs); {
			// The runs from, …, to − 1 cost upTo[to] − upTo[from] and, once more, the rows.
			room := level - parts[0].load - g.upTo[0] + g.upTo[from]
			count := sort.Search(len(g.runs)-from, func(i int) bool { return g.upTo[from+i+1] > room })
			if count == 0 {
				return nil, false
			}
			to := from + count
			pieces = append(pieces, piece{g.group, parts[0].part, g.runs[from:to]})
			parts.add(g.upTo[0] + g.upTo[to] - g.upTo[from])
			from = to
		}
	}
	return pieces, true
}

// loads is a heap of the work of each part, the least on top.
type loads []struct {
	part int
	load float64
}

// add adds work to the part on top.
func (l loads) add(cost float64) {
	l[0].load += cost
	heap.Fix(&l, 0)
}

func (l loads) Len() int { return len(l) }
func (l loads) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(l[i].load, l[j].load), cmp.Compare(l[i].part, l[j].part)) < 0
}
func (l loads) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (*loads) Push(any)       {}
func (*loads) Pop() any       { return nil }
