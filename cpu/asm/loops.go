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

// isa is a set of instructions, by the size of its registers.
type isa struct {
	name  string
	bytes int
}

var (
	avx512 = isa{"AVX512", 64} // F, BW, DQ, VL and VBMI: Ice Lake, Zen 4 and newer
	avx2   = isa{"AVX2", 32}   // with FMA: Haswell, Zen and newer
)

// register returns a new vector register.
func (i isa) register() VecVirtual {
	if i.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

// half returns a new vector register of half the size.
func (i isa) half() VecVirtual {
	if i.bytes == 64 {
		return YMM()
	}
	return XMM()
}

// block is the eight rows at a range of coordinates, and the loop over it.
type block struct {
	isa
	rows  []Register // pointers to the entries of the rows in use
	index Register   // the coordinate
	end   Register
}

// open loads the range of coordinates.
func (i isa) open() *block {
	b := &block{isa: i, index: GP64(), end: GP64()}
	Load(Param("to"), b.end)
	return b
}

// point loads pointers to count rows from the first on.
func (b *block) point(first, count int) {
	table := Load(Param("rows"), GP64())
	b.rows = nil
	for j := first; j < first+count; j++ {
		const slice = 24 // bytes of a slice's header, the pointer first
		row := GP64()
		if j == first+count-1 { // the last use of the table's register
			row = table.(GPVirtual)
		}
		MOVQ(Mem{Base: table, Disp: slice * j}, row)
		b.rows = append(b.rows, row)
	}
}

// loop repeats body while index goes from its parameter to the end.
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
	return Mem{Base: base, Index: b.index, Scale: 8, Disp: unit * b.bytes}
}

// dot writes lanes[j][k mod L] += a_jk·z_k.
func dot(isa isa, f format) {
	name := "dot" + f.name() + isa.name
	TEXT(name, NOSPLIT, "func(lanes *float64, rows *[8][]byte, z *float64, from, to int)")
	Doc(name + " does lanes[j][k mod 8] += rows[j][k]·z[k] for from ≤ k < to.")
	Pragma("noescape")
	b := isa.open()
	lanes := Load(Param("lanes"), GP64())
	z := Load(Param("z"), GP64())
	decode := f.decoder(isa)
	perRow := laneBytes / isa.bytes
	together := blockRows / perRow
	for first := 0; first < blockRows; first += together {
		b.point(first, together)
		sums := make([]VecVirtual, together*perRow)
		for i := range sums {
			sums[i] = isa.register()
			VMOVUPD(Mem{Base: lanes, Disp: first*laneBytes + i*isa.bytes}, sums[i])
		}
		b.loop(fmt.Sprintf("rows%d", first), f.units(isa)*isa.bytes/8, func() {
			zs := make([]Op, f.units(isa))
			for u := range zs {
				zs[u] = b.at(z, u)
				if len(zs) <= 2 { // kept in registers for all rows; else read again for each
					r := isa.register()
					VMOVUPD(zs[u], r)
					zs[u] = r
				}
			}
			for j, row := range b.rows {
				decode(b, row, func(u int, x VecVirtual) { VFMADD231PD(zs[u], x, sums[j*perRow+u%perRow]) })
			}
		})
		for i, s := range sums {
			VMOVUPD(s, Mem{Base: lanes, Disp: first*laneBytes + i*isa.bytes})
		}
	}
	VZEROUPPER()
	RET()
}

// add writes acc_k += Σ_j c_j·a_jk.
func add(isa isa, f format) {
	name := "add" + f.name() + isa.name
	TEXT(name, NOSPLIT, "func(acc *float64, c *[8]float64, rows *[8][]byte, from, to int)")
	Doc(name + " does acc[k] += Σ_j c[j]·rows[j][k] for from ≤ k < to.")
	Pragma("noescape")
	b := isa.open()
	acc := Load(Param("acc"), GP64())
	weigh := isa.weigh(f.units(isa) <= 2)
	decode := f.decoder(isa)
	b.point(0, blockRows)
	b.loop("coordinates", f.units(isa)*isa.bytes/8, func() {
		sums := make([]VecVirtual, f.units(isa))
		for u := range sums {
			sums[u] = isa.register()
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

// weigh returns what does sum += c_j·x, with c in registers, or read again each time.
func (i isa) weigh(inRegisters bool) func(j int, x, sum VecVirtual) {
	if inRegisters {
		c := i.weights()
		return func(j int, x, sum VecVirtual) { VFMADD231PD(c[j], x, sum) }
	}
	from := Load(Param("c"), GP64())
	return func(j int, x, sum VecVirtual) { VFMADD231PD_BCST(Mem{Base: from, Disp: 8 * j}, x, sum) }
}

// weights loads c, each number in all lanes of a register.
func (i isa) weights() []VecVirtual {
	from := Load(Param("c"), GP64())
	c := make([]VecVirtual, blockRows)
	for j := range c {
		c[j] = i.register()
		VBROADCASTSD(Mem{Base: from, Disp: 8 * j}, c[j])
	}
	return c
}

// constants are the read-only data written so far, by name.
var constants = map[string]Mem{}

// constant returns the address of words, which it writes on first use.
func constant(name string, words ...uint64) Mem {
	data, written := constants[name]
	if !written {
		data = GLOBL(name, RODATA|NOPTR)
		for l, w := range words {
			DATA(8*l, U64(w))
		}
		constants[name] = data
	}
	return data
}

// load returns a register with the first of the given words that it has room for.
func (i isa) load(name string, words ...uint64) VecVirtual {
	r := i.register()
	VMOVUPD(constant(name, words...), r)
	return r
}
