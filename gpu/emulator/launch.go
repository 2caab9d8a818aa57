package emulator

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/matsense/matsense/gpu/driver"
)

// launch is one run of a program.
type launch struct {
	device   *Device
	program  *program
	grid     [3]int
	size     [3]int // of a block
	threads  int    // of a block
	warps    uint32 // of a block
	dynamic  int    // shared bytes of a block that the caller asked for
	args     []driver.Arg
	uniforms []lanes
	began    uint64   // Device.now before the first instruction
	released []uint64 // when each block last released what it wrote
	steps    int64    // warp instructions so far
	traffic  *Traffic
}

// block is one block of a launch, or successive ones that use the same memory.
type block struct {
	launch   *launch
	number   uint32
	id       [3]int
	began    uint64
	shared   region
	warps    []*warp
	acquired uint64 // when a thread of it last acquired what others wrote
	barriers [16]barrier
}

// barrier is one of a block's.
type barrier struct {
	threads int // how many it waits for, while some wait
	here    int
	masks   [32]uint32 // of each warp, the lanes that are here
	waiting []waiter
}

// waiter is lanes of a warp that wait at a barrier.
type waiter struct {
	warp *warp
	mask uint32
	at   int // the instruction
}

const quantum = 256 // instructions that a warp may do before it is another's turn

// position returns a block's place in the grid.
func (l *launch) position(number uint32) [3]int {
	n := int(number)
	return [3]int{n % l.grid[0], n / l.grid[0] % l.grid[1], n / l.grid[0] / l.grid[1]}
}

// thread returns a thread's place in a block.
func (l *launch) thread(n int) [3]int {
	return [3]int{n % l.size[0], n / l.size[0] % l.size[1], n / l.size[0] / l.size[1]}
}

// room returns room for a block: that of the program's last launch, if it fits.
func (l *launch) room() *block {
	b := l.program.spare
	if b == nil || len(b.warps) != int(l.warps) || len(b.shared.data) != l.program.static+l.dynamic {
		b = l.newBlock()
		l.program.spare = b
	}
	b.launch = l
	for _, w := range b.warps {
		w.launch = l
	}
	return b
}

// newBlock returns new room for a block.
func (l *launch) newBlock() *block {
	b := &block{launch: l, shared: newRegion(sharedSpace, sharedBase, l.program.static+l.dynamic)}
	if l.program.async {
		b.shared.pending = make([]uint64, len(b.shared.defined))
	}
	for range l.warps {
		w := &warp{
			device: l.device, launch: l, program: l.program,
			regs:    make([]lanes, l.program.registers),
			preds:   make([]uint32, l.program.registers),
			written: make([]uint32, l.program.registers),
			seen:    make([]uint64, l.warps),
		}
		for range 32 * min(l.program.local, 1) {
			w.local = append(w.local, newRegion(localSpace, localBase, l.program.local))
		}
		b.warps = append(b.warps, w)
	}
	return b
}

// start makes b the block of a number.
func (b *block) start(number uint32) {
	b.number, b.id = number, b.launch.position(number)
	b.began = b.launch.device.tick()
	b.acquired = 0
	clear(b.shared.defined)
	clear(b.shared.pending)
	for i := range b.barriers {
		b.barriers[i] = barrier{waiting: b.barriers[i].waiting[:0]}
	}
	for i, w := range b.warps {
		w.start(b, i, min(32, b.launch.threads-32*i))
	}
}

// run does the whole launch. It panics with a *Fault.
func (l *launch) run(cooperative bool) {
	blocks := l.grid[0] * l.grid[1] * l.grid[2]
	if cooperative {
		all := make([]*block, blocks)
		for i := range all {
			all[i] = l.newBlock()
			all[i].start(uint32(i))
		}
		l.finish(all)
		return
	}
	b := l.room()
	step := stride(blocks)
	for i, number := 0, blocks/3; i < blocks; i++ {
		b.start(uint32(number))
		l.finish([]*block{b})
		number = (number + step) % blocks
	}
}

// stride returns a number without a divisor in common with n: steps of it, modulo n, visit everything once, in an
// order that no kernel should depend on.
func stride(n int) int {
	for step := n*5/8 + 1; ; step++ {
		a, b := n, step
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return step
		}
	}
}

// finish runs blocks until all their threads have left.
func (l *launch) finish(blocks []*block) {
	left := make([]int, len(blocks)) // live warps
	for i, b := range blocks {
		left[i] = len(b.warps)
	}
	moved := make([]bool, len(blocks))
	for sum := 1; sum > 0; {
		clear(moved)
		for index := range blocks[0].warps {
			for i, b := range blocks {
				w := b.warps[index]
				if w.active == 0 {
					continue
				}
				moved[i] = true
				w.run(quantum)
				if l.steps > l.device.config.Steps {
					w.fault(Endless, bits.TrailingZeros32(last(w))&31, "the launch has taken more than %d instructions",
						l.device.config.Steps)
				}
				if w.live == 0 {
					left[i]--
				}
			}
		}
		sum = 0
		for i, b := range blocks {
			if sum += left[i]; left[i] > 0 && !moved[i] {
				b.stuck()
			}
		}
	}
}

// last returns the lanes that a warp has run last, or could.
func last(w *warp) uint32 {
	if w.active != 0 {
		return w.active
	}
	return w.live
}

// stuck stops the kernel: no thread of a block can go on.
func (b *block) stuck() {
	for _, w := range b.warps {
		if w.parked != 0 {
			w.left()
		}
	}
	var first *waiter
	var text strings.Builder
	for i := range b.barriers {
		bar := &b.barriers[i]
		for j := range bar.waiting {
			if first == nil || bar.waiting[j].warp.index < first.warp.index {
				first = &bar.waiting[j]
			}
		}
		if bar.here > 0 {
			fmt.Fprintf(&text, "; at barrier %d, %d of %d threads:", i, bar.here, bar.threads)
			for _, v := range bar.waiting {
				fmt.Fprintf(&text, " warp %d at line %d", v.warp.index, v.warp.program.code[v.at].line)
				if v.mask != allLanes {
					fmt.Fprintf(&text, " (%s)", lanesText(v.mask))
				}
			}
		}
	}
	for _, w := range b.warps {
		if gone := w.threads &^ w.live; gone != 0 {
			fmt.Fprintf(&text, "; %s of warp %d have left", lanesText(gone), w.index)
		}
	}
	first.warp.at = first.at
	first.warp.fault(Deadlock, bits.TrailingZeros32(first.mask), "waits for threads that will never come%s", text.String())
}

// arrive makes lanes of a warp wait at a barrier of so many threads, and opens it where they are the last.
func (b *block) arrive(w *warp, mask uint32, id, threads int) {
	bar := &b.barriers[id]
	if bar.here > 0 && bar.threads != threads {
		w.fault(Deadlock, bits.TrailingZeros32(mask), "barrier %d is for %d threads here, and for %d where line %d waits",
			id, threads, bar.threads, w.program.code[bar.waiting[0].at].line)
	}
	bar.threads = threads
	bar.here -= w.weight(bar.masks[w.index])
	bar.masks[w.index] |= mask
	bar.here += w.weight(bar.masks[w.index])
	bar.waiting = append(bar.waiting, waiter{w, mask, w.at})
	w.part(mask, w.pc)
	w.blocked |= mask
	w.next = 0
	if bar.here >= threads {
		b.open(bar)
	}
}

// weight returns what lanes count at a barrier, which knows whole warps: the last may have fewer threads.
func (w *warp) weight(mask uint32) int {
	if mask == w.threads {
		return 32
	}
	return bits.OnesCount32(mask)
}

// open lets all go on who wait at a barrier: what each did comes before what any of them does next.
func (b *block) open(bar *barrier) {
	now := b.launch.device.tick()
	var joined [32]uint64
	for _, v := range bar.waiting {
		for i, t := range v.warp.seen {
			joined[i] = max(joined[i], t)
		}
	}
	for _, v := range bar.waiting {
		joined[v.warp.index] = now
	}
	waiting := bar.waiting
	bar.waiting, bar.here = bar.waiting[:0], 0
	clear(bar.masks[:])
	for _, v := range waiting {
		v.warp.blocked &^= v.mask
		v.warp.ordered = now
		copy(v.warp.seen, joined[:])
	}
	for _, v := range waiting {
		if v.warp.active == 0 {
			v.warp.regroup()
		}
	}
}
