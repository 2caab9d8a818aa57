// Command gemm writes the assembly of package cpu's matrix multiplication, C = A·B. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each instruction set (AVX-512, AVX2) and each width of one, two and three registers, there are two
// functions, one for several rows of C and one for a single row:
//
//	c_ij = fma(a_ik, b_kj, …) over k = 0, 1, 2, … from 0.
//
// b's rows are as wide as the function's piece of c, one after another. An element of a is copied to all
// lanes of a register and multiplies the registers of one row of b; the sums stay in registers from the first
// k to the last. The elements of c are independent chains, enough to keep two multiply-add units with a
// latency of four cycles busy.
//
// For products with few rows there are functions for every small number of rows, which read b where it is,
// and one that transposes b into such a place: see thin.go. For a b of one column there are two functions
// whose registers have neighbouring rows of c: see column.go.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is a set of instructions.
type isa struct {
	name     string
	bytes    int    // of a register
	rows     [3]int // of a piece with 1, 2 or 3 registers per row
	thinRows int    // the greatest number of rows of a thin piece
	register func() VecVirtual
}

var (
	avx512 = isa{"AVX512", 64, [3]int{8, 8, 8}, 12, func() VecVirtual { return ZMM() }}
	avx2   = isa{"AVX2", 32, [3]int{8, 4, 4}, 6, func() VecVirtual { return YMM() }}
)

func main() {
	for _, isa := range []isa{avx512, avx2} {
		for i, rows := range isa.rows {
			gemm(isa, rows, i+1)
			gemm(isa, 1, i+1)
		}
		for rows := 1; rows <= isa.thinRows; rows++ {
			thin(isa, rows)
		}
	}
	transpose()
	columnAcross()
	columnAlong()
	Generate()
}

const number = 8 // bytes

// load returns a parameter in a register, in bytes if it counts numbers.
func load(from gotypes.Component, bytes bool) Register {
	r := GP64()
	Load(from, r)
	if bytes {
		SHLQ(Imm(3), r)
	}
	return r
}

// rowPointers returns pointers to rows 0, 3, 6, … of a, whose rows are down bytes apart, and the address of
// the present element of each row: three rows are addressed from one pointer.
func rowPointers(a, down Register, rows int) (pointers []Register, element func(i int) Mem) {
	pointers = []Register{a}
	for i := 3; i < rows; i += 3 {
		p := GP64()
		LEAQ(Mem{Base: pointers[len(pointers)-1], Index: down, Scale: 2}, p)
		ADDQ(down, p)
		pointers = append(pointers, p)
	}
	return pointers, func(i int) Mem {
		m := Mem{Base: pointers[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = down, uint8(i%3)
		}
		return m
	}
}

// zeroSums returns registers for the sums of a piece, all zero.
func zeroSums(isa isa, rows, registers int) [][]VecVirtual {
	sums := make([][]VecVirtual, rows)
	for i := range sums {
		for range registers {
			s := isa.register()
			VXORPD(s, s, s)
			sums[i] = append(sums[i], s)
		}
	}
	return sums
}

// multiplyAdd adds the products of one k to the sums: those of a column of a and a row of b.
func multiplyAdd(isa isa, sums [][]VecVirtual, element func(i int) Mem, b Register) {
	row := make([]VecVirtual, len(sums[0]))
	for j := range row {
		row[j] = isa.register()
		VMOVUPD(Mem{Base: b, Disp: j * isa.bytes}, row[j])
	}
	for i := range sums {
		x := isa.register()
		VBROADCASTSD(element(i), x)
		for j, s := range sums[i] {
			VFMADD231PD(row[j], x, s)
		}
	}
}

// gemm writes the function for a number of rows, each a number of registers wide.
func gemm(isa isa, rows, registers int) {
	name := fmt.Sprintf("gemm%dx%d%s", rows, registers*isa.bytes/number, isa.name)
	TEXT(name, attr.NOSPLIT, "func(c []float64, stride int, a []float64, down, along int, b []float64)")
	Doc(fmt.Sprintf("%s does c[i·stride + j] = Σ_k a[i·down + k·along]·b[k·%[3]d + j] "+
		"for i < %[2]d, j < %[3]d and all of b.",
		name, rows, registers*isa.bytes/number))
	Pragma("noescape")
	b, end := load(Param("b").Base(), false), load(Param("b").Len(), true)
	ADDQ(b, end)
	down, along := load(Param("down"), true), load(Param("along"), true)

	pointers, element := rowPointers(load(Param("a").Base(), false), down, rows)
	sums := zeroSums(isa, rows, registers)
	JMP(LabelRef("check"))
	Label("loop")
	multiplyAdd(isa, sums, element, b)
	for _, p := range pointers {
		ADDQ(along, p)
	}
	ADDQ(Imm(uint64(registers*isa.bytes)), b)
	Label("check")
	CMPQ(b, end)
	JLT(LabelRef("loop"))

	c, stride := load(Param("c").Base(), false), load(Param("stride"), true)
	for i := range sums {
		for j, s := range sums[i] {
			VMOVUPD(s, Mem{Base: c, Disp: j * isa.bytes})
		}
		if i < rows-1 {
			ADDQ(stride, c)
		}
	}
	VZEROUPPER()
	RET()
}
