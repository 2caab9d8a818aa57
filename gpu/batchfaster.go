package gpu

import (
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// batchCost has the instructions of a thread that an entry takes for each of eight members: in
// contract_batch, and in dots and accumulate together.
type batchCost struct{ together, steps float64 }

// batchCosts has the cost in f64 arithmetic and in f32 arithmetic. TestBatchCosts holds it to the emulator's
// counts.
var batchCosts = map[sensing.Entries]struct{ double, single batchCost }{
	sensing.F64:   {batchCost{9.7, 6.3}, batchCost{10.6, 6.4}},
	sensing.F32:   {batchCost{9.0, 6.7}, batchCost{7.9, 5.8}},
	sensing.BF16:  {batchCost{10.0, 7.7}, batchCost{8.8, 6.8}},
	sensing.Q8:    {batchCost{12.2, 8.3}, batchCost{11.0, 7.9}},
	sensing.Signs: {batchCost{10.7, 8.5}, batchCost{10.5, 8.1}},
}

// floor is the least time of a contraction in seconds: the longer of moving bytes and computing.
type floor struct{ memory, computing float64 }

func (f floor) seconds() float64 { return max(f.memory, f.computing) }

// togetherIsFaster says whether a step of all members takes less time with contract_batch than in three
// steps, by the counts of docs/kernels.md and the rates that the driver reports. contract_batch reads the
// rows less often, but takes more instructions. It is true if the driver reports no rates.
func (l *rowLayout) togetherIsFaster() bool {
	b := Backend{Info: l.info}
	if b.Info.Bandwidth <= 0 || b.Info.Clock <= 0 {
		return true
	}
	together, steps := l.batchFloors()
	return together.seconds() < steps.seconds()
}

// batchFloors returns the floors of a contraction of all members with contract_batch and in three steps.
func (l *rowLayout) batchFloors() (together, steps floor) {
	b := Backend{Info: l.info}
	const (
		perBatch = 4 // warps of contract_batch that convert an entry
		perGroup = 4 // members for which dots and accumulate convert an entry
	)
	instructions, entry := batchCosts[l.entries].double, costs[l.entries].double
	if l.precision == solver.F32 {
		instructions, entry = batchCosts[l.entries].single, costs[l.entries].single
	}
	sums := 2 * float64(l.chunks.count()*l.members) * float64(l.kp) * float64(numberBytes(l.precision))
	// A launch computes for so many members, present or not, reads the rows so often, and converts entries
	// for so many warps.
	floorOf := func(members, readings, warps int, each float64, multiprocessors int) floor {
		cycles := b.cycles(l.precision, 2*float64(members),
			cost{instructions: float64(members) * each, conversions: float64(warps) * entry.conversions})
		return floor{(float64(readings)*float64(l.m)*float64(l.stride) + sums) / b.Info.Bandwidth,
			float64(l.m) * float64(l.k) * cycles / (float64(multiprocessors) * b.Info.Clock)}
	}
	launches, groups := blocks(l.members, kernels.BatchMembers), blocks(l.members, perGroup)
	busy := l.info.Multiprocessors / (kernels.BatchBlocks * l.slabs) * kernels.BatchBlocks * l.slabs
	return floorOf(launches*kernels.BatchMembers, launches, launches*perBatch, instructions.together, busy),
		floorOf(l.members, 2*groups, groups, instructions.steps, l.info.Multiprocessors)
}
