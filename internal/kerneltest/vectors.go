package kerneltest

import (
	"math"
	"testing"
)

func testCombine(t *testing.T, b *bench) {
	zero := math.Copysign(0, -1)
	for _, n := range []int{1, 2, 31, 32, 33, 255, 256, 257, 1009} {
		for _, c := range []struct {
			name string
			a, b float64
			// memory says which of dst, x and y share memory: equal letters do
			memory string
		}{
			{"apart", 0.3, -1.7, "dxy"},
			{"in place of x", 1, -0.1, "xxy"},
			{"in place of y", 1.0 / 3, 1, "yxy"},
			{"x and y the same", 0.1, 0.2, "dxx"},
			{"all the same", 1.1, 0.2, "xxx"},
			{"without x", 0, -0.7, "d-y"},
			{"without y", 0.7, zero, "dx-"},
			{"scaled in place", 1.0 / 3, 0, "xx-"},
			{"without both", zero, 0, "d--"},
			{"with itself, unread", 0, 0, "xxx"},
			{"a copy", 1, 0, "dx-"},
		} {
			t.Run(name("n", n, c.name, c.memory), func(t *testing.T) {
				values := map[byte][]float64{
					'd': poisoned[float64](n), 'x': random[float64](n, 0), 'y': random[float64](n, 1),
				}
				for i, v := range []float64{zero, 0, math.Inf(1), math.NaN(), math.MaxFloat64, 0x1p-1074} {
					values['x'][i*n/6], values['y'][n-1-i*n/6] = v, v
				}
				buffers := map[byte]*buffer{}
				for at := range 3 {
					if m := c.memory[at]; m != '-' && buffers[m] == nil {
						buffers[m] = &buffer{encode(values[m]), m == c.memory[0]}
					}
				}
				arg := func(at int) any {
					if b, ok := buffers[c.memory[at]]; ok {
						return b
					}
					return nil
				}
				want := make([]float64, n)
				for i := range want {
					x, y := 0.0, 0.0
					if c.a != 0 {
						x = float64(c.a * values[c.memory[1]][i])
					}
					if c.b != 0 {
						y = float64(c.b * values[c.memory[2]][i])
					}
					switch {
					case c.a == 0:
						want[i] = y
					case c.b == 0:
						want[i] = x
					default:
						want[i] = float64(x + y)
					}
				}
				b.run(t, launch{
					grid: line(over(n, 256)), block: line(256),
					args: []any{arg(0), arg(1), arg(2), c.a, c.b, n},
				})
				check(t, "dst", buffers[c.memory[0]], want)
			})
		}
	}
}

func testMultiplyEntries(t *testing.T, b *bench) {
	testEntrywise(t, b, func(x, y, z, p, q float64) float64 {
		return float64(p*float64(x*y)) + float64(q*z)
	})
}

func testDivideEntries(t *testing.T, b *bench) {
	testEntrywise(t, b, func(x, y, z, p, q float64) float64 {
		return z + float64(float64(p*x)/float64(math.Sqrt(y)+q))
	})
}

// testEntrywise tests dst = f(x, y, z, a, b), number by number.
func testEntrywise(t *testing.T, b *bench, f func(x, y, z, p, q float64) float64) {
	special := []float64{
		math.Copysign(0, -1), 0, math.Inf(1), math.NaN(), math.MaxFloat64, 0x1p-1074, 0x1p-1030, -1,
	}
	for _, n := range []int{1, 2, 31, 32, 33, 255, 256, 257, 1009} {
		for _, c := range []struct {
			p, q   float64
			memory string // of dst, x, y and z: equal letters share it
		}{
			{0.3, -1.7, "dxyz"}, {1.0 / 3, 1e-8, "xxyz"}, {0.1, 0.999, "yxxy"}, {-1e-3, 1e-8, "zxyz"},
			{1, 0, "xxxx"},
		} {
			t.Run(name("n", n, "memory", c.memory, "a", c.p), func(t *testing.T) {
				values := map[byte][]float64{'d': poisoned[float64](n)}
				for i, letter := range []byte("xyz") {
					v := random[float64](n, uint64(i))
					for j, s := range special { // beside other numbers in each
						v[(j*(2*i+1)*n/8+i)%n] = s
					}
					values[letter] = v
				}
				want := make([]float64, n)
				for i := range want {
					at := func(operand int) float64 { return values[c.memory[operand]][i] }
					want[i] = f(at(1), at(2), at(3), c.p, c.q)
				}
				buffers, args := map[byte]*buffer{}, []any{}
				for _, letter := range []byte(c.memory) {
					if buffers[letter] == nil {
						buffers[letter] = &buffer{encode(values[letter]), letter == c.memory[0]}
					}
					args = append(args, buffers[letter])
				}
				b.run(t, launch{
					grid: line(over(n, 256)), block: line(256), args: append(args, c.p, c.q, n),
				})
				check(t, "dst", buffers[c.memory[0]], want)
			})
		}
	}
}

func testDot(t *testing.T, b *bench) {
	const segment = 8192
	for _, count := range []int{1, 2, 31, 32, 33, 255, 256, 257, 1009, segment - 1, segment, segment + 1,
		2*segment + 259} {
		for _, same := range []bool{false, true} {
			t.Run(name("count", count, "same", same), func(t *testing.T) {
				x, y := random[float64](count, 1), random[float64](count, 2)
				if same {
					y = x
				}
				var want []float64
				for first := 0; first < count; first += segment {
					var threads [256]float64
					for i := first; i < min(first+segment, count); i++ {
						threads[(i-first)%256] = math.FMA(x[i], y[i], threads[(i-first)%256])
					}
					want = append(want, acrossBlock(&threads))
				}
				left := input(x)
				right := left
				if !same {
					right = input(y)
				}
				sums := output(poisoned[float64](len(want)))
				b.run(t,
					launch{grid: line(over(count, segment)), block: line(256),
						args: []any{left, right, sums, count}})
				check(t, "sums", sums, want)
			})
		}
	}
}

func testSumSquares(t *testing.T, b *bench) {
	for _, c := range []struct{ vectors, count, gap int }{
		{1, 1, 0}, {1, 2, 3}, {4, 31, 0}, {7, 32, 1}, {1, 33, 0}, {4, 255, 2}, {1, 256, 0}, {7, 257, 0},
		{4, 1009, 5},
		{2, 5003, 0},
	} {
		for _, l := range losses {
			sizes := name("vectors", c.vectors, "count", c.count, "gap", c.gap, "loss", l.name)
			t.Run(sizes, func(t *testing.T) {
				stride := c.count + c.gap
				x := poisoned[float64]((c.vectors-1)*stride + c.count)
				want := make([]float64, c.vectors)
				for v := range want {
					vector := x[v*stride : v*stride+c.count]
					copy(vector, random[float64](c.count, uint64(v)))
					if v%2 == 1 {
						copy(vector, few[:len(few)-4]) // finite ones
						vector[len(vector)-1] = few[len(few)-4+v/2%4]
					}
					var threads [256]float64
					for i, y := range vector {
						threads[i%256] = l.addTwiceRho(y, threads[i%256])
					}
					want[v] = acrossBlock(&threads)
				}
				sums := output(poisoned[float64](c.vectors))
				b.run(t, launch{
					grid: line(c.vectors), block: line(256),
					args: l.with(input(x), sums, c.count, uint64(stride)),
				})
				check(t, "sums", sums, want)
			})
		}
	}
}

func testSumChunks[T number](t *testing.T, b *bench) {
	for _, c := range []struct {
		members, k, chunks int
		first, held        int // the chunks on this device
		kind               kind
	}{
		{1, 1, 1, 0, 1, ""},
		{1, 2, 7, 0, 7, ""},
		{4, 31, 3, 0, 3, ""},
		{7, 33, 8, 0, 8, ""},
		{1, 64, 9, 0, 9, ""},
		{2, 3, 104, 0, 104, ""},
		{2, 3, 104, 52, 52, ""},
		{2, 3, 104, 26, 26, ""},
		{3, 5, 11, 8, 1, ""},
		{3, 5, 11, 0, 2, ""},
		{2, 5, 3, 2, 1, ""},
		{1, 255, 31, 0, 31, ""},
		{1, 257, 1, 0, 1, ""},
		{4, 4095, 2, 0, 2, ""},
		{1, 4097, 5, 0, 5, ""},
		{7, 4186, 3, 0, 3, ""},
		{1, 8209, 2, 0, 2, ""},
		{2, 1009, 4, 0, 4, small},
	} {
		t.Run(name("members", c.members, "k", c.k, "chunks", c.chunks, "first", c.first, "held", c.held)+
			string(c.kind), func(t *testing.T) {
			kp := slabs(c.k) * slab
			chunks, want := poisoned[T](c.members*c.held*kp), poisoned[T](c.members*kp)
			for m := range c.members {
				for i := range c.held {
					chunk := chunks[(m*c.held+i)*kp:][:c.k]
					copy(chunk, random[T](c.k, uint64(m*c.held+i)))
					if c.kind == small {
						scaled(chunk, T(tiny[T]()))
					}
				}
				for k := range c.k {
					want[m*kp+k] = sumOfParts(c.chunks, func(i int) T {
						if i < c.first || i >= c.first+c.held {
							return 0
						}
						return chunks[(m*c.held+i-c.first)*kp+k]
					})
				}
			}
			g := output(poisoned[T](c.members * kp))
			b.run(t, launch{
				grid: [3]int{over(c.k, 256), c.members, 1}, block: line(256),
				args: []any{input(chunks), g, c.k, kp, c.chunks, c.first, c.held},
			})
			check(t, "g", g, want)
		})
	}
}

// sumOfParts adds count numbers as sum_chunks does: each eighth in order, then the eighths in pairs.
func sumOfParts[T number](count int, number func(i int) T) T {
	var parts [8]T
	for i := range count {
		p := 0
		for i >= (p+1)*count/8 {
			p++
		}
		parts[p] += number(i)
	}
	halves := [2]T{}
	for h := range halves {
		q := parts[4*h:]
		halves[h] = (q[0] + q[1]) + (q[2] + q[3])
	}
	return halves[0] + halves[1]
}
