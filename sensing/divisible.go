package sensing

import (
	"math"
	"math/bits"

	"gonum.org/v1/gonum/mat"
)

var (
	_ Divisible = &Completion{}
	_ Divisible = &Dense{}
	_ Divisible = &RankOne{}
	_ Divisible = &ComplexRankOne{}
	_ Divisible = &Pauli{}
	_ Divisible = Gaussian[float64]{}
	_ Divisible = Gaussian[float32]{}
	_ Divisible = Gaussian[BF16Entry]{}
	_ Divisible = Gaussian[Q8Entry]{}
	_ Divisible = Rademacher{}
)

// independent is a [Divisible] whose measurements may be drawn independently of each other, each from its
// number. Any of them are then as good as others, and Divide takes the last ones alone, so that the others
// keep their numbers.
type independent interface{ areIndependent() bool }

// heldNumbers returns the numbers of so many measurements to hold out: the last ones of those that are
// independent, and others by [Choose].
func heldNumbers(e Divisible, count int, seed uint64) []int {
	m := e.Measurements()
	if !areIndependent(e) {
		return Choose(NewStream(seed, HeldOutStream), m, count)
	}
	last := make([]int, count)
	for i := range last {
		last[i] = m - count + i
	}
	return last
}

// areIndependent says whether the measurements are drawn independently of each other.
func areIndependent(e Divisible) bool {
	i, ok := e.(independent)
	return ok && i.areIndependent()
}

// checkLast panics unless held has the last of m numbers.
func checkLast(held []int, m int) {
	for i, number := range held {
		if number != m-len(held)+i {
			panic("sensing: of measurements that are drawn one by one, the last ones alone are held out")
		}
	}
}

// areIndependent implements independent.
func (Gaussian[E]) areIndependent() bool { return true }

// areIndependent implements independent.
func (Rademacher) areIndependent() bool { return true }

// areIndependent implements independent: the user's vectors are in some order.
func (r *RankOne) areIndependent() bool { return r.vectors == nil }

// Divide implements [Divisible].
func (g Gaussian[E]) Divide(held []int) (rest, heldOut Divisible) {
	checkLast(held, g.m)
	kept := g
	kept.m -= len(held)
	return kept, inMemory[E](g, held)
}

// Apply implements [Divisible].
func (g Gaussian[E]) Apply(p []float64, l, r *mat.Dense) { applyRows[E](g, p, l, r) }

// Divide implements [Divisible].
func (r Rademacher) Divide(held []int) (rest, heldOut Divisible) {
	checkLast(held, r.m)
	kept := r
	kept.m -= len(held)
	return kept, inMemory[SignWord](r, held)
}

// Apply implements [Divisible].
func (r Rademacher) Apply(p []float64, left, right *mat.Dense) {
	applyRows[SignWord](r, p, left, right)
}

// inMemory returns some rows of an ensemble as numbers in memory.
func inMemory[E Entry](e RowSource[E], numbers []int) *Dense {
	k := e.Space().K()
	d := &Dense{base{e.Space(), len(numbers)}, make([]float64, len(numbers)*k), 0}
	inParallel(len(numbers), func(i int) {
		row := make([]E, RowLen[E](k))
		e.Row(numbers[i], row)
		decode(d.rows[i*k:(i+1)*k], row)
	})
	return d
}

// applyRows does p_i = ⟨A_i, L·Rᵀ⟩ for rows that are made one by one.
func applyRows[E Entry](e RowSource[E], p []float64, l, r *mat.Dense) {
	var product mat.Dense
	product.Mul(l, r.T())
	k := e.Space().K()
	z := make([]float64, k)
	e.Space().Coordinates(z, &product)
	const part = 1 << 5
	inParallel((len(p)+part-1)/part, func(at int) {
		row, a := make([]E, RowLen[E](k)), make([]float64, k)
		for i := at * part; i < min((at+1)*part, len(p)); i++ {
			e.Row(i, row)
			decode(a, row)
			p[i] = dot(a, z)
		}
	})
}

// decode writes the entries of a row in double precision.
func decode[E Entry](dst []float64, row []E) {
	switch row := any(row).(type) {
	case []float64:
		copy(dst, row)
	case []float32:
		for j, v := range row {
			dst[j] = float64(v)
		}
	case []BF16Entry:
		for j, v := range row {
			dst[j] = v.Float64()
		}
	case []Q8Entry:
		for j, v := range row {
			dst[j] = v.Float64()
		}
	case []SignWord:
		for j := range dst {
			dst[j] = 1 - 2*float64(row[j/32]>>(j%32)&1)
		}
	}
}

// divided moves the parts with the numbers in held out of a list of parts of the same size. Both results have
// the order of the list; the memory of rest is the list's.
func divided[T any](list []T, size int, held []int) (rest, heldOut []T) {
	heldOut = make([]T, 0, len(held)*size)
	to := 0
	for i := range len(list) / size {
		part := list[i*size : (i+1)*size]
		if n := len(heldOut) / size; n < len(held) && held[n] == i {
			heldOut = append(heldOut, part...)
			continue
		}
		to += copy(list[to:], part)
	}
	return list[:to], heldOut
}

// Divide implements [Divisible].
func (c *Completion) Divide(held []int) (rest, heldOut Divisible) {
	rows, cols := c.Positions()
	rows, heldRows := divided(rows, 1, held)
	cols, heldCols := divided(cols, 1, held)
	part := func(rows, cols []int32) *Completion {
		return &Completion{base{c.space, len(rows)}, c.name, known(rows, cols)}
	}
	return part(rows, cols), part(heldRows, heldCols)
}

// Apply implements [Divisible].
func (c *Completion) Apply(p []float64, l, r *mat.Dense) {
	rows, cols := c.Positions()
	for k := range p {
		i, j := int(rows[k]), int(cols[k])
		p[k] = c.Unit(i, j) * dot(l.RawRowView(i), r.RawRowView(j))
	}
}

// Divide implements [Divisible].
func (d *Dense) Divide(held []int) (rest, heldOut Divisible) {
	kept, heldRows := divided(d.rows, d.space.K(), held)
	return &Dense{base{d.space, d.m - len(held)}, kept, d.Asymmetry},
		&Dense{base{d.space, len(held)}, heldRows, d.Asymmetry}
}

// Apply implements [Divisible]. It makes the coordinates of L·Rᵀ row after row, so that they take little
// memory.
func (d *Dense) Apply(p []float64, l, r *mat.Dense) {
	n1, n2 := d.space.Dims()
	k := d.space.K()
	_, symmetric := d.space.(Sym)
	clear(p)
	coordinates := make([]float64, 0, n2)
	for i, at := 0, 0; i < n1; i, at = i+1, at+len(coordinates) {
		first, scale := 0, 1.0
		if symmetric {
			first, scale = i, math.Sqrt2
		}
		coordinates = coordinates[:0]
		for j := first; j < n2; j++ {
			coordinates = append(coordinates, scale*dot(l.RawRowView(i), r.RawRowView(j)))
		}
		if symmetric {
			coordinates[0] = dot(l.RawRowView(i), r.RawRowView(i))
		}
		for m := range p {
			p[m] += dot(coordinates, d.rows[m*k+at:])
		}
	}
}

// Divide implements [Divisible].
func (r *RankOne) Divide(held []int) (rest, heldOut Divisible) {
	if r.vectors == nil {
		checkLast(held, r.m)
		length := r.VectorLen()
		vectors := make([]float64, len(held)*length)
		for i, number := range held {
			r.Vector(number, vectors[i*length:(i+1)*length])
		}
		return &RankOne{base: base{r.space, r.m - len(held)}, name: r.name, stream: r.stream},
			&RankOne{base: base{r.space, len(held)}, name: r.name, vectors: vectors}
	}
	kept, heldVectors := divided(r.vectors, r.VectorLen(), held)
	return &RankOne{base: base{r.space, r.m - len(held)}, name: r.name, vectors: kept},
		&RankOne{base: base{r.space, len(held)}, name: r.name, vectors: heldVectors}
}

// Apply implements [Divisible]: ⟨A_i, L·Rᵀ⟩ is the product of Lᵀa_i and Rᵀb_i, with b_i = a_i in a symmetric
// space.
func (r *RankOne) Apply(p []float64, left, right *mat.Dense) {
	n1, _ := r.space.Dims()
	_, d := left.Dims()
	vector, a, b := make([]float64, r.VectorLen()), make([]float64, d), make([]float64, d)
	for i := range p {
		r.Vector(i, vector)
		second := vector
		if len(vector) > n1 {
			second = vector[n1:]
		}
		transposedTimes(a, left, vector[:n1])
		transposedTimes(b, right, second)
		p[i] = dot(a, b)
	}
}

// Divide implements [Divisible].
func (e *ComplexRankOne) Divide(held []int) (rest, heldOut Divisible) {
	side, _ := e.space.Dims()
	kept, heldVectors := divided(e.vectors, side, held)
	return &ComplexRankOne{base{e.space, e.m - len(held)}, kept},
		&ComplexRankOne{base{e.space, len(held)}, heldVectors}
}

// Apply implements [Divisible]: with A = ccᵀ + ssᵀ, ⟨A, L·Rᵀ⟩ is the product of Lᵀc and Rᵀc, plus the same
// for s.
func (e *ComplexRankOne) Apply(p []float64, left, right *mat.Dense) {
	side, d := left.Dims()
	s, a, b := make([]float64, side), make([]float64, d), make([]float64, d)
	for i := range p {
		c := e.vectors[i*side : (i+1)*side]
		for j := range side / 2 {
			s[j], s[side/2+j] = -c[side/2+j], c[j]
		}
		p[i] = 0
		for _, vector := range [][]float64{c, s} {
			transposedTimes(a, left, vector)
			transposedTimes(b, right, vector)
			p[i] += dot(a, b)
		}
	}
}

// transposedTimes does dst = Aᵀx.
func transposedTimes(dst []float64, a *mat.Dense, x []float64) {
	clear(dst)
	for i, v := range x {
		for j, w := range a.RawRowView(i) {
			dst[j] += float64(v * w)
		}
	}
}

// Divide implements [Divisible].
func (p *Pauli) Divide(held []int) (rest, heldOut Divisible) {
	x, z := p.masks()
	x, heldX := divided(x, 1, held)
	z, heldZ := divided(z, 1, held)
	part := func(x, z []uint32) *Pauli {
		return &Pauli{base{p.space, len(x)}, func() ([]uint32, []uint32) { return x, z }}
	}
	return part(x, z), part(heldX, heldZ)
}

// Apply implements [Divisible]. A word has one element ±1 in each row: see [Pauli.Masks].
func (p *Pauli) Apply(dst []float64, l, r *mat.Dense) {
	x, z := p.masks()
	n, _ := p.space.Dims()
	for i := range dst {
		var sum float64
		for j := range n {
			v := dot(l.RawRowView(j), r.RawRowView(j^int(x[i])))
			if (bits.OnesCount32(x[i]&z[i])/2+bits.OnesCount32(z[i]&uint32(j)))%2 == 1 {
				v = -v
			}
			sum += v
		}
		dst[i] = p.Unit() * sum
	}
}
