// Command hadamard writes the assembly of package cpu's Pauli words: Walsh–Hadamard transforms, and products
// of rows. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// A transform has a level for each bit of the numbers' places. Each level does a, b ← a + b, a − b for all
// pairs of places that differ in this bit, the lowest bit first. The result of a level has one sum or
// difference for each number, so the bits do not depend on what is done together. The levels within a
// register go first: one copy of it has the first number of each pair in both places, another copy the
// second, with the sign of the place that gets the difference. The levels that are left combine whole
// registers, two levels in one pass.
//
// The products of wide factors take a row with eight others, so that there are enough independent chains: see
// rows.go. Those of narrow factors take neighbouring rows together: see columns.go.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	transform("transformAVX512", 64, func() VecVirtual { return ZMM() })
	transform("transformAVX2", 32, func() VecVirtual { return YMM() })
	dots()
	adds()
	for _, s := range columnSets() {
		columnDots(s)
		columnAdds(s)
	}
	Generate()
}

// transform writes the function for registers of a number of bytes.
func transform(name string, bytes int, register func() VecVirtual) {
	const number = 8 // bytes
	signs := signsOf(name, bytes/number)
	TEXT(name, attr.NOSPLIT, "func(v []float64)")
	Doc(name + " does v_z ← Σ_j (−1)^|z∧j|·v_j for every z.")
	Pragma("noescape")
	size := Imm(uint64(bytes))
	base, end, half := GP64(), GP64(), GP64()
	Load(Param("v").Base(), base)
	Load(Param("v").Len(), end)
	SHLQ(Imm(3), end)
	ADDQ(base, end)

	// The levels within a register.
	at := GP64()
	MOVQ(base, at)
	var sign []VecVirtual
	for _, s := range signs {
		r := register()
		VMOVUPD(s, r)
		sign = append(sign, r)
	}
	Label("within")
	v := register()
	VMOVUPD(Mem{Base: at}, v)
	for level := range sign {
		x, y := register(), register()
		switch level {
		case 0:
			VMOVDDUP(v, x)
			VPERMILPD(Imm(0xFF), v, y)
		case 1:
			VPERMPD(Imm(0x44), v, x)
			VPERMPD(Imm(0xEE), v, y)
		case 2:
			VSHUFF64X2(Imm(0x44), v, v, x)
			VSHUFF64X2(Imm(0xEE), v, v, y)
		}
		VXORPD(sign[level], y, y)
		VADDPD(y, x, v)
	}
	VMOVUPD(v, Mem{Base: at})
	ADDQ(size, at)
	CMPQ(at, end)
	JLT(LabelRef("within"))

	// Two levels at a time, while four parts of half bytes are left.
	MOVQ(U32(bytes), half)
	length, four := GP64(), GP64()
	MOVQ(end, length)
	SUBQ(base, length)
	Label("pass")
	MOVQ(half, four)
	SHLQ(Imm(2), four)
	CMPQ(four, length)
	JGT(LabelRef("last"))
	MOVQ(base, at)
	three, until := GP64(), GP64()
	LEAQ(Mem{Base: half, Index: half, Scale: 2}, three)
	Label("part")
	LEAQ(Mem{Base: at, Index: half, Scale: 1}, until)
	Label("four")
	places := []Mem{
		{Base: at},
		{Base: at, Index: half, Scale: 1},
		{Base: at, Index: half, Scale: 2},
		{Base: at, Index: three, Scale: 1},
	}
	var in [4]VecVirtual
	for i, place := range places {
		in[i] = register()
		VMOVUPD(place, in[i])
	}
	level := func(a, b VecVirtual) (sum, difference VecVirtual) {
		sum, difference = register(), register()
		VADDPD(b, a, sum)
		VSUBPD(b, a, difference)
		return sum, difference
	}
	a, b := level(in[0], in[1])
	c, d := level(in[2], in[3])
	first, third := level(a, c)
	second, fourth := level(b, d)
	for i, out := range []VecVirtual{first, second, third, fourth} {
		VMOVUPD(out, places[i])
	}
	ADDQ(size, at)
	CMPQ(at, until)
	JLT(LabelRef("four"))
	ADDQ(three, at)
	CMPQ(at, end)
	JLT(LabelRef("part"))
	MOVQ(four, half)
	JMP(LabelRef("pass"))

	// The last level, if their number is odd.
	Label("last")
	CMPQ(half, length)
	JGE(LabelRef("done"))
	MOVQ(base, at)
	LEAQ(Mem{Base: base, Index: half, Scale: 1}, until)
	Label("two")
	low, high := register(), register()
	VMOVUPD(places[0], low)
	VMOVUPD(places[1], high)
	sum, difference := level(low, high)
	VMOVUPD(sum, places[0])
	VMOVUPD(difference, places[1])
	ADDQ(size, at)
	CMPQ(at, until)
	JLT(LabelRef("two"))
	Label("done")
	VZEROUPPER()
	RET()
}

// signsOf returns constants that change the signs of the lanes with a bit set, for each bit of a lane's
// number.
func signsOf(name string, lanes int) (signs []Mem) {
	for bit := 1; bit < lanes; bit *= 2 {
		m := GLOBL(name+"Signs"+string(rune('0'+bit)), attr.RODATA|attr.NOPTR)
		for lane := range lanes {
			var sign U64
			if lane&bit != 0 {
				sign = 1 << 63
			}
			DATA(8*lane, sign)
		}
		signs = append(signs, m)
	}
	return signs
}
