// Command asm writes the assembly of package cpu's contraction. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each instruction set (AVX-512, AVX2), arithmetic (f64) and entry format there are two loops over a block
// of eight rows, the two halves of the one pass that cpu/doc.go describes:
//
//	dot   lanes[j][k mod L] += a_jk·z_k       eight dot products side by side
//	add   acc_k += Σ_j c_j·a_jk               their accumulation
//
// for coordinates from ≤ k < to, where to − from is a multiple of the loop's step. What is left over, fewer coordinates
// than one step, plain Go does.
//
// # The order of summation
//
// It is the same in every variant and in plain Go, to the bit. A dot product has L lanes, as many as 64 bytes hold
// numbers, and each is a chain of fused multiply-adds over increasing k. An AVX-512 register is all lanes of a row, so
// eight rows are eight chains in flight; AVX2 keeps a row's lanes in two registers and takes four rows at a time, again
// eight chains. Two FMA units with a latency of four cycles are kept busy by eight. An accumulation is a chain of fused
// multiply-adds over increasing j.
//
// # How an entry becomes a number
//
// See the formats: [floats] for f64, f32 and bf16, [q8] and [signs].
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

func main() {
	for _, isa := range []isa{avx512, avx2} {
		for _, f := range []format{f64, f32, bf16, q8} {
			dot(isa, f)
			add(isa, f)
		}
		dotSigns(isa)
		addSigns(isa)
	}
	Generate()
}
