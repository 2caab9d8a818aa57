package backendtest

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// reference is the mathematics written down once more, as slowly and plainly as can be: dense A_i, loops over
// elements. It shares nothing with an engine but the entries.
type reference struct {
	n1, n2, m int
	a         []*mat.Dense
	y         []float64
}

func newReference(p *sensing.Problem) *reference {
	r := &reference{m: p.Ensemble.Measurements()}
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

// coordinateOf counts the coordinates that come before the one that measurement i observes.
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

// gradient returns f = 1/4m Σ res_i², res_i = ⟨A_i, Z⟩ − y_i, and ∇f with G = 1/m Σ res_i A_i: G·U for Z = UUᵀ, and ½G·V and
// ½Gᵀ·U for Z = UVᵀ.
func (r *reference) gradient(u solver.Factor) (float64, solver.Factor) {
	left, right := u[0], u[len(u)-1]
	var z mat.Dense
	z.Mul(left, right.T())
	g := mat.NewDense(r.n1, r.n2, nil)
	var f float64
	for i, p := range r.apply(&z) {
		res := p - r.y[i]
		f += res * res
		for j := range r.n1 {
			for k := range r.n2 {
				g.Set(j, k, g.At(j, k)+res*r.a[i].At(j, k)/float64(r.m))
			}
		}
	}
	f /= 4 * float64(r.m)
	var byLeft, byRight mat.Dense
	byLeft.Mul(g, right)
	if len(u) == 1 {
		return f, solver.Factor{&byLeft}
	}
	byLeft.Scale(0.5, &byLeft)
	byRight.Mul(g.T(), left)
	byRight.Scale(0.5, &byRight)
	return f, solver.Factor{&byLeft, &byRight}
}
