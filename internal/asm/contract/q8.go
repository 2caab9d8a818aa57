package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// q8 entries are numbers of 256 levels. The levels are bf16 numbers, and level(255 − k) = −level(k).
//
// An entry k and its mirror 255 − k share one place. Two planes of 128 bytes have the lower and the upper
// bytes of the levels at the places, and byte permutations search them. If k is below 128, the sign is minus.
// Unpacking bytes to words puts the planes together. Then 32 bits hold two levels: shifting left gives one as
// a single, clearing the lower half gives the other. The entries are reordered first, so that the singles
// come out in order.
//
// AVX-512 decodes entries in registers, right before their use. In AVX2 decoding takes most of the time:
// there decodeQ8 writes singles to memory, once for all loops, and these are the loops of f32.
var q8 = levels{}

type levels struct{}

func (levels) name() string { return "Q8" }

func (levels) units(v variant) int { return 64 / v.numbers() }

func (f levels) decoder(v variant) decoder {
	search, split := permutation(), v.split()
	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		lower, upper := search(Mem{Base: row, Index: b.index, Scale: 1})
		unit := 0
		for _, words := range v.unpack(lower, upper) {
			for _, x := range split(words) {
				if v.arithmetic == single {
					use(unit, x)
					unit++
					continue
				}
				y, z, half := ZMM(), ZMM(), YMM()
				VCVTPS2PD(x.AsY(), y)
				use(unit, y)
				VEXTRACTF32X8(Imm(1), x, half)
				VCVTPS2PD(half, z)
				use(unit+1, z)
				unit += 2
			}
		}
	}
}

// decodeQ8 writes the function of AVX2 that decodes entries. Its callers go over the rows of a block strip by
// strip, so memory does not see that a row will be read on. The loop asks for the entries that are a strip
// further: the next strip of its row in a single gradient, the one after that in a batch, whose strips are
// half as long.
func decodeQ8() {
	TEXT("decodeQ8AVX2", attr.NOSPLIT, "func(dst *float32, row *byte, n, strip int)")
	Doc("decodeQ8AVX2 does dst[k] = level(row[k]) for k < n, and prefetches row[k+strip].",
		"n must be a multiple of 32.")
	Pragma("noescape")
	dst, row, n, k, later := GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("row"), row)
	Load(Param("n"), n)
	Load(Param("strip"), later)
	ADDQ(row, later)
	search, split := cascade(), avx2.split()
	XORQ(k, k)
	JMP(LabelRef("check"))
	Label("loop")
	PREFETCHT0(Mem{Base: later, Index: k, Scale: 1})
	lower, upper := search(Mem{Base: row, Index: k, Scale: 1})
	unit := 0
	for _, words := range avx2.unpack(lower, upper) {
		for _, x := range split(words) {
			VMOVUPS(x, Mem{Base: dst, Index: k, Scale: 4, Disp: unit * avx2.bytes})
			unit++
		}
	}
	ADDQ(Imm(uint64(avx2.bytes)), k)
	Label("check")
	CMPQ(k, n)
	JLT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// entryOrder says which entry is looked up at a place of a register. Unpacking works within quarters of
// sixteen bytes: the lower half of a quarter becomes words of the first group of entries, the upper half of
// the second. Neighbours in a group are as many entries apart as a register has singles.
func (i isa) entryOrder(at int) int {
	singles := i.bytes / 4
	quarter, at := at/16, at%16
	return at/8*2*singles + at%2*singles + 4*quarter + at%8/2
}

// unpack puts bytes together to words, half of the entries at a time.
func (i isa) unpack(lower, upper VecVirtual) [2]VecVirtual {
	words := [2]VecVirtual{i.register(), i.register()}
	VPUNPCKLBW(upper, lower, words[0])
	VPUNPCKHBW(upper, lower, words[1])
	return words
}

// split returns the function that makes two registers of singles from words.
func (i isa) split() func(words VecVirtual) [2]VecVirtual {
	upperHalf := i.load(constant("upperHalf", 4, func(int) uint64 { return 0xFFFF0000 }))
	return func(words VecVirtual) [2]VecVirtual {
		first, second := i.register(), i.register()
		VPSLLD(Imm(16), words, first)
		VANDPS(upperHalf, words, second)
		return [2]VecVirtual{first, second}
	}
}

// permutation returns the search of AVX-512: a plane is two registers, which VPERMI2B searches. The place is
// the larger of an entry and its mirror; its bit 7 is not used.
func permutation() func(entries Mem) (lower, upper VecVirtual) {
	from := GP64()
	LEAQ(NewDataAddr(Symbol{Name: "·q8Planes"}, 0), from)
	var planes [2][2]VecVirtual
	for p := range planes {
		for h := range planes[p] {
			planes[p][h] = ZMM()
			VMOVDQU64(Mem{Base: from, Disp: 128*p + 64*h}, planes[p][h])
		}
	}
	order := avx512.load(constant("order512", 1, func(at int) uint64 {
		return uint64(avx512.entryOrder(at))
	}))
	ones := avx512.load(constant("ones", 1, func(int) uint64 { return 0xFF }))
	top := avx512.load(constant("top", 1, func(int) uint64 { return 0x80 }))
	return func(entries Mem) (lower, upper VecVirtual) {
		k, mirror := ZMM(), ZMM()
		lower, upper = ZMM(), ZMM()
		VPERMB(entries, order, k)
		VPXORQ(k, ones, mirror)
		VPMAXUB(k, mirror, lower)
		VMOVDQA64(lower, upper)
		VPERMI2B(planes[0][1], planes[0][0], lower)
		VPERMI2B(planes[1][1], planes[1][0], upper)
		const orAnd = 0xF8 // x | (y & z)
		VPTERNLOGD(Imm(orAnd), top, mirror, upper)
		return lower, upper
	}
}

// cascade returns the search of AVX2. VPSHUFB looks up sixteen bytes by the lower four bits of an index, and
// gives 0 if the index is negative. The place is the smaller of an entry and its mirror.
//
// The lower plane is eight tables T_t of sixteen bytes. The indices of D_t = T_t ⊕ T_{t−1} are the places
// less 16t. So the exclusive or of all look-ups for a place in table t is D_0 ⊕ … ⊕ D_t = T_t.
//
// The upper plane has one value but for the last sixteen places and two steps before.
func cascade() func(entries Mem) (lower, upper VecVirtual) {
	from := GP64()
	LEAQ(NewDataAddr(Symbol{Name: "·q8Cascade"}, 0), from)
	var tables [9]VecVirtual
	for t := range tables {
		tables[t] = YMM()
		VBROADCASTI128(Mem{Base: from, Disp: 16 * t}, tables[t])
	}
	last := tables[8]
	steps := func(s int) Mem { return Mem{Base: from, Disp: 16*len(tables) + 32*s} }
	quads := avx2.load(constant("quads", 4, func(at int) uint64 { return uint64(at%4*2 + at/4) }))
	order := constant("order256", 1, func(at int) uint64 {
		e := avx2.entryOrder(at % 32)
		return uint64(e/8*4 + e%4)
	})
	all := func(b uint64) Mem {
		return constant(fmt.Sprintf("all%d", b), 1, func(int) uint64 { return b })
	}
	return func(entries Mem) (lower, upper VecVirtual) {
		k, mirror, place, below := YMM(), YMM(), YMM(), YMM()
		lower, upper = YMM(), YMM()
		VPERMD(entries, quads, k)
		VPSHUFB(order, k, k)
		VPXOR(all(0xFF), k, mirror)
		VPMINUB(mirror, k, place)

		VPSHUFB(place, tables[0], lower)
		at := place
		for _, table := range tables[1:8] {
			x, next := YMM(), YMM()
			VPSUBB(all(16), at, next)
			at = next
			VPSHUFB(at, table, x)
			VPXOR(x, lower, lower)
		}

		VPSUBUSB(all(112), place, upper)
		VPSHUFB(upper, last, upper)
		for s := range 2 {
			VPCMPGTB(steps(s), place, below)
			VPADDB(below, upper, upper)
		}
		VPAND(all(0x80), mirror, mirror)
		VPOR(mirror, upper, upper)
		return lower, upper
	}
}
