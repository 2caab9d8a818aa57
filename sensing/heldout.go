package sensing

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// HeldOut has measurements that no gradient uses. The error on them says how well an iterate predicts data
// that it was not fitted to.
type HeldOut struct {
	// Ensemble has the measurements. Its space is the problem's.
	Ensemble Divisible
	// Observations has what was observed with each measurement.
	Observations []float64

	// exact has ⟨A_i, M*⟩ if the noise is still to be added: [Problem.AddNoise] then makes Observations.
	exact []float64
	// numbers are the measurements' own among all of the problem, in ascending order.
	numbers []int
}

// Divisible is an ensemble some of whose measurements can be held out.
type Divisible interface {
	Ensemble
	// Divide returns the ensemble of the measurements that are not in held, and the ensemble of those that
	// are. held is in ascending order and has neither none nor all of the measurements; of drawn Gaussian,
	// Rademacher and rank-one measurements it has the last ones. Divide may move the ensemble's numbers, so
	// the ensemble must not be used afterwards.
	Divide(held []int) (rest, heldOut Divisible)
	// Apply does p_i = ⟨A_i, L·Rᵀ⟩ on the host, for L of n1 × d and R of n2 × d. In a symmetric space L·Rᵀ
	// must be symmetric.
	Apply(p []float64, l, r *mat.Dense)
}

// HoldOut moves so many of the problem's measurements, which must be [Divisible], to HeldOut, with what is
// observed with them: see the function [HoldOut]. If the problem has no observations, those of measurements
// that are drawn independently are still made by an engine.
func (p *Problem) HoldOut(count int, seed uint64) {
	e := p.Ensemble.(Divisible)
	numbers := heldNumbers(e, count, seed)
	if p.Observations == nil && areIndependent(e) {
		h := &HeldOut{
			Observations: make([]float64, count), exact: make([]float64, count), numbers: numbers,
		}
		p.Ensemble, h.Ensemble = e.Divide(numbers)
		h.Ensemble.Apply(h.exact, p.Truth.X(), p.Truth.Right())
		p.HeldOut = h
		return
	}
	if p.Observations == nil { // an engine would make those of the measurements that are left
		p.Observations = make([]float64, e.Measurements())
		e.Apply(p.Observations, p.Truth.X(), p.Truth.Right())
		p.AddNoise(p.Observations)
	}
	p.Ensemble, p.Observations, p.HeldOut = HoldOut(e, p.Observations, count, seed)
	p.HeldOut.numbers = numbers
}

// HoldOut divides measurements and their observations. It holds out so many of them. Of measurements that are
// drawn independently, as Gaussian ones are, they are the last ones; of others their numbers are [Choose] of
// the seed's stream [HeldOutStream]. e and y must not be used afterwards.
func HoldOut(e Divisible, y []float64, count int, seed uint64) (rest Divisible, restY []float64, h *HeldOut) {
	held := heldNumbers(e, count, seed)
	var heldOut Divisible
	rest, heldOut = e.Divide(held)
	restY, heldY := divided(y, 1, held)
	return rest, restY, &HeldOut{Ensemble: heldOut, Observations: heldY}
}

// Choose returns count different numbers from 0 to m − 1, in ascending order; all sets of them are equally
// likely. They are the first count different numbers of the stream, or, if count > m − count, all but the
// first m − count different numbers.
func Choose(s Stream, m, count int) []int {
	numbers := distinct(s, uint64(m), min(count, m-count))
	if count > m-count {
		numbers = complement(numbers, uint64(m))
	}
	chosen := make([]int, count)
	for i, number := range numbers {
		chosen[i] = int(number)
	}
	return chosen
}

// validate returns an error if the held-out measurements do not belong to a space.
func (h *HeldOut) validate(s Space) error {
	switch {
	case h.Ensemble == nil || h.Ensemble.Measurements() < 1:
		return fmt.Errorf("sensing: there are no held-out measurements")
	case h.Ensemble.Space() != s:
		n1, n2 := s.Dims()
		h1, h2 := h.Ensemble.Space().Dims()
		return fmt.Errorf("sensing: the held-out measurements are of %d × %d matrices, and the others of "+
			"%d × %d", h1, h2, n1, n2)
	case len(h.Observations) != h.Ensemble.Measurements():
		return fmt.Errorf("sensing: %d observations for %d held-out measurements", len(h.Observations),
			h.Ensemble.Measurements())
	}
	return CheckObservations(h.Observations)
}

// RMSE returns the root mean square of the errors of L·Rᵀ on the held-out measurements, in the data's unit as
// [UnitSquares] defines it. L is n1 × d and R is n2 × d.
func (h *HeldOut) RMSE(l, r *mat.Dense) float64 {
	p := make([]float64, len(h.Observations))
	h.Ensemble.Apply(p, l, r)
	var squares float64
	for i, y := range h.Observations {
		residual := p[i] - y
		squares += float64(residual * residual)
	}
	return math.Sqrt(squares / UnitSquares(h.Ensemble))
}

// UnitSquares returns Σ_k Unit_k², such that √(Σ_k res_k²/Σ_k Unit_k²) is the root mean square of the
// residuals res_k = ⟨A_k, Z⟩ − y_k in the data's unit. Unit_k is the number of units of an observation in one
// unit of the data. For a [Completion] the data are the entries of the matrix. The mean is then over all
// observed positions, which have both (i, j) and (j, i) if the matrix is symmetric. For every other ensemble
// the data are the observations themselves, and each Unit_k is 1.
func UnitSquares(e Ensemble) (sum float64) {
	c, entries := e.(*Completion)
	if !entries {
		return float64(e.Measurements())
	}
	rows, cols := c.Positions()
	_, symmetric := c.space.(Sym)
	count := len(rows)
	for k := range rows {
		if symmetric && rows[k] != cols[k] {
			count++
		}
	}
	return float64(c.space.K()) * float64(count)
}
