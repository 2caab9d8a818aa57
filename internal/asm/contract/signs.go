package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Signs need no multiplication. A dot product adds z_k or −z_k. An accumulation adds one number to each
// coordinate,
//
//	acc_k += ((±c₀ ± c₁) + (±c₂ ± c₃)) + ((±c₄ ± c₅) + (±c₆ ± c₇)),
//
// and AVX-512 looks up its two halves, each in a table of its sixteen possible values.

// signStep is how many coordinates an iteration handles: those of a mask register, or the lanes.
func (v variant) signStep() int {
	if v.isa == avx512 {
		return 64
	}
	return laneBytes / v.size
}

// dotSigns writes the loop of dot products for signs.
func dotSigns(v variant) {
	b := v.function("dotSigns", attr.NOSPLIT, dotParameters,
		"lanes[j][k mod L] += ±z[k] for from ≤ k < to, by the bits of rows[j].")
	z, at := GP64(), GP64()
	Load(Param("z"), z)
	sign := v.minusZero()
	picks := [2]VecVirtual{v.register(), v.register()} // used alternately
	b.eachRows(8, 1, func(sums []VecVirtual) {
		b.loop(v.signStep(), func() {
			b.byteAt(at)
			for first := 0; first < v.signStep()/v.numbers(); first += v.perRow() {
				plus, minus := make([]VecVirtual, v.perRow()), make([]VecVirtual, v.perRow())
				for u := range plus {
					plus[u], minus[u] = v.register(), v.register()
					VMOVUPD(b.at(z, first+u), plus[u])
					v.xor(plus[u], sign, minus[u])
				}
				for j, row := range b.rows {
					for u := range plus {
						x := picks[(j+u)%2]
						b.pick(Mem{Base: row, Index: at, Scale: 1}, first+u, plus[u], minus[u], x)
						s := sums[j*v.perRow()+u]
						v.add(x, s, s)
					}
				}
			}
		})
	})
	VZEROUPPER()
	RET()
}

// byteAt sets at to the byte that contains the index's bit.
func (b *block) byteAt(at Register) {
	MOVQ(b.index, at)
	SHRQ(Imm(3), at)
}

// pick selects plus where the unit's bits are clear, minus where they are set.
func (b *block) pick(bits Mem, unit int, plus, minus, x VecVirtual) {
	bits = bits.Offset(unit * b.numbers() / 8)
	switch {
	case b.isa == avx2 && b.arithmetic == double:
		b.bitsToTop(bits, unit, x)
		VBLENDVPD(x, minus, plus, x)
	case b.isa == avx2:
		b.bitsToTop(bits, unit, x)
		VBLENDVPS(x, minus, plus, x)
	case b.arithmetic == double:
		set := K()
		KMOVB(bits, set)
		VBLENDMPD(minus, plus, set, x)
	default:
		set := K()
		KMOVW(bits, set)
		VBLENDMPS(minus, plus, set, x)
	}
}

// bitsToTop moves the bits of a unit to the top of their lanes, for AVX2: their byte is copied to every byte
// of the register, and each lane is shifted by the distance that its bit needs.
func (b *block) bitsToTop(bits Mem, unit int, x VecVirtual) {
	unit = unit * b.numbers() % 8 / b.numbers() // within its byte
	VPBROADCASTB(bits, x)
	shifts := constant(fmt.Sprintf("shifts%d", b.size), b.size, func(l int) uint64 { return uint64(7 - l%8) })
	b.shiftLeft(shifts.Offset(unit*b.bytes), x, x)
}

// addSigns writes the loop of the accumulation for signs.
func addSigns(v variant) {
	b := v.function("addSigns", attr.NOSPLIT, addParameters,
		"acc[k] += ((±c[0]±c[1]) + (±c[2]±c[3])) + ((±c[4]±c[5]) + (±c[6]±c[7])) for from ≤ k < to, "+
			"by the bits of rows[j].")
	acc, at := GP64(), GP64()
	Load(Param("acc"), acc)
	c := v.weights(blockRows)
	turn := b.flip
	if v.isa == avx512 {
		turn = b.lookUp
	}
	sums := turn(c)
	b.point(0, blockRows)
	b.loop(v.signStep(), func() {
		b.byteAt(at)
		sums(at, func(u int, x VecVirtual) {
			v.add(b.at(acc, u), x, x)
			VMOVUPD(x, b.at(acc, u))
		})
	})
	VZEROUPPER()
	RET()
}

// lookUp prepares the two tables of sixteen sums, and returns the function that computes the sums of one
// iteration. For each of sixty-four coordinates it makes one byte, whose bit j is row j's sign, by adding 2ʲ
// under row j's bits as a mask. Each half of the byte is an index into a table.
func (b *block) lookUp(c []VecVirtual) func(at Register, use func(unit int, x VecVirtual)) {
	registers := 16 / b.numbers() // per table
	tables := [2][]VecVirtual{make([]VecVirtual, registers), make([]VecVirtual, registers)}
	for h := range registers {
		var sign [4]VecVirtual
		for j := range sign {
			sign[j] = b.load(constant(fmt.Sprintf("signs%d%d%d", b.size, h, j), b.size, func(l int) uint64 {
				return uint64((b.numbers()*h+l)>>j&1) << (8*b.size - 1)
			}))
		}
		for t := range tables {
			var x [4]VecVirtual
			for j := range x {
				x[j] = ZMM()
				b.xor(c[4*t+j], sign[j], x[j])
			}
			b.add(x[1], x[0], x[0])
			b.add(x[3], x[2], x[2])
			b.add(x[2], x[0], x[0])
			tables[t][h] = x[0]
		}
	}
	var power [blockRows]VecVirtual
	for j := range power {
		power[j] = b.load(constant(fmt.Sprintf("power%d", j), 1, func(int) uint64 { return 1 << j }))
	}
	patterns := AllocLocal(64)
	return func(at Register, use func(unit int, x VecVirtual)) {
		pattern := ZMM()
		VPXORQ(pattern, pattern, pattern)
		for j, row := range b.rows {
			set := K()
			KMOVQ(Mem{Base: row, Index: at, Scale: 1}, set)
			VPADDB(power[j], pattern, set, pattern)
		}
		VMOVDQU64(pattern, patterns)
		for u := range 64 / b.numbers() {
			x, y := ZMM(), ZMM()
			if b.arithmetic == double {
				VPMOVZXBQ(patterns.Offset(8*u), x)
				VPSRLQ(Imm(4), x, y)
				VPERMI2PD(tables[0][1], tables[0][0], x)
				VPERMI2PD(tables[1][1], tables[1][0], y)
			} else {
				VPMOVZXBD(patterns.Offset(16*u), x)
				VPSRLD(Imm(4), x, y)
				VPERMPS(tables[0][0], x, x)
				VPERMPS(tables[1][0], y, y)
			}
			b.add(y, x, x)
			use(u, x)
		}
	}
}

// flip returns the function that computes the sums of one iteration in AVX2: it flips the signs of c by the
// bits, and adds.
func (b *block) flip(c []VecVirtual) func(at Register, use func(unit int, x VecVirtual)) {
	sign := b.minusZero()
	return func(at Register, use func(unit int, x VecVirtual)) {
		for u := range 2 {
			var sum func(first, count int) VecVirtual
			sum = func(first, count int) VecVirtual {
				if count > 1 {
					x, y := sum(first, count/2), sum(first+count/2, count/2)
					b.add(y, x, x)
					return x
				}
				x := YMM()
				b.bitsToTop(Mem{Base: b.rows[first], Index: at, Scale: 1, Disp: u * b.numbers() / 8}, u, x)
				b.and(sign, x, x)
				b.xor(c[first], x, x)
				return x
			}
			use(u, sum(0, blockRows))
		}
	}
}
