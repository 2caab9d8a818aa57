// Command batch writes the assembly of package cpu's batches. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each instruction set (AVX-512, AVX2) and arithmetic (f64, f32) there are the two halves of a pass over
// a strip of coordinates, as products of small matrices:
//
//	dots   lanes[v][i] ← fma(a_ik, z_vk, lanes[v][i])   over the strip's coordinates k
//	adds   acc[v][k]   ← fma(c_vj, a_jk, acc[v][k])     over the rows j
//
// for four members v at a time. In dots the tile of sums has a few rows i, and a register has a row's lanes
// k mod L; AVX2 has half of the lanes in a register, and a call for each half. In adds the tile has a few
// registers of coordinates k. The sums stay in registers from the first k or j to the last. They are enough
// independent chains to keep two multiply-add units with a latency of four cycles busy, and a loaded number
// is used four times or more.
//
// The numbers of a lie in a panel, row after row, and those of z and acc member after member, panelBytes and
// stripBytes apart.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// These constants are also in cpu/batch.go.
const (
	members    = 4                 // of a tile
	line       = 64                // bytes of a cache line, and of the lanes of a dot product
	stripBytes = 24 * line         // of a member's numbers in a strip
	panelBytes = stripBytes + line // from a row of a to the next
)

// arithmetic is the type of the numbers.
type arithmetic struct {
	name, text     string
	size           int
	broadcast, fma func(ops ...Op)
}

// isa is an instruction set, with the size of its registers in bytes and of its tiles.
type isa struct {
	name      string
	bytes     int
	rows      int // of a tile of dots
	registers int // of coordinates of a tile of adds
}

// tile is what a variant of both loops has in registers: a sum for each member and column, a column being a
// row in dots and a register of coordinates in adds.
type tile struct {
	isa
	arithmetic
	columns int
	sums    [members][]VecVirtual
}

func main() {
	for _, i := range []isa{{"AVX512", 64, 4, 6}, {"AVX2", 32, 3, 3}} {
		for _, a := range []arithmetic{
			{"Double", "float64", 8, VBROADCASTSD, VFMADD231PD},
			{"Single", "float32", 4, VBROADCASTSS, VFMADD231PS},
		} {
			dots(i, a)
			adds(i, a)
		}
	}
	fetch()
	Generate()
}

func (i isa) register() VecVirtual {
	if i.bytes == line {
		return ZMM()
	}
	return YMM()
}

// begin begins a function. %[1]s in the signature is the type of the numbers.
func begin(name string, i isa, a arithmetic, columns int, signature, doc string) *tile {
	name += a.name + i.name
	TEXT(name, attr.NOSPLIT, fmt.Sprintf(signature, a.text))
	Doc(name+" does "+doc,
		fmt.Sprintf("i < %d and v < %d, and repeats this for so many tiles.", columns, members))
	Pragma("noescape")
	t := &tile{isa: i, arithmetic: a, columns: columns}
	for v := range t.sums {
		for range columns {
			t.sums[v] = append(t.sums[v], i.register())
		}
	}
	return t
}

func load(parameter string) Register {
	r := GP64()
	Load(Param(parameter), r)
	return r
}

// each calls do for every sum and its place in memory.
func (t *tile) each(base Register, member, column int, do func(s VecVirtual, at Mem)) {
	for v := range t.sums {
		for i, s := range t.sums[v] {
			do(s, Mem{Base: base, Disp: v*member + i*column})
		}
	}
}

// multiply adds the products of the columns, loaded first, and one number or register of each member.
func (t *tile) multiply(column func(i int) Mem, member func(v int) Mem, loadMember func(ops ...Op)) {
	columns := make([]VecVirtual, t.columns)
	for i := range columns {
		columns[i] = t.register()
		VMOVUPD(column(i), columns[i])
	}
	for v := range t.sums {
		x := t.register()
		loadMember(member(v), x)
		for i, s := range t.sums[v] {
			t.fma(columns[i], x, s)
		}
	}
}

// dots writes the loop of dot products.
func dots(i isa, a arithmetic) {
	t := begin("dots", i, a, i.rows, "func(lanes, rows, z *%s, bytes, tiles int)",
		"lanes[v][i] ← fma(rows[i][k], z[v][k], lanes[v][i]) for the k of so many bytes,")
	lanes, rows, z, bytes, tiles := load("lanes"), load("rows"), load("z"), load("bytes"), load("tiles")
	Label("tile")
	t.each(lanes, t.columns*line, line, func(s VecVirtual, at Mem) { VMOVUPD(at, s) })
	k := GP64()
	XORQ(k, k)
	Label("loop")
	at := func(base Register, disp int) Mem { return Mem{Base: base, Index: k, Scale: 1, Disp: disp} }
	t.multiply(
		func(i int) Mem { return at(rows, i*panelBytes) },
		func(v int) Mem { return at(z, v*stripBytes) },
		func(ops ...Op) { VMOVUPD(ops...) },
	)
	ADDQ(U8(line), k)
	CMPQ(k, bytes)
	JLT(LabelRef("loop"))
	t.each(lanes, t.columns*line, line, func(s VecVirtual, at Mem) { VMOVUPD(s, at) })
	ADDQ(U32(members*t.columns*line), lanes)
	ADDQ(U32(t.columns*panelBytes), rows)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// adds writes the loop of the accumulation.
func adds(i isa, a arithmetic) {
	t := begin("adds", i, a, i.registers, "func(acc, rows, weights *%s, count, tiles int, fresh bool)",
		"acc[v][i] ← fma(weights[j][v], rows[j][i], acc[v][i]) for j < count, from zero if fresh,")
	acc, rows, weights := load("acc"), load("rows"), load("weights")
	count, tiles := load("count"), load("tiles")
	fresh := GP8()
	Load(Param("fresh"), fresh)
	Label("tile")
	t.each(acc, stripBytes, t.bytes, func(s VecVirtual, _ Mem) { VXORPD(s, s, s) })
	TESTB(fresh, fresh)
	JNZ(LabelRef("begin"))
	t.each(acc, stripBytes, t.bytes, func(s VecVirtual, at Mem) { VMOVUPD(at, s) })
	Label("begin")
	row, weight, left := GP64(), GP64(), GP64()
	MOVQ(rows, row)
	MOVQ(weights, weight)
	MOVQ(count, left)
	Label("loop")
	t.multiply(
		func(i int) Mem { return Mem{Base: row, Disp: i * t.bytes} },
		func(v int) Mem { return Mem{Base: weight, Disp: v * t.size} },
		t.broadcast,
	)
	ADDQ(U32(panelBytes), row)
	ADDQ(U32(members*t.size), weight)
	DECQ(left)
	JNZ(LabelRef("loop"))
	t.each(acc, stripBytes, t.bytes, func(s VecVirtual, at Mem) { VMOVUPD(s, at) })
	ADDQ(U32(t.columns*t.bytes), acc)
	ADDQ(U32(t.columns*t.bytes), rows)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// fetch writes the function that asks for memory before its use.
func fetch() {
	TEXT("fetch", attr.NOSPLIT, "func(from *byte, lines int)")
	Doc("fetch has so many cache lines brought to the second cache before their use.")
	Pragma("noescape")
	at, left := load("from"), load("lines")
	Label("loop")
	PREFETCHT1(Mem{Base: at})
	ADDQ(U8(line), at)
	DECQ(left)
	JNZ(LabelRef("loop"))
	RET()
}
