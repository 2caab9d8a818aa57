package sweep

import (
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/parallel"
)

// smallGroup is the memory, in bytes, up to which a group on the host is small: the rows of one step are at
// most 4·2²⁰ numbers in f64. Workers that share so short a step wait for each other during much of it. Below
// 2²⁰ numbers a step has one worker.
const smallGroup = 32 << 20

// needsLittle says whether a planned group is small. Generated rows take little memory and much time.
func needsLittle(g *experiment.Group) bool {
	return g.Plan.Config.Device == "cpu" && g.Plan.Storage == "memory" && g.Plan.Bytes <= smallGroup
}

// isSmall says whether a group, or some runs of it, is small. Fewer runs of a group need no more memory.
func (p *Plan) isSmall(g Group) bool { return p.small[sizeOfRows(g.Runs)] && !p.isAlone(g) }

// findBeside finds out how many small groups go side by side on the host: one for each worker, as long as
// there are as many groups, and far more memory than all of them need.
func (p *Plan) findBeside() {
	p.small = map[string]bool{}
	for _, g := range p.Part { // all groups with rows of a size, as their runs may differ
		rows := sizeOfRows(g.Runs)
		at, known := p.bySize[p.size(g.Runs, "")]
		before, found := p.small[rows]
		p.small[rows] = known && at.small && (before || !found)
	}
	groups, largest, available := 0, 0.0, 0.0
	for _, g := range p.Part {
		if p.isSmall(g) {
			at := p.bySize[p.size(g.Runs, "")]
			groups++
			largest, available = max(largest, at.bytes), at.available
		}
	}
	if groups == 0 {
		return
	}
	p.workers = parallel.Workers(p.Runs[0].Config.Workers)
	p.AtOnce = max(1, min(p.workers, groups, int(available/(4*largest))))
	p.Bytes = max(p.Bytes, float64(p.AtOnce)*largest)
}

// sort divides groups into those that go side by side on the host, and the rest.
func (p *Plan) sort(groups []Group) (small, rest []Group) {
	for _, g := range groups {
		if p.AtOnce > 1 && p.isSmall(g) {
			small = append(small, g)
		} else {
			rest = append(rest, g)
		}
	}
	return small, rest
}

// beside returns lanes that share the workers and take small groups from one queue.
func (p *Plan) beside(groups []Group) (lanes []lane) {
	count, q := min(p.AtOnce, len(groups)), queue(groups)
	for i := range count {
		lanes = append(lanes, lane{spot{workers: (p.workers + i) / count}, q})
	}
	return lanes
}
