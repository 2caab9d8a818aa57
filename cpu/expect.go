package cpu

import (
	"github.com/matsense/matsense/internal/estimate"
	"github.com/matsense/matsense/internal/parallel"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// The rates of a core and of its memory. They follow from the times in docs/benchmarks.md, which are of one
// server; other processors differ by a factor of two or so.
const (
	coreBytes = 18e9  // a second, as long as few cores share the memory
	mostBytes = 200e9 // a second, for all cores
	// Multiply-adds a second: in the contraction of rows, in products with vectors, and with gathered rows of
	// the factor.
	coreRows, coreVectors, coreGathered = 13e9, 6e9, 5e9
	stepSeconds                         = 20e-6 // to start the workers and to wait for them, several times
)

// Expect estimates, from counted work and typical rates, the seconds before the first step and of one step of
// one member with the batch's largest factor. It measures nothing; [Backend.Estimate] measures. step is 0 if
// the ensemble is of a kind that it does not know.
func (b Backend) Expect(e sensing.Ensemble, batch solver.Batch) (opening, step float64) {
	work, known := estimate.Of(e, b.Storage, batch)
	if !known {
		return 0, 0
	}
	cores := float64(parallel.Workers(b.Workers))
	rates := estimate.Rates{Bytes: min(cores*coreBytes, mostBytes), Step: stepSeconds}
	switch e.(type) {
	case sensing.Rows:
		rates.Operations = cores * coreRows
	case *sensing.Completion:
		rates.Operations = cores * coreGathered
	default:
		rates.Operations = cores * coreVectors
	}
	return 0, rates.Seconds(work)
}
