// Command philox writes the assembly of package sensing's random words for arm64: Philox4x32-10 on many
// counters at a time. Run it with
//
//	go generate ./sensing
//
// A register holds one word of four counters. A round is
//
//	p0, p1 = M0·c0, M1·c2
//	c0, c1, c2, c3 = hi(p1) ^ c1 ^ k0, lo(p1), hi(p0) ^ c3 ^ k1, lo(p0)
//
// with products of 64 bits, each of which fills two registers. The even places of these have the lower words,
// the odd ones the upper words. All counters of a call differ in c0 alone. So half of the first two rounds
// and a part of the third give one number for all of them, which is computed once. An iteration handles two
// times four counters, which share the keys. A store writes the four words of a counter side by side.
package main

import (
	"fmt"

	"github.com/matsense/matsense/internal/asm/arm64"
)

// The constants of Salmon, Moraes, Dror and Shaw (SC'11).
const (
	m0 = 0xD2511F53
	m1 = 0xCD9E8D57
	w0 = 0x9E3779B9
	w1 = 0xBB67AE85
)

const (
	lanes  = 4 // counters of a group
	groups = 2 // in an iteration
	rounds = 10
)

func main() { program().Main() }

// program returns the one function.
func program() *arm64.Program {
	p := &arm64.Program{Package: "sensing", Command: "go run ./arm64/philox"}
	philox(p)
	return p
}

func philox(p *arm64.Program) {
	f := p.New("philoxNEON", "dst *uint32, count int, block uint32, row0 uint32, row1 uint32, stream uint32, "+
		"key0 uint32, key1 uint32",
		"writes count blocks of four words, those of the counters (block, row0, row1, stream) and on.\n"+
			fmt.Sprintf("count must be a positive multiple of %d.", lanes*groups))
	dst, count := f.Param("dst"), f.Param("count")

	all := func(x arm64.X) arm64.V {
		v := f.V()
		f.Fill(arm64.S4, x, v)
		f.FreeX(x)
		return v
	}
	constant := func(value uint32) arm64.V {
		x := f.X()
		f.Constant(uint64(value), x)
		return all(x)
	}
	block, row0, row1, stream := all(f.Param("block")), all(f.Param("row0")), all(f.Param("row1")),
		all(f.Param("stream"))
	multiplier0, multiplier1, step := constant(m0), constant(m1), constant(lanes)
	p.Table("philoxOrder", []uint64{1 << 32, 3<<32 | 2})
	order, at := f.V(), f.X()
	f.Table("philoxOrder", at)
	f.Load(at, 16, order)
	f.AddIntegers(arm64.S4, block, order, block)
	f.FreeX(at)
	f.FreeV(order)

	// product writes the upper and the lower words of products.
	product := func(x, multiplier, upper, lower arm64.V) {
		low, high := f.V(), f.V()
		f.MultiplyLow(x, multiplier, low)
		f.MultiplyHigh(x, multiplier, high)
		f.Odd(arm64.S4, low, high, upper)
		f.Even(arm64.S4, low, high, lower)
		f.FreeV(low, high)
	}

	// The keys of the ten rounds are on the stack, each in every lane.
	keys := f.X()
	f.Stack(rounds*2*16, keys)
	k0, k1, increment0, increment1 := all(f.Param("key0")), all(f.Param("key1")), constant(w0), constant(w1)
	for round := range rounds {
		f.StoreAt(keys, round*2*16, k0, k1)
		f.AddIntegers(arm64.S4, k0, increment0, k0)
		f.AddIntegers(arm64.S4, k1, increment1, k1)
	}
	f.FreeV(increment0, increment1)
	key := func(round int) { f.LoadAt(keys, round*2*16, k0, k1) }

	// What is the same for all counters: in the first round p1, and so c0 and c1 after it; in the second
	// round p0, and so c3 after it. For the words that differ, the exclusive or of what is the same in them.
	firstC2, secondC0, secondC2, secondC3, thirdC2 := stream, f.V(), f.V(), f.V(), f.V()
	key(0)
	f.Xor(firstC2, k1, firstC2)
	product(row1, multiplier1, row1, secondC0)
	f.Xor(row0, row1, row0)
	f.Xor(row0, k0, row0)
	product(row0, multiplier0, secondC2, secondC3)
	key(1)
	f.Xor(secondC0, k0, secondC0)
	f.Xor(secondC2, k1, secondC2)
	key(2)
	f.Xor(secondC3, k1, thirdC2)
	f.FreeV(row0, row1)

	last := f.Run(4)
	f.Loop(count, lanes*groups, func() {
		var c [groups][]arm64.V
		for g := range c {
			upper, lower := f.V(), f.V()
			product(block, multiplier0, upper, lower)
			f.AddIntegers(arm64.S4, block, step, block)
			f.Xor(upper, firstC2, upper)
			c[g] = []arm64.V{f.V(), f.V(), lower, secondC3}
			product(upper, multiplier1, c[g][0], c[g][1])
			f.FreeV(upper)
			f.Xor(c[g][0], secondC0, c[g][0])
			f.Xor(c[g][2], secondC2, c[g][2])
		}
		for round := 2; round < rounds; round++ {
			key(round)
			for g, from := range c {
				to := last
				if round < rounds-1 {
					to = f.Vs(4)
				}
				product(from[2], multiplier1, to[0], to[1])
				product(from[0], multiplier0, to[2], to[3])
				f.Xor(to[0], from[1], to[0])
				f.Xor(to[0], k0, to[0])
				if f.FreeV(from[:3]...); round == 2 {
					f.Xor(to[2], thirdC2, to[2])
				} else {
					f.Xor(to[2], from[3], to[2])
					f.Xor(to[2], k1, to[2])
					f.FreeV(from[3])
				}
				c[g] = to
				if round == rounds-1 {
					f.StoreInTurn(arm64.S4, dst, to)
				}
			}
		}
	})
	f.Return()
}
