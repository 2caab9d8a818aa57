package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format decodes entries into numbers.
type format interface {
	// name is the format's part of the functions' names.
	name() string
	// units is how many registers of numbers one iteration of a loop takes from each row.
	units(variant) int
	// decoder loads the registers that the format needs, and returns the function that decodes one row's
	// numbers at the block's index and passes each unit to use.
	decoder(variant) decoder
}

type decoder func(b *block, row Register, use func(unit int, x VecVirtual))

// The formats whose entries are multiplied as numbers.
var (
	f64  = floats{"F64", 8}
	f32  = floats{"F32", 4}
	bf16 = floats{"BF16", 2}
)

// floats are f64, f32 and bf16. f64 and f32 are read directly or converted when read. bf16 is the upper half
// of an f32 whose lower half is zero: AVX-512 spreads words over the odd places of a register and puts zeros
// between them, AVX2 widens and shifts.
type floats struct {
	text string
	size int
}

func (f floats) name() string { return f.text }

func (f floats) units(variant) int { return 2 }

func (f floats) decoder(v variant) decoder {
	var spread func(words Mem) [2]VecVirtual
	if f.size == 2 && v.isa == avx512 {
		spread = spreadWords(v)
	}
	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		entries := func(unit, part int) Mem { // of a unit, from a part of its numbers on
			first := unit*v.numbers() + part*v.numbers()/2
			return Mem{Base: row, Index: b.index, Scale: uint8(f.size), Disp: first * f.size}
		}
		var singles [2]VecVirtual // of bf16
		if spread != nil {
			singles = spread(entries(0, 0))
		}
		for u := range f.units(v) {
			x := v.register()
			from := entries(u, 0)
			switch f.size {
			case v.size:
				VMOVUPD(from, x)
			case 4:
				VCVTPS2PD(from, x)
			case 8:
				narrow(v, from, entries(u, 1), x)
			case 2:
				y := singles[u]
				if spread == nil {
					if y = x; v.arithmetic == double {
						y = v.half()
					}
					VPMOVZXWD(from, y)
					VPSLLD(Imm(16), y, y)
				}
				if x = y; v.arithmetic == double {
					x = v.register()
					VCVTPS2PD(y, x)
				}
			}
			use(u, x)
		}
	}
}

// narrow converts doubles to singles.
func narrow(v variant, lower, upper Mem, x VecVirtual) {
	y := v.half()
	// Avo takes a register of which only half is written for one in use since the function's start; zeroing
	// avoids that.
	VXORPD(x, x, x)
	if v.isa == avx512 {
		VCVTPD2PS(lower, x.AsY())
		VCVTPD2PS(upper, y)
		VINSERTF64X4(Imm(1), y, x, x)
		return
	}
	VCVTPD2PSY(lower, x.AsX())
	VCVTPD2PSY(upper, y)
	VINSERTF128(Imm(1), y, x, x)
}

// spreadWords returns a function that converts the words at an address to singles, two units of them.
func spreadWords(v variant) func(words Mem) [2]VecVirtual {
	register := ZMM // has as many singles as a unit
	if v.arithmetic == double {
		register = func() VecVirtual { return YMM() }
	}
	mask, odd := GP32(), K()
	MOVL(U32(0xAAAAAAAA), mask)
	KMOVD(mask, odd)
	var places [2]VecVirtual
	for u := range places {
		places[u] = register()
		words := constant(fmt.Sprintf("spread%d%d", v.size, u), 2, func(i int) uint64 {
			return uint64(u*v.numbers() + i/2)
		})
		VMOVUPD(words, places[u])
	}
	return func(words Mem) (x [2]VecVirtual) {
		all := register()
		VMOVUPD(words, all)
		for u := range x {
			x[u] = register()
			VPERMW_Z(all, places[u], odd, x[u])
		}
		return x
	}
}
