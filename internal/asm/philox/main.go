// Command philox writes the assembly of package sensing's random words: Philox4x32-10 on many counters at a
// time. Run it with
//
//	go generate ./sensing
//
// A register holds a word of one counter in the lower half of each 64 bits. VPMULUDQ reads the lower halves
// and writes both halves; the upper halves are never read. A round on as many counters as there are lanes is
//
//	p0, p1 = M0·c0, M1·c2
//	c0, c1, c2, c3 = hi(p1) ^ c1 ^ k0, lo(p1), hi(p0) ^ c3 ^ k1, lo(p0)
//
// that is, two multiplications, two shifts and the exclusive ors, two of which AVX-512 does in one
// instruction. All counters of a call differ in c0 alone. So half of the first two rounds and a part of the
// third give one number for all of them, which is computed once.
//
// In the end two shuffles put words c0 and c1, and c2 and c3, of two neighbouring lanes into one register
// each, and two more combine these into blocks of four words. Shuffles work within quarters (AVX-512) or
// halves (AVX2) of a register, so lane 2l has counter l, and lane 2l + 1 the counter that is the number of
// quarters further: the blocks come out in order.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The constants of Salmon, Moraes, Dror and Shaw (SC'11).
const (
	m0 = 0xD2511F53
	m1 = 0xCD9E8D57
	w0 = 0x9E3779B9
	w1 = 0xBB67AE85
)

func main() {
	philox("philoxAVX512", 64, func() VecVirtual { return ZMM() })
	philox("philoxAVX2", 32, func() VecVirtual { return YMM() })
	Generate()
}

// philox writes a function for registers of the given size in bytes. An iteration handles the counters of two
// registers, so that the multiplications of one fill the waits of the other. If one register is left, an
// iteration handles it alone.
func philox(name string, bytes int, register func() VecVirtual) {
	lanes := bytes / 8
	TEXT(name, 0, "func(dst *uint32, count int, block, row0, row1, stream, key0, key1 uint32)")
	Doc(name+" writes count blocks of four words, those of the counters (block, row0, row1, stream) and on.",
		fmt.Sprintf("count must be a multiple of %d.", lanes))
	Pragma("noescape")
	dst, count := GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("count"), count)

	fill := func(word Op) VecVirtual { // with a word in every lane
		x, r := XMM(), register()
		VMOVD(word, x)
		VPBROADCASTD(x, r)
		return r
	}
	constant := func(value uint32) VecVirtual {
		word := GP32()
		MOVL(U32(value), word)
		return fill(word)
	}
	xor := func(a, b Op, dst VecVirtual) { // dst ^= a ^ b
		if bytes == 64 {
			VPTERNLOGD(Imm(0x96), a, b, dst)
			return
		}
		VPXOR(a, dst, dst)
		VPXOR(b, dst, dst)
	}

	order := GLOBL(name+"Order", RODATA|NOPTR)
	for l := range lanes {
		DATA(8*l, U64(l/2+l%2*lanes/2))
	}
	word := GP32()
	Load(Param("block"), word)
	block := fill(word)
	VPADDD(order.Offset(0), block, block)
	step := constant(uint32(lanes))
	multiplier0, multiplier1 := constant(m0), constant(m1)

	// The words with which the rounds combine their products are on the stack, each in every lane: the keys,
	// and in the first three rounds what else is the same for all counters.
	local, words := AllocLocal(2*10*bytes+bytes), GP64()
	LEAQ(local.Offset(bytes), words)
	ANDQ(I8(-bytes), words) // so that no load crosses a line of the cache
	wordAt := func(round, half int) Mem { return Mem{Base: words, Disp: (2*round + half) * bytes} }
	same := firstRounds()
	for round := range 10 {
		for half, w := range same(round) {
			move(bytes, fill(w), wordAt(round, half))
		}
	}

	multiply := func(x, by VecVirtual) (product, upper VecVirtual) {
		product, upper = register(), register()
		VPMULUDQ(by, x, product)
		VPSRLQ(Imm(32), product, upper)
		return product, upper
	}
	combine := func(word Mem, x VecVirtual) {
		if bytes == 64 {
			VPXORD(word, x, x)
		} else {
			VPXOR(word, x, x)
		}
	}
	blocks := func(registers int) { // writes the blocks of so many registers of counters
		c := make([][4]VecVirtual, registers)
		for s := range c {
			p0, hi0 := multiply(block, multiplier0)
			combine(wordAt(0, 1), hi0)
			c[s][2], c[s][3] = hi0, p0
			VPADDD(step, block, block)
		}
		for s := range c {
			p1, hi1 := multiply(c[s][2], multiplier1)
			combine(wordAt(1, 0), hi1)
			combine(wordAt(1, 1), c[s][3])
			c[s] = [4]VecVirtual{hi1, p1, c[s][3]}
		}
		for round := 2; round < 10; round++ {
			for s := range c {
				p0, hi0 := multiply(c[s][0], multiplier0)
				p1, hi1 := multiply(c[s][2], multiplier1)
				xor(wordAt(round, 0), c[s][1], hi1)
				if round == 2 {
					combine(wordAt(round, 1), hi0)
				} else {
					xor(wordAt(round, 1), c[s][3], hi0)
				}
				c[s] = [4]VecVirtual{hi1, p1, hi0, p0}
			}
		}
		for s := range c {
			const even, odd = 0x88, 0xDD // words 0 and 2, or 1 and 3, of both operands
			a, b, first, second := register(), register(), register(), register()
			VSHUFPS(Imm(even), c[s][1], c[s][0], a)
			VSHUFPS(Imm(even), c[s][3], c[s][2], b)
			VSHUFPS(Imm(even), b, a, first)
			VSHUFPS(Imm(odd), b, a, second)
			move(bytes, first, Mem{Base: dst, Disp: 2 * s * bytes})
			move(bytes, second, Mem{Base: dst, Disp: (2*s + 1) * bytes})
		}
		ADDQ(U32(2*registers*bytes), dst)
		SUBQ(Imm(uint64(registers*lanes)), count)
	}

	CMPQ(count, Imm(uint64(2*lanes)))
	JLT(LabelRef("rest"))
	Label("two")
	blocks(2)
	CMPQ(count, Imm(uint64(2*lanes)))
	JGE(LabelRef("two"))
	Label("rest")
	CMPQ(count, Imm(0))
	JLE(LabelRef("done"))
	blocks(1)
	Label("done")
	VZEROUPPER()
	RET()
}

// firstRounds returns the function that computes the words for a round, which is to be called for each round
// in turn: the words for hi(p1) and for hi(p0). They are the keys k0 and k1, combined with the other word of
// the exclusive or if that is the same for all counters. The first round needs only the latter.
func firstRounds() func(round int) [2]Op {
	load := func(param string) GPVirtual {
		r := GP32()
		Load(Param(param), r)
		return r
	}
	row0, row1, stream := load("row0"), load("row1"), load("stream")
	key0, key1 := load("key0"), load("key1")
	product := func(x GPVirtual, by uint32) (lower, upper GPVirtual) {
		p, m := GP64(), GP32()
		MOVL(x, p.As32())
		MOVL(U32(by), m)
		IMULQ(m.As64(), p)
		upper = GP64()
		MOVQ(p, upper)
		SHRQ(Imm(32), upper)
		return p.As32().(GPVirtual), upper.As32().(GPVirtual)
	}
	var c0, c1, c3 GPVirtual // before the round
	return func(round int) [2]Op {
		k0, k1 := GP32(), GP32()
		MOVL(key0, k0)
		MOVL(key1, k1)
		ADDL(U32(w0), key0)
		ADDL(U32(w1), key1)
		switch round {
		case 0:
			XORL(stream, k1)
			lower, upper := product(row1, m1)
			XORL(row0, k0)
			XORL(upper, k0)
			c0, c1 = k0, lower
		case 1:
			XORL(c1, k0)
			lower, upper := product(c0, m0)
			XORL(upper, k1)
			c3 = lower
		case 2:
			XORL(c3, k1)
		}
		return [2]Op{k0, k1}
	}
}

// move moves a register of the given size in bytes.
func move(bytes int, from, to Op) {
	if bytes == 64 {
		VMOVDQU32(from, to)
	} else {
		VMOVDQU(from, to)
	}
}
