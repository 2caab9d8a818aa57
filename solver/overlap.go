package solver

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// OverlapWith returns how far the span of the top r* vectors covers the truth's subspace, ‖V_XᵀV‖_F²/r*: 1 if
// they are the same, and about r*/n if the vectors are unrelated to the truth. For r* = 1 it is the square of
// the cosine.
func (s *SpectralEstimate) OverlapWith(truth *sensing.Truth) float64 {
	var inside mat.Dense
	inside.Mul(truthBasis(truth, s.left != s.right).T(), s.Top(truth.Rank()))
	norm := mat.Norm(&inside, 2)
	return norm * norm / float64(truth.Rank())
}

// Overlaps returns ‖V_Xᵀv_k‖² for the top r eigenvectors v_k: the part of each that lies in the truth's
// subspace. For r = r* their mean is [SpectralEstimate.OverlapWith].
func (s *SpectralEstimate) Overlaps(truth *sensing.Truth, r int) []float64 {
	var inside mat.Dense
	inside.Mul(truthBasis(truth, s.left != s.right).T(), s.Top(r))
	out := make([]float64, r)
	for k := range out {
		out[k] = sumOfSquares(mat.Col(nil, k, &inside))
	}
	return out
}

// WeakRecovery returns the threshold of δ = m/n for a multi-index model. Above it some T exists such that, as
// n grows, the top eigenvectors of S = 1/m Σ T(y_i) a_i a_iᵀ, n × n, keep an overlap with the model's
// subspace:
//
//	1/δ = max_j E[(E[⟨u_j, z⟩² | y] − 1)²],
//
// which is 1/2 for phase retrieval. (Mondelli and Montanari, arXiv 1708.05932, for p = 1; Kovačević, Zhang
// and Mondelli, arXiv 2502.01583.)
func WeakRecovery(law []sensing.LawPoint) float64 {
	var most float64
	for j := range law[0].Second {
		var sum float64
		for _, at := range law {
			d := at.Second[j] - 1
			sum += at.Weight * d * d
		}
		most = math.Max(most, sum)
	}
	return 1 / most
}

// Eigenvalues are the limits of S's largest eigenvalues, and of their eigenvectors' overlaps with a
// multi-index model's subspace, as n and m = δ·n grow.
type Eigenvalues struct {
	// Mean is the mean E[T] of S's eigenvalues, and Edge the upper end of the bulk of the spectrum.
	Mean, Edge float64
	// Directions has one for each direction u_j of the indices, in the order of [sensing.LawPoint].
	Directions []Eigenvalue
}

// Eigenvalue is an eigenvalue outside the bulk, and the squared cosine between its eigenvector and u_j. If
// there is none, the value is the edge of the bulk, and the overlap is 0.
type Eigenvalue struct{ Value, Overlap float64 }

// Overlap returns the limit of [SpectralEstimate.OverlapWith]: the mean overlap of the directions.
func (o Eigenvalues) Overlap() float64 {
	var sum float64
	for _, d := range o.Directions {
		sum += d.Overlap
	}
	return sum / float64(len(o.Directions))
}

// Top returns the limits of S's k largest eigenvalues: those outside the bulk in descending order, then the
// edge.
func (o Eigenvalues) Top(k int) []Eigenvalue {
	top := slices.Clone(o.Directions)
	slices.SortStableFunc(top, func(a, b Eigenvalue) int { return cmp.Compare(b.Value, a.Value) })
	for len(top) < k {
		top = append(top, Eigenvalue{Value: o.Edge})
	}
	return top[:k]
}

// PredictEigenvalues returns the limits of S's largest eigenvalues and of their eigenvectors' overlaps with a
// multi-index model's subspace, as n and m = δ·n grow, for a T that is bounded from above. With the functions
// of λ > sup T
//
//	ψ(λ) = λ·(1/δ + E[T/(λ − T)]),   φ_j(λ) = λ·E[T·⟨u_j, z⟩²/(λ − T)],
//
// the bulk of the spectrum ends at min ψ = ψ(λ̄). If φ_j(λ̄) > ψ(λ̄), an eigenvalue lies outside the bulk: at
// φ_j(λ*) = ψ(λ*), λ* > λ̄. The squared cosine between its eigenvector and u_j is ψ′(λ*)/(ψ′(λ*) − φ_j′(λ*)).
// Otherwise the eigenvectors tell nothing about u_j. (Lu and Li, Phase Transitions of Spectral Initialization
// for High-Dimensional Nonconvex Estimation, arXiv 1702.06435, for p = 1. Along directions that diagonalize
// E[z zᵀ | y] for every y, each direction is such a problem by itself, a case of Kovačević, Zhang and
// Mondelli, arXiv 2502.01583.)
func PredictEigenvalues(
	law []sensing.LawPoint, transform func(y float64) float64, delta float64,
) Eigenvalues {
	s := spiked{law: law, delta: delta, top: math.Inf(-1)}
	for _, at := range law {
		t := transform(at.Y)
		s.t = append(s.t, t)
		s.top = math.Max(s.top, t)
	}
	s.scale = math.Max(math.Abs(s.top), 1e-12)
	edge := rootAbove(s.top, s.scale, func(x float64) float64 { _, psi, _ := s.functions(0, x); return psi })
	o := Eigenvalues{Edge: s.psi(edge)}
	for k, at := range law {
		o.Mean += at.Weight * s.t[k]
	}
	for j := range law[0].Second {
		o.Directions = append(o.Directions, s.direction(j, edge))
	}
	return o
}

// spiked is a spectrum in which the eigenvalues of some directions may lie outside the bulk.
type spiked struct {
	law   []sensing.LawPoint
	t     []float64 // T of each point
	top   float64   // sup T
	scale float64   // the size of λ
	delta float64
}

// psi returns ψ at λ.
func (s *spiked) psi(lambda float64) float64 {
	sum := 1 / s.delta
	for k, at := range s.law {
		sum += at.Weight * s.t[k] / (lambda - s.t[k])
	}
	return lambda * sum
}

// functions returns ψ − φ_j, ψ′ and φ_j′ at λ.
func (s *spiked) functions(j int, lambda float64) (gap, psi, phi float64) {
	var e1, e2, f1, f2 float64 // E[T/(λ − T)], E[T/(λ − T)²]; the same with the weight ⟨u_j, z⟩²
	for k, at := range s.law {
		v := at.Weight * s.t[k] / (lambda - s.t[k])
		w := v / (lambda - s.t[k])
		e1, e2 = e1+v, e2+w
		f1, f2 = f1+v*at.Second[j], f2+w*at.Second[j]
	}
	return lambda * (1/s.delta + e1 - f1), 1/s.delta + e1 - lambda*e2, f1 - lambda*f2
}

// direction returns the eigenvalue of one direction. The bulk ends at ψ(edge).
func (s *spiked) direction(j int, edge float64) Eigenvalue {
	if gap, _, _ := s.functions(j, edge); gap >= 0 {
		return Eigenvalue{Value: s.psi(edge)}
	}
	at := rootAbove(edge, s.scale, func(x float64) float64 { gap, _, _ := s.functions(j, x); return gap })
	_, psi, phi := s.functions(j, at)
	return Eigenvalue{s.psi(at), psi / (psi - phi)}
}

// rootAbove finds the point above from at which a function turns from negative to positive. If the function
// is positive right above from, it returns a point next to from.
func rootAbove(from, scale float64, f func(float64) float64) float64 {
	low, high := from+1e-9*scale, from+scale
	if f(low) >= 0 {
		return low
	}
	for f(high) < 0 {
		high = from + 2*(high-from)
	}
	for range 60 {
		if middle := (low + high) / 2; f(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
