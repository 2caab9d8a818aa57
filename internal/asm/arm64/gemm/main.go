// Command gemm writes the assembly of package cpu's matrix multiplication for arm64, C = A·B. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// The same chains as its namesake for amd64,
//
//	c_ij = fma(a_ik, b_kj, …) over k = 0, 1, 2, … from 0,
//
// in tiles of eight rows and two registers, and of six rows and four registers, and in one row of each width.
// For products with few rows of A, which add to C and read B where it is, there are strips of one to six rows
// and four registers, and a function that transposes panels (see package cpu's thin).
//
// The sums stay in registers from the first k to the last. They are sixteen and twenty-four independent
// chains, which keep four multiply-add units with a latency of four cycles busy.
package main

import (
	"fmt"

	"github.com/matsense/matsense/internal/asm/arm64"
)

func main() { program().Main() }

// program returns all functions.
func program() *arm64.Program {
	p := &arm64.Program{Package: "cpu", Command: "go run ./arm64/gemm"}
	for _, tile := range []struct{ rows, registers int }{{8, 2}, {1, 2}, {6, 4}, {1, 4}} {
		gemm(p, tile.rows, tile.registers)
	}
	for rows := 1; rows <= 6; rows++ {
		thin(p, rows, 4)
	}
	transpose(p)
	return p
}

const (
	number      = 8 // bytes of a double
	perRegister = 2 // doubles
)

// writer is a function under way.
type writer struct{ *arm64.Function }

func begin(p *arm64.Program, name, parameters, doc string) writer {
	return writer{p.New(name, parameters, doc)}
}

// inBytes loads a parameter that is a number of doubles, as bytes.
func (w writer) inBytes(parameter string) arm64.X {
	x := w.Param(parameter)
	w.ShiftLeft(3, x)
	return x
}

// pointers returns pointers to count rows; the first one is given.
func (w writer) pointers(first, down arm64.X, count int) []arm64.X {
	list := []arm64.X{first}
	for i := 1; i < count; i++ {
		list = append(list, w.X())
		w.Move(list[i-1], list[i])
		w.Add(down, list[i])
	}
	return list
}

// rowsOf returns pointers to the rows of a, which are all read at the same distance from them.
func (w writer) rowsOf(count int) []arm64.X {
	down := w.inBytes("down")
	a := w.pointers(w.Base("a"), down, count)
	w.FreeX(down)
	return a
}

// zeros returns the sums of some rows, each so many registers, from 0.
func (w writer) zeros(rows, registers int) [][]arm64.V {
	sums := make([][]arm64.V, rows)
	for i := range sums {
		sums[i] = w.Vs(registers)
		for _, s := range sums[i] {
			w.ZeroV(s)
		}
	}
	return sums
}

// multiplyAdd adds the products of elements of a, at a distance from its rows, with a row of b.
func (w writer) multiplyAdd(sums [][]arm64.V, a []arm64.X, distance arm64.X, row []arm64.V) {
	for i := range sums {
		x := w.V()
		w.LoadNumber(arm64.D2, a[i], distance, x)
		for j, s := range sums[i] {
			w.MultiplyAddBy(arm64.D2, row[j], x, 0, s)
		}
		w.FreeV(x)
	}
}

// gemm writes the function for a number of rows, each a number of registers wide.
func gemm(p *arm64.Program, rows, registers int) {
	width := registers * perRegister
	w := begin(p, fmt.Sprintf("gemm%dx%dNEON", rows, width),
		"c []float64, stride int, a []float64, down int, along int, b []float64",
		fmt.Sprintf("does c[i·stride + j] = Σ_k a[i·down + k·along]·b[k·%[2]d + j] "+
			"for i < %[1]d, j < %[2]d and all of b.", rows, width))
	b, left, a, along, distance := w.Base("b"), w.Len("b"), w.rowsOf(rows), w.inBytes("along"), w.X()
	w.Zero(distance)
	sums := w.zeros(rows, registers)
	w.Loop(left, width, func() {
		row := w.Vs(registers)
		w.Load(b, perRegister*number, row...)
		w.multiplyAdd(sums, a, distance, row)
		w.Add(along, distance)
		w.FreeV(row...)
	})

	c, stride := w.Base("c"), w.inBytes("stride")
	for i := range sums {
		w.StoreAt(c, 0, sums[i]...)
		if i < rows-1 {
			w.Add(stride, c)
		}
	}
	w.Return()
}
