package krylov

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// Tridiagonal is a symmetric tridiagonal matrix: Diagonal has c numbers, Beside the c − 1 beside them.
type Tridiagonal struct{ Diagonal, Beside []float64 }

// Largest returns the k ≤ c largest eigenvalues, descending, by bisection, and their orthonormal eigenvectors
// as the columns of a c × k matrix, by inverse iteration. Vectors of eigenvalues that lie close together are
// made orthogonal to each other. (Golub and Van Loan, Matrix Computations, sections 8.4 and 8.2.)
func (t Tridiagonal) Largest(k int) (values []float64, vectors *mat.Dense) {
	c := len(t.Diagonal)
	low, high := t.bounds()
	norm := max(math.Abs(low), math.Abs(high))
	vectors = mat.NewDense(c, k, nil)
	found := make([][]float64, 0, k)
	for j := range k {
		if j > 0 {
			high = values[j-1]
		}
		values = append(values, t.bisect(j, low, high))
		v := t.vector(values[j], j, norm, func(v []float64) {
			const close = 1e-3 // relative to the norm
			for i, u := range found {
				if values[i]-values[j] <= close*norm {
					floats.AddScaled(v, -floats.Dot(u, v), u)
				}
			}
		})
		found = append(found, v)
		vectors.SetCol(j, v)
	}
	return values, vectors
}

// bounds returns numbers below and above all eigenvalues (Gershgorin).
func (t Tridiagonal) bounds() (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for i, d := range t.Diagonal {
		var radius float64
		if i > 0 {
			radius += math.Abs(t.Beside[i-1])
		}
		if i < len(t.Beside) {
			radius += math.Abs(t.Beside[i])
		}
		low, high = min(low, d-radius), max(high, d+radius)
	}
	return low, high
}

// above counts the eigenvalues that are larger than x: the negative pivots of x·I − T.
func (t Tridiagonal) above(x float64) (count int) {
	pivot := 1.0
	for i, d := range t.Diagonal {
		var e2 float64
		if i > 0 {
			e2 = float64(t.Beside[i-1] * t.Beside[i-1])
		}
		pivot = x - d - e2/pivot
		if pivot == 0 {
			pivot = math.SmallestNonzeroFloat64
		}
		if pivot < 0 {
			count++
		}
	}
	return count
}

// bisect returns the eigenvalue that has j larger ones, between low and high, to the last bit.
func (t Tridiagonal) bisect(j int, low, high float64) float64 {
	for {
		middle := low + (high-low)/2
		if !(low < middle && middle < high) {
			return high
		}
		if t.above(middle) > j {
			low = middle
		} else {
			high = middle
		}
	}
}

// vector returns the unit eigenvector of an eigenvalue by inverse iteration. apart makes a vector orthogonal
// to those that were found before.
func (t Tridiagonal) vector(value float64, seed int, norm float64, apart func(v []float64)) []float64 {
	const rounds = 4
	v := make([]float64, len(t.Diagonal))
	for i := range v { // no eigenvector is orthogonal to all of these
		v[i] = 1 + math.Sin(float64(1+i*(seed+2)))
	}
	for range rounds {
		t.solve(value, norm, v)
		apart(v)
		if size := floats.Norm(v, 2); size > 0 {
			floats.Scale(1/size, v)
		}
	}
	return v
}

// solve does v ← s·(T − value·I)⁻¹·v with some scale s, by elimination with partial pivoting. A pivot of 0
// becomes a rounding error of the norm.
func (t Tridiagonal) solve(value, norm float64, v []float64) {
	c := len(v)
	least := max(norm*0x1p-52, math.SmallestNonzeroFloat64*0x1p60)
	// Row i of the triangle is pivot[i], next[i], after[i].
	pivot, next, after := make([]float64, c), make([]float64, c), make([]float64, c)
	here := [2]float64{t.Diagonal[0] - value, 0}
	if c > 1 {
		here[1] = t.Beside[0]
	}
	for i := range c - 1 {
		below := [3]float64{t.Beside[i], t.Diagonal[i+1] - value, 0}
		if i+1 < c-1 {
			below[2] = t.Beside[i+1]
		}
		if math.Abs(below[0]) > math.Abs(here[0]) {
			pivot[i], next[i], after[i] = below[0], below[1], below[2]
			factor := here[0] / below[0]
			here = [2]float64{here[1] - float64(factor*below[1]), -float64(factor * below[2])}
			v[i], v[i+1] = v[i+1], v[i]-float64(factor*v[i+1])
			continue
		}
		if math.Abs(here[0]) < least {
			here[0] = least
		}
		pivot[i], next[i] = here[0], here[1]
		factor := below[0] / here[0]
		here = [2]float64{below[1] - float64(factor*here[1]), below[2]}
		v[i+1] -= float64(factor * v[i])
	}
	if math.Abs(here[0]) < least {
		here[0] = least
	}
	pivot[c-1] = here[0]
	for i := c - 1; i >= 0; i-- {
		if i+1 < c {
			v[i] -= float64(next[i] * v[i+1])
		}
		if i+2 < c {
			v[i] -= float64(after[i] * v[i+2])
		}
		v[i] /= pivot[i]
		if size := math.Abs(v[i]); size > 0x1p500 { // scale the right-hand side and what was found
			floats.Scale(1/size, v)
		}
	}
}
