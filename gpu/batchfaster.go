package gpu

import (
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// batchCost has the instructions of a thread that an entry takes for each of eight members: in
// contract_batch, in dots and accumulate together, and in the small form of contract_batch.
type batchCost struct{ together, steps, small float64 }

// batchCosts has the cost in f64 arithmetic and in f32 arithmetic. TestBatchCosts holds it to the emulator's
// counts.
var batchCosts = map[sensing.Entries]struct{ double, single batchCost }{
	sensing.F64:   {batchCost{8.2, 5.4, 9.8}, batchCost{9.1, 5.5, 10.6}},
	sensing.F32:   {batchCost{7.3, 5.8, 8.1}, batchCost{6.1, 4.9, 6.9}},
	sensing.BF16:  {batchCost{8.8, 6.8, 0}, batchCost{7.6, 5.9, 0}},
	sensing.Q8:    {batchCost{10.7, 8.0, 0}, batchCost{9.6, 7.2, 0}},
	sensing.Signs: {batchCost{9.8, 7.6, 0}, batchCost{9.7, 7.2, 0}},
}

// togetherIsFaster says whether a step of all members takes less time with contract_batch than in three
// steps, by the counts of docs/kernels.md and the rates that the driver reports. contract_batch reads the
// rows less often, but takes more instructions. It is true if the driver reports no rates.
func (l *rowLayout) togetherIsFaster() bool {
	b := Backend{Info: l.info}
	if b.Info.Bandwidth <= 0 || b.Info.Clock <= 0 {
		return true
	}
	const (
		perBatch = 4 // warps of contract_batch that convert an entry
		perGroup = 4 // members for which dots and accumulate convert an entry
	)
	instructions, entry := batchCosts[l.entries].double, costs[l.entries].double
	if l.precision == solver.F32 {
		instructions, entry = batchCosts[l.entries].single, costs[l.entries].single
	}
	together := instructions.together
	if l.small() {
		together = instructions.small
	}
	// A sum is written once and read once.
	bytes := func(sums int) float64 {
		return 2 * float64(sums*l.members) * float64(l.kp) * float64(numberBytes(l.precision))
	}
	// seconds is the longer of memory and computing. A launch computes for so many members, present or not,
	// reads the rows so often, and converts entries for so many warps.
	seconds := func(members, readings, sums, warps int, each float64, multiprocessors int) float64 {
		cycles := b.cycles(l.precision, 2*float64(members),
			cost{instructions: float64(members) * each, conversions: float64(warps) * entry.conversions})
		return max((float64(readings)*float64(l.m)*float64(l.stride)+bytes(sums))/b.Info.Bandwidth,
			float64(l.m)*float64(l.k)*cycles/(float64(multiprocessors)*b.Info.Clock))
	}
	launches, groups := blocks(l.members, kernels.BatchMembers), blocks(l.members, perGroup)
	busy := l.info.Multiprocessors / (kernels.BatchBlocks * l.slabs) * kernels.BatchBlocks * l.slabs
	return seconds(launches*kernels.BatchMembers, launches, l.batchSums().count, launches*perBatch,
		together, busy) <
		seconds(l.members, 2*groups, l.chunks.count(), groups, instructions.steps, l.info.Multiprocessors)
}
