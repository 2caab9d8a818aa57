package backendtest

import (
	"math"
	"math/big"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// accuracy checks X·(PᵀP + λI)⁻¹ at condition numbers κ up to 10¹² against exact arithmetic. In double
// precision, PᵀP + λI has a relative error of at most n·2⁻⁵³, and its decomposition and the solutions have
// some r·2⁻⁵³ each: the result is wrong by at most κ times the sum, relative to ‖X‖·‖(PᵀP + λI)⁻¹‖.
func (f *fixture) accuracy(t *testing.T) {
	r := f.size.factorRank
	if !f.plain() {
		return
	}
	for _, kappa := range []float64{1e4, 1e8, 1e12} {
		u, x := solver.Factor{graded(f.size.n1, r, math.Sqrt(kappa))}, f.random(t, r, 81)
		lambda := 1 / kappa
		must(t, f.engine.Set(0, solver.Iterate, u))
		must(t, f.engine.Set(0, solver.Gradient, x))
		must(t, f.member.Precondition(solver.MethodSlot, solver.Gradient, lambda))
		got := x.Clone()
		must(t, f.engine.Get(0, solver.MethodSlot, got))
		inverse := exactInverse(u[0], lambda)
		var want mat.Dense
		want.Mul(x[0], inverse) // with an error of r·2⁻⁵³, which is small
		want.Sub(&want, got[0])
		wrong := mat.Norm(&want, 2) / (mat.Norm(x[0], 2) * mat.Norm(inverse, 2))
		cond := 2 * kappa // at most: the largest eigenvalue is near 1, the least at least λ
		if within := float64(f.size.n1+4*r) * 0x1p-53 * cond; !(wrong <= within) {
			t.Errorf("κ = %g: the relative error is %g, not within %g", kappa, wrong, within)
		}
	}
}

// graded returns an n × r matrix of spectral norm 1 whose singular values fall evenly in logarithms to
// 1/condition.
func graded(n, r int, condition float64) *mat.Dense {
	var left, right mat.SVD
	k := min(n, r)
	if !left.Factorize(dense(n, k, 82), mat.SVDThin) || !right.Factorize(dense(r, k, 83), mat.SVDThin) {
		panic("backendtest: there are no singular vectors")
	}
	var u, v, scaled, out mat.Dense
	left.UTo(&u)
	right.UTo(&v)
	scaled.CloneFrom(&u)
	for j := range k {
		sigma := math.Pow(condition, -float64(j)/math.Max(1, float64(k-1)))
		for i := range n {
			scaled.Set(i, j, sigma*u.At(i, j))
		}
	}
	out.Mul(&scaled, v.T())
	return &out
}

// exactInverse returns (PᵀP + λI)⁻¹, computed with 400 bits by elimination, and then rounded.
func exactInverse(p *mat.Dense, lambda float64) *mat.Dense {
	n, r := p.Dims()
	number := func(v float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(v) }
	times := func(a, b *big.Float) *big.Float { return number(0).Mul(a, b) }
	rows := make([][]*big.Float, r) // of (S | I)
	for i := range r {
		for j := range 2 * r {
			v := number(0)
			switch {
			case j >= r && j-r == i:
				v = number(1)
			case j < r:
				for l := range n {
					v.Add(v, times(number(p.At(l, i)), number(p.At(l, j))))
				}
				if i == j {
					v.Add(v, number(lambda))
				}
			}
			rows[i] = append(rows[i], v)
		}
	}
	for i := range r { // S is positive definite: no pivoting
		pivot := rows[i][i]
		for j := 2*r - 1; j >= i; j-- {
			rows[i][j] = number(0).Quo(rows[i][j], pivot)
		}
		for other := range r {
			if other == i {
				continue
			}
			c := rows[other][i]
			for j := 2*r - 1; j >= i; j-- {
				rows[other][j] = number(0).Sub(rows[other][j], times(c, rows[i][j]))
			}
		}
	}
	out := mat.NewDense(r, r, nil)
	for i := range r {
		for j := range r {
			v, _ := rows[i][r+j].Float64()
			out.Set(i, j, v)
		}
	}
	return out
}
