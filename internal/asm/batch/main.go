// Command batch writes the assembly of package cpu's batches, whose members lie in the lanes of the vector
// registers. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each arithmetic (f64, f32), instruction set (AVX-512, AVX2) and shape of a tile there is one function. It
// repeats
//
//	c[i][v] ← fma(a[i][q], b[q][v], c[i][v])   for q = 0, 1, 2, … in turn
//
// for a tile of a few rows i, each a few registers of members v wide. An element of a is copied to all lanes of
// a register and multiplies the registers of one row of b. The elements of c stay in registers from the first q
// to the last. They are independent chains, enough to keep two multiply-add units with a latency of four
// cycles busy. Distances in memory are arguments, since one function computes dot products and accumulations:
//
//	           c                    a                     b
//	dot        a row's lane l       entries k = l + qL    z at k = l + qL
//	add        g at a coordinate    its entries in row q  the weights of row q
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// isa is a set of instructions.
type isa struct {
	name     string
	bytes    int // of a register
	register func() VecVirtual
}

var (
	avx512 = isa{"AVX512", 64, func() VecVirtual { return ZMM() }}
	avx2   = isa{"AVX2", 32, func() VecVirtual { return YMM() }}
)

// arithmetic is the type of the numbers.
type arithmetic struct {
	name, text                string
	size                      int
	broadcast, fma, fmaSpread func(ops ...Op)
}

var arithmetics = []arithmetic{
	{"Double", "float64", 8, VBROADCASTSD, VFMADD231PD, VFMADD231PD_BCST},
	{"Single", "float32", 4, VBROADCASTSS, VFMADD231PS, VFMADD231PS_BCST},
}

func main() {
	for _, a := range arithmetics {
		for registers := 1; registers <= 3; registers++ {
			tile(avx512, a, 8, registers)
		}
		tile(avx2, a, 6, 2) // 12 of 16 registers are sums
		tile(avx2, a, 4, 2) // numbers of rows that 6 does not divide
		tile(avx2, a, 8, 1)
	}
	fetch()
	Generate()
}

// fetch writes the function that asks for memory before its use.
func fetch() {
	const line = 64
	TEXT("fetch", attr.NOSPLIT, "func(from *byte, lines int)")
	Doc("fetch has so many cache lines brought near before their use.")
	Pragma("noescape")
	at, left := GP64(), GP64()
	Load(Param("from"), at)
	Load(Param("lines"), left)
	Label("loop")
	PREFETCHT0(Mem{Base: at})
	ADDQ(Imm(line), at)
	DECQ(left)
	JNZ(LabelRef("loop"))
	RET()
}

// The places of the distances in their array. They are in bytes.
const (
	cDown = 8 * iota
	cNext
	aDown
	aAlong
	aNext
	bAlong
	bNext
)

// tile writes the function for a number of rows, each a number of registers wide.
func tile(isa isa, t arithmetic, rows, registers int) {
	width := registers * isa.bytes / t.size
	name := fmt.Sprintf("tile%dx%d%s%s", rows, width, t.name, isa.name)
	TEXT(name, attr.NOSPLIT, fmt.Sprintf("func(c, a, b *%s, count, times int, by *[7]int)", t.text))
	Doc(fmt.Sprintf("%s does c[i][v] ← fma(a[i][q], b[q][v], c[i][v]) for q < count in turn, i < %d and v < %d,",
		name, rows, width), "as often as times says.")
	Pragma("noescape")
	load := func(parameter string) Register {
		r := GP64()
		Load(Param(parameter), r)
		return r
	}
	c, a, b, times, by := load("c"), load("a"), load("b"), load("times"), load("by")
	distance := func(field int) Mem { return Mem{Base: by, Disp: field} }
	down, along, bStep := GP64(), GP64(), GP64()
	MOVQ(distance(aDown), down)
	MOVQ(distance(aAlong), along)
	MOVQ(distance(bAlong), bStep)

	Label("again")
	place, sums := GP64(), make([][]VecVirtual, rows)
	eachSum := func(do func(s VecVirtual, at Mem)) {
		MOVQ(c, place)
		for i, row := range sums {
			for j, s := range row {
				do(s, Mem{Base: place, Disp: j * isa.bytes})
			}
			if i < rows-1 {
				ADDQ(distance(cDown), place)
			}
		}
	}
	for i := range sums {
		for range registers {
			sums[i] = append(sums[i], isa.register())
		}
	}
	eachSum(func(s VecVirtual, at Mem) { VMOVUPD(at, s) })

	// Rows i, i + 1 and i + 2 of a are addressed from one pointer.
	pointers := []Register{GP64()}
	MOVQ(a, pointers[0])
	for i := 3; i < rows; i += 3 {
		p := GP64()
		LEAQ(Mem{Base: pointers[len(pointers)-1], Index: down, Scale: 2}, p)
		ADDQ(down, p)
		pointers = append(pointers, p)
	}
	element := func(i int) Mem {
		m := Mem{Base: pointers[i/3]}
		if i%3 > 0 {
			m.Index, m.Scale = down, uint8(i%3)
		}
		return m
	}
	row, left := GP64(), load("count")
	MOVQ(b, row)
	Label("loop")
	numbers := make([]VecVirtual, registers)
	for j := range numbers {
		numbers[j] = isa.register()
		VMOVUPD(Mem{Base: row, Disp: j * isa.bytes}, numbers[j])
	}
	for i := range sums {
		if isa.bytes == 64 && registers == 1 {
			t.fmaSpread(element(i), numbers[0], sums[i][0])
			continue
		}
		x := isa.register()
		t.broadcast(element(i), x)
		for j, s := range sums[i] {
			t.fma(numbers[j], x, s)
		}
	}
	for _, p := range pointers {
		ADDQ(along, p)
	}
	ADDQ(bStep, row)
	DECQ(left)
	JNZ(LabelRef("loop"))

	eachSum(func(s VecVirtual, at Mem) { VMOVUPD(s, at) })
	ADDQ(distance(cNext), c)
	ADDQ(distance(aNext), a)
	ADDQ(distance(bNext), b)
	DECQ(times)
	JNZ(LabelRef("again"))
	VZEROUPPER()
	RET()
}
