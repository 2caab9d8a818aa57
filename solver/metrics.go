package solver

import (
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// meter measures factors on the host. It keeps its large work arrays between measurements.
type meter struct {
	par      Parametrization
	truth    *sensing.Truth // nil where unknown
	distance distance       // to M*
	norm     float64        // ‖M*‖_F
	basis    *mat.Dense     // the truth's subspace, as W spans it
	estimate *mat.Dense     // the spectral estimate's, as W spans it; nil where there is none to compare with
	rest     *mat.Dense     // as large as W, for the noise
}

func newMeter(par Parametrization, p *sensing.Problem, estimate *mat.Dense) *meter {
	m := &meter{par: par, truth: p.Truth, estimate: estimate}
	if p.Truth != nil {
		m.distance.truth, m.norm = p.Truth, p.Truth.Norm()
	}
	return m
}

// whole returns the one factor W that is measured where Z = L·Rᵀ: L itself where R is the same, else [L; R]/√2. With Z = M* and
// L, R balanced, W has the singular values of the truth's X, and spans the same as the truth's [V_X; V_Y]. So what is known of
// UUᵀ is said of UVᵀ too: it is that of the symmetric matrix with the blocks 0, Z; Zᵀ, 0, on its positive eigenvalues.
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

// truthBasis is the truth's subspace as a factor W spans it, which is two factors or one.
func truthBasis(t *sensing.Truth, two bool) *mat.Dense {
	if two {
		return stacked(t.Basis(), t.RightBasis())
	}
	return t.Basis()
}

// imbalance is ‖LᵀL − RᵀR‖_F; NaN where L and R are the same. For UUᵀ − VVᵀ it is 2√2·‖UᵀV‖_F: what U and V share.
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

// MeasureSeconds times one measurement of the metrics of a random factor, without the gradient, for estimates.
func MeasureSeconds(p Parametrization, space sensing.Space, rank, factorRank int) float64 {
	n1, n2 := space.Dims()
	truth, err := sensing.NewRectTruth(n1, n2, max(rank, 1), 1, 1)
	if err != nil {
		return 0
	}
	shapes, err := p.Shapes(space, factorRank)
	if err != nil {
		return 0
	}
	u, err := Random{Alpha: 1, Seed: 1}.Factor(shapes, nil)
	if err != nil {
		return 0
	}
	m := newMeter(p, &sensing.Problem{Truth: truth}, truthBasis(truth, len(shapes) > 1))
	began := time.Now()
	s := NewSample(0)
	if m.measure(&s, u) != nil {
		return 0
	}
	return time.Since(began).Seconds()
}

// measure fills in everything of a [NewSample] that comes from the factor alone.
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

// measureFactor fills in what the solver itself measures.
func (m *meter) measureFactor(s *Sample, f Factor) error {
	l, r := m.par.Thin(f)
	if own, ok := m.par.(Metered); ok {
		if m.truth != nil {
			s.TestError = m.distance.of(l, r) / m.norm
			own.Measure(s, f, m.truth)
		}
		return nil
	}
	w := whole(l, r)
	if other, ok := m.par.(Measured); ok {
		p, q, err := other.Measured(f)
		if err != nil {
			return err
		}
		w = whole(p, q)
	} else {
		s.Imbalance = imbalance(l, r)
	}
	kind := mat.SVDNone
	if m.estimate != nil {
		kind = mat.SVDThinU
	}
	sigma, left, err := svd(w, kind)
	if err != nil {
		return err
	}
	s.Sigma = sigma
	if m.estimate != nil {
		n, rank := m.estimate.Dims()
		rank = min(rank, len(sigma))
		if sigma[rank-1] > 0 { // else U has fewer directions than columns
			s.SpectralAngle = sineBetween(m.estimate, left.Slice(0, n, 0, rank).(*mat.Dense))
		}
	}
	if m.truth == nil {
		return nil
	}
	if m.basis == nil {
		m.basis = truthBasis(m.truth, l != r)
	}
	s.TestError = m.distance.of(l, r) / m.norm
	return m.split(s, w)
}

// split divides the factor, here U, along W, the right singular vectors of V_XᵀU: signal, noise and angle.
func (m *meter) split(s *Sample, u *mat.Dense) error {
	n, r := u.Dims()
	rank := m.truth.Rank()
	var inside mat.Dense // V_XᵀU, r* × r
	inside.Mul(m.basis.T(), u)
	var dec mat.SVD
	if !dec.Factorize(&inside, mat.SVDThinV) {
		return fmt.Errorf("solver: the singular vectors of the %d × %d matrix V_XᵀU could not be found", rank, r)
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
	if sigma[len(sigma)-1] > 0 { // else UW spans less than it has columns
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

// sineBetween returns the sine of the largest principal angle by which the columns of q leave the span of p's:
// ‖(I − PPᵀ)Q‖, for P and Q with orthonormal columns.
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

// svd returns the singular values of a, largest first, and the left singular vectors where kind asks for them.
func svd(a *mat.Dense, kind mat.SVDKind) ([]float64, *mat.Dense, error) {
	var dec mat.SVD
	if !dec.Factorize(a, kind) {
		r, c := a.Dims()
		return nil, nil, fmt.Errorf("solver: the singular values of a %d × %d matrix could not be found", r, c)
	}
	var u *mat.Dense
	if kind != mat.SVDNone {
		u = new(mat.Dense)
		dec.UTo(u)
	}
	return dec.Values(nil), u, nil
}
