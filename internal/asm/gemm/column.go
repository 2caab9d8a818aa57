package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The functions of this file multiply a by one column. Neighbouring rows of c are the lanes of a register, so
// that each lane is one chain over k. b has as many numbers from one k to the next as the narrowest piece is
// wide, of which the first is the column's.

const (
	columnWidth = 4  // numbers from one number of b to the next
	lanes       = 4  // rows in a register
	acrossRows  = 48 // rows of the function for an a whose columns lie together
	alongRows   = 24 // rows of the function for an a whose rows lie together
)

// columnFunction begins a function. It returns a, the bytes of a step, b and its end.
func columnFunction(name, element string, rows int) (a, step, b, end Register) {
	TEXT(name, attr.NOSPLIT, "func(c []float64, a []float64, step int, b []float64)")
	Doc(fmt.Sprintf("%s does c[i] = Σ_k %s·b[%d·k] for i < %d and all of b.",
		name, element, columnWidth, rows))
	Pragma("noescape")
	b, end = load(Param("b").Base(), false), load(Param("b").Len(), true)
	ADDQ(b, end)
	return load(Param("a").Base(), false), load(Param("step"), true), b, end
}

// endColumn stores the sums and ends a function.
func endColumn(sums []VecVirtual) {
	c := load(Param("c").Base(), false)
	for i, s := range sums {
		VMOVUPD(s, Mem{Base: c, Disp: i * avx2.bytes})
	}
	VZEROUPPER()
	RET()
}

// columnAcross writes the function for an a whose columns lie together: registers of it are read where they
// are.
func columnAcross() {
	name := fmt.Sprintf("column%dAcrossAVX2", acrossRows)
	a, step, b, end := columnFunction(name, "a[i + k·step]", acrossRows)
	sums := zeroSums(avx2, 1, acrossRows/lanes)[0]
	JMP(LabelRef("check"))
	Label("loop")
	x := YMM()
	VBROADCASTSD(Mem{Base: b}, x)
	for i, s := range sums {
		VFMADD231PD(Mem{Base: a, Disp: i * avx2.bytes}, x, s)
	}
	ADDQ(step, a)
	ADDQ(Imm(columnWidth*number), b)
	Label("check")
	CMPQ(b, end)
	JLT(LabelRef("loop"))
	endColumn(sums)
}

// columnAlong writes the function for an a whose rows lie together. Four rows and four k are transposed in
// registers, as in transpose. The last k are gathered one by one.
func columnAlong() {
	name := fmt.Sprintf("column%dAlongAVX2", alongRows)
	a, step, b, end := columnFunction(name, "a[i·step + k]", alongRows)
	sums := zeroSums(avx2, 1, alongRows/lanes)[0]
	three := GP64()
	LEAQ(Mem{Base: step, Index: step, Scale: 2}, three)
	firsts := []Register{a} // the first of four rows each
	for i := 1; i < len(sums); i++ {
		p := GP64()
		LEAQ(Mem{Base: firsts[i-1], Index: step, Scale: 4}, p)
		firsts = append(firsts, p)
	}
	element := func(group, row, column int) Mem {
		m := Mem{Base: firsts[group], Disp: column * number}
		switch row {
		case 1, 2:
			m.Index, m.Scale = step, uint8(row)
		case 3:
			m.Index, m.Scale = three, 1
		}
		return m
	}
	next := func(columns int) {
		for _, p := range firsts {
			ADDQ(Imm(uint64(columns*number)), p)
		}
		ADDQ(Imm(uint64(columns*columnWidth*number)), b)
	}
	// Avo takes a register of which only half is written for one in use since the function's start. So all
	// pairs are in these.
	even, odd := YMM(), YMM()
	JMP(LabelRef("check"))
	Label("loop")
	for column := 0; column < 4; column += 2 {
		x := [2]VecVirtual{YMM(), YMM()}
		for j := range x {
			VBROADCASTSD(Mem{Base: b, Disp: (column + j) * columnWidth * number}, x[j])
		}
		for group, s := range sums {
			for row, r := range []VecVirtual{even, odd} {
				// Rows row and row + 2, columns column and column + 1.
				VMOVUPD(element(group, row, column), r.AsX())
				VINSERTF128(Imm(1), element(group, row+2, column), r, r)
			}
			first, second := YMM(), YMM()
			VUNPCKLPD(odd, even, first)
			VUNPCKHPD(odd, even, second)
			VFMADD231PD(first, x[0], s)
			VFMADD231PD(second, x[1], s)
		}
	}
	next(4)
	Label("check")
	last := GP64()
	LEAQ(Mem{Base: b, Disp: 4 * columnWidth * number}, last)
	CMPQ(last, end)
	JLE(LabelRef("loop"))

	JMP(LabelRef("checkOne"))
	Label("one")
	x := YMM()
	VBROADCASTSD(Mem{Base: b}, x)
	for group, s := range sums {
		high := XMM()
		VMOVSD(element(group, 0, 0), even.AsX())
		VMOVHPD(element(group, 1, 0), even.AsX(), even.AsX())
		VMOVSD(element(group, 2, 0), high)
		VMOVHPD(element(group, 3, 0), high, high)
		VINSERTF128(Imm(1), high, even, even)
		VFMADD231PD(even, x, s)
	}
	next(1)
	Label("checkOne")
	CMPQ(b, end)
	JLT(LabelRef("one"))
	endColumn(sums)
}
