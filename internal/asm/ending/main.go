// Command ending writes the assembly that ends package cpu's sums over rows. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each type F of the arithmetic (f64, f32) there are two functions in AVX2:
//
//	fold   p_j += the sum of row j's lanes     the end of eight dot products
//	plus   dst_k += src_k                      the end of a chunk's accumulation, in f64
//
// Both follow the order of operations of plain Go, to the bit. They are bound by loads and stores, so that
// AVX-512 would gain little.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	blockRows = 8
	laneBytes = 64 // of the lanes of one row
	step      = 16 // numbers in an iteration of plus
	double    = 8  // bytes of a double
	register  = 32 // bytes of a register
	doubles   = register / double
)

func main() {
	foldDouble()
	foldSingle()
	plus("Double", "float64", double)
	plus("Single", "float32", double/2)
	Generate()
}

// function begins one of the functions.
func function(name, signature, doc string) {
	name += "AVX2"
	TEXT(name, attr.NOSPLIT, signature)
	Doc(name + " does " + doc)
	Pragma("noescape")
}

// load returns a register with a parameter.
func load(parameter gotypes.Component) Register {
	r := GP64()
	Load(parameter, r)
	return r
}

// halves returns the upper half of a row's lanes plus the lower half, and again the upper half of that plus
// the lower half: two sums in f64, four in f32.
func halves(lanes Register, row int, add func(ops ...Op)) VecVirtual {
	y, upper := YMM(), XMM()
	VMOVUPD(Mem{Base: lanes, Disp: row * laneBytes}, y)
	add(Mem{Base: lanes, Disp: row*laneBytes + register}, y, y)
	VEXTRACTF128(Imm(1), y, upper)
	add(upper, y.AsX(), y.AsX())
	return y
}

// foldDouble writes fold for f64, where two sums of each row are left to add.
func foldDouble() {
	function("foldDouble", "func(p *[8]float64, lanes *float64)",
		"p[j] += ((l[0]+l[4])+(l[2]+l[6])) + ((l[1]+l[5])+(l[3]+l[7])) for the lanes l of each row j.")
	p, lanes := load(Param("p")), load(Param("lanes"))
	for row := 0; row < blockRows; row += 2 {
		a, b := halves(lanes, row, VADDPD), halves(lanes, row+1, VADDPD)
		VHADDPD(b.AsX(), a.AsX(), a.AsX())
		at := Mem{Base: p, Disp: row * double}
		VADDPD(at, a.AsX(), a.AsX())
		VMOVUPD(a.AsX(), at)
	}
	VZEROUPPER()
	RET()
}

// foldSingle writes fold for f32, where four sums of each row are left to add.
func foldSingle() {
	function("foldSingle", "func(p *[8]float64, lanes *float32)",
		"p[j] += the sum of the sixteen lanes of each row j, halves onto halves.")
	p, lanes := load(Param("p")), load(Param("lanes"))
	for row := 0; row < blockRows; row += doubles {
		var pairs [2]VecVirtual // each has two sums of two rows
		for i := range pairs {
			a, b := halves(lanes, row+2*i, VADDPS), halves(lanes, row+2*i+1, VADDPS)
			upper := XMM()
			VUNPCKHPD(b.AsX(), a.AsX(), upper)
			VUNPCKLPD(b.AsX(), a.AsX(), a.AsX())
			VADDPS(upper, a.AsX(), a.AsX())
			pairs[i] = a
		}
		sums := pairs[0]
		VHADDPS(pairs[1].AsX(), sums.AsX(), sums.AsX())
		VCVTPS2PD(sums.AsX(), sums)
		at := Mem{Base: p, Disp: row * double}
		VADDPD(at, sums, sums)
		VMOVUPD(sums, at)
	}
	VZEROUPPER()
	RET()
}

// plus writes plus for numbers of so many bytes.
func plus(name, number string, size int) {
	function("plus"+name, fmt.Sprintf("func(dst *float64, src *%s, count int)", number),
		fmt.Sprintf("dst[k] += src[k] for k < count, a multiple of %d.", step))
	dst, src, count := load(Param("dst")), load(Param("src")), load(Param("count"))
	index := GP64()
	XORQ(index, index)
	JMP(LabelRef("check"))
	Label("loop")
	for i := 0; i < step; i += doubles {
		from := Mem{Base: src, Index: index, Scale: uint8(size), Disp: i * size}
		to := Mem{Base: dst, Index: index, Scale: double, Disp: i * double}
		x := YMM()
		if size == double {
			VMOVUPD(from, x)
		} else {
			VCVTPS2PD(from, x)
		}
		VADDPD(to, x, x)
		VMOVUPD(x, to)
	}
	ADDQ(Imm(step), index)
	Label("check")
	CMPQ(index, count)
	JLT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
