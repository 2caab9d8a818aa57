package emulator

import (
	"fmt"
	"math"
	"math/bits"
)

const allLanes = math.MaxUint32

// lanes is a register of all threads of a warp. A register of fewer than 64 bits has zeros above them.
type lanes [32]uint64

// warp is 32 threads that issue together while they are at the same instruction. Each has its own program
// counter. The warp runs the threads at the lowest instruction, so that threads separated by a structured
// branch meet again.
type warp struct {
	device  *Device
	launch  *launch
	block   *block
	program *program
	index   int
	unit    uint32 // number of the warp in the launch: of the block × warps of a block + index

	regs    []lanes
	preds   []uint32 // predicates, by the same numbers
	local   []region // of each lane
	written []uint32 // lanes in which a register has been written
	carry   uint32   // the carry flag, of add.cc, addc and the like
	flagged uint32   // lanes in which the carry flag has been written

	threads uint32 // the existing lanes: the last warp of a block may have fewer than 32
	live    uint32 // the lanes that have not left
	active  uint32 // the lanes that run now, at pc
	rest    uint32 // the other live lanes, at pcs
	awaited uint32 // the lanes that an aligned barrier waits for, if some are at it
	parked  uint32 // of the rest, those that wait for other lanes to come to the same instruction
	blocked uint32 // of the rest, those that wait at a barrier
	pc      int
	at      int // the instruction being done
	// next is the first instruction at which active lanes may meet others, or be overtaken. Instructions
	// below it run without regrouping.
	next  int
	pcs   [32]int
	yield bool // the warp gives up the rest of its quantum

	ordered uint64 // when all lanes last synchronized
	// partial is when two lanes last synchronized in a bar.warp.sync of some lanes; nil if there was none.
	partial *[32][32]uint64
	// seen is, for each warp of the block, the time up to which its accesses come before those of this warp.
	seen    []uint64
	joined  uint64         // the least of seen
	copies  []copyInFlight // of cp.async
	groups  [32]int        // cp.async groups that each lane has committed
	result  lanes          // of an operation of which some lanes are kept
	scratch [32]uint64     // addresses of the current request
	layout  layout         // of the current request
	sectors [64]uint64     // sectors or words of the current request
}

// source returns what a source operand holds.
func (w *warp) source(at int32) *lanes {
	if at >= 0 {
		return &w.regs[at]
	}
	return &w.launch.uniforms[^at]
}

// start makes the warp ready for a block.
func (w *warp) start(b *block, index, threads int) {
	w.block, w.index = b, index
	w.unit = b.unit + uint32(index)
	w.threads = uint32(1<<threads - 1)
	w.live, w.active = w.threads, w.threads
	w.rest, w.parked, w.blocked, w.awaited = 0, 0, 0, 0
	w.pc, w.at = 0, 0
	w.ordered, w.partial = 0, nil
	clear(w.seen)
	w.joined = 0
	clear(w.written)
	w.flagged = 0
	for i := range w.local {
		clear(w.local[i].defined)
	}
	w.copies = w.copies[:0]
	w.groups = [32]int{}
	for _, s := range w.program.specials {
		w.written[s.register] = allLanes
		r := &w.regs[s.register]
		for lane := range r {
			r[lane] = s.value(w, lane)
		}
		w.preds[s.register] = -uint32(r[0] & 1) // of a constant predicate
	}
}

// run issues at most quantum instructions.
func (w *warp) run(quantum int64) {
	code := w.program.code
	w.yield = false
	for end := w.launch.steps + quantum; w.launch.steps < end && !w.yield; {
		w.launch.steps++
		in := &code[w.pc]
		w.at = w.pc
		mask := w.active
		if in.guard >= 0 {
			if mask&^w.written[in.guard] != 0 {
				w.unwritten(in.guard, mask)
			}
			mask &= w.preds[in.guard] ^ in.invert
		}
		w.pc++
		if mask != 0 {
			for _, r := range in.reads {
				if mask&^w.written[r] != 0 {
					w.unwritten(r, mask)
				}
			}
			if in.ready == nil || in.ready(w, mask) {
				in.run(w, mask)
				for _, r := range in.writes {
					w.written[r] |= mask
				}
			}
		}
		if w.active == 0 || w.rest != 0 && w.pc >= w.next {
			w.regroup()
			if w.active == 0 {
				return
			}
		}
	}
}

// part sends some of the active lanes to another instruction.
func (w *warp) part(mask uint32, pc int) {
	for m := mask; m != 0; m &= m - 1 {
		w.pcs[bits.TrailingZeros32(m)] = pc
	}
	if w.rest == 0 || pc < w.next {
		w.next = pc
	}
	w.active &^= mask
	w.rest |= mask
}

// regroup chooses the lanes to run next: those at the lowest instruction at which some can run. There may be
// none.
func (w *warp) regroup() {
	for m := w.active; m != 0; m &= m - 1 {
		w.pcs[bits.TrailingZeros32(m)] = w.pc
	}
	able := w.live &^ (w.parked | w.blocked)
	w.active, w.rest = 0, w.live
	if able == 0 {
		if w.parked != 0 && w.blocked == 0 {
			w.left()
		}
		return
	}
	low := math.MaxInt
	for m := able; m != 0; m &= m - 1 {
		low = min(low, w.pcs[bits.TrailingZeros32(m)])
	}
	for m := w.live &^ w.blocked; m != 0; m &= m - 1 {
		if i := bits.TrailingZeros32(m); w.pcs[i] == low {
			w.active |= 1 << i
		}
	}
	w.parked &^= w.active
	w.rest &^= w.active
	w.pc, w.next = low, math.MaxInt
	if w.parked|w.blocked != 0 {
		w.next = 0
		return
	}
	for m := w.rest; m != 0; m &= m - 1 {
		w.next = min(w.next, w.pcs[bits.TrailingZeros32(m)])
	}
}

// left stops the kernel: parked lanes wait for lanes that will not come.
func (w *warp) left() {
	lane := bits.TrailingZeros32(w.parked)
	w.at = w.pcs[lane]
	var here uint32
	for m := w.parked; m != 0; m &= m - 1 {
		if i := bits.TrailingZeros32(m); w.pcs[i] == w.at {
			here |= 1 << i
		}
	}
	if w.awaited != 0 {
		w.fault(Divergence, lane, "a barrier is executed by %s of %s", lanesText(here), lanesText(w.awaited))
	}
	w.fault(Divergence, lane, "its member mask names lanes that do not come to it: only %s are here",
		lanesText(here))
}

// fault stops the kernel with a *Fault of one lane.
func (w *warp) fault(k Kind, lane int, format string, args ...any) {
	panic(&Fault{
		Kind:   k,
		Kernel: w.program.entry.name,
		Line:   w.program.code[w.at].line,
		Block:  w.block.id,
		Thread: w.launch.thread(w.index*32 + lane),
		Text:   fmt.Sprintf(format, args...),
	})
}

// unwritten stops the kernel: it reads a register that some lane has not written.
func (w *warp) unwritten(r int32, mask uint32) {
	w.fault(Uninitialized, bits.TrailingZeros32(mask&^w.written[r]),
		"register %s is read before it is written",
		w.program.names[r])
}

// lanesText prints a mask of lanes.
func lanesText(mask uint32) string {
	if mask&(mask-1) == 0 {
		return fmt.Sprintf("lane %d", bits.TrailingZeros32(mask))
	}
	return fmt.Sprintf("lanes 0x%08x", mask)
}
