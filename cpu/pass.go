package cpu

import "github.com/matsense/matsense/sensing"

// contraction is the walks over rows of entries E in the arithmetic F.
type contraction[E sensing.Entry, F number] struct {
	*rows[E]
	kernel[E, F]
	hands []hand[E, F] // one for each worker
}

func newContraction[E sensing.Entry, F number](r *rows[E], o options) contraction[E, F] {
	return contraction[E, F]{r, newKernel[E, F](o.simd), make([]hand[E, F], r.workers)}
}

// share is what one member of a batch has in a pass.
type share[F number] struct {
	z       []F       // coordinates of Z, K
	g       []F       // result: coordinates of G, K
	acc     [][]F     // for each worker, the chunk's Σ res_i a_i / m
	sums    []float64 // for each worker, the chunk's Σ res_i²
	squares float64   // result: Σ res_i²
}

func newShare[F number](k, workers int) *share[F] {
	s := &share[F]{z: make([]F, k), g: make([]F, k), acc: make([][]F, workers), sums: make([]float64, workers)}
	for w := range s.acc {
		s.acc[w] = make([]F, k)
	}
	return s
}

func nothing(int) {}

// dots does p_i = a_i·z.
func (c *contraction[E, F]) dots(p, z []F) {
	c.walk(nothing, func(worker, first, count int) {
		h := &c.hands[worker]
		c.load(worker, first, count, &h.rows)
		c.dot(h, z)
		copy(p[first:first+count], h.p[:])
	}, nothing)
}

// combine does g = Σ_i w_i a_i.
func (c *contraction[E, F]) combine(g, w []F) {
	acc := make([][]F, c.workers)
	for i := range acc {
		acc[i] = make([]F, len(g))
	}
	clear(g)
	c.walk(func(worker int) {
		clear(acc[worker])
	}, func(worker, first, count int) {
		h := &c.hands[worker]
		c.load(worker, first, count, &h.rows)
		clear(h.c[:])
		copy(h.c[:count], w[first:])
		c.add(h, acc[worker])
	}, func(worker int) {
		plus(g, acc[worker])
	})
}

// pass does p_i = a_i·z, res_i = p_i − y_i, g = 1/m · Σ res_i a_i and Σ res_i² for every share, reading each row once.
func (c *contraction[E, F]) pass(y []float64, shares []*share[F]) {
	scale := 1 / F(c.m)
	for _, s := range shares {
		clear(s.g)
		s.squares = 0
	}
	c.walk(func(worker int) {
		for _, s := range shares {
			clear(s.acc[worker])
			s.sums[worker] = 0
		}
	}, func(worker, first, count int) {
		h := &c.hands[worker]
		c.load(worker, first, count, &h.rows)
		for _, s := range shares {
			c.dot(h, s.z)
			clear(h.c[:])
			for j, p := range h.p[:count] {
				res := p - F(y[first+j])
				s.sums[worker] += float64(float64(res) * float64(res))
				h.c[j] = res * scale
			}
			c.add(h, s.acc[worker])
		}
	}, func(worker int) {
		for _, s := range shares {
			plus(s.g, s.acc[worker])
			s.squares += s.sums[worker]
		}
	})
}

func plus[F number](dst, src []F) {
	for k, v := range src {
		dst[k] += v
	}
}
