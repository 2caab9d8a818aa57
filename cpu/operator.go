package cpu

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// operator is what the engine asks of an ensemble's measurements. Ensembles with rows of entries share one; an
// ensemble with more structure brings its own, which need hold nothing of K numbers.
type operator interface {
	// apply does p_i = ⟨A_i, L·Rᵀ⟩.
	apply(p []float64, l, r *mat.Dense)
	// adjointMul does dst = S·X, or Sᵀ·X, with S = Σ_i w_i A_i.
	adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense)
	// contract fills each part's results, all in one pass over the measurements. y is the same each time.
	contract(y []float64, parts []*part)
}

// part is one batch member's share of a contraction, with G = 1/m · Σ res_i A_i.
type part struct {
	l, r    *mat.Dense // thin: Z = L·Rᵀ; the same matrix where Z = LLᵀ
	gr, gl  *mat.Dense // results: G·R and Gᵀ·L; the same matrix where L and R are
	squares float64    // result: Σ res_i²
	anchor  *anchor    // in mixed precision: where the member's gradients are measured from; nil is nowhere yet
	private *anchor    // in mixed precision: the memory of an anchor that is the member's alone
	change  float64    // result, where there is an anchor: ‖z − z₀‖
	renewed bool       // result, in mixed precision: this contraction made its L and R the anchor
}

// newOperator finds out what an ensemble can do.
func newOperator(ctx context.Context, e sensing.Ensemble, o options) (operator, error) {
	if _, rows := e.(sensing.Rows); !rows && o.precision != solver.F64 {
		return nil, fmt.Errorf("cpu: %s is computed with in f64, not in %s", e.Name(), o.precision)
	}
	switch e := e.(type) {
	case *sensing.Completion:
		return newSampled(e, o), nil
	case *sensing.Pauli:
		return newPauli(e, o), nil
	case *sensing.RankOne:
		return newRankOne(ctx, e, o)
	}
	source, err := rowsOf(e)
	if err != nil {
		return nil, err
	}
	return source.newOperator(ctx, o)
}
