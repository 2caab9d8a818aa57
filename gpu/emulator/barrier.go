package emulator

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// barrier is one of a block's barriers.
type barrier struct {
	threads int // how many threads the barrier waits for, while some wait
	here    int
	masks   [32]uint32 // for each warp, the lanes that wait
	waiting []waiter
}

// waiter is a group of lanes of a warp that wait at a barrier.
type waiter struct {
	warp *warp
	mask uint32
	at   int // the instruction
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
	first.warp.fault(Deadlock, bits.TrailingZeros32(first.mask), "waits for threads that will never come%s",
		text.String())
}

// arrive makes lanes of a warp wait at barrier id, which takes a number of threads, and opens it if they are
// the last.
func (b *block) arrive(w *warp, mask uint32, id, threads int) {
	bar := &b.barriers[id]
	if bar.here > 0 && bar.threads != threads {
		w.fault(Deadlock, bits.TrailingZeros32(mask),
			"barrier %d is for %d threads here, and for %d where line %d waits",
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

// weight returns how many threads lanes count for at a barrier. A barrier counts whole warps, even a last
// warp with fewer threads.
func (w *warp) weight(mask uint32) int {
	if mask == w.threads {
		return 32
	}
	return bits.OnesCount32(mask)
}

// open lets all waiting threads go on: everything before the barrier comes before everything after it.
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
		v.warp.joined = slices.Min(v.warp.seen)
	}
	for _, v := range waiting {
		if v.warp.active == 0 {
			v.warp.regroup()
		}
	}
}
