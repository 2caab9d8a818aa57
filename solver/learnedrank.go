package solver

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Gradient descent from a small start learns a matrix rank by rank: Z comes close to the best approximations
// M*_k of M* of rank k = 1, 2, … in turn, before it goes on to the next (Jin, Li, Lyu, Du and Lee, arXiv
// 2301.11500). Two metrics follow it: learned_rank is the k ≥ 0 for which ‖Z − M*_k‖_F is least, and
// learned_rank_error is this distance over ‖M*‖_F. M*_0 is 0, and M*_r* is M*. If the singular values k and
// k + 1 of M* are equal, there is no one M*_k, and if all are, the metrics are unknown.

// isRankOf says whether M* has one best approximation of rank k.
func isRankOf(t *sensing.Truth, k int) bool {
	const rounding = 1e-9 // of singular values that were computed
	return k == 0 || k == t.Rank() || t.Sigma()[k-1] > (1+rounding)*t.Sigma()[k]
}

// learnsByRank says whether M* has a best approximation besides 0 and itself.
func learnsByRank(t *sensing.Truth) bool {
	for k := 1; k < t.Rank(); k++ {
		if isRankOf(t, k) {
			return true
		}
	}
	return false
}

// setLearnedRank sets the two metrics. inside has V_Xᵀ·Z·V_Y of a truth with the singular vectors V_X and
// V_Y, largest first. Of M*_k the entries σ_j with j > k are missing, so that
//
//	‖Z − M*_k‖² = ‖Z − M*‖² + Σ_{j>k} σ_j·(2·inside_jj − σ_j).
//
// The square root of a rounding, 1e-8, is the least difference that this can tell.
func setLearnedRank(s *Sample, t *sensing.Truth, inside *mat.Dense) {
	norm := t.Norm()
	square := s.TestError * s.TestError * norm * norm
	rank, least := t.Rank(), square
	for k := t.Rank() - 1; k >= 0; k-- {
		sigma := t.Sigma()[k] * t.Sigma()[k] // M* has the squares of X's singular values
		square += sigma * (2*inside.At(k, k) - sigma)
		if square < least && isRankOf(t, k) {
			rank, least = k, square
		}
	}
	s.Set("learned_rank", float64(rank))
	s.Set("learned_rank_error", math.Sqrt(max(least, 0))/norm)
}

// insideTruth returns V_Xᵀ·L·Rᵀ·V_Y.
func insideTruth(t *sensing.Truth, l, r *mat.Dense) *mat.Dense {
	var a, b, inside mat.Dense
	a.Mul(t.Basis().T(), l)
	b.Mul(t.RightBasis().T(), r)
	inside.Mul(&a, b.T())
	return &inside
}

// Plateau is a stretch of a trajectory along which Z is closer to M*_Rank than to the other best
// approximations of M*.
type Plateau struct {
	Rank        int
	First, Last int // indices of its first and last sample
	Closest     int // index of the sample with the least distance to M*_Rank
}

// Plateaus finds the stretches, in order. A stretch whose least distance exceeds half of the distance from
// M*_Rank to the next best approximation, or from M* to the one before, is left out: Z never came close.
func (t Trajectory) Plateaus(truth *sensing.Truth) (all []Plateau) {
	if truth == nil {
		return nil
	}
	for i := range t {
		rank := t[i].Value("learned_rank")
		if math.IsNaN(rank) {
			continue
		}
		if last := len(all) - 1; last >= 0 && all[last].Rank == int(rank) {
			p := &all[last]
			p.Last = i
			if t[i].Value("learned_rank_error") < t[p.Closest].Value("learned_rank_error") {
				p.Closest = i
			}
			continue
		}
		all = append(all, Plateau{Rank: int(rank), First: i, Last: i, Closest: i})
	}
	kept := all[:0]
	for _, p := range all {
		if t[p.Closest].Value("learned_rank_error") <= gapAbove(truth, p.Rank)/truth.Norm()/2 {
			kept = append(kept, p)
		}
	}
	return kept
}

// gapAbove returns the distance from M*_k to the next best approximation, and for k = r* to the one before.
// Between the two are the singular values of M* that Z learns together: more than one if they are equal.
func gapAbove(t *sensing.Truth, k int) float64 {
	first := min(k, t.Rank()-1)
	for !isRankOf(t, first) { // k = r*, and the last singular values are equal
		first--
	}
	gap := 0.0
	for j := first; j == first || !isRankOf(t, j); j++ {
		gap = math.Hypot(gap, t.Sigma()[j]*t.Sigma()[j])
	}
	return gap
}
