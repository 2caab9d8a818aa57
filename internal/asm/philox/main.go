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
// instruction. Then words c0 and c1, and c2 and c3, are put into one register each, and unpacking 64 bits
// combines these into blocks of four words. Unpacking works within quarters (AVX-512) or halves (AVX2) of a
// register, so lane 2l has counter l, and lane 2l + 1 the counter that is the number of quarters further: the
// blocks come out in order.
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
	philox("philoxAVX512", 64, 2, func() VecVirtual { return ZMM() })
	philox("philoxAVX2", 32, 1, func() VecVirtual { return YMM() })
	Generate()
}

// philox writes a function for registers of the given size in bytes. An iteration handles several streams of
// registers, if there is room for more than one, so that the multiplications of one fill the waits of
// another.
func philox(name string, bytes, streams int, register func() VecVirtual) {
	lanes := bytes / 8
	TEXT(name, 0, "func(dst *uint32, count int, block, row0, row1, stream, key0, key1 uint32)")
	Doc(name+" writes count blocks of four words, those of the counters (block, row0, row1, stream) and on.",
		fmt.Sprintf("count must be a positive multiple of %d.", streams*lanes))
	Pragma("noescape")
	dst, count := GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("count"), count)

	all := func(param string) VecVirtual {
		word, r := GP32(), register()
		Load(Param(param), word)
		x := XMM()
		VMOVD(word, x)
		VPBROADCASTD(x, r)
		return r
	}
	constant := func(value uint32) VecVirtual {
		word, r := GP32(), register()
		MOVL(U32(value), word)
		x := XMM()
		VMOVD(word, x)
		VPBROADCASTD(x, r)
		return r
	}
	xor := func(a, b, dst VecVirtual) { // dst ^= a ^ b
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
	block := all("block")
	VPADDD(order.Offset(0), block, block)
	step := constant(uint32(lanes))
	row0, row1, stream := all("row0"), all("row1"), all("stream")
	multiplier0, multiplier1 := constant(m0), constant(m1)
	key0, key1 := GP32(), GP32()
	Load(Param("key0"), key0)
	Load(Param("key1"), key1)

	// The keys of the ten rounds are on the stack, each in every lane.
	keys := AllocLocal(2 * 10 * bytes)
	keyAt := func(round, word int) Mem { return keys.Offset((2*round + word) * bytes) }
	for round := range 10 {
		for word, key := range []GPVirtual{key0, key1} {
			x, r := XMM(), register()
			VMOVD(key, x)
			VPBROADCASTD(x, r)
			move(bytes, r, keyAt(round, word))
		}
		ADDL(U32(w0), key0)
		ADDL(U32(w1), key1)
	}

	Label("turn")
	c := make([][4]VecVirtual, streams)
	for s := range c {
		for w, from := range []VecVirtual{block, row0, row1, stream} {
			c[s][w] = register()
			move(bytes, from, c[s][w])
		}
		VPADDD(step, block, block)
	}
	for round := range 10 {
		k0, k1 := register(), register()
		move(bytes, keyAt(round, 0), k0)
		move(bytes, keyAt(round, 1), k1)
		for s := range c {
			p0, p1, hi0, hi1 := register(), register(), register(), register()
			VPMULUDQ(multiplier0, c[s][0], p0)
			VPMULUDQ(multiplier1, c[s][2], p1)
			VPSRLQ(Imm(32), p1, hi1)
			VPSRLQ(Imm(32), p0, hi0)
			xor(c[s][1], k0, hi1)
			xor(c[s][3], k1, hi0)
			c[s] = [4]VecVirtual{hi1, p1, hi0, p0}
		}
	}
	for s := range c {
		pair := func(lower, upper VecVirtual) VecVirtual { // lower | upper·2³² of the lower halves
			VPSLLQ(Imm(32), upper, upper)
			VPSLLQ(Imm(32), lower, lower)
			VPSRLQ(Imm(32), lower, lower)
			if bytes == 64 {
				VPORQ(upper, lower, lower)
			} else {
				VPOR(upper, lower, lower)
			}
			return lower
		}
		a, b := pair(c[s][0], c[s][1]), pair(c[s][2], c[s][3])
		first, second := register(), register()
		VPUNPCKLQDQ(b, a, first)
		VPUNPCKHQDQ(b, a, second)
		move(bytes, first, Mem{Base: dst, Disp: 2 * s * bytes})
		move(bytes, second, Mem{Base: dst, Disp: (2*s + 1) * bytes})
	}
	ADDQ(U32(2*streams*bytes), dst)
	SUBQ(Imm(uint64(streams*lanes)), count)
	JNZ(LabelRef("turn"))
	VZEROUPPER()
	RET()
}

// move moves a register of the given size in bytes.
func move(bytes int, from, to Op) {
	if bytes == 64 {
		VMOVDQU32(from, to)
	} else {
		VMOVDQU(from, to)
	}
}
