// Command contract writes the assembly of package cpu's contraction for arm64. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// The same loops as its namesake for amd64, for coordinates from ≤ k < to of a block of eight rows, where
// to − from is a multiple of 64:
//
//	dot   lanes[j][k mod L] += a_jk·z_k       eight dot products side by side
//	add   acc_k += Σ_j c_j·a_jk               their accumulation
//
// and dots and adds, which do the same for four members of a batch at once and decode each entry once for all
// four.
//
// dot2, add2, dot4 and add4 take only the first rows of a block, for rows so long that eight leave the cache.
// fold and plus end the sums over rows: those of the lanes of dot products, and of the chunks of an
// accumulation.
//
// # The order of summation
//
// The order is the same as on amd64 and in plain Go, to the bit. A dot product has L lanes, as many as 64
// bytes hold numbers. They fill four registers, and each lane is a chain of fused multiply-adds over
// increasing k. Four rows at a time are sixteen independent chains, which keep four multiply-add units with a
// latency of four cycles busy. An accumulation is a chain of fused multiply-adds over increasing j; its
// coordinates are the independent chains. Its weights c stay in registers: the instruction takes any number
// of one as its factor.
//
// # How an entry becomes a number
//
// An entry is decoded in registers, right before its use: see [floats] for f64, f32 and bf16, and dotSigns
// and addSigns for signs, which need no multiplication. decodeQ8 decodes q8 entries to singles in memory, for
// the loops of f32.
package main

import (
	"github.com/matsense/matsense/internal/asm/arm64"
)

// fewRows says for which formats a few rows of a block are taken alone, and how many: the same as on amd64.
var fewRows = map[floats]int{f64: 2, f32: 4}

func main() { program().Main() }

// program returns all functions.
func program() *arm64.Program {
	p := &arm64.Program{Package: "cpu", Command: "go run ./arm64/contract"}
	for _, a := range []arithmetic{double, single} {
		for _, f := range []floats{f64, f32, bf16} {
			dot(p, a, f, blockRows)
			add(p, a, f, blockRows)
			if rows, ok := fewRows[f]; ok {
				dot(p, a, f, rows)
				add(p, a, f, rows)
			}
			dots(p, a, f)
			adds(p, a, f)
		}
		dotSigns(p, a)
		addSigns(p, a)
		fold(p, a)
		plus(p, a)
	}
	decodeQ8(p)
	return p
}
