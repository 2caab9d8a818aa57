package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// q8 entries are numbers of levels, which are singles with level(255 − k) = −level(k).
//
// AVX-512 looks up sixty-four entries in registers. The 128 levels of the upper half are kept in four planes,
// one for each byte of their bits. A plane of 128 bytes is two registers, which VPERMI2B searches. An entry k
// and its mirror 255 − k share one place: the larger of the two, without its bit 7. If k is below 128, the
// sign is minus. Unpacking bytes to words and words to double words puts the planes together. Unpacking works
// within quarters of a register, so the entries are reordered first.
//
// AVX2 gathers from a table.
var q8 = levels{}

type levels struct{}

func (levels) name() string { return "Q8" }

func (levels) units(v variant) int {
	if v.isa == avx512 {
		return 64 / v.numbers()
	}
	return 2
}

func (f levels) decoder(v variant) decoder {
	if v.isa == avx512 {
		return planes(v)
	}
	table := GP64()
	if v.arithmetic == double {
		LEAQ(NewDataAddr(Symbol{Name: "·q8Levels"}, 0), table)
	} else {
		LEAQ(NewDataAddr(Symbol{Name: "·q8Singles"}, 0), table)
	}
	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		for u := range f.units(v) {
			entries := Mem{Base: row, Index: b.index, Scale: 1, Disp: v.numbers() * u}
			all, x := YMM(), YMM()
			VXORPD(x, x, x) // a gather writes over x: zeroing x avoids waiting for the previous gather
			VPCMPEQD(all, all, all)
			if v.arithmetic == double {
				at := XMM()
				VPMOVZXBD(entries, at)
				VGATHERDPD(all, Mem{Base: table, Index: at, Scale: 8}, x)
			} else {
				at := YMM()
				VPMOVZXBD(entries, at)
				VGATHERDPS(all, Mem{Base: table, Index: at, Scale: 4}, x)
			}
			use(u, x)
		}
	}
}

// planes is the decoder of AVX-512.
func planes(v variant) decoder {
	from := GP64()
	LEAQ(NewDataAddr(Symbol{Name: "·q8Planes"}, 0), from)
	var planes [4][2]VecVirtual
	for p := range planes {
		for h := range planes[p] {
			planes[p][h] = ZMM()
			VMOVDQU64(Mem{Base: from, Disp: 128*p + 64*h}, planes[p][h])
		}
	}
	// group g of sixteen takes four bytes from each quarter
	order := avx512.load(constant("quarters", 1, func(i int) uint64 {
		q, g := i/16, i/4%4
		return uint64(16*g + 4*q + i%4)
	}))
	ones := avx512.load(constant("ones", 1, func(int) uint64 { return 0xFF }))
	top := avx512.load(constant("top", 1, func(int) uint64 { return 0x80 }))

	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		k, mirror, place := ZMM(), ZMM(), ZMM()
		VPERMB(Mem{Base: row, Index: b.index, Scale: 1}, order, k)
		VPXORQ(k, ones, mirror)
		VPMAXUB(k, mirror, place)
		bytes := [4]VecVirtual{ZMM(), ZMM(), ZMM(), place}
		for p, x := range bytes {
			if x != place {
				VMOVDQA64(place, x)
			}
			VPERMI2B(planes[p][1], planes[p][0], x)
		}
		const orAnd = 0xF8 // x | (y & z)
		VPTERNLOGD(Imm(orAnd), top, mirror, bytes[3])

		group := 0
		for _, unpack := range []func(...Op){VPUNPCKLBW, VPUNPCKHBW} {
			words := [2]VecVirtual{ZMM(), ZMM()}
			unpack(bytes[1], bytes[0], words[0])
			unpack(bytes[3], bytes[2], words[1])
			for _, unpack := range []func(...Op){VPUNPCKLWD, VPUNPCKHWD} {
				x := ZMM()
				unpack(words[1], words[0], x)
				if v.arithmetic == single {
					use(group, x)
				} else {
					lower, upper, half := ZMM(), ZMM(), YMM()
					VCVTPS2PD(x.AsY(), lower)
					use(2*group, lower)
					VEXTRACTF32X8(Imm(1), x, half)
					VCVTPS2PD(half, upper)
					use(2*group+1, upper)
				}
				group++
			}
		}
	}
}
