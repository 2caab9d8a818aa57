package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// blockRows is how many rows are contracted together, and laneBytes what the lanes of one row's dot product take.
const (
	blockRows = 8
	laneBytes = 64
)

// block is the eight rows at a range of coordinates, and the loop over it.
type block struct {
	variant
	rows  []Register // pointers to the entries of the rows in use
	index Register   // the coordinate
	end   Register
}

// function begins one of the assembly's functions.
func (v variant) function(name, signature, doc string) *block {
	name += v.String()
	TEXT(name, NOSPLIT, fmt.Sprintf(signature, v.text))
	Doc(name + " does " + doc)
	Pragma("noescape")
	b := &block{variant: v, index: GP64(), end: GP64()}
	Load(Param("to"), b.end)
	return b
}

// The parameters. What rows point to is not bytes but a format's entries.
const (
	dotParameters = "func(lanes *%[1]s, rows *[8][]byte, z *%[1]s, from, to int)"
	addParameters = "func(acc *%[1]s, c *[8]%[1]s, rows *[8][]byte, from, to int)"
)

// point loads pointers to count rows from the first on.
func (b *block) point(first, count int) {
	table := GP64()
	Load(Param("rows"), table)
	b.rows = make([]Register, count)
	for j := range b.rows {
		const slice = 24 // bytes of a slice's header, the pointer first
		row := GP64()
		if j == count-1 {
			row = table // needed no more
		}
		MOVQ(Mem{Base: table, Disp: slice * (first + j)}, row)
		b.rows[j] = row
	}
}

// loop repeats body while the index goes from its parameter to the end.
func (b *block) loop(name string, step int, body func()) {
	Load(Param("from"), b.index)
	JMP(LabelRef(name + "_check"))
	Label(name)
	body()
	ADDQ(Imm(uint64(step)), b.index)
	Label(name + "_check")
	CMPQ(b.index, b.end)
	JLT(LabelRef(name))
}

// at addresses the unit-th register's worth of numbers from the index on.
func (b *block) at(base Register, unit int) Mem {
	return Mem{Base: base, Index: b.index, Scale: uint8(b.size), Disp: unit * b.bytes}
}

// dot writes the loop of dot products for a format.
func dot(v variant, f format) {
	b := v.function("dot"+f.name(), dotParameters,
		"lanes[j][k mod L] ← fma(rows[j][k], z[k], lanes[j][k mod L]) for from ≤ k < to.")
	z := GP64()
	Load(Param("z"), z)
	decode := f.decoder(v)
	units := f.units(v)
	b.eachRows(func(sums []VecVirtual) {
		b.loop(b.label(), units*v.numbers(), func() {
			zs := make([]Op, units)
			for u := range zs {
				zs[u] = b.at(z, u)
				if units <= 2 { // kept in registers for all rows; else read again for each
					r := v.register()
					VMOVUPD(zs[u], r)
					zs[u] = r
				}
			}
			for j, row := range b.rows {
				decode(b, row, func(u int, x VecVirtual) { v.fma(zs[u], x, sums[j*v.perRow()+u%v.perRow()]) })
			}
		})
	})
	VZEROUPPER()
	RET()
}

// eachRows has body take as many rows at a time as have eight registers of lanes, and loads and stores the lanes around
// it.
func (b *block) eachRows(body func(sums []VecVirtual)) {
	lanes := GP64()
	Load(Param("lanes"), lanes)
	together := blockRows / b.perRow()
	for first := 0; first < blockRows; first += together {
		b.point(first, together)
		sums := make([]VecVirtual, blockRows)
		for i := range sums {
			sums[i] = b.register()
			VMOVUPD(Mem{Base: lanes, Disp: first*laneBytes + i*b.bytes}, sums[i])
		}
		body(sums)
		for i, s := range sums {
			VMOVUPD(s, Mem{Base: lanes, Disp: first*laneBytes + i*b.bytes})
		}
	}
}

var labels int

// label returns a new label.
func (b *block) label() string {
	labels++
	return fmt.Sprintf("loop%d", labels)
}

// add writes the loop of the accumulation for a format.
func add(v variant, f format) {
	b := v.function("add"+f.name(), addParameters,
		"acc[k] ← fma(c[j], rows[j][k], acc[k]) for j = 0, …, 7 in turn and from ≤ k < to.")
	acc := GP64()
	Load(Param("acc"), acc)
	units := f.units(v)
	weigh := v.weigh(units <= 4)
	decode := f.decoder(v)
	b.point(0, blockRows)
	b.loop(b.label(), units*v.numbers(), func() {
		sums := make([]VecVirtual, units)
		for u := range sums {
			sums[u] = v.register()
			VMOVUPD(b.at(acc, u), sums[u])
		}
		for j, row := range b.rows {
			decode(b, row, func(u int, x VecVirtual) { weigh(j, x, sums[u]) })
		}
		for u, s := range sums {
			VMOVUPD(s, b.at(acc, u))
		}
	})
	VZEROUPPER()
	RET()
}

// weigh returns what does sum ← fma(c_j, x, sum), with c in registers, or read again each time.
func (v variant) weigh(inRegisters bool) func(j int, x, sum VecVirtual) {
	if inRegisters {
		c := v.weights()
		return func(j int, x, sum VecVirtual) { v.fma(c[j], x, sum) }
	}
	from := GP64()
	Load(Param("c"), from)
	return func(j int, x, sum VecVirtual) { v.fmaBroadcast(Mem{Base: from, Disp: v.size * j}, x, sum) }
}

// weights loads c, each number in all lanes of a register.
func (v variant) weights() []VecVirtual {
	from := GP64()
	Load(Param("c"), from)
	c := make([]VecVirtual, blockRows)
	for j := range c {
		c[j] = v.register()
		v.broadcast(Mem{Base: from, Disp: v.size * j}, c[j])
	}
	return c
}
