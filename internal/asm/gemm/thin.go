package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const thinRegisters = 2 // of a row of a thin piece

// thin writes the function for a number of rows of C and strips of two registers:
//
//	c_ij = c_ij + fma(a_ik, b_kj, …) over k = 0, 1, 2, … from 0.
//
// It goes from strip to strip itself, because the chains of a strip may be short.
func thin(isa isa, rows int) {
	width := thinRegisters * isa.bytes / number
	name := fmt.Sprintf("thin%dx%d%s", rows, width, isa.name)
	TEXT(name, attr.NOSPLIT,
		"func(c []float64, stride int, a []float64, down, along int, b []float64, apart, depth, strips int)")
	Doc(fmt.Sprintf("%s does c[i·stride + j] += Σ_k a[i·down + k·along]·b[k·apart + j] "+
		"for i < %d, j < %d·strips and k < depth.", name, rows, width),
		"depth and strips must be positive.")
	Pragma("noescape")
	c, stride := load(Param("c").Base(), false), load(Param("stride"), true)
	down, along := load(Param("down"), true), load(Param("along"), true)
	strip, apart := load(Param("b").Base(), false), load(Param("apart"), true)
	strips := load(Param("strips"), false)

	Label("strip")
	pointers, element := rowPointers(load(Param("a").Base(), false), down, rows)
	b, depth := GP64(), load(Param("depth"), false)
	MOVQ(strip, b)
	sums := zeroSums(isa, rows, thinRegisters)
	Label("loop")
	multiplyAdd(isa, sums, element, b)
	for _, p := range pointers {
		ADDQ(along, p)
	}
	ADDQ(apart, b)
	DECQ(depth)
	JNE(LabelRef("loop"))

	row := GP64()
	MOVQ(c, row)
	for i := range sums {
		for j, s := range sums[i] {
			at := Mem{Base: row, Disp: j * isa.bytes}
			VADDPD(at, s, s)
			VMOVUPD(s, at)
		}
		if i < rows-1 {
			ADDQ(stride, row)
		}
	}
	ADDQ(Imm(uint64(width*number)), c)
	ADDQ(Imm(uint64(width*number)), strip)
	DECQ(strips)
	JNE(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

// transpose writes the function that transposes eight rows. Squares of four rows and four columns are
// transposed in registers: halves of two rows are loaded into one register, so that the elements of a column
// are in the same half, and unpacked. Meanwhile the next eight rows, if they lie behind these, are fetched
// from memory: rows are read in order, but too many at once for the processor to see it.
func transpose() {
	const rows, side, line = 8, 4, 64 // a cache line has 64 bytes
	TEXT("transpose8AVX2", attr.NOSPLIT, "func(dst []float64, apart int, src []float64, down, columns int)")
	Doc("transpose8AVX2 does dst[j·apart + i] = src[i·down + j] for i < 8 and j < columns.",
		"columns must be a positive multiple of 4.")
	Pragma("noescape")
	dst, apart := load(Param("dst").Base(), false), load(Param("apart"), true)
	down, columns := load(Param("down"), true), load(Param("columns"), false)
	pointers, element := rowPointers(load(Param("src").Base(), false), down, rows)
	next := GP64()
	LEAQ(Mem{Base: pointers[0], Index: down, Scale: rows}, next)
	Label("loop")
	for at := 0; at < rows*side*number; at += line {
		PREFETCHT0(Mem{Base: next, Disp: at})
	}
	ADDQ(U32(rows*side*number), next)
	third := GP64()
	LEAQ(Mem{Base: dst, Index: apart, Scale: 2}, third)
	ADDQ(apart, third)
	for from := 0; from < rows; from += side {
		pair := func(i, column int) VecVirtual { // rows i and i + 2, columns column and column + 1
			r := YMM()
			low, high := element(from+i), element(from+i+2)
			low.Disp, high.Disp = column*number, column*number
			VMOVUPD(low, r.AsX())
			VINSERTF128(Imm(1), high, r, r)
			return r
		}
		for column := 0; column < side; column += 2 {
			even, odd := pair(0, column), pair(1, column)
			first, second := YMM(), YMM()
			VUNPCKLPD(odd, even, first)
			VUNPCKHPD(odd, even, second)
			at := Mem{Base: dst, Disp: from * number}
			below := Mem{Base: dst, Index: apart, Scale: 1, Disp: from * number}
			if column == 2 {
				at.Index, at.Scale = apart, 2
				below = Mem{Base: third, Disp: from * number}
			}
			VMOVUPD(first, at)
			VMOVUPD(second, below)
		}
	}
	for _, p := range pointers {
		ADDQ(Imm(side*number), p)
	}
	LEAQ(Mem{Base: dst, Index: apart, Scale: 4}, dst)
	SUBQ(Imm(side), columns)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
