package gpu

import "github.com/matsense/matsense/kernels"

// A block of contract holds one slab of coordinates, and a group of blocks holds all slabs of a row. The slab
// length determines bits, because it determines the order of summation. So it follows from K alone.

// leastFill is the share of the reference device's blocks below which slabs are shortened.
const leastFill = 0.9

// slabLength returns the coordinates of a slab for rows of k coordinates, if slots blocks are there at one
// time: kernels.Slab, if whole groups of such blocks fill at least leastFill of the slots; otherwise the
// shortest length with which as many groups fit. Each group then has more blocks, with less work for each.
func slabLength(k, slots int) int {
	slabs := blocks(k, kernels.Slab)
	groups := slots / slabs
	if groups == 0 || float64(groups*slabs) >= leastFill*float64(slots) {
		return kernels.Slab
	}
	each := blocks(k, slots/groups)
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
