// Package twosided has what both engines need before they project measurements from two sides: a check of the
// B and C in Σ ‖BᵀA_iC‖_F², where nil is the identity.
package twosided

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Check returns an error if B and C cannot project measurements of a space's matrices from both sides: if the
// space is symmetric, or if B or C has not as many rows as that side.
func Check(space sensing.Space, b, c *mat.Dense) error {
	n1, n2 := space.Dims()
	if _, sym := space.(sensing.Sym); sym || !isSide(b, n1) || !isSide(c, n2) {
		return fmt.Errorf("the given B and C cannot project measurements of %d × %d matrices in %s",
			n1, n2, space.Name())
	}
	return nil
}

// isSide reports whether a is the identity or has n rows.
func isSide(a *mat.Dense, n int) bool { return a == nil || a.RawMatrix().Rows == n }

// OrIdentity returns a, or the identity if a is nil.
func OrIdentity(a *mat.Dense, n int) *mat.Dense {
	if a != nil {
		return a
	}
	identity := mat.NewDense(n, n, nil)
	for i := range n {
		identity.Set(i, i, 1)
	}
	return identity
}
