package cpu

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// operator is what the engine needs from the measurements of an ensemble. Ensembles with rows of entries
// share one operator. An ensemble with more structure has its own, which need not hold K numbers.
//
// The errors of all operations are those of an [interruption]; the results are then undefined.
type operator interface {
	// apply does p_i = ⟨A_i, L·Rᵀ⟩.
	apply(p []float64, l, r *mat.Dense) error
	// adjointMul does dst = S·X, or Sᵀ·X, with S = Σ_i w_i A_i.
	adjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error
	// contract fills the results of each part, all in one pass over the measurements. y is the same in every
	// call.
	contract(y []float64, parts []*part) error
}

// part is what one member of a batch gives to a contraction and gets from it. G = 1/m · Σ ψ(res_i) A_i, with
// ψ(res) = res for the squared loss.
type part struct {
	l, r    *mat.Dense // thin: Z = L·Rᵀ; the same matrix if Z = LLᵀ
	gr, gl  *mat.Dense // results: G·R and Gᵀ·L; the same matrix if L and R are
	loss    loss       // ρ and ψ
	squares float64    // result: Σ 2ρ(res_i), which is Σ res_i² for the squared loss
	anchor  *anchor    // in mixed precision: the member's anchor; nil before there is one
	private *anchor    // in mixed precision: memory for an anchor of this member alone
	change  float64    // result, if there is an anchor: ‖z − z₀‖
	renewed bool       // result, in mixed precision: this contraction made L·Rᵀ the anchor
}

// drawing is an operator that contracts a [solver.Draw] in time proportional to the measurements drawn.
type drawing interface {
	operator
	// contractDrawn fills all results of a part but its squares, in f64, with
	// G = 1/B · Σ_k ψ(p_i − y_i − e_i)·A_i, i = Rows[k].
	contractDrawn(y []float64, d draw, p *part) error
}

// manyAtOnce is an operator that measures several matrices in one pass over the measurements.
type manyAtOnce interface {
	// applyMany does p[j]_i = ⟨A_i, l[j]·r[j]ᵀ⟩, with the bits of apply.
	applyMany(p [][]float64, l, r []*mat.Dense) error
}

// projector is an operator that sums the squares of projected measurements in one pass over them.
type projector interface {
	// projectedSquares returns Σ_i ‖BᵀA_iC‖_F², in a rectangular space; a nil matrix is the identity.
	projectedSquares(b, c *mat.Dense) (float64, error)
}

// anchored is an operator with anchors.
type anchored interface {
	operator
	// newAnchor returns the anchor at L·Rᵀ.
	newAnchor(y []float64, l, r *mat.Dense) (*anchor, error)
	// renew makes L·Rᵀ of a part its anchor, and does what contract does.
	renew(y []float64, p *part) error
}

// kind is a kind of ensemble: its operator, and the memory that the operator takes.
type kind interface {
	// bytes estimates the memory that the operator takes for a batch, and making the operator.
	bytes(o options, batch solver.Batch) float64
	newOperator(ctx context.Context, o options) (operator, error)
}

// kindOf returns the kind of an ensemble.
func kindOf(e sensing.Ensemble) (kind, error) {
	switch e := e.(type) {
	case *sensing.Completion:
		return completionKind{e}, nil
	case *sensing.Pauli:
		return pauliKind{e}, nil
	case *sensing.RankOne:
		return rankOneKind{e}, nil
	}
	return rowsOf(e)
}

// newOperator makes the operator of an ensemble.
func newOperator(ctx context.Context, e sensing.Ensemble, o options) (operator, error) {
	if _, rows := e.(sensing.Rows); !rows && o.precision != solver.F64 {
		return nil, fmt.Errorf("cpu: %s measurements are computed in f64, not in %s", e.Name(), o.precision)
	}
	k, err := kindOf(e)
	if err != nil {
		return nil, err
	}
	return k.newOperator(ctx, o)
}
