package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const (
	blockRows = 8  // rows that are contracted together
	laneBytes = 64 // bytes of the lanes of one row's dot product
	lanesSize = 16 // numbers of space for these lanes, in both arithmetics
	slice     = 24 // bytes of a slice's header, the pointer first
)

// block is the eight rows at a range of coordinates, and the loop over it.
type block struct {
	variant
	rows  []Register // pointers to the entries of the rows in use
	index Register   // the coordinate
	end   Register
	count int // of the rows that dot products are computed of
}

// function begins one of the assembly functions.
func (v variant) function(name string, attributes attr.Attribute, signature, doc string) *block {
	name += v.String()
	TEXT(name, attributes, fmt.Sprintf(signature, v.text))
	Doc(name + " does " + doc)
	Pragma("noescape")
	b := &block{variant: v, index: GP64(), end: GP64(), count: blockRows}
	Load(Param("to"), b.end)
	return b
}

// The parameters, for one member and for several. The elements of rows are the format's entries, not bytes.
const (
	dotParameters  = "func(lanes *%[1]s, rows *[8][]byte, z *%[1]s, from, to int)"
	addParameters  = "func(acc *%[1]s, c *[8]%[1]s, rows *[8][]byte, from, to int)"
	dotsParameters = "func(lanes *[4][128]%[1]s, rows *[8][]byte, z *[4][]%[1]s, from, to int)"
	addsParameters = "func(acc *[4][]%[1]s, c *[4][8]%[1]s, rows *[8][]byte, from, to int)"
)

// point loads pointers to count rows, starting with row first.
func (b *block) point(first, count int) { b.rows = pointers("rows", first, count) }

// pointers loads the pointers of count slices of an array, starting with slice first.
func pointers(array string, first, count int) []Register {
	table := GP64()
	Load(Param(array), table)
	to := make([]Register, count)
	for j := range to {
		r := GP64()
		if j == count-1 {
			r = table // table is no longer needed
		}
		MOVQ(Mem{Base: table, Disp: slice * (first + j)}, r)
		to[j] = r
	}
	return to
}

// loop repeats body while the index goes from its parameter to the end.
func (b *block) loop(step int, body func()) {
	labels++
	name := fmt.Sprintf("loop%d", labels)
	Load(Param("from"), b.index)
	JMP(LabelRef(name + "_check"))
	Label(name)
	body()
	ADDQ(Imm(uint64(step)), b.index)
	Label(name + "_check")
	CMPQ(b.index, b.end)
	JLT(LabelRef(name))
}

// labels is the number of loops written so far.
var labels int

// at addresses the unit-th register of numbers from the index on.
func (b *block) at(base Register, unit int) Mem {
	return Mem{Base: base, Index: b.index, Scale: uint8(b.size), Disp: unit * b.bytes}
}

// fewer is the part of a function's name that says how many rows of the block it takes, if not all.
func fewer(rows int) string {
	if rows == blockRows {
		return ""
	}
	return fmt.Sprint(rows)
}

// dot writes the loop of dot products for a format and the first rows of a block.
func dot(v variant, f format, rows int) {
	doc := "lanes[j][k mod L] ← fma(rows[j][k], z[k], lanes[j][k mod L]) for from ≤ k < to."
	if rows < blockRows {
		doc = fmt.Sprintf("%s, j < %d.", doc[:len(doc)-1], rows)
	}
	b := v.function("dot"+fewer(rows)+f.name(), attr.NOSPLIT, dotParameters, doc)
	b.count = rows
	z := GP64()
	Load(Param("z"), z)
	b.dots(f, f.decoder(v), 8, []Register{z})
}

// dots4 writes the loop of dot products for four members of a batch: each entry is decoded once for the four
// members.
func dots4(v variant, f format) {
	b := v.function("dots"+f.name(), attr.NOSPLIT, dotsParameters,
		"lanes[i][j][k mod L] ← fma(rows[j][k], z[i][k], lanes[i][j][k mod L]) for from ≤ k < to.")
	decode := f.decoder(v)
	sums := 8
	if v.isa == avx512 && f.units(v) == 2 {
		sums = 16
	}
	b.dots(f, decode, sums, pointers("z", 0, 4))
}

// dots handles as many rows at a time as fit into the given number of registers.
func (b *block) dots(f format, decode decoder, registers int, z []Register) {
	units := f.units(b.variant)
	b.eachRows(registers, len(z), func(sums []VecVirtual) {
		b.loop(units*b.numbers(), func() {
			zs := make([][]Op, len(z))
			for i := range zs {
				zs[i] = make([]Op, units)
				for u := range units {
					zs[i][u] = b.at(z[i], u)
					// kept in registers for all rows; otherwise read again for each row
					if units <= 2 && len(b.rows) > 1 {
						r := b.register()
						VMOVUPD(zs[i][u], r)
						zs[i][u] = r
					}
				}
			}
			for j, row := range b.rows {
				decode(b, row, func(u int, x VecVirtual) {
					for i := range z {
						b.fma(zs[i][u], x, sums[(i*len(b.rows)+j)*b.perRow()+u%b.perRow()])
					}
				})
			}
		})
	})
	VZEROUPPER()
	RET()
}

// eachRows calls body with as many rows at a time as fit into the given number of registers, together with
// their lanes for each member, and loads and stores the lanes around it.
func (b *block) eachRows(registers, members int, body func(sums []VecVirtual)) {
	lanes := GP64()
	Load(Param("lanes"), lanes)
	together := min(registers/members/b.perRow(), b.count)
	for first := 0; first < b.count; first += together {
		b.point(first, together)
		sums := make([]VecVirtual, together*members*b.perRow())
		at := make([]Mem, len(sums))
		for i := range sums {
			member, inRows := i/(together*b.perRow()), i%(together*b.perRow())
			offset := member*blockRows*lanesSize*b.size + first*laneBytes + inRows*b.bytes
			at[i] = Mem{Base: lanes, Disp: offset}
			sums[i] = b.register()
			VMOVUPD(at[i], sums[i])
		}
		body(sums)
		for i, s := range sums {
			VMOVUPD(s, at[i])
		}
	}
}

// add writes the loop of the accumulation for a format and the first rows of a block.
func add(v variant, f format, rows int) {
	doc := fmt.Sprintf("acc[k] ← fma(c[j], rows[j][k], acc[k]) for j = 0, …, %d in turn and from ≤ k < to.",
		rows-1)
	b := v.function("add"+fewer(rows)+f.name(), attr.NOSPLIT, addParameters, doc)
	acc := GP64()
	Load(Param("acc"), acc)
	units := f.units(v)
	weigh := v.weigh(units <= 4, rows)
	decode := f.decoder(v)
	b.point(0, rows)
	b.loop(units*v.numbers(), func() {
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

// adds4 writes the loop of the accumulation for four members of a batch. If the sums of an iteration do not
// fit into the registers, the numbers wait on the stack.
func adds4(v variant, f format) {
	units := f.units(v)
	waiting := units > 2
	attributes := attr.NOSPLIT
	if waiting {
		attributes = 0
	}
	b := v.function("adds"+f.name(), attributes, addsParameters,
		"acc[i][k] ← fma(c[i][j], rows[j][k], acc[i][k]) for j = 0, …, 7 in turn and from ≤ k < to.")
	all, acc, c := GP64(), GP64(), GP64()
	Load(Param("acc"), all)
	Load(Param("c"), c)
	decode := f.decoder(v)
	b.point(0, blockRows)

	// member points acc to a member's numbers.
	member := func(i int) { MOVQ(Mem{Base: all, Disp: slice * i}, acc) }
	load := func(units ...int) (sums [4][]VecVirtual) {
		for i := range sums {
			member(i)
			for _, u := range units {
				s := v.register()
				VMOVUPD(b.at(acc, u), s)
				sums[i] = append(sums[i], s)
			}
		}
		return sums
	}
	store := func(sums [4][]VecVirtual, units ...int) {
		for i := range sums {
			member(i)
			for n, u := range units {
				VMOVUPD(sums[i][n], b.at(acc, u))
			}
		}
	}
	weigh := func(i, j int, x, sum VecVirtual) {
		from := Mem{Base: c, Disp: (blockRows*i + j) * v.size}
		if v.isa == avx512 {
			v.fmaBroadcast(from, x, sum)
			return
		}
		t := v.register()
		v.broadcast(from, t)
		v.fma(t, x, sum)
	}
	if !waiting {
		b.loop(units*v.numbers(), func() {
			every := []int{0, 1}
			sums := load(every...)
			for j, row := range b.rows {
				decode(b, row, func(u int, x VecVirtual) {
					for i := range sums {
						weigh(i, j, x, sums[i][u])
					}
				})
			}
			store(sums, every...)
		})
	} else {
		stack := AllocLocal(blockRows * units * v.bytes)
		number := func(j, u int) Mem { return stack.Offset((j*units + u) * v.bytes) }
		b.loop(units*v.numbers(), func() {
			for j, row := range b.rows {
				decode(b, row, func(u int, x VecVirtual) { VMOVUPD(x, number(j, u)) })
			}
			for u := range units {
				sums := load(u)
				for j := range blockRows {
					x := v.register()
					VMOVUPD(number(j, u), x)
					for i := range sums {
						weigh(i, j, x, sums[i][0])
					}
				}
				store(sums, u)
			}
		})
	}
	VZEROUPPER()
	RET()
}

// weigh returns a function that computes sum ← fma(c_j, x, sum), with c in registers or read again each time.
func (v variant) weigh(inRegisters bool, rows int) func(j int, x, sum VecVirtual) {
	if inRegisters {
		c := v.weights(rows)
		return func(j int, x, sum VecVirtual) { v.fma(c[j], x, sum) }
	}
	from := GP64()
	Load(Param("c"), from)
	return func(j int, x, sum VecVirtual) { v.fmaBroadcast(Mem{Base: from, Disp: v.size * j}, x, sum) }
}

// weights loads c; each number fills all lanes of a register.
func (v variant) weights(rows int) []VecVirtual {
	from := GP64()
	Load(Param("c"), from)
	c := make([]VecVirtual, rows)
	for j := range c {
		c[j] = v.register()
		v.broadcast(Mem{Base: from, Disp: v.size * j}, c[j])
	}
	return c
}
