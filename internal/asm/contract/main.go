// Command contract writes the assembly of package cpu's contraction. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each instruction set (AVX-512, AVX2), arithmetic (f64, f32) and entry format there are two loops over a block of
// eight rows, the two halves of the one pass that cpu/doc.go describes:
//
//	dot   lanes[j][k mod L] += a_jk·z_k       eight dot products side by side
//	add   acc_k += Σ_j c_j·a_jk               their accumulation
//
// and dots and adds, which do that for four members of a batch at once and decode each entry once for the four,
//
// for coordinates from ≤ k < to, where to − from is a multiple of 64. What is left over, package cpu pads.
//
// # The order of summation
//
// It is the same in every variant and in plain Go, to the bit. A dot product has L lanes, as many as 64 bytes hold
// numbers, and each is a chain of fused multiply-adds over increasing k. An AVX-512 register is all lanes of a row, so
// eight rows are eight chains in flight; AVX2 keeps a row's lanes in two registers and takes four rows at a time, again
// eight chains. That keeps two multiply-add units with a latency of four cycles busy. An accumulation is a chain of fused
// multiply-adds over increasing j, and its coordinates are the independent chains.
//
// # How an entry becomes a number
//
// It is decoded in registers, where it is used: see [floats] for f64, f32 and bf16, [levels] for q8 and dotSigns and
// addSigns for signs, which are not multiplied at all.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	for _, isa := range []isa{avx512, avx2} {
		for _, a := range []*arithmetic{double, single} {
			v := variant{isa, a}
			for _, f := range []format{f64, f32, bf16, q8} {
				dot(v, f)
				add(v, f)
				dots4(v, f)
				adds4(v, f)
			}
			dotSigns(v)
			addSigns(v)
		}
	}
	Generate()
}
