package emulator

import (
	"math"
	"math/bits"
)

// decodeMma decodes mma.sync of f64: D = A·B + C with A 8 × 4, B 4 × 8, C and D 8 × 8, spread over the lanes
// of a warp. Lane l has A[l/4][l%4], B[l%4][l/4], and C and D [l/4][2·(l%4)] and the element to its right
// (PTX ISA, "Matrix Fragments for mma.m8n8k4 with .f64 floating point type").
//
// The ISA leaves the order of the sum open. Here an element of D is a chain of fused multiply-adds: it begins
// with the element of C and takes k in ascending order. MMA-Sim, which was compared with GPUs, does the same
// (arXiv 2511.10909; mmasim/simulator/nv.py).
func decodeMma(a *assembler) operation {
	for _, word := range []string{"sync", "aligned", "m8n8k4", "row", "col", "f64", "f64", "f64", "f64"} {
		a.must(word)
	}
	a.needs(70, 80)
	a.takes(4)
	part := func(operand, i, count int) *operand {
		o := a.operand(operand)
		if o.kind != vectorOperand || len(o.parts) != count {
			a.fail("operand %d is not a vector of %d", operand, count)
		}
		return &o.parts[i]
	}
	k := kinds["f64"]
	d := [2]int32{a.destination(part(0, 0, 2), k), a.destination(part(0, 1, 2), k)}
	left, right := a.source(part(1, 0, 1), k), a.source(part(2, 0, 1), k)
	c := [2]int32{a.source(part(3, 0, 2), k), a.source(part(3, 1, 2), k)}
	a.together(a.constant(allLanes))
	return func(w *warp, mask uint32) {
		if mask != allLanes {
			w.fault(Divergence, bits.TrailingZeros32(mask), "mma is executed by %s, not by a whole warp",
				lanesText(mask))
		}
		w.launch.traffic.Products++
		x, y, from := *w.source(left), *w.source(right), [2]lanes{*w.source(c[0]), *w.source(c[1])}
		for lane := range 32 {
			for i := range 2 {
				row, column := lane/4, 2*(lane%4)+i
				sum := f64(from[i][lane])
				for k := range 4 {
					sum = math.FMA(f64(x[4*row+k]), f64(y[4*column+k]), sum)
				}
				w.regs[d[i]][lane] = bits64(sum)
			}
		}
	}
}
