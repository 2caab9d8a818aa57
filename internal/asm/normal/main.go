// Command normal writes the assembly of package sensing's normal deviates: Box–Muller pairs of many blocks of
// random words at a time. Run it with
//
//	go generate ./sensing
//
// The operations are those of sensing/normal.go, in the same order, so that the deviates have the same bits.
// A block is two 64-bit words, a and b. Two registers of blocks are unpacked into one of the words a and one
// of the words b, and the two deviates of each block are packed in the same way: packing undoes the change of
// order.
//
// # What differs from plain Go, and why no bit does
//
// A conversion of a 64-bit integer is not in AVX2. Instead, the integer becomes the lower bits of a double
// whose exponent is known, from which the known part is subtracted:
//
//	u = (1 + ⌊a/2¹²⌋/2⁵²) − (1 − 2⁻⁵³),   e = (2⁵² + (e + 64)) − (2⁵² + 64),  −64 ≤ e < 64.
//
// Both differences are doubles, so they are exact. A turn by a quarter selects the sine or the cosine by one
// bit of b.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/matsense/matsense/internal/asm/boxmuller"
)

func main() {
	for _, isa := range []isa{avx512, avx2} {
		for _, f := range []format{
			{"F64", "float64", 8, isa.storeF64},
			{"F32", "float32", 4, isa.storeF32},
			{"BF16", "uint16", 2, isa.storeBF16},
		} {
			normals(isa, f)
		}
	}
	Generate()
}

// isa is an instruction set. An iteration handles several groups of registers, one instruction of each in
// turn, so that one group's instructions fill the waits of another's.
type isa struct {
	name   string
	bytes  int // of a register
	groups int
}

var (
	avx512 = isa{"AVX512", 64, 2} // F
	avx2   = isa{"AVX2", 32, 2}   // with FMA
)

// format is how deviates are stored: store takes two registers of them, and writes the first one's deviates
// before the second one's.
type format struct {
	name, text string
	size       int
	store      func(to Mem, first, second VecVirtual)
}

// register returns a new register.
func (i isa) register() VecVirtual {
	if i.bytes == 64 {
		return ZMM()
	}
	return YMM()
}

// half returns a new register of half the size.
func (i isa) half() VecVirtual {
	if i.bytes == 64 {
		return YMM()
	}
	return XMM()
}

// constants are the read-only data written so far, by their bits.
var constants = map[uint64]Mem{}

// words returns the address of 64 bytes that repeat a word of 64 bits, and writes them on first use.
func words(bits uint64) Mem {
	data, written := constants[bits]
	if !written {
		data = GLOBL(fmt.Sprintf("normal%016x", bits), RODATA|NOPTR)
		for i := range 8 {
			DATA(8*i, U64(bits))
		}
		constants[bits] = data
	}
	return data
}

// number is words of a number's bits.
func number(x float64) Mem { return words(math.Float64bits(x)) }

// normals writes the function for one format.
func normals(isa isa, f format) {
	name := "normals" + f.name + isa.name
	lanes := isa.bytes / 8 // blocks of a group
	TEXT(name, NOSPLIT, fmt.Sprintf("func(dst *%s, words *uint32, count int)", f.text))
	Doc(name+" writes the pairs of normal deviates of count blocks of four words.",
		fmt.Sprintf("count must be a positive multiple of %d.", isa.groups*lanes))
	Pragma("noescape")
	dst, from, count := GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("words"), from)
	Load(Param("count"), count)

	Label("turn")
	pairs := make([]pair, isa.groups)
	for g := range pairs {
		pairs[g] = isa.load(Mem{Base: from, Disp: 2 * g * isa.bytes})
	}
	isa.radius(pairs)
	isa.angle(pairs)
	for g, p := range pairs {
		x, y := isa.register(), isa.register()
		VUNPCKLPD(p.y, p.x, x)
		VUNPCKHPD(p.y, p.x, y)
		f.store(Mem{Base: dst, Disp: 2 * g * lanes * f.size}, x, y)
	}
	ADDQ(U32(uint32(2*isa.groups*isa.bytes)), from)
	ADDQ(U32(uint32(2*isa.groups*lanes*f.size)), dst)
	SUBQ(Imm(uint64(isa.groups*lanes)), count)
	JNZ(LabelRef("turn"))
	VZEROUPPER()
	RET()
}

// pair is a group: the words a and b of its blocks, then ρ, then the deviates x and y.
type pair struct{ a, b, rho, x, y VecVirtual }

// load reads two registers of blocks.
func (i isa) load(from Mem) pair {
	first, second := i.register(), i.register()
	p := pair{a: i.register(), b: i.register()}
	VMOVUPD(from, first)
	VMOVUPD(from.Offset(i.bytes), second)
	VUNPCKLPD(second, first, p.a)
	VUNPCKHPD(second, first, p.b)
	return p
}

// each calls use for every group.
func each(pairs []pair, use func(p *pair, g int)) {
	for g := range pairs {
		use(&pairs[g], g)
	}
}

// and and or are the bitwise operations, which have other names in AVX-512.
func (i isa) and(a Op, b, dst VecVirtual) {
	if i.bytes == 64 {
		VPANDQ(a, b, dst)
		return
	}
	VPAND(a, b, dst)
}

func (i isa) or(a Op, b, dst VecVirtual) {
	if i.bytes == 64 {
		VPORQ(a, b, dst)
		return
	}
	VPOR(a, b, dst)
}

// series sums up a power series in z by Horner's rule.
func (i isa) series(z []VecVirtual, coefficients []float64) []VecVirtual {
	sum := make([]VecVirtual, len(z))
	for g := range z {
		sum[g] = i.register()
		VMOVUPD(number(coefficients[0]), sum[g])
	}
	for _, c := range coefficients[1:] {
		for g := range z {
			VFMADD213PD(number(c), z[g], sum[g])
		}
	}
	return sum
}

// radius computes ρ = √(−2 ln u) from the words a.
func (i isa) radius(pairs []pair) {
	n := len(pairs)
	e, s, z := make([]VecVirtual, n), make([]VecVirtual, n), make([]VecVirtual, n)
	each(pairs, func(p *pair, g int) {
		u := p.a
		VPSRLQ(Imm(12), u, u)
		i.or(number(1), u, u)
		VSUBPD(number(1-0x1p-53), u, u)
		// The difference of the bits of u and √½ is e·2⁵² plus the difference of the bits of f and √½. 64 is
		// added to e so that it is positive.
		VPSUBQ(words(boxmuller.RootHalf-64<<52), u, u)
		e[g] = i.register()
		VPSRLQ(Imm(52), u, e[g])
		i.or(number(0x1p52), e[g], e[g])
		VSUBPD(number(0x1p52+64), e[g], e[g])
		i.and(words(boxmuller.Fraction), u, u)
		VPADDQ(words(boxmuller.RootHalf), u, u)
	})
	each(pairs, func(p *pair, g int) {
		s[g] = i.register()
		VADDPD(number(1), p.a, s[g])
		VSUBPD(number(1), p.a, p.a)
		VDIVPD(s[g], p.a, s[g])
	})
	each(pairs, func(_ *pair, g int) {
		z[g] = i.register()
		VMULPD(s[g], s[g], z[g])
	})
	sum := i.series(z, boxmuller.Logarithm)
	each(pairs, func(p *pair, g int) {
		VMULPD(z[g], sum[g], sum[g])
		VADDPD(s[g], s[g], s[g])
		VFMADD213PD(s[g], s[g], sum[g])
		VFMADD132PD(number(math.Ln2), sum[g], e[g])
		p.rho = e[g]
		VMULPD(number(-2), p.rho, p.rho)
		VSQRTPD(p.rho, p.rho)
	})
}

// angle computes the deviates ρ·cos θ and ρ·sin θ from ρ and the words b.
func (i isa) angle(pairs []pair) {
	n := len(pairs)
	x, z := make([]VecVirtual, n), make([]VecVirtual, n)
	each(pairs, func(p *pair, g int) {
		x[g], z[g] = i.register(), i.register()
		VPSLLQ(Imm(2), p.b, x[g])
		VPSRLQ(Imm(12), x[g], x[g])
		i.or(number(1), x[g], x[g])
		VSUBPD(number(1-0x1p-53), x[g], x[g])
		VSUBPD(number(0.5), x[g], x[g])
		VMULPD(number(math.Pi/2), x[g], x[g])
		VMULPD(x[g], x[g], z[g])
	})
	sin, cos := i.series(z, boxmuller.Sine), i.series(z, boxmuller.Cosine)
	each(pairs, func(p *pair, g int) {
		VMULPD(z[g], sin[g], sin[g])
		VFMADD213PD(x[g], x[g], sin[g])
		VFMADD213PD(number(1), z[g], cos[g])
		i.turn(p, sin[g], cos[g])
		VMULPD(p.rho, p.x, p.x)
		VMULPD(p.rho, p.y, p.y)
	})
}

// turn makes x and y from the sine and the cosine of an eighth of a turn, by the upper two bits of b: the
// lower one swaps them, either one alone changes the sign of x, and the upper one that of y.
func (i isa) turn(p *pair, sin, cos VecVirtual) {
	p.x, p.y = i.register(), i.register()
	odd := i.register()
	VPSLLQ(Imm(1), p.b, odd) // the lower bit becomes the sign
	if i.bytes == 64 {
		signs, swap := i.register(), K()
		VMOVUPD(words(boxmuller.Sign), signs)
		VPTESTMQ(signs, odd, swap)
		VBLENDMPD(sin, cos, swap, p.x)
		VBLENDMPD(cos, sin, swap, p.y)
		VPXORQ(p.b, odd, odd)
		const flip = 0x78 // dst ^ a&b
		VPTERNLOGQ(Imm(flip), odd, signs, p.x)
		VPTERNLOGQ(Imm(flip), p.b, signs, p.y)
		return
	}
	VBLENDVPD(odd, sin, cos, p.x)
	VBLENDVPD(odd, cos, sin, p.y)
	VPXOR(p.b, odd, odd)
	for _, flip := range []struct{ by, of VecVirtual }{{odd, p.x}, {p.b, p.y}} {
		VPAND(words(boxmuller.Sign), flip.by, flip.by)
		VPXOR(flip.by, flip.of, flip.of)
	}
}

// storeF64 stores deviates as they are.
func (i isa) storeF64(to Mem, first, second VecVirtual) {
	VMOVUPD(first, to)
	VMOVUPD(second, to.Offset(i.bytes))
}

// singles rounds deviates to single precision.
func (i isa) singles(x VecVirtual) VecVirtual {
	y := i.half()
	if i.bytes == 64 {
		VCVTPD2PS(x, y)
	} else {
		VCVTPD2PSY(x, y)
	}
	return y
}

// storeF32 stores deviates in single precision.
func (i isa) storeF32(to Mem, first, second VecVirtual) {
	VMOVUPS(i.singles(first), to)
	VMOVUPS(i.singles(second), to.Offset(i.bytes/2))
}

// storeBF16 rounds the deviates in single precision as roundBF16 does, and stores their upper halves.
func (i isa) storeBF16(to Mem, first, second VecVirtual) {
	all, odd := i.register(), i.register()
	// Avo takes a register of which only half is written for one in use since the function's start; zeroing
	// avoids that.
	VXORPS(all.AsX(), all.AsX(), all.AsX())
	if i.bytes == 64 {
		VCVTPD2PS(first, all.AsY())
		VINSERTF64X4(Imm(1), i.singles(second), all, all)
	} else {
		VCVTPD2PSY(first, all.AsX())
		VINSERTF128(Imm(1), i.singles(second), all, all)
	}
	VPSRLD(Imm(16), all, odd)
	i.and(words(1<<32|1), odd, odd)
	VPADDD(words(0x7FFF<<32|0x7FFF), odd, odd)
	VPADDD(odd, all, all)
	VPSRLD(Imm(16), all, all)
	if i.bytes == 64 {
		VPMOVDW(all, to)
		return
	}
	rest := XMM()
	VEXTRACTI128(Imm(1), all, rest)
	VPACKUSDW(rest, all.AsX(), rest)
	VMOVUPD(rest, to)
}
