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
	sensing.Q8:    {batchCost{10.6, 8.0, 0}, batchCost{9.5, 7.2, 0}},
	sensing.Signs: {batchCost{9.8, 7.6, 0}, batchCost{9.7, 7.2, 0}},
}

// floor is the least time of a contraction in seconds: the longer of moving bytes and computing.
type floor struct{ memory, computing float64 }

func (f floor) seconds() float64 { return max(f.memory, f.computing) }

// floorOf is the floor of a contraction that moves so many bytes and takes so many cycles for an entry, on so
// many multiprocessors.
func (l *rowLayout) floorOf(bytes, cycles, multiprocessors float64) floor {
	return floor{bytes / l.info.Bandwidth,
		float64(l.m) * float64(l.k) * cycles / (multiprocessors * l.info.Clock)}
}

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
	if !l.inMemory {
		return l.generatedFloors()
	}
	b := Backend{Info: l.info}
	const (
		perBatch = 4 // warps of contract_batch that convert an entry
		perGroup = 4 // members for which dots and accumulate convert an entry
	)
	instructions, entry := batchCosts[l.entries].double, costs[l.entries].double
	if l.precision == solver.F32 {
		instructions, entry = batchCosts[l.entries].single, costs[l.entries].single
	}
	launch := instructions.together
	if l.small() {
		launch = instructions.small
	}
	// A sum is written once and read once. A launch computes for so many members, present or not, reads the
	// rows so often, and converts entries for so many warps.
	contracted := func(members, readings, sums, warps int, each, multiprocessors float64) floor {
		cycles := b.cycles(l.precision, 2*float64(members),
			cost{instructions: float64(members) * each, conversions: float64(warps) * entry.conversions})
		return l.floorOf(float64(readings)*float64(l.m)*float64(l.stride)+l.sumBytes(sums), cycles,
			multiprocessors)
	}
	launches, groups := blocks(l.members, kernels.BatchMembers), blocks(l.members, perGroup)
	return contracted(launches*kernels.BatchMembers, launches, l.batchSums().count, launches*perBatch,
			launch, l.busy(l.batchResident(), kernels.BatchBlocks)),
		contracted(l.members, 2*groups, l.chunks.count(), groups, instructions.steps,
			float64(l.info.Multiprocessors))
}

// generatedBatchCost has the instructions of a thread that a generated entry takes: in a launch of
// contract_batch, whose eight members share it, in f64 arithmetic and in f32 arithmetic; and in generate.
// doubles of these are f64 multiply-adds, or take at least as long.
type generatedBatchCost struct{ double, single, generate, doubles float64 }

// generatedBatchCosts has the cost of each format. TestGeneratedCosts holds it to the emulator's counts.
var generatedBatchCosts = map[sensing.Entries]generatedBatchCost{
	sensing.F64:   {146, 143, 114, 23.5},
	sensing.F32:   {149, 145, 116, 23.5},
	sensing.BF16:  {154, 150, 121, 23.5},
	sensing.Q8:    {54.6, 51, 11, 0},
	sensing.Signs: {54, 51, 2, 0},
}

// generatedFloors does this for generated rows, whose three steps are preceded by generate, tile by tile. A
// tile goes to memory and comes from there. contract_batch moves the sums of chunks only, but generates each
// entry in each of its launches.
func (l *rowLayout) generatedFloors() (together, steps floor) {
	b, made := Backend{Info: l.info}, generatedBatchCosts[l.entries]
	launch, each, entry := made.double, batchCosts[l.entries].double.steps, costs[l.entries].double
	if l.precision == solver.F32 {
		launch, each, entry = made.single, batchCosts[l.entries].single.steps, costs[l.entries].single
	}
	doubles := made.doubles
	if l.precision == solver.F64 { // the members' multiply-adds are f64 too
		doubles += 2 * kernels.BatchMembers
	}
	launches := float64(blocks(l.members, kernels.BatchMembers))
	together = l.floorOf(l.sumBytes(l.batchSums().count), launches*max(b.cycles(solver.F64, doubles, cost{}),
		b.cycles(l.precision, 2*kernels.BatchMembers, cost{instructions: launch})),
		l.busy(l.batchResident(), kernels.BatchBlocks))

	members, groups := float64(l.members), float64(blocks(l.members, 4))
	steps = l.floorOf(l.tileCost(l.tileRows),
		b.cycles(solver.F64, made.doubles, cost{instructions: made.generate})+
			b.cycles(l.precision, 2*members, cost{members * each, groups * entry.conversions}),
		float64(l.info.Multiprocessors))
	return together, steps
}

// busy is the number of multiprocessors that do the work of a launch for a batch, if each holds at most so
// many blocks, and a group has so many for each slab: a launch has whole groups of blocks.
func (l *rowLayout) busy(resident, blocks int) float64 {
	group := blocks * l.slabs
	return float64(resident*l.info.Multiprocessors/group*group) / float64(resident)
}

// batchResident is the number of blocks of contract_batch that a multiprocessor holds: as many as their
// shared memory allows, and because of their registers at most two in f32 arithmetic and one in f64.
func (l *rowLayout) batchResident() int {
	if l.precision != solver.F32 {
		return 1
	}
	return max(min((l.info.BlockShared+reservedShared)/l.batchShared(), 2), 1)
}

// sumBytes is what so many sums of each member move: each is written once and read once.
func (l *rowLayout) sumBytes(sums int) float64 {
	return 2 * float64(sums*l.members) * float64(l.kp) * float64(numberBytes(l.precision))
}
