package solver

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Sparse is the parametrization β = u∘u − v∘v of vectors, n × 1 matrices, by two vectors, element by element:
// the diagonal case of [Indefinite]. With G = 1/m·Σ res_i a_i
//
//	∂f/∂u = G∘u,   ∂f/∂v = −G∘v
//
// so that the change of an element is proportional to the element. From a small start the large elements of
// the solution grow first, and of many solutions the method finds nearly the sparsest. (Vaškevičius, Kanade
// and Rebeschini, Implicit Regularization for Optimal Sparse Recovery, NeurIPS 2019, arXiv 1909.05122; Fan,
// Yang and Yu, arXiv 2007.08322.)
type Sparse struct{}

var _ SelfMeasuring = Sparse{}

// Name implements [Parametrization].
func (Sparse) Name() string { return "sparse" }

// Shapes implements [Parametrization].
func (Sparse) Shapes(space sensing.Space, r int) ([]Shape, error) {
	n, columns := space.Dims()
	if _, rect := space.(sensing.Rect); !rect || columns != 1 {
		return nil, fmt.Errorf("solver: u∘u − v∘v is a vector of one column, and the measurements are of"+
			" %s matrices, %d × %d", space.Name(), n, columns)
	}
	if r != 1 {
		return nil, fmt.Errorf("solver: u and v have one column, got the factor rank %d", r)
	}
	return []Shape{{n, 1}, {n, 1}}, nil
}

// Thin implements [Parametrization]: L = u∘u − v∘v and R = (1).
func (Sparse) Thin(f Factor) (l, r *mat.Dense) {
	n, _ := f[0].Dims()
	l = mat.NewDense(n, 1, nil)
	for i := range n {
		u, v := f[0].At(i, 0), f[1].At(i, 0)
		l.Set(i, 0, float64(u*u)-float64(v*v))
	}
	return l, mat.NewDense(1, 1, []float64{1})
}

// Pullback implements [Parametrization]: since R = (1), G·R is G.
func (Sparse) Pullback(dst Factor, gr, _ *mat.Dense, f Factor) {
	dst[0].MulElem(gr, f[0])
	dst[1].MulElem(gr, f[1])
	dst[1].Scale(-1, dst[1])
}

// Measure implements [SelfMeasuring]. The signal is the least |β_i| over the support of β*, the noise is the
// largest |β_i| outside it, and the angle is the sine of the angle between β and β*; 1 if β = 0.
func (p Sparse) Measure(s *Sample, f Factor, truth *sensing.Truth) {
	l, _ := p.Thin(f)
	beta, target := l.RawMatrix().Data, truth.Basis().RawMatrix().Data
	s.Signal, s.Noise = math.Inf(1), 0
	for i, b := range beta {
		if target[i] != 0 {
			s.Signal = min(s.Signal, math.Abs(b))
		} else {
			s.Noise = max(s.Noise, math.Abs(b))
		}
	}
	s.Angle = 1
	if norm := floats.Norm(beta, 2); norm > 0 {
		floats.Scale(1/norm, beta)
		inside := floats.Dot(beta, target)
		floats.AddScaled(beta, -inside, target)
		s.Angle = min(floats.Norm(beta, 2), 1)
	}
}
