// Command batch writes the assembly of package cpu's batches, whose members lie in the lanes of the vector
// registers. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each arithmetic (f64, f32) and two numbers of rows there is a function in AVX2. It repeats
//
//	c[i][v] ← fma(a[i][q], b[q][v], c[i][v])   for q = 0, 1, 2, … in turn
//
// for a tile of a few rows i, each two registers of members v wide. An element of a is copied to all lanes of
// a register and multiplies the registers of one row of b. The elements of c stay in registers from the first
// q to the last. They are independent chains, enough to keep two multiply-add units with a latency of four
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

const (
	registerBytes = 32
	registers     = 2 // of a row of the tile
)

// arithmetic is the type of the numbers.
type arithmetic struct {
	name, text     string
	size           int
	broadcast, fma func(ops ...Op)
}

var arithmetics = []arithmetic{
	{"Double", "float64", 8, VBROADCASTSD, VFMADD231PD},
	{"Single", "float32", 4, VBROADCASTSS, VFMADD231PS},
}

func main() {
	for _, a := range arithmetics {
		tile(a, 6) // 12 of 16 registers are sums
		tile(a, 4) // for numbers of rows that 6 does not divide
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

// tile writes the function for a number of rows.
func tile(t arithmetic, rows int) {
	width := registers * registerBytes / t.size
	name := fmt.Sprintf("tile%dx%d%sAVX2", rows, width, t.name)
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
				do(s, Mem{Base: place, Disp: j * registerBytes})
			}
			if i < rows-1 {
				ADDQ(distance(cDown), place)
			}
		}
	}
	for i := range sums {
		for range registers {
			sums[i] = append(sums[i], YMM())
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
		numbers[j] = YMM()
		VMOVUPD(Mem{Base: row, Disp: j * registerBytes}, numbers[j])
	}
	for i := range sums {
		x := YMM()
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
