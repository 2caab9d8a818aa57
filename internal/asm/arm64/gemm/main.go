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
// The sums stay in registers from the first k to the last. They are sixteen and twenty-four independent
// chains, which keep four multiply-add units with a latency of four cycles busy.
package main

import (
	"flag"
	"fmt"
	"log"

	"github.com/matsense/matsense/internal/asm/arm64"
)

func main() {
	out := flag.String("out", "", "file of the assembly")
	stubs := flag.String("stubs", "", "file of the declarations in Go")
	flag.Parse()
	if err := program().Write(*out, *stubs); err != nil {
		log.Fatal(err)
	}
}

// program returns all functions.
func program() *arm64.Program {
	p := &arm64.Program{Package: "cpu", Command: "go run ./arm64/gemm"}
	for _, tile := range []struct{ rows, registers int }{{8, 2}, {1, 2}, {6, 4}, {1, 4}} {
		gemm(p, tile.rows, tile.registers)
	}
	return p
}

const (
	number      = 8 // bytes of a double
	perRegister = 2 // doubles
)

// gemm writes the function for a number of rows, each a number of registers wide.
func gemm(p *arm64.Program, rows, registers int) {
	width := registers * perRegister
	f := p.New(fmt.Sprintf("gemm%dx%dNEON", rows, width),
		"c []float64, stride int, a []float64, down int, along int, b []float64",
		fmt.Sprintf("does c[i·stride + j] = Σ_k a[i·down + k·along]·b[k·%[2]d + j] for i < %[1]d, j < %[2]d and all of b.",
			rows, width))
	inBytes := func(parameter string) arm64.X {
		x := f.Param(parameter)
		f.ShiftLeft(3, x)
		return x
	}
	b, left, down, along := f.Base("b"), f.Len("b"), inBytes("down"), inBytes("along")

	// All rows of a are read at the same distance from their pointers.
	a := []arm64.X{f.Base("a")}
	for i := 1; i < rows; i++ {
		a = append(a, f.X())
		f.Move(a[i-1], a[i])
		f.Add(down, a[i])
	}
	distance := f.X()
	f.Zero(distance)

	sums := make([][]arm64.V, rows)
	for i := range sums {
		sums[i] = f.Vs(registers)
		for _, s := range sums[i] {
			f.ZeroV(s)
		}
	}
	f.Loop(left, width, func() {
		row := f.Vs(registers)
		f.Load(b, perRegister*number, row...)
		for i := range sums {
			x := f.V()
			f.LoadNumber(arm64.D2, a[i], distance, x)
			for j, s := range sums[i] {
				f.MultiplyAddBy(arm64.D2, row[j], x, 0, s)
			}
			f.FreeV(x)
		}
		f.Add(along, distance)
		f.FreeV(row...)
	})

	c, stride := f.Base("c"), inBytes("stride")
	for i := range sums {
		f.StoreAt(c, 0, sums[i]...)
		if i < rows-1 {
			f.Add(stride, c)
		}
	}
	f.Return()
}
