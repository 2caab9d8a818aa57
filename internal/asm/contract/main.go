// Command contract writes the assembly of package cpu's contraction. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each instruction set (AVX-512, AVX2), arithmetic (f64, f32) and entry format, there are two loops over
// a block of eight rows, the two halves of the single pass that cpu/doc.go describes:
//
//	dot   lanes[j][k mod L] += a_jk·z_k       eight dot products side by side
//	add   acc_k += Σ_j c_j·a_jk               their accumulation
//
// and dots and adds, which do the same for four members of a batch at once and decode each entry once for all
// four, dot and add of fewer rows of f64 and f32, for rows that are long, and decode, which writes the
// numbers of the entries to memory for internal/asm/batch,
//
// for coordinates from ≤ k < to; to − from is a multiple of 64. Package cpu pads the remaining coordinates.
//
// # The order of summation
//
// The order is the same in every variant and in plain Go, to the bit. A dot product has L lanes, as many as
// 64 bytes hold numbers; each lane is a chain of fused multiply-adds over increasing k. An AVX-512 register
// holds all lanes of a row, so eight rows are eight independent chains. AVX2 keeps a row's lanes in two
// registers and handles four rows at a time, again eight chains. Eight chains keep two multiply-add units
// with a latency of four cycles busy. An accumulation is a chain of fused multiply-adds over increasing j;
// its coordinates are the independent chains.
//
// # How an entry becomes a number
//
// An entry is decoded in registers, right before its use: see [floats] for f64, f32 and bf16, [levels] for
// q8, which AVX2 decodes to memory, and dotSigns and addSigns for signs, which need no multiplication.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

// fewRows says how many rows of a format are taken together if eight leave the cache between the two halves.
// So few dot products are too few chains for the multiply-add units, but these formats wait longer for
// memory.
var fewRows = map[format]int{f64: 2, f32: 4}

func main() {
	for _, isa := range []isa{avx512, avx2} {
		for _, a := range []*arithmetic{double, single} {
			v := variant{isa, a}
			formats := []format{f64, f32, bf16}
			if isa == avx512 {
				formats = append(formats, q8)
			}
			for _, f := range formats {
				dot(v, f, blockRows)
				add(v, f, blockRows)
				if rows, ok := fewRows[f]; ok {
					dot(v, f, rows)
					add(v, f, rows)
				}
				dots4(v, f)
				adds4(v, f)
				decode(v, f)
			}
			dotSigns(v)
			addSigns(v)
		}
	}
	decodeQ8()
	Generate()
}
