// Package estimate estimates the time of a step of gradient descent from a device's rates. It measures
// nothing, so that an estimate is the same each time. An estimate may be off by a factor of two or three.
package estimate

import (
	"slices"

	"github.com/matsense/matsense/internal/work"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Work is what a step of one member is expected to do. It is the least that the step takes, with what a
// device moves besides.
type Work struct {
	Bytes      float64 // that are read from memory or written to it
	Operations float64 // multiply-adds
}

// Of returns the work of a step with the largest factor of a batch. known is false for a kind of ensemble
// that it does not know.
func Of(e sensing.Ensemble, storage solver.Storage, batch solver.Batch) (w Work, known bool) {
	const number = 8 // bytes
	least, known := work.Of(e, slices.Max(batch.FactorRanks), 1, solver.F64, storage != solver.Generated)
	w = Work{Bytes: least.Bytes, Operations: least.Doubles}
	switch e := e.(type) {
	case *sensing.Completion:
		w.Bytes += number * least.Gathers * float64(least.Columns)
	case *sensing.RankOne:
		w.Bytes *= 2 // each vector takes part in two products
	case *sensing.Pauli:
		n, _ := e.Space().Dims()
		w.Bytes = 4 * number * float64(n) * float64(n) // two transforms read and write a matrix
	}
	return w, known
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
