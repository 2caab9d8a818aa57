package main

import (
	"math/bits"

	"github.com/matsense/matsense/internal/asm/arm64"
)

// Signs are looked up in tables in memory: the lookups are general instructions and loads, which leave the
// vector units to the sums.
//
// A dot product multiplies z by ±1, which is exact. Four bits of a row are an index into a table of sixteen
// times four numbers ±1, which package cpu has as signs.
//
// An accumulation adds one number to each coordinate,
//
//	acc_k += ((±c₀ ± c₁) + (±c₂ ± c₃)) + ((±c₄ ± c₅) + (±c₆ ± c₇)),
//
// one of 256, which the function tabulates first, on its stack. The index is a byte whose bit j is row j's
// bit of the coordinate.

const nibbles = 16 // values of four bits

// dotSigns writes the loop of dot products for signs, of four rows at a time.
func dotSigns(p *arm64.Program, a arithmetic) {
	b := begin(p, a, "dotSigns", dotParameters,
		"lanes[j][k mod L] += ±z[k] for from ≤ k < to, by the bits of rows[j].")
	const together, word = 4, 32 // rows, and bits that are read at a time
	lanes, from := b.Param("lanes"), b.Param("z")
	b.advance(8*a.size, from)

	// An entry of the table fills one or two registers, each read at the entry's distance from its pointer.
	entry := 4 * a.size
	tables := []arm64.X{b.X()}
	b.Global("signs"+a.name, tables[0])
	if entry > 16 {
		tables = append(tables, b.copied(tables[0]))
		b.AddConstant(16, tables[1])
	}
	mask, distance := b.X(), b.X()
	b.Constant(uint64((nibbles-1)*entry), mask)

	for first := 0; first < blockRows; first += together {
		rows, z, left := b.point(first, together, 1), b.copied(from), b.copied(b.count)
		sums, words := b.Vs(together*laneUnits), make([]arm64.X, together)
		for j := range words {
			words[j] = b.X()
		}
		b.LoadAt(lanes, first*laneBytes, sums...)
		b.Loop(left, word, func() {
			for j, row := range rows {
				b.LoadWord(row, words[j])
			}
			for k := 0; k < word; k += laneUnits * a.perRegister() {
				zs := b.Vs(laneUnits)
				b.Load(z, 16, zs...)
				for i := range together * laneUnits {
					j, u := i/laneUnits, i%laneUnits
					if u%len(tables) == 0 {
						bit := k + u*a.perRegister()
						b.AndShifted(words[j], bit-bits.TrailingZeros(uint(entry)), mask, distance)
					}
					x := b.V()
					b.LoadIndexed(tables[u%len(tables)], distance, x)
					b.MultiplyAdd(a.numbers, x, zs[u], sums[i])
					b.FreeV(x)
				}
				b.FreeV(zs...)
			}
		})
		b.StoreAt(lanes, first*laneBytes, sums...)
		b.FreeV(sums...)
		b.FreeX(append(append(rows, words...), z, left)...)
	}
	b.Return()
}

// addSigns writes the loop of the accumulation for signs.
func addSigns(p *arm64.Program, a arithmetic) {
	b := begin(p, a, "addSigns", addParameters,
		"acc[k] += ((±c[0]±c[1]) + (±c[2]±c[3])) + ((±c[4]±c[5]) + (±c[6]±c[7])) for from ≤ k < to, "+
			"by the bits of rows[j].")
	acc, table, mask := b.Param("acc"), b.X(), b.X()
	b.advance(8*a.size, acc)
	b.Stack(1<<blockRows*a.size, table)
	b.tabulate(a, table)
	b.Constant(uint64((1<<blockRows-1)*a.size), mask)

	// A row's word of 64 bits serves 64 coordinates, in four groups of two bytes. For each group, a register
	// has where the bytes of its sixteen coordinates are, and another has which bit of the byte is theirs.
	const word, group = 64, 16
	constant, bit := b.X(), b.V()
	var places [word / group]arm64.V
	for g := range places {
		low, high := b.V(), b.V()
		for _, part := range []struct {
			at arm64.V
			is int
		}{{low, 2 * g}, {high, 2*g + 1}} {
			b.Constant(uint64(part.is), constant)
			b.Fill(arm64.B16, constant, part.at)
		}
		places[g] = b.V()
		b.Zip(arm64.D2, low, high, places[g])
		b.FreeV(low, high)
	}
	b.Constant(0x80_40_20_10_08_04_02_01, constant)
	b.Fill(arm64.D2, constant, bit)
	b.FreeX(constant)

	rows := b.point(0, blockRows, 1)
	patterns, distance := b.X(), b.X()
	b.Loop(b.count, word, func() {
		words := b.Vs(blockRows)
		for j, row := range rows {
			b.Load(row, word/8, words[j])
		}
		for _, place := range places {
			pattern := b.V() // of each coordinate, the byte whose bit j is row j's
			for j, w := range words {
				x := b.V()
				b.LookUp([]arm64.V{w}, place, x)
				if j == 0 {
					b.Test(arm64.B16, x, bit, pattern)
				} else {
					b.Test(arm64.B16, x, bit, x)
					b.Insert(arm64.B16, x, j, pattern)
				}
				b.FreeV(x)
			}
			perLoad := laneUnits * a.perRegister()
			for from := 0; from < group; from += perLoad {
				sums := b.Vs(laneUnits)
				b.LoadAt(acc, 0, sums...)
				for u, sum := range sums {
					at := from + u*a.perRegister()
					if at%8 == 0 {
						b.Lane(arm64.D2, pattern, at/8, patterns)
					}
					x := b.Vs(a.perRegister())
					for i := range x {
						b.AndShifted(patterns, (at+i)%8*8-bits.TrailingZeros(uint(a.size)), mask, distance)
						b.LoadNumber(a.numbers, table, distance, x[i])
					}
					b.gather(a, x)
					b.AddNumbers(a.numbers, sum, x[0], sum)
					b.FreeV(x...)
				}
				b.Store(acc, sums...)
				b.FreeV(sums...)
			}
			b.FreeV(pattern)
		}
		b.FreeV(words...)
	})
	b.Return()
}

// gather puts the lowest numbers of registers side by side into the first register.
func (b *block) gather(a arithmetic, x []arm64.V) {
	for i := 0; i < len(x); i += 2 {
		b.Zip(a.numbers, x[i], x[i+1], x[i])
	}
	if len(x) == 4 {
		b.Zip(arm64.D2, x[0], x[2], x[0])
	}
}

// tabulate writes the 256 sums of c's numbers, with all signs, to a table.
func (b *block) tabulate(a arithmetic, to arm64.X) {
	c, signs := b.weights(a, blockRows), b.X()
	b.Global("signs"+a.name, signs)

	// The sums of four, at the sixteen signs of these: first and last.
	var halves [2][]arm64.V
	perEntry := 4 / a.perRegister() // registers
	for h := range halves {
		// of returns registers with the sums of four numbers: each with as many as it holds, from signs s on.
		at := b.copied(signs)
		for s := 0; s < nibbles; s += a.perRegister() {
			var terms []arm64.V // of so many signs, one after another
			for range a.perRegister() {
				x := b.Vs(perEntry)
				b.Load(at, 16, x...)
				for i := range x {
					b.Multiply(a.numbers, x[i], c[h*perEntry+i], x[i])
				}
				terms = append(terms, x...)
			}
			for len(terms) > 1 {
				for i := 0; i < len(terms); i += 2 {
					b.AddPairs(a.numbers, terms[i], terms[i+1], terms[i/2])
				}
				b.FreeV(terms[len(terms)/2:]...)
				terms = terms[:len(terms)/2]
			}
			halves[h] = append(halves[h], terms[0])
		}
		b.FreeX(at)
	}
	b.FreeV(c...)
	b.FreeX(signs)

	at := b.copied(to)
	for s := range nibbles {
		last, sums := b.V(), b.Vs(2)
		b.Each(a.numbers, halves[1][s/a.perRegister()], s%a.perRegister(), last)
		for u := 0; u < len(halves[0]); u += 2 {
			for i, sum := range sums {
				b.AddNumbers(a.numbers, halves[0][u+i], last, sum)
			}
			b.Store(at, sums...)
		}
		b.FreeV(last)
		b.FreeV(sums...)
	}
	b.FreeX(at)
	b.FreeV(halves[0]...)
	b.FreeV(halves[1]...)
}
