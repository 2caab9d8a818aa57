package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// format makes numbers of entries.
type format interface {
	// name is the format's in the functions' names.
	name() string
	// units is how many registers of numbers one turn of a loop takes from each row.
	units(isa) int
	// decoder loads what the format needs to have in registers, and returns what makes one row's numbers at the
	// block's index and hands each unit to use.
	decoder(isa) func(b *block, row Register, use func(unit int, x VecVirtual))
}

// The formats whose entries are numbers.
var (
	f64  = floats{"F64", 8}
	f32  = floats{"F32", 4}
	bf16 = floats{"BF16", 2}
)

// floats are f64, read as they are; f32, widened as they are read; and bf16, upper halves of an f32 whose lower half is
// zero: one permutation of words with zeros for the other words (AVX-512), or a widening and a shift (AVX2).
type floats struct {
	text string
	size int
}

func (f floats) name() string { return f.text }

func (f floats) units(isa) int { return 2 }

func (f floats) decoder(isa isa) func(b *block, row Register, use func(unit int, x VecVirtual)) {
	var spread []Op // for bf16 with AVX-512: the permutation for each unit
	var odd Register
	if f.size == 2 && isa.bytes == 64 {
		spread, odd = spreadWords()
	}
	return func(b *block, row Register, use func(unit int, x VecVirtual)) {
		var words VecVirtual
		if spread != nil {
			words = YMM()
			VMOVDQU(Mem{Base: row, Index: b.index, Scale: 2}, words)
		}
		for u := range f.units(isa) {
			x := isa.register()
			from := Mem{Base: row, Index: b.index, Scale: uint8(f.size), Disp: u * isa.bytes / 8 * f.size}
			switch {
			case f.size == 8:
				VMOVUPD(from, x)
			case f.size == 4:
				VCVTPS2PD(from, x)
			case spread != nil:
				single := isa.half()
				VPERMW_Z(words, spread[u], odd, single)
				VCVTPS2PD(single, x)
			default:
				single := isa.half()
				VPMOVZXWD(from, single)
				VPSLLD(Imm(16), single, single)
				VCVTPS2PD(single, x)
			}
			use(u, x)
		}
	}
}

// spreadWords returns the permutations that put the lower and the upper eight of sixteen words into the odd words of a
// register, and the mask of the odd words.
func spreadWords() ([]Op, Register) {
	spread := make([]Op, 2)
	for u := range spread {
		var words [4]uint64
		for i := range 16 {
			words[i/4] |= uint64(8*u+i/2) << (16 * (i % 4))
		}
		r := YMM()
		VMOVDQU(constant(fmt.Sprintf("spread%d", u), words[:]...), r)
		spread[u] = r
	}
	mask, odd := GP32(), K()
	MOVL(U32(0xAAAA), mask)
	KMOVW(mask, odd)
	return spread, odd
}
