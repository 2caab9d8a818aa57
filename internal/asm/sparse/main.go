// Command sparse writes the assembly of package cpu's loops over observed entries. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// For each instruction set (AVX-512, AVX2) there are four functions, which package cpu's type sparse defines.
// Each takes factors of any width. Their time is that of waiting for rows of the factors, which lie anywhere
// in memory, and of long chains of additions. Therefore
//
//   - four entries are computed side by side, as four independent chains, and the last ones of a row alone;
//   - rows are prefetched several entries before they are used.
//
// Dot products have four chains in both instruction sets, in one register of four numbers. AVX-512 has
// registers of eight numbers for the rest.
//
// For narrow rows the loops within a row take longer than its arithmetic. Each width up to 16 has a function
// of its own for the residuals, without such loops and with the sum in registers. It is for AVX2 alone: wider
// registers would be used by halves.
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
	together = 4  // entries side by side
	number   = 8  // bytes
	index    = 4  // bytes
	chains   = 32 // bytes of the chains of a dot product
	line     = 64 // bytes of a cache line

	// A row is prefetched so many entries before its use: narrow rows earlier, because they take less time,
	// and wide rows later, so that those under way fit in the first cache.
	narrowAhead, wideAhead = 16, 8
	narrow                 = 128 // bytes of the widest narrow row

	unrolled = 16 // the greatest width with functions of its own
)

// isa is a set of instructions.
type isa struct {
	name     string
	bytes    int // of a register
	register func() VecVirtual
}

var (
	avx512 = &isa{"AVX512", 64, func() VecVirtual { return ZMM() }}
	avx2   = &isa{"AVX2", 32, func() VecVirtual { return YMM() }}
)

func main() {
	for _, isa := range []*isa{avx512, avx2} {
		isa.residuals(0)
		isa.weighted()
		isa.dots()
		isa.scatter()
	}
	for width := 1; width <= unrolled; width++ {
		avx2.residuals(width)
	}
	Generate()
}

// function is a function under construction.
type function struct {
	*isa
	bytes  Mem // of a row
	groups Mem // the bytes of a row that are whole registers of chains
	whole  Mem // the bytes of a row that are whole registers
	ahead  Mem // how far ahead rows are prefetched, in bytes of indices
	mask   Register
	labels int

	// Of a function for a single width:
	pieces []piece      // of a row
	sum    []VecVirtual // the pieces of the row of g
	r      Register     // the first row of r
	stride Register     // of r, in bytes
}

// piece is a part of a row: four numbers, or one of those left over.
type piece struct {
	offset int // bytes
	single bool
}

// piecesOf cuts a row into pieces.
func piecesOf(width int) (p []piece) {
	at := 0
	for ; at+chains <= width*number; at += chains {
		p = append(p, piece{at, false})
	}
	for ; at < width*number; at += number {
		p = append(p, piece{at, true})
	}
	return p
}

// register returns a register for a piece.
func (p piece) register() VecVirtual {
	if p.single {
		return XMM()
	}
	return YMM()
}

func (p piece) end() int {
	if p.single {
		return p.offset + number
	}
	return p.offset + chains
}

func (p piece) of(row Register) Mem { return Mem{Base: row, Disp: p.offset} }

func (p piece) move(from, to Op) {
	if p.single {
		VMOVSD(from, to)
	} else {
		VMOVUPD(from, to)
	}
}

func (p piece) multiply(a, b, to Op) {
	if p.single {
		VMULSD(a, b, to)
	} else {
		VMULPD(a, b, to)
	}
}

func (p piece) add(a, to Op) {
	if p.single {
		VADDSD(a, to, to)
	} else {
		VADDPD(a, to, to)
	}
}

// narrowed is the vector's lanes that a piece has.
func (p piece) narrowed(v VecVirtual) Register {
	if p.single {
		return v.AsX()
	}
	return v.AsY()
}

// begin begins a function, which has a parameter width.
func (i *isa) begin(name, signature, doc string) *function {
	name += i.name
	TEXT(name, attr.NOSPLIT, signature)
	Doc(name + " is " + doc)
	Pragma("noescape")
	f := &function{isa: i}
	for _, m := range []*Mem{&f.bytes, &f.groups, &f.whole, &f.ahead} {
		*m = AllocLocal(8)
	}
	width := Load(Param("width"), GP64())
	if i == avx512 {
		rest, ones := GP64(), GP64()
		MOVQ(width, rest)
		ANDQ(Imm(7), rest)
		MOVQ(I32(-1), ones)
		BZHIQ(rest, ones, ones)
		f.mask = K()
		KMOVB(ones.As32(), f.mask)
	}
	SHLQ(Imm(3), width)
	MOVQ(width, f.bytes)
	piece, ahead, wide := GP64(), GP64(), GP64()
	MOVQ(width, piece)
	ANDQ(I32(-chains), piece)
	MOVQ(piece, f.groups)
	ANDQ(I32(-int32(i.bytes)), piece)
	MOVQ(piece, f.whole)
	MOVQ(U32(narrowAhead*index), ahead)
	MOVQ(U32(wideAhead*index), wide)
	CMPQ(width, U32(narrow))
	CMOVQGT(wide, ahead)
	MOVQ(ahead, f.ahead)
	return f
}

// label returns a new label of the function.
func (f *function) label(name string) string {
	f.labels++
	return fmt.Sprintf("%s%d", name, f.labels)
}

// load returns a parameter in a register.
func load(c gotypes.Component) Register { return Load(c, GP64()) }

// end returns the end of a slice of indices, less the bytes given.
func end(slice string, less int) Mem {
	from, length := load(Param(slice).Base()), load(Param(slice).Len())
	LEAQ(Mem{Base: from, Index: length, Scale: index, Disp: -less}, from)
	m := AllocLocal(8)
	MOVQ(from, m)
	return m
}

// parameter returns a parameter as an operand.
func parameter(name string) Mem {
	basic, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return basic.Addr
}

// rows returns pointers to the rows of a matrix, whose numbers stand at an address. In a function for a
// single width the matrix is r, whose place and stride are in registers.
func (f *function) rows(matrix string, at Mem, count int) []Register {
	to := make([]Register, count)
	if f.pieces != nil {
		for j := range to {
			to[j] = GP64()
			MOVLQSX(at.Offset(j*index), to[j])
			IMULQ(f.stride, to[j])
			ADDQ(f.r, to[j])
		}
		return to
	}
	base := load(Param(matrix).Base())
	for j := range to {
		r := GP64()
		MOVLQSX(at.Offset(j*index), r)
		IMULQ(parameter(matrix+"Stride"), r)
		LEAQ(Mem{Base: base, Index: r, Scale: number}, r)
		to[j] = r
	}
	return to
}

// prefetch prefetches the rows of a matrix whose numbers come a while after those at a pointer, or the last
// ones before an end.
func (f *function) prefetch(matrix string, at Register, end Mem, count int) {
	ahead := GP64()
	MOVQ(f.ahead, ahead)
	ADDQ(at, ahead)
	CMPQ(ahead, end)
	CMOVQHI(end, ahead)
	to := f.rows(matrix, Mem{Base: ahead}, count)
	if f.pieces != nil {
		last := f.pieces[len(f.pieces)-1]
		for _, r := range to {
			for offset := 0; offset < last.offset; offset += line {
				PREFETCHT0(Mem{Base: r, Disp: offset})
			}
			PREFETCHT0(Mem{Base: r, Disp: last.end() - number})
		}
		return
	}
	k := GP64()
	XORL(k.As32(), k.As32())
	loop := f.label("prefetch")
	Label(loop)
	for _, r := range to {
		PREFETCHT0(Mem{Base: r, Index: k, Scale: 1})
	}
	ADDQ(Imm(line), k)
	CMPQ(k, f.bytes)
	JLT(LabelRef(loop))
	MOVQ(f.bytes, k)
	for _, r := range to {
		PREFETCHT0(Mem{Base: r, Index: k, Scale: 1, Disp: -number})
	}
}

// each writes a loop over the bytes of a row up to an end, from k on.
func (f *function) each(name string, k Register, step int, end Mem, body func()) {
	loop, check := f.label(name), f.label(name)
	JMP(LabelRef(check))
	Label(loop)
	body()
	ADDQ(Imm(uint64(step)), k)
	Label(check)
	CMPQ(k, end)
	JLT(LabelRef(loop))
}

func at(row, k Register) Mem { return Mem{Base: row, Index: k, Scale: 1} }

// dot returns the dot products of pairs of rows, in the lanes of a register. With a single row on the left,
// that is the row of all pairs.
func (f *function) dot(left, right []Register) VecVirtual {
	sums := make([]VecVirtual, len(right))
	if f.pieces != nil {
		f.unrolledChains(sums, left[0], right)
		return f.combine(sums)
	}
	for j := range sums {
		sums[j] = YMM()
		VXORPD(sums[j], sums[j], sums[j])
	}
	k := GP64()
	XORL(k.As32(), k.As32())
	// The products of single numbers have zeros in the other lanes. No sum is −0, so adding zeros changes
	// none.
	for _, part := range []struct {
		name     string
		step     int
		end      Mem
		register func() VecVirtual
		load     func(from, to Op)
		multiply func(a, b, to Op)
	}{
		{"dot", chains, f.groups, func() VecVirtual { return YMM() }, func(a, b Op) { VMOVUPD(a, b) },
			func(a, b, c Op) { VMULPD(a, b, c) }},
		{"dotRest", number, f.bytes, func() VecVirtual { return XMM() }, func(a, b Op) { VMOVSD(a, b) },
			func(a, b, c Op) { VMULSD(a, b, c) }},
	} {
		f.each(part.name, k, part.step, part.end, func() {
			var x VecVirtual
			for j, s := range sums {
				if j < len(left) {
					x = part.register()
					part.load(at(left[j], k), x)
				}
				product := part.register()
				part.multiply(at(right[j], k), x, product)
				VADDPD(product.AsY(), s, s)
			}
		})
	}
	return f.combine(sums)
}

// unrolledChains fills the chains of dot products of one row on the left. The chains start with a product,
// not with zero. That can make a dot product −0 in place of 0, which changes no residual's square nor any
// sum.
func (f *function) unrolledChains(sums []VecVirtual, left Register, right []Register) {
	for i, p := range f.pieces {
		x := p.register()
		p.move(p.of(left), x)
		for j, r := range right {
			product := p.register()
			p.multiply(p.of(r), x, product)
			if i == 0 {
				sums[j] = product
			} else {
				VADDPD(product.AsY(), sums[j].AsY(), sums[j].AsY())
			}
		}
	}
	for j := range sums {
		sums[j] = sums[j].AsY().(VecVirtual)
	}
}

// combine returns the dot products of one or four registers of chains.
func (f *function) combine(sums []VecVirtual) VecVirtual {
	high := XMM()
	pairs := YMM()
	VHADDPD(sums[min(1, len(sums)-1)], sums[0], pairs)
	if len(sums) == 1 {
		VEXTRACTF128(Imm(1), pairs, high)
		VADDPD(high, pairs.AsX(), pairs.AsX())
		return pairs
	}
	others, crossed := YMM(), YMM()
	VHADDPD(sums[3], sums[2], others)
	VPERM2F128(Imm(0x21), others, pairs, crossed)
	VBLENDPD(Imm(0b1100), others, pairs, pairs)
	VADDPD(crossed, pairs, pairs)
	return pairs
}

// copies returns registers all of whose lanes are one of the first count lanes of v.
func (f *function) copies(v VecVirtual, count int) []VecVirtual {
	to := make([]VecVirtual, count)
	for j := range to {
		to[j] = f.register()
		switch {
		case j == 0:
			VBROADCASTSD(v.AsX(), to[j])
		case f.isa == avx512:
			VPERMPD(Imm(uint64(j*0x55)), v.AsY(), to[j].AsY())
			VBROADCASTSD(to[j].AsX(), to[j])
		default:
			VPERMPD(Imm(uint64(j*0x55)), v, to[j])
		}
	}
	return to
}

// add does sum ← sum + c_0·row_0 + c_1·row_1 + …, from the left.
func (f *function) add(sum Register, c []VecVirtual, rows []Register) {
	if f.pieces != nil {
		for j, r := range rows {
			for i, p := range f.pieces {
				product := p.register()
				p.multiply(p.of(r), p.narrowed(c[j]), product)
				p.add(product, f.sum[i])
			}
		}
		return
	}
	k := GP64()
	XORL(k.As32(), k.As32())
	f.each("add", k, f.isa.bytes, f.whole, func() {
		s := f.register()
		VMOVUPD(at(sum, k), s)
		for j, r := range rows {
			product := f.register()
			VMULPD(at(r, k), c[j], product)
			VADDPD(product, s, s)
		}
		VMOVUPD(s, at(sum, k))
	})
	if f.isa == avx512 {
		none := f.label("addNone")
		CMPQ(k, f.bytes)
		JGE(LabelRef(none))
		s := f.register()
		VMOVUPD_Z(at(sum, k), f.mask, s)
		for j, r := range rows {
			product := f.register()
			VMULPD_Z(at(r, k), c[j], f.mask, product)
			VADDPD(product, s, s)
		}
		VMOVUPD(s, f.mask, at(sum, k))
		Label(none)
		return
	}
	f.each("addRest", k, number, f.bytes, func() {
		s := XMM()
		VMOVSD(at(sum, k), s)
		for j, r := range rows {
			product := XMM()
			VMULSD(at(r, k), c[j].AsX(), product)
			VADDSD(product, s, s)
		}
		VMOVSD(s, at(sum, k))
	})
}

// clear does sum ← 0.
func (f *function) clear(sum Register) {
	if f.pieces != nil {
		for _, s := range f.sum {
			VXORPD(s, s, s)
		}
		return
	}
	k, zero := GP64(), f.register()
	XORL(k.As32(), k.As32())
	VXORPD(zero.AsX(), zero.AsX(), zero.AsX())
	f.each("clear", k, f.isa.bytes, f.whole, func() { VMOVUPD(zero, at(sum, k)) })
	f.each("clearRest", k, number, f.bytes, func() { VMOVSD(zero.AsX(), at(sum, k)) })
}

// scale does sum ← scale·sum.
func (f *function) scale(sum Register) {
	by := f.register()
	VBROADCASTSD(parameter("scale"), by)
	if f.pieces != nil {
		for i, p := range f.pieces {
			s := p.register()
			p.multiply(f.sum[i], p.narrowed(by), s)
			p.move(s, p.of(sum))
		}
		return
	}
	k := GP64()
	XORL(k.As32(), k.As32())
	f.each("scale", k, f.isa.bytes, f.whole, func() {
		s := f.register()
		VMULPD(at(sum, k), by, s)
		VMOVUPD(s, at(sum, k))
	})
	f.each("scaleRest", k, number, f.bytes, func() {
		s := XMM()
		VMULSD(at(sum, k), by.AsX(), s)
		VMOVSD(s, at(sum, k))
	})
}

// inGroups writes the loops over entries, whose indices start at a pointer: first four at a time, then one at
// a time, up to an end.
func (f *function) inGroups(name string, at Register, end Mem, body func(count int)) {
	for _, count := range []int{together, 1} {
		loop, check := f.label(name), f.label(name)
		JMP(LabelRef(check))
		Label(loop)
		body(count)
		ADDQ(Imm(uint64(count*index)), at)
		Label(check)
		next := GP64()
		LEAQ(Mem{Base: at, Disp: count * index}, next)
		CMPQ(next, end)
		JLE(LabelRef(loop))
	}
}

// eachRow writes the walk along rows of a compressed matrix. body computes count entries, whose columns and
// numbers (values or weights) start at pointers, for a row of g; after follows the last entry of the row.
func (f *function) eachRow(
	numbers string, body func(cols, number, g Register, count int), after func(g Register),
) {
	g, begin, last := load(Param("g").Base()), load(Param("begin").Base()), load(Param("begin").Len())
	LEAQ(Mem{Base: begin, Index: last, Scale: number, Disp: -number}, last)
	place, lastPlace, rowEnd := AllocLocal(8), AllocLocal(8), AllocLocal(8)
	MOVQ(begin, place)
	MOVQ(last, lastPlace)
	cols, entry := load(Param("cols").Base()), load(Param(numbers).Base())
	{
		first := GP64()
		MOVQ(Mem{Base: begin}, first)
		LEAQ(Mem{Base: cols, Index: first, Scale: index}, cols)
		LEAQ(Mem{Base: entry, Index: first, Scale: number}, entry)
	}
	JMP(LabelRef("checkRow"))
	Label("row")
	{
		p, e := GP64(), GP64()
		MOVQ(place, p)
		MOVQ(Mem{Base: p, Disp: number}, e)
		ADDQ(Imm(number), p)
		MOVQ(p, place)
		first := load(Param("cols").Base())
		LEAQ(Mem{Base: first, Index: e, Scale: index}, e)
		MOVQ(e, rowEnd)
	}
	f.clear(g)
	f.inGroups("entries", cols, rowEnd, func(count int) {
		body(cols, entry, g, count)
		ADDQ(Imm(uint64(count*number)), entry)
	})
	after(g)
	{
		stride := load(Param("gStride"))
		LEAQ(Mem{Base: g, Index: stride, Scale: number}, g)
	}
	Label("checkRow")
	p := GP64()
	MOVQ(place, p)
	CMPQ(p, lastPlace)
	JLT(LabelRef("row"))
}

// ends returns the last places of which one and four indices of a slice can be read.
func ends(slice string) map[int]Mem {
	return map[int]Mem{1: end(slice, index), together: end(slice, together*index)}
}

// residuals writes the function for rows of a width, or of any width if that is 0.
func (i *isa) residuals(width int) {
	name := "residuals"
	if width > 0 {
		name = fmt.Sprintf("residuals%d", width)
	}
	f := i.begin(name, "func(g []float64, gStride int, l []float64, lStride int, "+
		"r []float64, rStride, width int, begin []int, cols []int32, values []float64, scale float64) "+
		"(squares float64)",
		"a sparse's residuals.")
	if width > 0 {
		f.pieces = piecesOf(width)
		for _, p := range f.pieces {
			f.sum = append(f.sum, p.register())
		}
		f.r, f.stride = load(Param("r").Base()), load(Param("rStride"))
		SHLQ(Imm(3), f.stride)
	}
	last := ends("cols")
	squares := XMM()
	VXORPD(squares, squares, squares)
	l := load(Param("l").Base())
	f.eachRow("values", func(cols, value, g Register, count int) {
		f.prefetch("r", cols, last[count], count)
		right := f.rows("r", Mem{Base: cols}, count)
		e := f.dot([]Register{l}, right)
		if count == 1 {
			VSUBSD(Mem{Base: value}, e.AsX(), e.AsX())
		} else {
			VSUBPD(Mem{Base: value}, e, e)
		}
		c := f.copies(e, count)
		for _, e := range c {
			square := XMM()
			VMULSD(e.AsX(), e.AsX(), square)
			VADDSD(square, squares, squares)
		}
		f.add(g, c, right)
	}, func(g Register) {
		f.scale(g)
		stride := load(Param("lStride"))
		LEAQ(Mem{Base: l, Index: stride, Scale: number}, l)
	})
	Store(squares, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (i *isa) weighted() {
	f := i.begin("weighted", "func(g []float64, gStride int, r []float64, rStride, width int, "+
		"begin []int, cols []int32, weights []float64)", "a sparse's weighted.")
	last := ends("cols")
	f.eachRow("weights", func(cols, weight, g Register, count int) {
		f.prefetch("r", cols, last[count], count)
		right := f.rows("r", Mem{Base: cols}, count)
		c := make([]VecVirtual, count)
		for j := range c {
			c[j] = f.register()
			VBROADCASTSD(Mem{Base: weight, Disp: j * number}, c[j])
		}
		f.add(g, c, right)
	}, func(Register) {})
	VZEROUPPER()
	RET()
}

func (i *isa) dots() {
	f := i.begin("dots", "func(p []float64, l []float64, lStride int, r []float64, rStride, width int, "+
		"rows, cols []int32)", "a sparse's dots.")
	lastRows, lastCols, rowsEnd := ends("rows"), ends("cols"), end("rows", 0)
	p, i0, j0 := load(Param("p").Base()), load(Param("rows").Base()), load(Param("cols").Base())
	f.inGroups("entries", i0, rowsEnd, func(count int) {
		f.prefetch("l", i0, lastRows[count], count)
		f.prefetch("r", j0, lastCols[count], count)
		d := f.dot(f.rows("l", Mem{Base: i0}, count), f.rows("r", Mem{Base: j0}, count))
		if count == 1 {
			VMOVSD(d.AsX(), Mem{Base: p})
		} else {
			VMOVUPD(d, Mem{Base: p})
		}
		ADDQ(Imm(uint64(count*index)), j0)
		ADDQ(Imm(uint64(count*number)), p)
	})
	VZEROUPPER()
	RET()
}

func (i *isa) scatter() {
	f := i.begin("scatter", "func(g []float64, gStride int, r []float64, rStride, width int, "+
		"rows, cols []int32, weights []float64)", "a sparse's scatter.")
	lastRows, lastCols, rowsEnd := end("rows", index), end("cols", index), end("rows", 0)
	w, i0, j0 := load(Param("weights").Base()), load(Param("rows").Base()), load(Param("cols").Base())
	JMP(LabelRef("check"))
	Label("loop")
	f.prefetch("g", i0, lastRows, 1)
	f.prefetch("r", j0, lastCols, 1)
	c := f.register()
	VBROADCASTSD(Mem{Base: w}, c)
	f.add(f.rows("g", Mem{Base: i0}, 1)[0], []VecVirtual{c}, f.rows("r", Mem{Base: j0}, 1))
	ADDQ(Imm(index), i0)
	ADDQ(Imm(index), j0)
	ADDQ(Imm(number), w)
	Label("check")
	CMPQ(i0, rowsEnd)
	JLT(LabelRef("loop"))
	VZEROUPPER()
	RET()
}
