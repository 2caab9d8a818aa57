// Package estimate counts the bytes and operations of a step of gradient descent, and estimates its time from
// a device's rates. It measures nothing, so that an estimate is the same each time. An estimate may be off by
// a factor of two or three.
package estimate

import (
	"math"
	"slices"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Work is what a step of one member does. A batch shares reading the measurements, which Work leaves out.
type Work struct {
	Bytes      float64 // that are read from memory or written to it
	Operations float64 // multiply-adds
}

// Of counts the work of a step with the largest factor of a batch. It leaves out what is small beside the
// measurements. known is false for a kind of ensemble that it does not know.
func Of(e sensing.Ensemble, storage solver.Storage, batch solver.Batch) (w Work, known bool) {
	n1, n2 := e.Space().Dims()
	m, coordinates := float64(e.Measurements()), float64(n1)*float64(n2)
	cols := float64(slices.Max(batch.FactorRanks))
	switch e := e.(type) {
	case sensing.Rows:
		// Each entry takes part in a dot product and in a sum. Lift and pullback take the rest.
		entries := m * float64(e.Space().K())
		if storage != solver.Generated {
			w.Bytes = entries * float64(e.Entries().EntryBits()) / 8
		}
		w.Operations = 2*entries + 3*coordinates*cols
	case *sensing.Completion:
		// On each side of the diagonal an entry has an index and a value, and gathers a row of U once for its
		// residual and the gradient.
		sides := 2 * m
		w.Bytes = sides * (16 + 8*cols)
		w.Operations = sides * 2 * cols
	case *sensing.RankOne:
		// Each vector takes part in two products.
		numbers := m * float64(e.VectorLen())
		if storage != solver.Generated {
			w.Bytes = 2 * 8 * numbers
		}
		w.Operations = 2 * numbers * cols
	case *sensing.Pauli:
		// Two transforms of n² numbers, which are read and written.
		w.Bytes = 4 * 8 * coordinates
		w.Operations = coordinates * (2*math.Log2(float64(n1)) + 3*cols)
	default:
		return Work{}, false
	}
	return w, true
}

// Rates are a device's rates.
type Rates struct {
	Bytes      float64 // that its memory moves in a second
	Operations float64 // multiply-adds in a second
	Step       float64 // seconds of a step besides
}

// Seconds is the estimated time of a step: memory and arithmetic overlap.
func (r Rates) Seconds(w Work) float64 {
	return max(w.Bytes/r.Bytes, w.Operations/r.Operations) + r.Step
}
