package main

import "github.com/matsense/matsense/internal/asm/arm64"

// The functions of this file take factors of few columns in the form that their namesakes for amd64 describe:
// blocks of 32 rows, of which each column lies together. The two lanes of a register are neighbouring rows.

const (
	blockRows   = 32 // rows of a block
	columnBytes = 8 * blockRows
	lanes       = 2
	bytes       = 8 * lanes // of a register
	taken       = 4         // registers of rows that dot products take at a time
)

// inBytes loads a parameter that is a number of doubles, as bytes.
func (w writer) inBytes(parameter string) arm64.X {
	x := w.Param(parameter)
	w.ShiftLeft(shift, x)
	return x
}

// numberBytes adds the table of byteNumbers.
func numberBytes(p *arm64.Program) {
	p.Table("byteNumbers", []uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908})
}

// byteNumbers returns a register whose bytes are their numbers.
func (w writer) byteNumbers() arm64.V {
	address, v := w.X(), w.V()
	w.Table("byteNumbers", address)
	w.LoadAt(address, 0, v)
	w.FreeX(address)
	return v
}

// pairs takes the next x. It returns the distance in bytes of the register with the pairs of the first
// register of a block, and the places in it of the pairs' bytes.
func (w writer) pairs(xs arm64.X, numbers arm64.V) (at arm64.X, places arm64.V) {
	at, swap, places := w.X(), w.X(), w.V()
	w.LoadX(xs, 0, at)
	w.AddConstant(8, xs)
	w.Remainder(at, lanes, swap)
	w.ShiftLeft(shift, swap)
	w.Fill(arm64.B16, swap, places)
	w.Xor(places, numbers, places)
	w.FreeX(swap)
	w.Remainder(at, blockRows, at)
	w.ShiftRightX(1, at)
	w.ShiftLeft(1+shift, at)
	return at, places
}

// addProduct does sum ← sum + l·r, where r is in the order of places. It frees l and r.
func (w writer) addProduct(l, r, places, sum arm64.V) {
	w.LookUp([]arm64.V{r}, places, r)
	w.Multiply(arm64.D2, l, r, l)
	w.AddNumbers(arm64.D2, l, sum, sum)
	w.FreeV(l, r)
}

// columnDots writes the function for the dot products of the rows of a block with their pairs.
func columnDots(p *arm64.Program) {
	w := writer{p.New("columnDotsNEON", "dst *[32]float64, apart int, l []float64, r []float64, xs []int",
		"does dst[g·apart + j] = Σ_k l[32k + j]·r[32k + (j⊕xs[g])] for every g\n"+
			"and j < 32, in the chains of chainsDot. It uses the last five bits of xs[g].")}
	dst, apart, l, r := w.Param("dst"), w.inBytes("apart"), w.Base("l"), w.Base("r")
	xs, words := w.Base("xs"), w.Len("xs")
	ones, fours := w.X(), w.Len("l")
	w.ShiftRightX(5, fours) // columns
	w.Remainder(fours, 4, ones)
	w.Sub(ones, fours)
	numbers := w.byteNumbers()
	w.Loop(words, 1, func() {
		pairs, places := w.pairs(xs, numbers)
		at, parts := w.X(), w.X()
		w.Zero(at)
		w.Constant(blockRows/lanes/taken, parts)
		w.Loop(parts, 1, func() {
			left := w.copied(l)
			w.Add(at, left)
			others, sums := make([]arm64.X, taken), make([][]arm64.V, taken)
			for i := range others {
				others[i] = w.copied(at)
				if i > 0 {
					w.AddConstant(i*bytes, others[i])
				}
				w.XorX(pairs, others[i])
				w.Add(r, others[i])
				sums[i] = w.Vs(4)
				for _, s := range sums[i] {
					w.ZeroV(s)
				}
			}
			columns := func(count int) {
				for c := range count {
					row := w.Vs(taken)
					w.LoadAt(left, c*columnBytes, row...)
					for i, other := range others {
						x := w.V()
						w.LoadAt(other, c*columnBytes, x)
						w.addProduct(row[i], x, places, sums[i][c])
					}
				}
				for _, x := range append(others, left) {
					w.AddConstant(count*columnBytes, x)
				}
			}
			count := w.copied(fours)
			w.Loop(count, 4, func() { columns(4) })
			w.Move(ones, count)
			w.Loop(count, 1, func() { columns(1) })
			to := w.copied(dst)
			w.Add(at, to)
			var all []arm64.V
			for _, s := range sums {
				w.AddNumbers(arm64.D2, s[0], s[1], s[0])
				w.AddNumbers(arm64.D2, s[2], s[3], s[2])
				w.AddNumbers(arm64.D2, s[0], s[2], s[0])
				all = append(all, s[0])
			}
			w.StoreAt(to, 0, all...)
			for _, s := range sums {
				w.FreeV(s...)
			}
			w.AddConstant(taken*bytes, at)
			w.FreeX(append(others, left, count, to)...)
		})
		w.Add(apart, dst)
		w.FreeX(pairs, at, parts)
		w.FreeV(places)
	})
	w.Return()
}

// columnAdds writes the function that adds multiples of the pairs of a block's rows, for several words in
// turn. The sums of a column stay in registers.
func columnAdds(p *arm64.Program) {
	w := writer{p.New("columnAddsNEON", "sum []float64, c *[32]float64, apart int, x []float64, xs []int",
		"does sum[32k + j] ← sum[32k + j] + c[g·apart + j]·x[32k + (j⊕xs[g])] for j < 32\n"+
			"and every column k, for one g after another. It uses the last five bits of xs[g].")}
	sum, columns, first, apart := w.Base("sum"), w.Len("sum"), w.Param("c"), w.inBytes("apart")
	x, xs, words := w.Base("x"), w.Base("xs"), w.Len("xs")
	numbers := w.byteNumbers()
	w.Loop(columns, blockRows, func() {
		sums := w.Vs(blockRows / lanes)
		w.LoadAt(sum, 0, sums...)
		c, word, left := w.copied(first), w.copied(xs), w.copied(words)
		w.Loop(left, 1, func() {
			at, places := w.pairs(word, numbers)
			for i := 0; i < len(sums); i += 2 {
				weights := w.Vs(2)
				w.LoadAt(c, i*bytes, weights...)
				for j, weight := range weights {
					if i+j > 0 {
						w.XorConstant(((i+j)^(i+j-1))*bytes, at) // from register i + j − 1 to register i + j
					}
					other := w.V()
					w.LoadIndexed(x, at, other)
					w.addProduct(weight, other, places, sums[i+j])
				}
			}
			w.Add(apart, c)
			w.FreeX(at)
			w.FreeV(places)
		})
		w.StoreAt(sum, 0, sums...)
		w.AddConstant(columnBytes, sum)
		w.AddConstant(columnBytes, x)
		w.FreeX(c, word, left)
		w.FreeV(sums...)
	})
	w.Return()
}
