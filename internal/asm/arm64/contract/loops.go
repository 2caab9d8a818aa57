package main

import (
	"fmt"
	"math/bits"
	"strconv"

	"github.com/matsense/matsense/internal/asm/arm64"
)

const (
	blockRows = 8   // rows that are contracted together
	members   = 4   // of a batch, in dots and adds
	laneBytes = 64  // bytes of the lanes of one row's dot product
	laneUnits = 4   // registers that these lanes fill
	lanesSize = 128 // numbers of space for all lanes of a member, in both arithmetics
	slice     = 24  // bytes of a slice's header, the pointer first
)

// block is a function's walk over the coordinates: the parameters that all functions have.
type block struct {
	*arm64.Function
	rows  arm64.X // pointer to the table of the rows
	from  arm64.X // the first coordinate
	count arm64.X // the number of coordinates
}

// The parameters, for one member and for several. The elements of rows are the format's entries, not bytes.
const (
	dotParameters  = "lanes *%[1]s, rows *[8][]byte, z *%[1]s, from int, to int"
	addParameters  = "acc *%[1]s, c *[8]%[1]s, rows *[8][]byte, from int, to int"
	dotsParameters = "lanes *[4][128]%[1]s, rows *[8][]byte, z *[4][]%[1]s, from int, to int"
	addsParameters = "acc *[4][]%[1]s, c *[4][8]%[1]s, rows *[8][]byte, from int, to int"
)

// begin begins one of the functions.
func begin(p *arm64.Program, a arithmetic, name, parameters, doc string) *block {
	w := p.New(name+a.name+"NEON", fmt.Sprintf(parameters, a.text), "does "+doc)
	b := &block{w, w.Param("rows"), w.Param("from"), w.Param("to")}
	w.Sub(b.from, b.count)
	return b
}

// point returns pointers to count rows, starting with row first, at coordinate from.
func (b *block) point(first, count, entryBits int) []arm64.X {
	return b.pointers(b.rows, first, count, entryBits)
}

// pointers returns the pointers of count slices of a table, starting with slice first, at coordinate from.
func (b *block) pointers(table arm64.X, first, count, entryBits int) []arm64.X {
	list := make([]arm64.X, count)
	for j := range list {
		list[j] = b.X()
		b.LoadX(table, slice*(first+j), list[j])
		b.advance(entryBits, list[j])
	}
	return list
}

// advance moves a pointer to numbers or entries of so many bits from coordinate 0 to coordinate from.
func (b *block) advance(entryBits int, pointer arm64.X) {
	if entryBits < 8 {
		b.AddShiftedRight(b.from, 3-bits.TrailingZeros(uint(entryBits)), pointer)
	} else {
		b.AddShifted(b.from, bits.TrailingZeros(uint(entryBits))-3, pointer)
	}
}

// copied returns a copy of a general register.
func (b *block) copied(x arm64.X) arm64.X {
	y := b.X()
	b.Move(x, y)
	return y
}

// few is the part of a name that says that a function takes only the first rows of a block.
func few(rows int) string {
	if rows == blockRows {
		return ""
	}
	return strconv.Itoa(rows)
}

// dot writes the loop of dot products for a format and the first rows of a block, up to four at a time.
func dot(p *arm64.Program, a arithmetic, f floats, rows int) {
	b := begin(p, a, "dot"+few(rows)+f.name, dotParameters, fmt.Sprintf(
		"lanes[j][k mod L] ← fma(rows[j][k], z[k], lanes[j][k mod L]) for j < %d and from ≤ k < to.", rows))
	lanes, from := b.Param("lanes"), b.Param("z")
	b.advance(8*a.size, from)
	together := min(rows, 4)
	for first := 0; first < rows; first += together {
		rows, z, left := b.point(first, together, 8*f.size), b.copied(from), b.copied(b.count)
		sums := b.Vs(together * laneUnits)
		b.LoadAt(lanes, first*laneBytes, sums...)
		b.Loop(left, laneUnits*a.perRegister(), func() {
			zs := b.Vs(laneUnits)
			b.Load(z, 16, zs...)
			for j, row := range rows {
				x := f.decode(b.Function, a, row, laneUnits)
				for u := range x {
					b.MultiplyAdd(a.numbers, x[u], zs[u], sums[j*laneUnits+u])
				}
				b.FreeV(x...)
			}
			b.FreeV(zs...)
		})
		b.StoreAt(lanes, first*laneBytes, sums...)
		b.FreeV(sums...)
		b.FreeX(append(rows, z, left)...)
	}
	b.Return()
}

// dots writes the loop of dot products for four members of a batch, of one row at a time: each entry is
// decoded once for the four members.
func dots(p *arm64.Program, a arithmetic, f floats) {
	b := begin(p, a, "dots"+f.name, dotsParameters,
		"lanes[i][j][k mod L] ← fma(rows[j][k], z[i][k], lanes[i][j][k mod L]) for from ≤ k < to.")
	lanes, table := b.Param("lanes"), b.Param("z")
	for first := range blockRows {
		row, left := b.point(first, 1, 8*f.size)[0], b.copied(b.count)
		z := b.pointers(table, 0, members, 8*a.size)
		sums := b.Vs(members * laneUnits)
		of := func(member int) []arm64.V { return sums[member*laneUnits:][:laneUnits] }
		each := func(do func(to arm64.X, offset int, v ...arm64.V)) {
			at := b.copied(lanes)
			for i := range members {
				do(at, 0, of(i)...)
				b.AddConstant(lanesSize*a.size, at)
			}
			b.FreeX(at)
		}
		each(b.LoadAt)
		b.Loop(left, laneUnits*a.perRegister(), func() {
			x := f.decode(b.Function, a, row, laneUnits)
			for i := range members {
				zs := b.Vs(laneUnits)
				b.Load(z[i], 16, zs...)
				for u, sum := range of(i) {
					b.MultiplyAdd(a.numbers, x[u], zs[u], sum)
				}
				b.FreeV(zs...)
			}
			b.FreeV(x...)
		})
		each(b.StoreAt)
		b.FreeV(sums...)
		b.FreeX(append(z, row, left)...)
		b.AddConstant(laneBytes, lanes)
	}
	b.Return()
}

// add writes the loop of the accumulation for a format and the first rows of a block.
func add(p *arm64.Program, a arithmetic, f floats, rows int) {
	b := begin(p, a, "add"+few(rows)+f.name, addParameters, fmt.Sprintf(
		"acc[k] ← fma(c[j], rows[j][k], acc[k]) for j = 0, …, %d in turn and from ≤ k < to.", rows-1))
	acc := b.Param("acc")
	b.advance(8*a.size, acc)
	b.accumulate(a, f, []arm64.X{acc}, rows, laneUnits)
}

// adds writes the loop of the accumulation for four members of a batch. Their weights fill half of the
// registers, so that an iteration takes fewer coordinates.
func adds(p *arm64.Program, a arithmetic, f floats) {
	b := begin(p, a, "adds"+f.name, addsParameters,
		"acc[i][k] ← fma(c[i][j], rows[j][k], acc[i][k]) for j = 0, …, 7 in turn and from ≤ k < to.")
	table := b.Param("acc")
	acc := b.pointers(table, 0, members, 8*a.size)
	b.FreeX(table)
	b.accumulate(a, f, acc, blockRows, laneUnits/2)
}

// accumulate writes the loop of add and adds; an iteration takes so many registers of coordinates.
func (b *block) accumulate(a arithmetic, f floats, acc []arm64.X, count, units int) {
	c := b.weights(a, (len(acc)-1)*blockRows+count)
	rows := b.point(0, count, 8*f.size)
	b.Loop(b.count, units*a.perRegister(), func() {
		sums := make([][]arm64.V, len(acc))
		for i := range acc {
			sums[i] = b.Vs(units)
			b.LoadAt(acc[i], 0, sums[i]...)
		}
		for j, row := range rows {
			x := f.decode(b.Function, a, row, units)
			for i := range acc {
				at := i*blockRows + j
				for u := range x {
					b.MultiplyAddBy(a.numbers, x[u], c[at/a.perRegister()], at%a.perRegister(), sums[i][u])
				}
			}
			b.FreeV(x...)
		}
		for i := range acc {
			b.Store(acc[i], sums[i]...)
			b.FreeV(sums[i]...)
		}
	})
	b.Return()
}

// weights loads the first numbers of c, which lie side by side.
func (b *block) weights(a arithmetic, count int) []arm64.V {
	from := b.Param("c")
	c := b.Vs((count + a.perRegister() - 1) / a.perRegister())
	b.LoadAt(from, 0, c...)
	b.FreeX(from)
	return c
}
