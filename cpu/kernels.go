package cpu

import (
	"math"

	"github.com/matsense/matsense/sensing"
)

// kernel has the two loops over entries of one type, for one block of rows. This is the place for faster variants:
// newKernel picks, and everything that it picks from must agree within rounding with the plain Go below.
type kernel[E sensing.Entry] struct {
	// dot does p[j] = rows[j]·z.
	dot func(p *[blockRows]float64, rows *block[E], z []float64)
	// add does acc += Σ_j c[j]·rows[j].
	add func(acc []float64, c *[blockRows]float64, rows *block[E])
}

// newKernel returns the kernel of an entry type.
func newKernel[E sensing.Entry]() kernel[E] {
	var k any
	switch any(*new(E)).(type) {
	case float64:
		k = kernel[float64]{dotFloat[float64], addFloat[float64]}
	case float32:
		k = kernel[float32]{dotFloat[float32], addFloat[float32]}
	case sensing.BF16Entry:
		k = kernel[sensing.BF16Entry]{dotBF16, addBF16}
	case sensing.Q8Entry:
		k = kernel[sensing.Q8Entry]{dotQ8, addQ8}
	case sensing.SignWord:
		k = kernel[sensing.SignWord]{dotSigns, addSigns}
	}
	return k.(kernel[E])
}

// The loops are written out for each entry type because a function that decodes an entry is not inlined through a
// type parameter. The four sums of a dot are independent chains of additions.

func dotFloat[E float64 | float32](p *[blockRows]float64, rows *block[E], z []float64) {
	n := len(z)
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	var p0, p1, p2, p3 float64
	for k, x := range z {
		p0 += float64(r0[k]) * x
		p1 += float64(r1[k]) * x
		p2 += float64(r2[k]) * x
		p3 += float64(r3[k]) * x
	}
	*p = [blockRows]float64{p0, p1, p2, p3}
}

func addFloat[E float64 | float32](acc []float64, c *[blockRows]float64, rows *block[E]) {
	n := len(acc)
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	for k, s := range acc {
		s += c0 * float64(r0[k])
		s += c1 * float64(r1[k])
		s += c2 * float64(r2[k])
		s += c3 * float64(r3[k])
		acc[k] = s
	}
}

func dotBF16(p *[blockRows]float64, rows *block[sensing.BF16Entry], z []float64) {
	n := len(z)
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	var p0, p1, p2, p3 float64
	for k, x := range z {
		p0 += r0[k].Float64() * x
		p1 += r1[k].Float64() * x
		p2 += r2[k].Float64() * x
		p3 += r3[k].Float64() * x
	}
	*p = [blockRows]float64{p0, p1, p2, p3}
}

func addBF16(acc []float64, c *[blockRows]float64, rows *block[sensing.BF16Entry]) {
	n := len(acc)
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	for k, s := range acc {
		s += c0 * r0[k].Float64()
		s += c1 * r1[k].Float64()
		s += c2 * r2[k].Float64()
		s += c3 * r3[k].Float64()
		acc[k] = s
	}
}

func dotQ8(p *[blockRows]float64, rows *block[sensing.Q8Entry], z []float64) {
	n := len(z)
	level := &sensing.Q8Levels
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	var p0, p1, p2, p3 float64
	for k, x := range z {
		p0 += level[r0[k]] * x
		p1 += level[r1[k]] * x
		p2 += level[r2[k]] * x
		p3 += level[r3[k]] * x
	}
	*p = [blockRows]float64{p0, p1, p2, p3}
}

func addQ8(acc []float64, c *[blockRows]float64, rows *block[sensing.Q8Entry]) {
	n := len(acc)
	level := &sensing.Q8Levels
	r0, r1, r2, r3 := rows[0][:n], rows[1][:n], rows[2][:n], rows[3][:n]
	c0, c1, c2, c3 := c[0], c[1], c[2], c[3]
	for k, s := range acc {
		s += c0 * level[r0[k]]
		s += c1 * level[r1[k]]
		s += c2 * level[r2[k]]
		s += c3 * level[r3[k]]
		acc[k] = s
	}
}

// flip returns x, or −x where the lowest bit is set.
func flip(x uint64, bits sensing.SignWord) float64 { return math.Float64frombits(x ^ uint64(bits)<<63) }

func dotSigns(p *[blockRows]float64, rows *block[sensing.SignWord], z []float64) {
	var a0, a1, a2, a3 float64
	for w := 0; len(z) > 0; w++ {
		w0, w1, w2, w3 := rows[0][w], rows[1][w], rows[2][w], rows[3][w]
		part := z[:min(32, len(z))]
		z = z[len(part):]
		for _, v := range part {
			x := math.Float64bits(v)
			a0 += flip(x, w0)
			a1 += flip(x, w1)
			a2 += flip(x, w2)
			a3 += flip(x, w3)
			w0, w1, w2, w3 = w0>>1, w1>>1, w2>>1, w3>>1
		}
	}
	*p = [blockRows]float64{a0, a1, a2, a3}
}

// addSigns looks each coordinate's sum ±c₀±c₁±c₂±c₃ up among the sixteen there are.
func addSigns(acc []float64, c *[blockRows]float64, rows *block[sensing.SignWord]) {
	var sums [16]float64
	for s := range sums {
		bit := func(j int) float64 { return flip(math.Float64bits(c[j]), sensing.SignWord(s>>j)) }
		sums[s] = (bit(0) + bit(1)) + (bit(2) + bit(3))
	}
	for w := 0; len(acc) > 0; w++ {
		w0, w1, w2, w3 := rows[0][w], rows[1][w], rows[2][w], rows[3][w]
		part := acc[:min(32, len(acc))]
		acc = acc[len(part):]
		for k := range part {
			part[k] += sums[(w0&1|w1&1<<1|w2&1<<2|w3&1<<3)&15]
			w0, w1, w2, w3 = w0>>1, w1>>1, w2>>1, w3>>1
		}
	}
}
