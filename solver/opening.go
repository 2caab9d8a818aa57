package solver

import (
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Opening is what is known of a problem before the first step.
type Opening struct {
	// Size is the root mean square of the observations. For isotropic measurements it is about ‖M*‖_F.
	Size float64
	// ZeroLoss is f(0), with the run's loss.
	ZeroLoss float64
	// TruthLoss is f at the truth, if the method has Polyak's step and it is known; NaN if not.
	TruthLoss float64
	// Spectral is the spectral estimate; nil if nothing has asked for it yet.
	Spectral *SpectralEstimate
	// Fit compares the truth with the observations; nil if one of them is missing, or if the observations are
	// made from the truth.
	Fit *Fit
}

// Fit says how well a truth M* = XRᵀ explains observations y that are not zero.
type Fit struct {
	// Residual is ‖A(M*) − y‖/‖y‖, with A(Z)_i = ⟨A_i, Z⟩.
	Residual float64
	// Scale is the c for which ‖A(M*) − c·y‖ is least, and Scaled is ‖A(M*) − c·y‖/‖c·y‖. It is infinite if c
	// is 0.
	Scale, Scaled float64
	// AsMatrix is ‖A(X) − y‖/‖y‖ if X is symmetric and as large as M*, for then X may have been meant for M*
	// itself; NaN for any other X.
	AsMatrix float64
}

// opening returns what is known now.
func (r *run) opening() (Opening, error) {
	y := r.member.Observations()
	size := math.Sqrt(sumOfSquares(y) / float64(len(y)))
	o := Opening{Size: size, ZeroLoss: r.zeroLoss, TruthLoss: r.member.truthLoss, Spectral: r.spectral}
	var err error
	o.Fit, err = r.fitOfTruth()
	return o, err
}

// fitOfTruth compares the truth with the observations on first use.
func (g *batch) fitOfTruth() (*Fit, error) {
	engine, ok := g.engine.(ProductEngine)
	p := g.problem
	if !ok || p.Truth == nil || p.Observations == nil || floats.Norm(p.Observations, 2) == 0 {
		return nil, nil
	}
	if g.fit == nil {
		fit, err := fitOf(engine, p)
		if err != nil {
			return nil, err
		}
		g.fit = fit
	}
	return g.fit, nil
}

// fitOf compares a problem's truth with its observations. It takes one pass over the measurements, or two if
// X may have been meant for M*.
func fitOf(e ProductEngine, p *sensing.Problem) (*Fit, error) {
	y, x := p.Observations, p.Truth.X()
	made := make([]float64, len(y))
	if err := e.Apply(made, x, p.Truth.Right()); err != nil {
		return nil, err
	}
	scale := floats.Dot(made, y) / floats.Dot(y, y)
	fit := &Fit{
		Residual: distanceTo(made, y, 1), Scale: scale, Scaled: distanceTo(made, y, scale),
		AsMatrix: math.NaN(),
	}
	if x != p.Truth.Right() || !isSymmetric(x) {
		return fit, nil
	}
	n, _ := x.Dims()
	identity := mat.NewDense(n, n, nil)
	for i := range n {
		identity.Set(i, i, 1)
	}
	if err := e.Apply(made, x, identity); err != nil {
		return nil, err
	}
	fit.AsMatrix = distanceTo(made, y, 1)
	return fit, nil
}

// distanceTo returns ‖x − c·y‖/‖c·y‖.
func distanceTo(x, y []float64, c float64) float64 {
	if c == 0 {
		return math.Inf(1)
	}
	var sum float64
	for i, v := range y {
		d := x[i]/c - v
		sum += float64(d * d)
	}
	return math.Sqrt(sum) / floats.Norm(y, 2)
}

// isSymmetric says whether a is square and symmetric up to roundings.
func isSymmetric(a *mat.Dense) bool {
	rows, cols := a.Dims()
	if rows != cols {
		return false
	}
	const rounding = 1e-6 // of numbers that were stored in single precision
	largest := mat.Max(a)
	largest = max(largest, -mat.Min(a))
	for i := range rows {
		for j := range i {
			if math.Abs(a.At(i, j)-a.At(j, i)) > rounding*largest {
				return false
			}
		}
	}
	return true
}
