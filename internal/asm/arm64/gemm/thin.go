package main

import (
	"fmt"

	"github.com/matsense/matsense/internal/asm/arm64"
)

// thin writes the function for a number of rows of C and strips of so many registers:
//
//	c_ij = c_ij + fma(a_ik, b_kj, …) over k = 0, 1, 2, … from 0.
//
// It goes from strip to strip itself, because the chains of a strip may be short.
func thin(p *arm64.Program, rows, registers int) {
	width := registers * perRegister
	w := begin(p, fmt.Sprintf("thin%dx%dNEON", rows, width),
		"c []float64, stride int, a []float64, down int, along int, b []float64, apart int, depth int, strips int",
		fmt.Sprintf("does c[i·stride + j] += Σ_k a[i·down + k·along]·b[k·apart + j] for i < %d, j < %d·strips "+
			"and k < depth.", rows, width))
	c, stride, strip, apart := w.Base("c"), w.inBytes("stride"), w.Base("b"), w.inBytes("apart")
	depth, strips := w.Param("depth"), w.Param("strips")
	a, along := w.rowsOf(rows), w.inBytes("along")

	b, left, distance, row := w.X(), w.X(), w.X(), w.X()
	w.Loop(strips, 1, func() {
		w.Move(strip, b)
		w.AddConstant(width*number, strip)
		w.Move(depth, left)
		sums := w.zeros(rows, registers)
		w.Zero(distance)
		w.Loop(left, 1, func() {
			numbers := w.Vs(registers)
			w.LoadAt(b, 0, numbers...)
			w.Add(apart, b)
			w.multiplyAdd(sums, a, distance, numbers)
			w.Add(along, distance)
			w.FreeV(numbers...)
		})
		w.Move(c, row)
		w.AddConstant(width*number, c)
		for i := range sums {
			before := w.Vs(registers)
			w.LoadAt(row, 0, before...)
			for j, s := range sums[i] {
				w.AddNumbers(arm64.D2, before[j], s, s)
			}
			w.StoreAt(row, 0, sums[i]...)
			if i < rows-1 {
				w.Add(stride, row)
			}
			w.FreeV(before...)
			w.FreeV(sums[i]...)
		}
	})
	w.Return()
}

// transpose writes the function that transposes eight rows, four columns at a time. Registers of two rows and
// the same two columns become two registers of one column each.
func transpose(p *arm64.Program) {
	const rows, columns = 8, 4
	w := begin(p, "transpose8NEON", "dst []float64, apart int, src []float64, down int, columns int",
		"does dst[j·apart + i] = src[i·down + j] for i < 8 and j < columns, a multiple of 4.")
	dst, apart, left := w.Base("dst"), w.inBytes("apart"), w.Param("columns")
	down := w.inBytes("down")
	src := w.pointers(w.Base("src"), down, rows)
	w.Loop(left, columns, func() {
		var numbers [rows][]arm64.V
		for i := range numbers {
			numbers[i] = w.Vs(columns / perRegister)
			w.Load(src[i], perRegister*number, numbers[i]...)
		}
		for column := range columns {
			zip, from := w.Zip, column/perRegister
			if column%perRegister == 1 {
				zip = w.ZipHigh
			}
			x := w.Vs(rows / 2)
			for i := range x {
				zip(arm64.D2, numbers[2*i][from], numbers[2*i+1][from], x[i])
			}
			w.StoreAt(dst, 0, x...)
			w.Add(apart, dst)
			w.FreeV(x...)
		}
		for i := range numbers {
			w.FreeV(numbers[i]...)
		}
	})
	w.Return()
}
