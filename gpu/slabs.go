package gpu

import (
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// A block of contract holds one slab of coordinates, and a group of blocks holds all slabs of a row. The slab
// length determines bits, because it determines the order of summation. So it follows from K alone.

// leastFill is the share of the reference device's blocks below which slabs are shortened.
const leastFill = 0.9

// slabLength returns the coordinates of a slab for rows of k coordinates, if slots blocks are there at one
// time: kernels.Slab, if whole groups of such blocks fill at least leastFill of the slots; otherwise the
// shortest length with which as many groups fit. Each group then has more blocks, with less work for each. Of
// rows that need more blocks than there are, contract_long takes several slabs in a block, of which half as
// many are there at one time: slabs have the shortest length with which a block has no more of them, or
// kernels.Slab if contract_long cannot take so many.
func slabLength(k, slots int) int {
	slabs := blocks(k, kernels.Slab)
	groups := slots / slabs
	if float64(groups*slabs) >= leastFill*float64(slots) {
		return kernels.Slab
	}
	most := slots
	if groups == 0 {
		own := blocks(slabs, slots/2)
		if own > kernels.LongSlabs {
			return kernels.Slab
		}
		groups, most = 1, own*(slots/2)
	}
	each := blocks(k, most/groups)
	return min(blocks(each, kernels.SlabStep)*kernels.SlabStep, kernels.Slab)
}

// setSlabs cuts the coordinates into slabs for a device of slots blocks.
func (l *rowLayout) setSlabs(slots int) {
	l.slab = slabLength(l.k, slots)
	l.slabs = blocks(l.k, l.slab)
	l.kp = blocks(l.k, kernels.Slab) * kernels.Slab
}

// asynchronous says whether contract fetches rows by asynchronous copies.
func (l *rowLayout) asynchronous() bool { return l.inMemory && l.info.Capability[0] >= 8 }

// setContractor chooses the kernel that contracts one member in one launch, and sets its stages:
// contract_long if the device has too few blocks for contract and room for contract_long, otherwise a form of
// contract, whether or not there is room.
func (l *rowLayout) setContractor() {
	early, generated := "", ""
	if l.info.Capability[0] < 8 {
		early = "early_"
	}
	if !l.inMemory {
		generated = "generated_"
	}
	kernel := generated + string(l.entries) + "_" + string(l.precision)
	l.contractor = kernels.Get("contract_" + early + kernel)
	l.own = 1
	l.setStages()
	if l.slabs > l.resident() && early == "" && l.longEntries() && l.setLong() {
		l.contractor = kernels.Get("contract_long_" + kernel)
	}
}

// longEntries says whether there is a kernel of contract_long for the entries.
func (l *rowLayout) longEntries() bool {
	if l.inMemory {
		return l.entries != sensing.Signs
	}
	return l.entries.EntryBits() >= 32 && l.precision == solver.F64
}

// setLong sets the slabs of a block of contract_long and its stages, if there is room for them.
func (l *rowLayout) setLong() bool {
	bits, bytes := l.entries.EntryBits(), int(numberBytes(l.precision))
	long := *l
	long.own = blocks(l.slabs, l.info.Multiprocessors)
	if long.own > kernels.LongSlabs || !l.cacheHolds(2*kernels.LongRows(bits)) {
		return false
	}
	long.stagesAhead = 2
	if !l.inMemory {
		long.stagesAhead = 1
	}
	for ; long.stagesAhead > 0; long.stagesAhead-- {
		long.stages = kernels.LongMemory(bits, bytes, l.slab, long.own, long.stagesAhead)
		if long.blockShared() <= l.info.BlockShared {
			*l = long
			return true
		}
	}
	return false
}

// passingBytes is the memory in which contract_long keeps the rows that it generates: those of three steps
// for each group of blocks.
func (l *rowLayout) passingBytes() int64 {
	if l.own == 1 || l.inMemory {
		return 0
	}
	return int64(l.longGroups()*3*kernels.LongRows(l.entries.EntryBits())) * l.stride
}

// longGroups is the most groups of blocks of contract_long in one launch, by the device's description.
func (l *rowLayout) longGroups() int { return min(l.resident()/l.groupBlocks(), l.chunks.count()) }

// cacheHolds says whether so many rows take at most half of the L2 cache. contract_long copies rows a second
// time after so many others.
func (l *rowLayout) cacheHolds(rows int) bool { return int64(rows)*l.stride <= int64(l.info.L2)/2 }

// groupBlocks is the number of blocks of a group.
func (l *rowLayout) groupBlocks() int { return blocks(l.slabs, l.own) }

// setStages sets the stages of contract. Rows that are copied asynchronously may be two stages ahead, if the
// device then holds as many blocks as with one. Stages of short slabs leave room for it.
func (l *rowLayout) setStages() {
	early := l.info.Capability[0] < 8
	l.stagesAhead = 1
	if early {
		l.stagesAhead = 0
	}
	l.stages = kernels.Stages(l.entries.EntryBits(), early, l.slab, l.stagesAhead)
	more := *l
	more.stages = kernels.Stages(l.entries.EntryBits(), early, l.slab, 2)
	if l.asynchronous() && more.blockShared() <= l.info.BlockShared && more.resident() == l.resident() {
		l.stagesAhead, l.stages = 2, more.stages
	}
}
