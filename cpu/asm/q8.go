package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// q8 entries are numbers of levels, which are singles with level(255 − k) = −level(k).
//
// AVX-512 looks sixty-four entries up in registers. The 128 levels of the upper half are kept in four planes, one for
// each byte of their bits, and a plane of 128 bytes is two registers: what VPERMI2B searches. An entry's upper half and
// its mirror have the same place in them, k or 255 − k without bit 7; bit 7 of the entry, inverted, is the level's sign.
// Unpacking bytes to words and words to double words puts the planes together. Unpacking works within quarters of a
// register, so the entries are permuted first.
//
// AVX2 gathers from the table of doubles.
var q8 = levels{}

type levels struct{}

func (levels) name() string { return "Q8" }

func (levels) units(isa isa) int {
	if isa.bytes == 64 {
		return 8
	}
	return 2
}

func (f levels) decoder(isa isa) func(b *block, row Register, use func(unit int, x VecVirtual)) {
	if isa.bytes == 64 {
		return f.planes()
	}
	table := GP64()
	LEAQ(Mem{Symbol: Symbol{Name: "·q8Levels"}, Base: StaticBase}, table)
	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		for u := range f.units(isa) {
			at, all, x := XMM(), YMM(), YMM()
			VPMOVZXBD(Mem{Base: row, Index: b.index, Scale: 1, Disp: 4 * u}, at)
			VXORPD(x, x, x) // a gather merges into x; this ends the chain
			VPCMPEQD(all, all, all)
			VGATHERDPD(all, Mem{Base: table, Index: at, Scale: 8}, x)
			use(u, x)
		}
	}
}

// planes is the decoder of AVX-512.
func (levels) planes() func(b *block, row Register, use func(unit int, x VecVirtual)) {
	from := GP64()
	LEAQ(Mem{Symbol: Symbol{Name: "·q8Planes"}, Base: StaticBase}, from)
	var planes [4][2]VecVirtual
	for p := range planes {
		for h := range planes[p] {
			planes[p][h] = ZMM()
			VMOVDQU64(Mem{Base: from, Disp: 128*p + 64*h}, planes[p][h])
		}
	}
	order := quarters()
	top := ZMM() // bit 7 of every byte
	high := GP32()
	MOVL(U32(0x80808080), high)
	VPBROADCASTD(high, top)

	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		k, lower := ZMM(), K()
		VPERMB(Mem{Base: row, Index: b.index, Scale: 1}, order, k)
		VPTESTNMB(top, k, lower)
		place := ZMM()
		VPMOVM2B(lower, place)
		VPXORQ(k, place, place)
		bytes := [4]VecVirtual{ZMM(), ZMM(), ZMM(), place}
		for p := range bytes {
			if p < 3 {
				VMOVDQA64(place, bytes[p])
			}
			VPERMI2B(planes[p][1], planes[p][0], bytes[p])
		}
		VPTERNLOGD(Imm(0xF2), top, k, bytes[3]) // bytes[3] | (^k & top) with sources bytes[3], k, top
		for pair := range 2 {                   // of sixteen-entry groups
			unpack, words := VPUNPCKLBW, [2]VecVirtual{ZMM(), ZMM()}
			if pair == 1 {
				unpack = VPUNPCKHBW
			}
			unpack(bytes[1], bytes[0], words[0])
			unpack(bytes[3], bytes[2], words[1])
			for half := range 2 {
				single := ZMM()
				if half == 0 {
					VPUNPCKLWD(words[1], words[0], single)
				} else {
					VPUNPCKHWD(words[1], words[0], single)
				}
				u := 4*pair + 2*half
				x := ZMM()
				VCVTPS2PD(single.AsY(), x)
				use(u, x)
				upper, y := YMM(), ZMM()
				VEXTRACTF32X8(Imm(1), single, upper)
				VCVTPS2PD(upper, y)
				use(u+1, y)
			}
		}
	}
}

// quarters returns the order in which sixty-four bytes must lie for unpacking to give them in theirs: group g of sixteen
// entries takes four bytes from each quarter.
func quarters() VecVirtual {
	var words [8]uint64
	for q := range 4 {
		for g := range 4 {
			for i := range 4 {
				at := 16*q + 4*g + i
				words[at/8] |= uint64(16*g+4*q+i) << (8 * (at % 8))
			}
		}
	}
	return avx512.load("quarters", words[:]...)
}
