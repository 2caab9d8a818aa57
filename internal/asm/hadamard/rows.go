package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const together = 8 // rows that the functions of this file take at a time

// rowsFrom returns the addresses of place at of each row, where at counts bytes.
func rowsFrom(rows Register, at Register) (places [together]Mem) {
	for i := range places {
		p := GP64()
		MOVQ(Mem{Base: rows, Disp: 8 * i}, p)
		places[i] = Mem{Base: p, Index: at, Scale: 1}
	}
	return places
}

// bounds returns a place of 0, the bytes of a vector of the parameter's length that are whole registers, and
// all of its bytes.
func bounds(vector gotypes.Component, at Register) (whole, all Register) {
	XORQ(at, at)
	whole, all = GP64(), GP64()
	Load(vector.Len(), all)
	SHLQ(Imm(3), all)
	MOVQ(all, whole)
	ANDQ(I32(-32), whole)
	return whole, all
}

// dots writes the function for eight dot products with the same row. The four chains of each are the lanes of
// a register. The last numbers are added to the first chain: the products in the other lanes are zeros.
func dots() {
	TEXT("rowDotsAVX2", attr.NOSPLIT, "func(dst *[8]float64, row []float64, rows *[8]*float64)")
	Doc("rowDotsAVX2 does what chainsDot does, for a row and each of eight rows of its length.")
	Pragma("noescape")
	at, row, rows := GP64(), GP64(), GP64()
	Load(Param("row").Base(), row)
	Load(Param("rows"), rows)
	whole, all := bounds(Param("row"), at)
	places := rowsFrom(rows, at)
	var sums [together]VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VXORPD(sums[i], sums[i], sums[i])
	}
	JMP(LabelRef("check"))
	Label("loop")
	x, product := YMM(), YMM()
	VMOVUPD(Mem{Base: row, Index: at, Scale: 1}, x)
	for i, s := range sums {
		VMULPD(places[i], x, product)
		VADDPD(product, s, s)
	}
	ADDQ(Imm(32), at)
	Label("check")
	CMPQ(at, whole)
	JLT(LabelRef("loop"))
	JMP(LabelRef("checkRest"))
	Label("rest")
	VMOVSD(Mem{Base: row, Index: at, Scale: 1}, x.AsX())
	for i, s := range sums {
		VMULSD(places[i], x.AsX(), product.AsX())
		VADDPD(product, s, s)
	}
	ADDQ(Imm(8), at)
	Label("checkRest")
	CMPQ(at, all)
	JLT(LabelRef("rest"))
	dst := GP64()
	Load(Param("dst"), dst)
	for i, s := range sums {
		VHADDPD(s, s, s)
		VEXTRACTF128(Imm(1), s, product.AsX())
		VADDSD(product.AsX(), s.AsX(), s.AsX())
		VMOVSD(s.AsX(), Mem{Base: dst, Disp: 8 * i})
	}
	VZEROUPPER()
	RET()
}

// adds writes the function that adds multiples of eight rows to a row, one after another.
func adds() {
	TEXT("rowAddsAVX2", attr.NOSPLIT, "func(sum []float64, weights *[8]float64, rows *[8]*float64)")
	Doc("rowAddsAVX2 does what addScaled does, for each of eight weights and rows in order.")
	Pragma("noescape")
	at, sum, rows, from := GP64(), GP64(), GP64(), GP64()
	Load(Param("sum").Base(), sum)
	Load(Param("rows"), rows)
	Load(Param("weights"), from)
	var weights [together]VecVirtual
	for i := range weights {
		weights[i] = YMM()
		VBROADCASTSD(Mem{Base: from, Disp: 8 * i}, weights[i])
	}
	whole, all := bounds(Param("sum"), at)
	places := rowsFrom(rows, at)
	total := Mem{Base: sum, Index: at, Scale: 1}
	s, product := YMM(), YMM()
	JMP(LabelRef("check"))
	Label("loop")
	VMOVUPD(total, s)
	for i, w := range weights {
		VMULPD(places[i], w, product)
		VADDPD(product, s, s)
	}
	VMOVUPD(s, total)
	ADDQ(Imm(32), at)
	Label("check")
	CMPQ(at, whole)
	JLT(LabelRef("loop"))
	JMP(LabelRef("checkRest"))
	Label("rest")
	VMOVSD(total, s.AsX())
	for i, w := range weights {
		VMULSD(places[i], w.AsX(), product.AsX())
		VADDSD(product.AsX(), s.AsX(), s.AsX())
	}
	VMOVSD(s.AsX(), total)
	ADDQ(Imm(8), at)
	Label("checkRest")
	CMPQ(at, all)
	JLT(LabelRef("rest"))
	VZEROUPPER()
	RET()
}
