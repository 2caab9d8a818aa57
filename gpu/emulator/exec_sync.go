package emulator

import "math/bits"

// decodeBra decodes bra.
func decodeBra(a *assembler) operation {
	uniform := a.maybe("uni") != ""
	a.takes(1)
	o := a.operand(0)
	if o.kind != labelOperand {
		a.fail("the target is no label")
	}
	to := o.label
	return func(w *warp, mask uint32) {
		if mask == w.active {
			w.pc = to.pc
			return
		}
		if uniform {
			w.fault(Divergence, bits.TrailingZeros32(mask), "bra.uni is taken by %s of %s",
				lanesText(mask), lanesText(w.active))
		}
		w.part(mask, to.pc)
	}
}

// decodeExit decodes ret and exit.
func decodeExit(a *assembler) operation {
	if a.s.opcode == "ret" {
		a.maybe("uni")
	}
	a.takes(0)
	return func(w *warp, mask uint32) {
		w.live &^= mask
		w.active &^= mask
	}
}

// decodeTrap decodes trap.
func decodeTrap(a *assembler) operation {
	a.takes(0)
	return func(w *warp, mask uint32) { w.fault(Trap, bits.TrailingZeros32(mask), "trap") }
}

// decodeNanosleep decodes nanosleep, which ends the warp's turn.
func decodeNanosleep(a *assembler) operation {
	a.needs(63, 70)
	k := a.kind("u32")
	a.takes(1)
	a.source(a.operand(0), k)
	return func(w *warp, mask uint32) { w.yield = true }
}

// decodeFence decodes membar and fence. A fence that reaches beyond the block both releases and acquires.
func decodeFence(a *assembler) operation {
	scope := ""
	if a.s.opcode == "membar" {
		scope = a.must("cta", "gl", "sys")
	} else {
		a.must("sc", "acq_rel")
		scope = a.must(scopes...)
		a.needs(60, 70)
	}
	a.takes(0)
	return func(w *warp, mask uint32) {
		if scope != "cta" {
			w.block.fence()
		}
	}
}

// decodeBar decodes bar.sync, barrier.sync and bar.warp.sync.
func decodeBar(a *assembler) operation {
	if a.s.opcode == "bar" && a.maybe("warp") != "" {
		return decodeBarWarp(a)
	}
	a.maybe("cta")
	a.must("sync")
	aligned := a.s.opcode == "bar" || a.maybe("aligned") != ""
	if a.s.opcode == "barrier" {
		a.needs(60, 30)
	}
	a.takes(1, 2)
	if o := a.operand(0); o.kind == integerOperand {
		a.integer(o, 15)
	}
	id := a.source(a.operand(0), kinds["u32"])
	count := int32(0)
	if len(a.s.operands) == 2 {
		if o := a.operand(1); o.kind == integerOperand && (a.integer(o, mostThreads) == 0 || o.bits%32 != 0) {
			a.fail("%d threads, which is not a multiple of 32", o.bits)
		}
		count = a.source(a.operand(1), kinds["u32"])
	}
	counted := len(a.s.operands) == 2
	if aligned {
		a.in.ready = (*warp).aligned
	}
	return func(w *warp, mask uint32) {
		w.launch.traffic.Barriers++
		lane := bits.TrailingZeros32(mask)
		which := w.uniform(id, mask, "barrier")
		threads := uint64(w.launch.warps) * 32
		if counted {
			threads = w.uniform(count, mask, "thread count")
		}
		if which > 15 {
			w.fault(Bounds, lane, "barrier %d, of 16", which)
		}
		if threads == 0 || threads%32 != 0 {
			w.fault(Deadlock, lane, "a barrier of %d threads, which is not a multiple of 32", threads)
		}
		w.block.arrive(w, mask, int(which), int(threads))
	}
}

// aligned reports whether all live lanes are at the barrier, and parks those that are until all have come. No
// lane may leave meanwhile.
func (w *warp) aligned(mask uint32) bool {
	switch {
	case mask != w.live:
		if w.awaited == 0 {
			w.awaited = w.live
		}
		w.part(mask, w.at)
		w.parked |= mask
		w.next = 0
		return false
	case w.awaited&^mask != 0:
		w.fault(Divergence, bits.TrailingZeros32(mask), "a barrier is executed by %s of %s",
			lanesText(mask), lanesText(w.awaited))
	}
	w.awaited = 0
	return true
}

// uniform returns the value that a source operand has in all lanes of a mask.
func (w *warp) uniform(at int32, mask uint32, what string) uint64 {
	s := w.source(at)
	value := s[bits.TrailingZeros32(mask)]
	for m := mask; m != 0; m &= m - 1 {
		if i := bits.TrailingZeros32(m); s[i] != value {
			w.fault(Divergence, i, "the %s is not the same in all threads of the warp: %d and %d",
				what, value, s[i])
		}
	}
	return value
}

// together makes the instruction wait for all lanes that a member mask names.
func (a *assembler) together(members int32) {
	a.in.ready = func(w *warp, mask uint32) bool { return w.together(members, mask) }
}

// together reports whether all lanes that the members' masks name are here, and parks those that are until
// all have come. A mask may name lanes beyond the block's last thread, but not lanes that have left.
func (w *warp) together(members int32, mask uint32) bool {
	s := w.source(members)
	if own := uint32(s[0]); members < 0 && mask&^own == 0 && own&w.threads&^mask == 0 {
		return true // a constant mask names just the lanes that are here
	}
	var named uint32
	for m := mask; m != 0; m &= m - 1 {
		lane := bits.TrailingZeros32(m)
		own := uint32(s[lane])
		if own>>lane&1 == 0 {
			w.fault(Divergence, lane, "the member mask 0x%08x does not name its own lane %d", own, lane)
		}
		named |= own
	}
	missing := named & w.threads &^ mask
	if missing == 0 {
		return true
	}
	if gone := missing &^ w.live; gone != 0 {
		w.fault(Divergence, bits.TrailingZeros32(mask), "the member mask names %s, which left before",
			lanesText(gone))
	}
	w.part(mask, w.at)
	w.parked |= mask
	w.next = 0
	return false
}

// decodeBarWarp decodes bar.warp.sync.
func decodeBarWarp(a *assembler) operation {
	a.must("sync")
	a.needs(60, 30)
	a.takes(1)
	members := a.source(a.operand(0), kinds["b32"])
	a.together(members)
	return func(w *warp, mask uint32) {
		w.launch.traffic.Barriers++
		now := w.device.tick()
		s := w.source(members)
		whole := true
		for m := mask; m != 0; m &= m - 1 {
			whole = whole && w.live&^uint32(s[bits.TrailingZeros32(m)]) == 0
		}
		if whole && mask == w.live {
			w.ordered = now
			return
		}
		if w.partial == nil {
			w.partial = new([32][32]uint64)
		}
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			for other := uint32(s[lane]); other != 0; other &= other - 1 {
				w.partial[lane][bits.TrailingZeros32(other)] = now
			}
		}
	}
}

// decodeShfl decodes shfl.sync.
func decodeShfl(a *assembler) operation {
	a.must("sync")
	a.needs(60, 30)
	mode := a.must("up", "down", "bfly", "idx")
	shuffle := shuffles[mode]
	k := a.kind("b32")
	a.takes(5)
	d, p := a.operand(0), int32(-1)
	if d.kind == pairOperand {
		p = a.predicate(&d.parts[1])
		d = &d.parts[0]
	}
	to := int32(-1)
	if d.kind != sinkOperand {
		to = a.destination(d, k)
	}
	from := a.source(a.operand(1), k)
	by, clamp := a.source(a.operand(2), kinds["u32"]), a.source(a.operand(3), kinds["u32"])
	members := a.source(a.operand(4), kinds["b32"])
	a.together(members)
	// How lane reads lane j, which is in its segment or not.
	read := func(lane, by, clamp int) (j int, in bool) {
		segment := clamp >> 8 & 31 // the bits of the lane number that select its segment
		low, most := lane&segment, lane&segment|clamp&31&^segment
		by &= 31
		if mode == "idx" {
			by &^= segment
		}
		if j, in = shuffle(lane, by, low, most); !in {
			j = lane
		}
		return j, in
	}
	slow := func(w *warp, mask uint32) {
		w.launch.traffic.Shuffles++
		source, by, clamp, members := *w.source(from), w.source(by), w.source(clamp), w.source(members)
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m) & 31
			j, in := read(lane, int(by[lane]), int(clamp[lane]))
			if mask&uint32(members[lane])>>j&1 == 0 {
				w.fault(Divergence, lane, "shfl.%s reads lane %d, which does not take part", mode, j)
			}
			if to >= 0 {
				w.regs[to][lane] = source[j]
			}
			if p >= 0 {
				w.preds[p] &^= 1 << lane
				if in {
					w.preds[p] |= 1 << lane
				}
			}
		}
	}
	uniforms := a.program.uniforms
	if by >= 0 || clamp >= 0 || members >= 0 || to < 0 || uint32(uniforms[^members]) != allLanes {
		return slow
	}
	// All lanes read from fixed lanes.
	var js [32]uint8
	var inside uint32
	for lane := range js {
		j, in := read(lane, int(uniforms[^by]), int(uniforms[^clamp]))
		js[lane] = uint8(j)
		if in {
			inside |= 1 << lane
		}
	}
	return func(w *warp, mask uint32) {
		if mask != allLanes {
			slow(w, mask)
			return
		}
		w.launch.traffic.Shuffles++
		source := w.source(from)
		for lane, j := range js {
			w.result[lane] = source[j&31]
		}
		w.regs[to] = w.result
		if p >= 0 {
			w.preds[p] = inside
		}
	}
}

// shuffles compute the lane that each mode reads; most is the furthest lane, low the first lane of the
// segment.
var shuffles = map[string]func(lane, by, low, most int) (from int, in bool){
	"up":   func(lane, by, low, most int) (int, bool) { return lane - by, lane-by >= most },
	"down": func(lane, by, low, most int) (int, bool) { return lane + by, lane+by <= most },
	"bfly": func(lane, by, low, most int) (int, bool) { return lane ^ by, lane^by <= most },
	"idx":  func(lane, by, low, most int) (int, bool) { return low | by, low|by <= most },
}

// decodeVote decodes vote.sync.
func decodeVote(a *assembler) operation {
	a.must("sync")
	a.needs(60, 30)
	mode := a.must("all", "any", "uni", "ballot")
	ballot := mode == "ballot"
	if ballot {
		a.must("b32")
	} else {
		a.must("pred")
	}
	a.takes(3)
	from, invert := a.condition(a.operand(1))
	members := a.source(a.operand(2), kinds["b32"])
	a.together(members)
	to := int32(-1)
	if ballot {
		to = a.destination(a.operand(0), kinds["b32"])
	} else if to = a.predicate(a.operand(0)); to < 0 {
		a.fail("the destination is _")
	}
	return func(w *warp, mask uint32) {
		w.launch.traffic.Shuffles++
		votes := (w.preds[from] ^ invert) & mask
		members := w.source(members)
		for m := mask; m != 0; m &= m - 1 {
			lane := bits.TrailingZeros32(m)
			own := uint32(members[lane]) & mask
			yes := votes & own
			if ballot {
				w.regs[to][lane] = uint64(yes)
				continue
			}
			holds := yes == own
			switch mode {
			case "any":
				holds = yes != 0
			case "uni":
				holds = yes == own || yes == 0
			}
			w.preds[to] &^= 1 << lane
			if holds {
				w.preds[to] |= 1 << lane
			}
		}
	}
}

// decodeActivemask decodes activemask.
func decodeActivemask(a *assembler) operation {
	a.needs(62, 30)
	a.must("b32")
	a.takes(1)
	to := a.destination(a.operand(0), kinds["b32"])
	return func(w *warp, mask uint32) {
		for m := mask; m != 0; m &= m - 1 {
			w.regs[to][bits.TrailingZeros32(m)] = uint64(mask)
		}
	}
}
