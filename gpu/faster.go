package gpu

import (
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// cost is what contract takes for an entry, by the counts of docs/kernels.md.
type cost struct {
	instructions float64 // of a thread
	conversions  float64 // from or to f64
}

// costs has the cost in f64 arithmetic and in f32 arithmetic. TestCosts holds it to the emulator's counts.
var costs = map[sensing.Entries]struct{ double, single cost }{
	sensing.F64:   {cost{11, 0}, cost{12, 2}},
	sensing.F32:   {cost{10, 2}, cost{8, 0}},
	sensing.BF16:  {cost{13, 2}, cost{11, 0}},
	sensing.Q8:    {cost{17, 2}, cost{15, 0}},
	sensing.Signs: {cost{14, 0}, cost{14, 0}},
}

// earlyCosts has the instructions of a thread that contract_early takes for an entry, in f64 arithmetic and
// in f32 arithmetic. TestCosts holds it to the emulator's counts.
var earlyCosts = map[sensing.Entries]struct{ double, single float64 }{
	sensing.F64:   {13.5, 15},
	sensing.F32:   {13, 10.5},
	sensing.BF16:  {14.5, 12},
	sensing.Q8:    {19.5, 17},
	sensing.Signs: {14.5, 14.5},
}

// stepCosts has the instructions of a thread that an entry of one member takes in dots and accumulate
// together, in f64 arithmetic and in f32 arithmetic. TestCosts holds it to the emulator's counts.
var stepCosts = map[sensing.Entries]struct{ double, single float64 }{
	sensing.F64:   {11.6, 13.2},
	sensing.F32:   {13.1, 10.7},
	sensing.BF16:  {17.2, 14.7},
	sensing.Q8:    {23.3, 20.9},
	sensing.Signs: {20.3, 19.9},
}

// longCost is the number of instructions of a thread that contract_long takes for an entry: in f64
// arithmetic, in f32 arithmetic, and in f64 arithmetic of generated rows.
type longCost struct{ double, single, generated float64 }

// longCosts has the costs of the formats that contract_long takes. TestLongTraffic holds them to the
// emulator's counts.
var longCosts = map[sensing.Entries]longCost{
	sensing.F64:  {18, 19, 135.5},
	sensing.F32:  {18, 15.5, 137.5},
	sensing.BF16: {18, 15, 0},
	sensing.Q8:   {19.5, 17, 0},
}

// of returns the cost of a layout that takes contract_long.
func (c longCost) of(l *rowLayout) float64 {
	switch {
	case !l.inMemory:
		return c.generated
	case l.precision == solver.F32:
		return c.single
	}
	return c.double
}

// worthwhile is how many times the loss of mixed precision the loss of f64 must be for mixed precision to be
// chosen. The floors do not count what mixed precision takes besides: renewals of anchors, one step in twenty
// at most, more launches, and a wait of the host in each gradient.
const worthwhile = 1.25

// MixedIsFaster says whether steps over the rows of an ensemble take less time in mixed precision, by the
// counts of docs/kernels.md and the rates that the driver reports. It is false if the driver reports no
// rates.
//
// The precision determines bits, and a run has the same bits alone and in any batch. So one answer must do
// for all batches, and it follows from the ensemble and the device alone, wherever the rows are. It compares
// the largest loss of each precision: how many times as long as in the other one a contraction of one member
// takes, or of as many as every kernel for batches can take in a launch. docs/precision.md has the reasons.
// Of several devices the first decides, so that as many devices of its model take the same precision as one.
func (b Backend) MixedIsFaster(e sensing.Ensemble) bool {
	if _, rows := e.(sensing.Rows); !rows || b.Info.Bandwidth <= 0 || b.Info.Clock <= 0 {
		return false
	}
	inDouble, inMixed := 1., 1. // the losses
	for _, members := range []int{1, kernels.BatchMembers} {
		double, mixed, err := b.precisionFloors(e, members)
		if err != nil {
			return false
		}
		ratio := double.seconds() / mixed.seconds()
		inDouble, inMixed = max(inDouble, ratio), max(inMixed, 1/ratio)
	}
	return inDouble > worthwhile*inMixed
}

// precisionFloors returns the floors of a contraction of so many members in f64 and in mixed precision, on
// the first device, with the rows in memory.
func (b Backend) precisionFloors(e sensing.Ensemble, members int) (double, mixed floor, err error) {
	b.Others, b.Storage, b.Precision = nil, solver.Memory, solver.F64
	shapes := make([][]solver.Shape, members)
	r := request{backend: b, ensemble: e, shapes: shapes, losses: losses{squaredLoss}}
	inDouble, err := planRows(r)
	if err != nil {
		return floor{}, floor{}, err
	}
	inMixed, err := planMixed(r)
	if err != nil {
		return floor{}, floor{}, err
	}
	return inDouble.(*rowOperator).contractionFloor(), inMixed.(*mixedOperator).contractionFloor(), nil
}

// contractionFloor is the floor of a contraction of all members with the kernels that contractChunks
// launches.
func (l *rowLayout) contractionFloor() floor {
	if l.contracted() == 1 {
		return l.aloneFloor()
	}
	if l.tensor() {
		return l.tensorFloor()
	}
	together, steps := l.batchFloors()
	if l.together() {
		return together
	}
	return steps
}

// aloneFloor is the floor of a contraction of one member, on rows in memory: in one launch, or in three
// steps.
func (l *rowLayout) aloneFloor() floor {
	one, early, three := costs[l.entries], earlyCosts[l.entries], stepCosts[l.entries]
	each, ofEarly, ofSteps := one.double, early.double, three.double
	if l.precision == solver.F32 {
		each, ofEarly, ofSteps = one.single, early.single, three.single
	}
	switch {
	case l.own > 1:
		each.instructions = longCosts[l.entries].of(l)
	case l.info.Capability[0] < 8:
		each.instructions = ofEarly
	}
	readings, multiprocessors := 1, float64(l.info.Multiprocessors)
	if once, _ := l.once(); !once {
		readings, each.instructions = 2, ofSteps
	} else if groups := min(l.resident()/l.groupBlocks(), l.chunks.count()); groups > 0 { // they do the work
		multiprocessors *= float64(groups*l.groupBlocks()) / float64(l.resident())
	}
	return l.floorOf(float64(readings)*float64(l.m)*float64(l.stride)+l.sumBytes(l.chunks.count()),
		Backend{Info: l.info}.cycles(l.precision, 2, each), multiprocessors)
}

// contractionFloor is the floor of a contraction of all members by their differences from anchors. The
// kernels of anchors move some vectors of K and of m numbers besides.
func (o *mixedOperator) contractionFloor() floor {
	f := o.single.contractionFloor()
	f.memory += float64(o.members) * float64(52*o.single.k+24*o.single.m) / o.single.info.Bandwidth
	return f
}

// cycles is the least number of cycles in which a multiprocessor does so many multiply-adds and what they
// cost besides: the longest of the three. Its rates are those of NVIDIA's table of arithmetic throughput in
// the CUDA C++ Programming Guide.
func (b Backend) cycles(arithmetic solver.Precision, multiplyAdds float64, c cost) float64 {
	const (
		lanes       = 128 // instructions of a thread in a cycle: four warps
		conversions = 16  // in a cycle, or as many as multiply-adds in f64 if these are fewer
	)
	return max(multiplyAdds/b.multiplyAdds(arithmetic),
		c.conversions/min(conversions, b.multiplyAdds(solver.F64)), c.instructions/lanes)
}
