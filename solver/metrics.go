package solver

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// meter measures factors on the host. It keeps its large work arrays between measurements.
type meter struct {
	par      Parametrization
	truth    *sensing.Truth // nil if unknown
	distance distance       // to M*
	norm     float64        // ‖M*‖_F
	basis    *mat.Dense     // basis of the truth's subspace, in the coordinates of W
	estimate *mat.Dense     // the same for the spectral estimate; nil without one
	rest     *mat.Dense     // workspace of W's size, for the noise
	values   int            // how many singular values a sample has, or AllSingularValues
}

func newMeter(par Parametrization, p *sensing.Problem, estimate *mat.Dense, values int) *meter {
	m := &meter{par: par, truth: p.Truth, estimate: estimate, values: values}
	if p.Truth != nil {
		m.distance.truth, m.norm = p.Truth, p.Truth.Norm()
	}
	return m
}

// whole returns the one factor W that metrics come from, if Z = L·Rᵀ: L itself if R is the same matrix, else
// [L; R]/√2. If Z = M* and L, R are balanced, W has the singular values of the truth's X, and the same span
// as the truth's [V_X; V_Y]. So metrics of UUᵀ apply to UVᵀ too: W belongs to the positive eigenvalues of the
// symmetric matrix with the blocks 0, Z; Zᵀ, 0.
func whole(l, r *mat.Dense) *mat.Dense {
	if l == r {
		return l
	}
	return stacked(l, r)
}

// stacked returns [L; R]/√2.
func stacked(l, r *mat.Dense) *mat.Dense {
	w := new(mat.Dense)
	w.Stack(l, r)
	w.Scale(1/math.Sqrt2, w)
	return w
}

// truthBasis is a basis of the truth's subspace in the coordinates of the factor W, which stacks two factors
// or is one.
func truthBasis(t *sensing.Truth, two bool) *mat.Dense {
	if two {
		return stacked(t.Basis(), t.RightBasis())
	}
	return t.Basis()
}

// imbalance is ‖LᵀL − RᵀR‖_F; NaN if L and R are the same matrix. For UUᵀ − VVᵀ it is 2√2·‖UᵀV‖_F: how much U
// and V overlap.
func imbalance(l, r *mat.Dense) float64 {
	if l == r {
		return math.NaN()
	}
	var a, b mat.Dense
	a.Mul(l.T(), l)
	b.Mul(r.T(), r)
	a.Sub(&a, &b)
	return mat.Norm(&a, 2)
}

// measure fills in everything in a [NewSample] that comes from the factor alone.
func (m *meter) measure(s *Sample, f Factor) error {
	if err := m.measureFactor(s, f); err != nil {
		return err
	}
	for _, metric := range metrics {
		if metric.Measure != nil {
			metric.Set(s, metric.Measure(s, f))
		}
	}
	return nil
}

// measureFactor fills in the metrics that the solver itself measures.
func (m *meter) measureFactor(s *Sample, f Factor) error {
	l, r := m.par.Thin(f)
	if par, ok := m.par.(SelfMeasuring); ok {
		if m.truth != nil {
			s.TestError = m.distance.of(l, r) / m.norm
			par.Measure(s, f, m.truth)
		}
		return nil
	}
	w := whole(l, r)
	if par, ok := m.par.(Balanced); ok {
		p, q, err := par.Balanced(f)
		if err != nil {
			return err
		}
		w = whole(p, q)
	} else {
		s.Imbalance = imbalance(l, r)
	}
	sigma, angle, err := m.spectrum(w)
	if err != nil {
		return err
	}
	s.Sigma = sigma
	if m.values >= 0 { // else all are wanted
		s.Sigma = slices.Clone(sigma[:min(m.values, len(sigma))])
	}
	if _, layered := m.par.(Layered); layered {
		s.Set("nuclear_norm", sumOfSquares(sigma)) // the balanced factor has the roots of Z's values
	}
	if m.estimate != nil {
		s.SpectralAngle = angle
	}
	if m.truth == nil {
		return nil
	}
	if m.basis == nil {
		m.basis = truthBasis(m.truth, l != r)
	}
	s.TestError = m.distance.of(l, r) / m.norm
	if learnsByRank(m.truth) {
		setLearnedRank(s, m.truth, insideTruth(m.truth, l, r))
	}
	return m.split(s, w)
}

// spectrum returns the singular values of W, and the sine of the largest principal angle between its top left
// singular vectors and the spectral estimate: NaN without an estimate, or if the rank of W is less than that.
func (m *meter) spectrum(w *mat.Dense) (sigma []float64, angle float64, err error) {
	if m.estimate == nil {
		sigma, _, err = svd(w, mat.SVDNone)
		return sigma, math.NaN(), err
	}
	_, rank := m.estimate.Dims()
	rows, columns := w.Dims()
	sigma, left, err := leadingLeft(w, min(rank, rows, columns))
	if err != nil || left == nil {
		return sigma, math.NaN(), err
	}
	return sigma, sineBetween(m.estimate, left), nil
}

// split divides the factor, here U, along the right singular vectors W of V_XᵀU, and measures signal, noise
// and angle.
func (m *meter) split(s *Sample, u *mat.Dense) error {
	n, r := u.Dims()
	rank := m.truth.Rank()
	var inside mat.Dense // V_XᵀU, r* × r
	inside.Mul(m.basis.T(), u)
	var dec mat.SVD
	if !dec.Factorize(&inside, mat.SVDThinV) {
		return fmt.Errorf("solver: the singular vectors of the %d × %d matrix V_XᵀU could not be found",
			rank, r)
	}
	var w, signal mat.Dense
	dec.VTo(&w) // r × min(r*, r)
	signal.Mul(u, &w)
	sigma, basis, err := svd(&signal, mat.SVDThinU)
	if err != nil {
		return err
	}
	s.Signal = 0
	if len(sigma) == rank {
		s.Signal = sigma[rank-1]
	}
	if sigma[len(sigma)-1] > 0 { // else the rank of UW is less than its number of columns
		s.Angle = sineBetween(m.basis, basis)
	}

	if r <= rank { // W is square: there is no W⊥
		s.Noise = 0
		return nil
	}
	if m.rest == nil {
		m.rest = mat.NewDense(n, r, nil)
	}
	m.rest.Mul(&signal, w.T())
	m.rest.Sub(u, m.rest)
	s.Noise, err = norm2(m.rest)
	return err
}

// sineBetween returns the sine of the largest principal angle between the columns of q and the span of p: ‖(I
// − PPᵀ)Q‖, for P and Q with orthonormal columns.
func sineBetween(p, q *mat.Dense) float64 {
	var inside, out mat.Dense
	inside.Mul(p.T(), q)
	out.Mul(p, &inside)
	out.Sub(q, &out)
	sine, err := norm2(&out)
	if err != nil {
		return math.NaN()
	}
	return min(sine, 1)
}

// norm2 returns the spectral norm.
func norm2(a *mat.Dense) (float64, error) {
	sigma, _, err := svd(a, mat.SVDNone)
	if err != nil {
		return 0, err
	}
	return sigma[0], nil
}

// svd returns the singular values of a, largest first, and the left singular vectors if kind asks for them.
func svd(a *mat.Dense, kind mat.SVDKind) ([]float64, *mat.Dense, error) {
	var dec mat.SVD
	if !dec.Factorize(a, kind) {
		r, c := a.Dims()
		return nil, nil, fmt.Errorf("solver: the singular values of a %d × %d matrix could not be found",
			r, c)
	}
	var u *mat.Dense
	if kind != mat.SVDNone {
		u = new(mat.Dense)
		dec.UTo(u)
	}
	return dec.Values(nil), u, nil
}

// sumOfSquares returns ‖v‖², with the same bits on every machine.
func sumOfSquares(v []float64) (sum float64) {
	for _, x := range v {
		sum += float64(x * x)
	}
	return sum
}
