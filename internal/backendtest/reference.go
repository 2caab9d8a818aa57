package backendtest

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// reference writes the mathematics down once more, as slowly and plainly as possible: dense A_i, loops over
// elements. It shares nothing with an engine but the entries.
type reference struct {
	n1, n2, m int
	a         []*mat.Dense
	y         []float64
	law       law
	loss      solver.Loss // nil for squares, which are written without it
}

func newReference(p *sensing.Problem, law law) *reference {
	r := &reference{m: p.Ensemble.Measurements(), law: law}
	r.n1, r.n2 = p.Ensemble.Space().Dims()
	for i := range r.m {
		row := Row(p.Ensemble, i)
		if _, sym := p.Ensemble.Space().(sensing.Sym); sym {
			r.a = append(r.a, symmetric(r.n1, row))
		} else {
			r.a = append(r.a, mat.NewDense(r.n1, r.n2, row))
		}
	}
	if r.y = p.Observations; r.y == nil {
		z := mat.NewDense(r.n1, r.n2, nil)
		p.Truth.Matrix(z)
		r.y = r.apply(z)
		p.AddNoise(r.y)
	}
	return r
}

// symmetric returns the symmetric n × n matrix whose upper triangle is a row, off-diagonals times √2.
func symmetric(n int, row []float64) *mat.Dense {
	a := mat.NewDense(n, n, nil)
	at := 0
	for j := range n {
		for k := j; k < n; k++ {
			v := row[at]
			at++
			if j != k {
				v /= math.Sqrt2
			}
			a.Set(j, k, v)
			a.Set(k, j, v)
		}
	}
	return a
}

// Row returns row i of an ensemble in double precision.
func Row(e sensing.Ensemble, i int) []float64 {
	k := e.Space().K()
	out := make([]float64, k)
	switch e := e.(type) {
	case *sensing.Completion:
		out[coordinateOf(e, i)] = math.Sqrt(float64(k))
	case *sensing.Pauli:
		e.Space().Coordinates(out, kronecker(e.Word(i), e.Unit()))
	case *sensing.RankOne:
		e.Space().Coordinates(out, outer(e, i))
	case sensing.RowSource[float64]:
		e.Row(i, out)
	case sensing.RowSource[float32]:
		row := make([]float32, k)
		e.Row(i, row)
		for j, v := range row {
			out[j] = float64(v)
		}
	case sensing.RowSource[sensing.BF16Entry]:
		row := make([]sensing.BF16Entry, k)
		e.Row(i, row)
		for j, v := range row {
			out[j] = float64(math.Float32frombits(uint32(v) << 16))
		}
	case sensing.RowSource[sensing.Q8Entry]:
		row := make([]sensing.Q8Entry, k)
		e.Row(i, row)
		for j, v := range row {
			out[j] = sensing.Q8Levels[v]
		}
	case sensing.RowSource[sensing.SignWord]:
		row := make([]sensing.SignWord, (k+31)/32)
		e.Row(i, row)
		for j := range out {
			out[j] = 1
			if row[j/32]>>(j%32)&1 == 1 {
				out[j] = -1
			}
		}
	default:
		panic(fmt.Sprintf("backendtest: the %s ensemble has no rows", e.Name()))
	}
	return out
}

// kronecker returns the Kronecker product of a Pauli word's letters, from the right, times a number.
func kronecker(word string, unit float64) *mat.Dense {
	letters := map[byte][4]complex128{'I': {1, 0, 0, 1}, 'X': {0, 1, 1, 0}, 'Y': {0, -1i, 1i, 0},
		'Z': {1, 0, 0, -1}}
	p := []complex128{1}
	n := 1
	for at := len(word) - 1; at >= 0; at-- {
		letter, all := letters[word[at]], make([]complex128, 4*n*n)
		for i := range 2 * n {
			for j := range 2 * n {
				all[i*2*n+j] = letter[i/n*2+j/n] * p[i%n*n+j%n]
			}
		}
		p, n = all, 2*n
	}
	out := mat.NewDense(n, n, nil)
	for i, v := range p {
		if imag(v) != 0 {
			panic("backendtest: a Pauli word that is not real")
		}
		out.Set(i/n, i%n, unit*real(v))
	}
	return out
}

// outer returns a_i a_iᵀ or a_i b_iᵀ.
func outer(e *sensing.RankOne, i int) *mat.Dense {
	n1, n2 := e.Space().Dims()
	v := make([]float64, e.VectorLen())
	e.Vector(i, v)
	a := mat.NewDense(n1, n2, nil)
	for j := range n1 {
		for k := range n2 {
			a.Set(j, k, v[j]*v[len(v)-n2+k])
		}
	}
	return a
}

// coordinateOf returns the number of coordinates before the one that measurement i observes.
func coordinateOf(e *sensing.Completion, i int) int {
	rows, cols := e.Positions()
	n1, n2 := e.Space().Dims()
	_, symmetric := e.Space().(sensing.Sym)
	count := 0
	for j := range n1 {
		for k := range n2 {
			switch {
			case symmetric && k < j: // it is (k, j)
			case j == int(rows[i]) && k == int(cols[i]):
				return count
			default:
				count++
			}
		}
	}
	panic("backendtest: a position outside the matrix")
}

// apply does p_i = ⟨A_i, Z⟩.
func (r *reference) apply(z *mat.Dense) []float64 {
	p := make([]float64, r.m)
	for i, a := range r.a {
		for j := range r.n1 {
			for k := range r.n2 {
				p[i] += a.At(j, k) * z.At(j, k)
			}
		}
	}
	return p
}

// gradient returns f = 1/4m Σ res_i², res_i = ⟨A_i, Z⟩ − y_i, and ∇f, which follows from G = 1/m Σ res_i A_i.
// With another loss f = 1/2m Σ ρ(res_i) and G = 1/m Σ ψ(res_i) A_i.
func (r *reference) gradient(u solver.Factor) (float64, solver.Factor) {
	return r.drawn(u, solver.Draw{}, nil)
}

// drawn returns the same for a draw's objective: f = 1/4B Σ_k res_k², res_k = ⟨A_i, Z⟩ − y_i − e_i, and G =
// 1/B Σ_k res_k·A_i with i = Rows[k]. shift has the m numbers e; nil for zeros.
func (r *reference) drawn(u solver.Factor, d solver.Draw, shift []float64) (float64, solver.Factor) {
	values := r.apply(r.law.z(u))
	rows := d.Rows
	if rows == nil {
		for i := range r.m {
			rows = append(rows, i)
		}
	}
	g := mat.NewDense(r.n1, r.n2, nil)
	var f float64
	for _, i := range rows {
		res := values[i] - r.y[i]
		if shift != nil {
			res -= shift[i]
		}
		square := res * res
		if r.loss != nil {
			square, res = 2*rho(r.loss, res), psi(r.loss, res)
		}
		f += square
		for j := range r.n1 {
			for k := range r.n2 {
				g.Set(j, k, g.At(j, k)+res*r.a[i].At(j, k)/float64(len(rows)))
			}
		}
	}
	return f / (4 * float64(len(rows))), r.law.gradient(g, u)
}
