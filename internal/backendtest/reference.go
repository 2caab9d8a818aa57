package backendtest

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// reference is the mathematics written down once more, as slowly and plainly as can be: dense A_i, loops over
// elements. It shares nothing with an engine but the entries.
type reference struct {
	n, m int
	a    []*mat.Dense
	y    []float64
}

func newReference(p *sensing.Problem) *reference {
	n, _ := p.Ensemble.Space().Dims()
	r := &reference{n: n, m: p.Ensemble.Measurements()}
	for i := range r.m {
		row := Row(p.Ensemble, i)
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
		r.a = append(r.a, a)
	}
	if r.y = p.Observations; r.y == nil {
		z := mat.NewDense(n, n, nil)
		p.Truth.Matrix(z)
		r.y = r.apply(z)
		p.AddNoise(r.y)
	}
	return r
}

// Row returns row i of an ensemble in double precision.
func Row(e sensing.Ensemble, i int) []float64 {
	k := e.Space().K()
	out := make([]float64, k)
	switch e := e.(type) {
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

// apply does p_i = ⟨A_i, Z⟩.
func (r *reference) apply(z *mat.Dense) []float64 {
	p := make([]float64, r.m)
	for i, a := range r.a {
		for j := range r.n {
			for k := range r.n {
				p[i] += a.At(j, k) * z.At(j, k)
			}
		}
	}
	return p
}

// gradient returns f(U) and ∇f(U) = 1/m Σ (⟨A_i, UUᵀ⟩ − y_i) A_i U.
func (r *reference) gradient(u *mat.Dense) (float64, *mat.Dense) {
	var z, sum, g mat.Dense
	z.Mul(u, u.T())
	sum.ReuseAs(r.n, r.n)
	var f float64
	for i, p := range r.apply(&z) {
		res := p - r.y[i]
		f += res * res
		for j := range r.n {
			for k := range r.n {
				sum.Set(j, k, sum.At(j, k)+res*r.a[i].At(j, k)/float64(r.m))
			}
		}
	}
	g.Mul(&sum, u)
	return f / (4 * float64(r.m)), &g
}
