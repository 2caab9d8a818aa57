package main

import (
	"fmt"
	"math/bits"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// A dot product of signs adds z_k or −z_k. An accumulation adds one number to each coordinate,
//
//	acc_k += ((±c₀ ± c₁) + (±c₂ ± c₃)) + ((±c₄ ± c₅) + (±c₆ ± c₇)),
//
// whose two halves are looked up in tables of their possible values.

// dotSigns writes the loop of dot products for signs.
func dotSigns(v variant) {
	b := v.function("dotSigns", attr.NOSPLIT, dotParameters,
		"lanes[j][k mod L] += ±z[k] for from ≤ k < to, by the bits of rows[j].")
	z, at := GP64(), GP64()
	Load(Param("z"), z)
	step, handle := 64, b.blend
	if v.isa == avx2 {
		step, handle = 32, b.multiply
	}
	addTo := handle()
	b.eachRows(8, 1, func(sums []VecVirtual) {
		b.loop(step, func() {
			b.byteAt(at)
			addTo(z, at, sums)
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

// blend returns the function of AVX-512 that adds ±z_k to the sums, for 64 coordinates. Masks of signs choose
// between z_k and −z_k.
func (b *block) blend() func(z, at Register, sums []VecVirtual) {
	sign := b.minusZero()
	picks := [2]VecVirtual{b.register(), b.register()} // used alternately
	return func(z, at Register, sums []VecVirtual) {
		for u := range 64 / b.numbers() {
			plus, minus := b.register(), b.register()
			VMOVUPD(b.at(z, u), plus)
			b.xor(plus, sign, minus)
			for j, row := range b.rows {
				set, x := K(), picks[j%2]
				signs := Mem{Base: row, Index: at, Scale: 1, Disp: u * b.numbers() / 8}
				if b.arithmetic == double {
					KMOVB(signs, set)
					VBLENDMPD(minus, plus, set, x)
				} else {
					KMOVW(signs, set)
					VBLENDMPS(minus, plus, set, x)
				}
				b.add(x, sums[j], sums[j])
			}
		}
	}
}

// multiply returns the function of AVX2 that does the same for 32 coordinates. A byte of signs is an index
// into a table of its eight numbers ±1. A fused multiply-add by ±1 rounds as an addition does.
func (b *block) multiply() func(z, at Register, sums []VecVirtual) {
	table := GP64()
	LEAQ(NewDataAddr(Symbol{Name: "·signs" + b.arithmetic.name}, 0), table)
	perByte := 8 / b.numbers() // registers
	bytes := perByte * b.bytes // of the table, for a byte of signs
	shift := bits.Len(uint(bytes)) - 1
	return func(z, at Register, sums []VecVirtual) {
		zs := make([]VecVirtual, 4*perByte)
		for u := range zs {
			zs[u] = b.register()
			VMOVUPD(b.at(z, u), zs[u])
		}
		for j, row := range b.rows {
			word := GP32()
			MOVL(Mem{Base: row, Index: at, Scale: 1}, word)
			for i := range 4 {
				index := GP32()
				RORXL(Imm(uint64(32+8*i-shift)%32), word, index)
				ANDL(U32(255*bytes), index)
				for r := range perByte {
					u := perByte*i + r
					numbers := Mem{Base: table, Index: index.As64(), Scale: 1, Disp: r * b.bytes}
					b.fma(numbers, zs[u], sums[2*j+u%2])
				}
			}
		}
	}
}

// addSigns writes the loop of the accumulation for signs, 64 coordinates at a time.
func addSigns(v variant) {
	b := v.function("addSigns", attr.NOSPLIT, addParameters,
		"acc[k] += ((±c[0]±c[1]) + (±c[2]±c[3])) + ((±c[4]±c[5]) + (±c[6]±c[7])) for from ≤ k < to, "+
			"by the bits of rows[j].")
	acc, at := GP64(), GP64()
	Load(Param("acc"), acc)
	c := v.weights(blockRows)
	prepare := b.lookUpHalf
	if v.isa == avx512 {
		prepare = b.lookUp
	}
	b.point(0, blockRows)
	sums := prepare(c)
	b.loop(64, func() {
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

// lookUpHalf does the same for AVX2, whose VPERMPS looks up eight numbers by three bits. The table of four
// rows is that of row 0 with a plus sign: the bits of the three other rows say where they differ from row 0,
// and the sum gets the sign of row 0. Changing all signs of a sum changes its sign and no more. The bytes are
// made by transposing squares of eight rows and eight coordinates.
func (b *block) lookUpHalf(c []VecVirtual) func(at Register, use func(unit int, x VecVirtual)) {
	var tables [2][]VecVirtual
	for t := range tables {
		tables[t] = b.halfTable(c[4*t : 4*t+4])
	}
	sign := b.load(constant("minusZero4", 4, func(int) uint64 { return 1 << 31 }))

	// The bytes of the next iteration are made before those of this one are used, so that nothing waits for
	// them. The last iteration makes its own again.
	patterns, this, last := AllocLocal(256), GP64(), GP64()
	LEAQ(patterns.Offset(127), this)
	ANDQ(I8(-128), this) // so that bit 6 of the address tells the two apart
	Load(Param("from"), last)
	SHRQ(Imm(3), last)
	b.transpose(last, Mem{Base: this})
	MOVQ(b.end, last)
	SHRQ(Imm(3), last)
	SUBQ(Imm(8), last)
	return func(at Register, use func(unit int, x VecVirtual)) {
		current := GP64()
		MOVQ(this, current)
		XORQ(Imm(64), this)
		ADDQ(Imm(8), at)
		CMPQ(at, last)
		CMOVQGT(last, at)
		b.transpose(at, Mem{Base: this})
		for u := range 8 {
			x, y := YMM(), YMM()
			VPMOVZXBD(Mem{Base: current, Disp: 8 * u}, x)
			VPSRLD(Imm(4), x, y)
			var sums [2][]VecVirtual
			for h, index := range []VecVirtual{x, y} {
				s := YMM()
				VPSLLD(Imm(uint64(28-4*h)), x, s)
				VANDPS(sign, s, s)
				for _, table := range tables[h] {
					number := YMM()
					VPERMPS(table, index, number)
					sums[h] = append(sums[h], number)
				}
				upper := sums[h][len(sums[h])-1]
				VXORPS(s, upper, upper)
			}
			if b.arithmetic == single {
				b.add(sums[1][0], sums[0][0], sums[0][0])
				use(u, sums[0][0])
				continue
			}
			for part, unpack := range []func(...Op){VUNPCKLPS, VUNPCKHPS} {
				x, y := YMM(), YMM()
				unpack(sums[0][1], sums[0][0], x)
				unpack(sums[1][1], sums[1][0], y)
				b.add(y, x, x)
				use(2*u+part, x)
			}
		}
	}
}

// halfTable returns the sums c₀ ± c₁ + (±c₂ ± c₃): bit j of a sum's place is the sign of c_{j+1}. Of doubles
// the first register has the lower halves, the second the upper halves.
func (b *block) halfTable(c []VecVirtual) []VecVirtual {
	sums := func(part string, place func(lane int) int) VecVirtual {
		var x [4]VecVirtual
		x[0] = YMM()
		VMOVUPD(c[0], x[0])
		for j := 1; j < 4; j++ {
			x[j] = YMM()
			signs := constant(fmt.Sprintf("half%s%d%d", part, b.size, j), b.size, func(lane int) uint64 {
				return uint64(place(lane)>>(j-1)&1) << (8*b.size - 1)
			})
			b.xor(signs, c[j], x[j])
		}
		b.add(x[1], x[0], x[0])
		b.add(x[3], x[2], x[2])
		b.add(x[2], x[0], x[0])
		return x[0]
	}
	if b.arithmetic == single {
		return []VecVirtual{sums("", func(lane int) int { return lane })}
	}
	// Shuffling two registers takes two numbers of each, first from their lower quarters.
	x := sums("Lower", func(lane int) int { return lane%2 + lane/2*4 })
	y := sums("Upper", func(lane int) int { return lane%2 + lane/2*4 + 2 })
	lower, upper := YMM(), YMM()
	const even, odd = 0x88, 0xDD
	VSHUFPS(Imm(even), y, x, lower)
	VSHUFPS(Imm(odd), y, x, upper)
	return []VecVirtual{lower, upper}
}

// transpose writes a byte for each of 64 coordinates. Bits 0 to 2 say where rows 1 to 3 differ from row 0,
// and bit 3 is the bit of row 0; bits 4 to 7 say the same of rows 5 to 7 and row 4. In double arithmetic
// eight coordinates are in the order 0, 1, 4, 5, 2, 3, 6, 7, which unpacking brings into order.
func (b *block) transpose(at Register, to Mem) {
	var x [blockRows]VecVirtual
	for j, row := range b.rows {
		x[j] = XMM()
		VMOVQ(Mem{Base: row, Index: at, Scale: 1}, x[j])
	}
	for _, j := range []int{1, 2, 3, 5, 6, 7} {
		VPXOR(x[j&4], x[j], x[j])
	}
	unpack := func(f func(...Op), lower, upper VecVirtual) VecVirtual {
		r := XMM()
		f(upper, lower, r)
		return r
	}
	var halves [2][2]VecVirtual // of four rows: their bytes for coordinates 0 to 31, and from 32 on
	for h := range halves {
		first := unpack(VPUNPCKLBW, x[4*h+1], x[4*h+2])
		second := unpack(VPUNPCKLBW, x[4*h+3], x[4*h])
		halves[h][0] = unpack(VPUNPCKLWD, first, second)
		halves[h][1] = unpack(VPUNPCKHWD, first, second)
	}
	for part := range 2 {
		r, t, u := YMM(), YMM(), YMM()
		lower := unpack(VPUNPCKLDQ, halves[0][part], halves[1][part])
		upper := unpack(VPUNPCKHDQ, halves[0][part], halves[1][part])
		VINSERTI128(Imm(1), upper, lower.AsY(), r)
		// Hacker's Delight, 7–3: squares of 1, 2 and 4 bits change places with their mirrors.
		for s, mask := range []uint64{0x00AA00AA00AA00AA, 0x0000CCCC0000CCCC, 0x00000000F0F0F0F0} {
			shift := Imm(uint64(7 << s))
			VPSRLQ(shift, r, t)
			VPXOR(r, t, t)
			VPAND(constant(fmt.Sprintf("square%d", s), 8, func(int) uint64 { return mask }), t, t)
			VPSLLQ(shift, t, u)
			VPXOR(t, r, r)
			VPXOR(u, r, r)
		}
		if b.arithmetic == double {
			order := constant("unpacked", 1, func(i int) uint64 {
				return uint64(i%16/8*8) + []uint64{0, 1, 4, 5, 2, 3, 6, 7}[i%8]
			})
			VPSHUFB(order, r, r)
		}
		VMOVDQU(r, to.Offset(32*part))
	}
}
