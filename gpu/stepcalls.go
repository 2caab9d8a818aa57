package gpu

import (
	"slices"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// cardCalls has the calls of a step of one member on rows that several devices share, by their number: on all
// of them, with the copies between them.
var cardCalls = map[int]int{2: 7, 3: 10, 4: 13, 8: 25}

// stepCalls is how many calls put a step of gradient descent with a fixed step size into the queues of the
// devices, for one member with the batch's largest factor, once graphs of the step are recorded.
// docs/kernels.md has the counts; TestStepCalls compares them with the calls that are made. The kernels of
// parametrizations and of methods besides are left out.
func (b Backend) stepCalls(e sensing.Ensemble, batch solver.Batch) (int, error) {
	if count := 1 + len(b.Others); count > 1 {
		return cardCalls[count], nil
	}
	batch.FactorRanks = []int{slices.Max(batch.FactorRanks)}
	planned, err := newEngine(b, e, batch)
	if err != nil {
		return 0, err
	}
	calls := 1 + planned.gradientCalls() // and combine
	switch {
	case b.noGraphs || calls > longestStretch:
		return calls, nil
	case b.Precision == solver.Mixed: // the copy to the host stays
		return 1 + blocks(calls-1, longestGraph), nil
	}
	if calls > longestGraph { // then combine is no part of a graph
		return 1 + blocks(calls-1, longestGraph), nil
	}
	return 1, nil
}

// gradientCalls is how many calls a gradient of one member makes on one device.
func (e *engine) gradientCalls() int {
	switch o := e.operator.(type) {
	case *rowOperator:
		return 1 + o.contractionCalls() + 1 + o.matrices // lift, sum_chunks and pullback
	case *mixedOperator:
		// lift, two kernels for the differences, two for what they add to the anchors, pullback, row_squares,
		// and a copy to the host.
		return 1 + 2 + o.single.contractionCalls() + 2 + o.pulls + 1 + 1
	case *rankOneOperator:
		return o.gradientCalls(e.columns(e.shapes[0]))
	case *pauliOperator:
		bundles := blocks(o.mostGroups, min(o.mostGroups, o.room))
		if o.long() { // three kernels for the residuals, two for the weights
			return bundles * (3 + 2 + o.matrices)
		}
		return 1 + bundles*(1+o.matrices)
	case *sampledOperator:
		return o.pulls
	}
	return 0
}

// contractionCalls is how many calls the contraction of one member makes: a fill and contract, or three steps
// for each tile, which may have to be generated first.
func (l *rowLayout) contractionCalls() int {
	if once, _ := l.once(); once {
		return 2
	}
	return l.tileCalls(3)
}

// gradientCalls is how many calls a gradient of one member with so many columns makes: for each tile of
// vectors contract, or times, residuals and accumulate; then collect for each matrix.
func (l *rankOneLayout) gradientCalls(cols int) int {
	each := 1
	if l.kernelFor(cols) == "" {
		each = 1 + 1 + len(l.pulls)
		if !l.symmetric {
			each++ // times of the other side
		}
	}
	return l.tileCalls(each) + len(l.pulls)
}

// tileCalls is how many calls a pass makes that makes some for each tile. Generated rows that are one tile
// stay from step to step.
func (s *rowStore) tileCalls(each int) int {
	tiles := blocks(s.m, s.tileRows)
	if !s.inMemory && tiles > 1 {
		each++
	}
	return each * tiles
}
