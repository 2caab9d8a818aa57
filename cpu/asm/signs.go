package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Signs need no multiplication. A dot product adds z_k or −z_k. An accumulation adds one number to each coordinate,
//
//	acc_k += ((±c₀ ± c₁) + (±c₂ ± c₃)) + ((±c₄ ± c₅) + (±c₆ ± c₇)),
//
// and AVX-512 looks its two halves up among the sixteen there are of each.

// dotSigns writes lanes[j][k mod 8] += ±z_k, minus where bit k of row j is set.
func dotSigns(isa isa) {
	name := "dotSigns" + isa.name
	TEXT(name, NOSPLIT, "func(lanes *float64, rows *[8][]byte, z *float64, from, to int)")
	Doc(name + " does lanes[j][k mod 8] += ±z[k] for from ≤ k < to, by the bits of rows[j].")
	Pragma("noescape")
	b := isa.open()
	lanes := Load(Param("lanes"), GP64())
	z := Load(Param("z"), GP64())
	sign := isa.load("minusZero", 1<<63, 1<<63, 1<<63, 1<<63, 1<<63, 1<<63, 1<<63, 1<<63)
	at := GP64() // the byte with the index's bit
	perRow := laneBytes / isa.bytes
	together := blockRows / perRow
	shifts := bitsToTop()
	var picked [4]VecVirtual // reused, because avo takes what a mask writes to for something that is read, too
	for i := range picked {
		picked[i] = isa.register()
	}
	for first := 0; first < blockRows; first += together {
		b.point(first, together)
		sums := make([]VecVirtual, together*perRow)
		for i := range sums {
			sums[i] = isa.register()
			VMOVUPD(Mem{Base: lanes, Disp: first*laneBytes + i*isa.bytes}, sums[i])
		}
		b.loop(fmt.Sprintf("rows%d", first), signStep(isa), func() {
			MOVQ(b.index, at)
			SHRQ(Imm(3), at)
			for g := range signStep(isa) / 8 {
				plus, minus := make([]VecVirtual, perRow), make([]VecVirtual, perRow)
				for u := range plus {
					plus[u], minus[u] = isa.register(), isa.register()
					VMOVUPD(b.at(z, g*perRow+u), plus[u])
					VXORPD(plus[u], sign, minus[u])
				}
				for j, row := range b.rows {
					bits := Mem{Base: row, Index: at, Scale: 1, Disp: g}
					if isa.bytes == 64 {
						set, x := K(), picked[j%len(picked)]
						KMOVB(bits, set)
						VBLENDMPD(minus[0], plus[0], set, x)
						VADDPD(x, sums[j], sums[j])
						continue
					}
					all := YMM()
					VPBROADCASTB(bits, all)
					for u := range perRow {
						x := YMM()
						VPSLLVQ(shifts[u], all, x)
						VBLENDVPD(x, minus[u], plus[u], x)
						VADDPD(x, sums[j*perRow+u], sums[j*perRow+u])
					}
				}
			}
		})
		for i, s := range sums {
			VMOVUPD(s, Mem{Base: lanes, Disp: first*laneBytes + i*isa.bytes})
		}
	}
	VZEROUPPER()
	RET()
}

// signStep is how many coordinates a turn takes: a mask register's, or a byte's.
func signStep(isa isa) int {
	if isa.bytes == 64 {
		return 64
	}
	return 8
}

// addSigns writes acc_k += Σ_j ±c_j, minus where bit k of row j is set.
func addSigns(isa isa) {
	name := "addSigns" + isa.name
	TEXT(name, NOSPLIT, "func(acc *float64, c *[8]float64, rows *[8][]byte, from, to int)")
	Doc(name + " does acc[k] += Σ_j ±c[j] for from ≤ k < to, by the bits of rows[j].")
	Pragma("noescape")
	b := isa.open()
	acc := Load(Param("acc"), GP64())
	var turn func(at Register)
	if isa.bytes == 64 {
		turn = b.lookUp(acc)
	} else {
		turn = b.flip(acc)
	}
	b.point(0, blockRows)
	at := GP64()
	b.loop("coordinates", signStep(isa), func() {
		MOVQ(b.index, at)
		SHRQ(Imm(3), at)
		turn(at)
	})
	VZEROUPPER()
	RET()
}

// lookUp prepares the two tables of sixteen sums. A turn makes one byte for each of sixty-four coordinates, whose bit j
// is row j's, by adding 2ʲ under the mask that row j is; each half of a byte is a place in a table.
func (b *block) lookUp(acc Register) func(at Register) {
	c := b.weights()
	var tables [2][2]VecVirtual // four rows each, as two registers of eight sums
	for h := range 2 {          // the half of a table
		var sign [4]VecVirtual
		for j := range sign {
			var masks [8]uint64
			for l := range masks {
				masks[l] = uint64((8*h+l)>>j&1) << 63
			}
			sign[j] = b.load(fmt.Sprintf("signs%d%d", h, j), masks[:]...)
		}
		for t := range tables {
			var x [4]VecVirtual
			for j := range x {
				x[j] = ZMM()
				VXORPD(c[4*t+j], sign[j], x[j])
			}
			VADDPD(x[1], x[0], x[0])
			VADDPD(x[3], x[2], x[2])
			VADDPD(x[2], x[0], x[0])
			tables[t][h] = x[0]
		}
	}
	var power [blockRows]VecVirtual
	for j := range power {
		byteOf := GP32()
		MOVL(U32(1<<j), byteOf)
		power[j] = ZMM()
		VPBROADCASTB(byteOf, power[j])
	}
	patterns := AllocLocal(64)
	return func(at Register) {
		pattern := ZMM()
		VPXORQ(pattern, pattern, pattern)
		for j, row := range b.rows {
			set := K()
			KMOVQ(Mem{Base: row, Index: at, Scale: 1}, set)
			VPADDB(power[j], pattern, set, pattern)
		}
		VMOVDQU64(pattern, patterns)
		for u := range 8 {
			lower, upper := ZMM(), ZMM()
			VPMOVZXBQ(patterns.Offset(8*u), lower)
			VPSRLQ(Imm(4), lower, upper)
			VPERMI2PD(tables[0][1], tables[0][0], lower)
			VPERMI2PD(tables[1][1], tables[1][0], upper)
			VADDPD(upper, lower, lower)
			VADDPD(b.at(acc, u), lower, lower)
			VMOVUPD(lower, b.at(acc, u))
		}
	}
}

// flip is a turn of AVX2: eight coordinates, whose bits are a byte of each row.
func (b *block) flip(acc Register) func(at Register) {
	c := b.weights()
	sign := b.load("minusZero", 1<<63, 1<<63, 1<<63, 1<<63, 1<<63, 1<<63, 1<<63, 1<<63)
	shifts := bitsToTop()
	return func(at Register) {
		for u := range 2 {
			var sum func(first, count int) VecVirtual // a tree
			sum = func(first, count int) VecVirtual {
				if count > 1 {
					x, y := sum(first, count/2), sum(first+count/2, count/2)
					VADDPD(y, x, x)
					return x
				}
				x := YMM()
				VPBROADCASTB(Mem{Base: b.rows[first], Index: at, Scale: 1}, x)
				VPSLLVQ(shifts[u], x, x)
				VANDPD(sign, x, x)
				VXORPD(c[first], x, x)
				return x
			}
			x := sum(0, blockRows)
			VADDPD(b.at(acc, u), x, x)
			VMOVUPD(x, b.at(acc, u))
		}
	}
}

// bitsToTop returns what to shift the lanes of two registers by, that hold a byte eight times each, so that bit l of the
// byte comes to the top of lane l.
func bitsToTop() []Mem {
	return []Mem{constant("shifts0", 7, 6, 5, 4), constant("shifts1", 3, 2, 1, 0)}
}
