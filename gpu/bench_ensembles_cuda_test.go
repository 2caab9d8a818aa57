//go:build cuda

package gpu

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// benchmarkEnsemble times whole steps of gradient descent on an ensemble without rows of entries, for every
// size, batch, arithmetic and storage. What the backend does not have is skipped, with the backend's words.
func benchmarkEnsemble(b *testing.B, began time.Time) {
	storages := strings.Split(*benchStorages, ",")
	if *benchEnsemble == "completion" {
		storages = []string{string(solver.Memory)} // the entries are never generated
	}
	for _, text := range strings.Split(*benchSizes, ",") {
		n, m, r := sizeOf(b, text)
		ensemble := ensembleOf(b, *benchEnsemble, n, m)
		for _, members := range numbers(b, *benchBatches) {
			for _, precision := range []solver.Precision{solver.F64, solver.F32} {
				for _, storage := range storages {
					name := fmt.Sprintf("%s/n=%d/m=%d/r=%d/%s/%s/batch=%d",
						*benchEnsemble, n, m, r, precision, storage, members)
					b.Run(name, func(b *testing.B) {
						if time.Since(began) > *benchUntil {
							b.Skip("out of time")
						}
						truth, err := sensing.NewTruth(n, min(5, n), 1, 1)
						check(b, err)
						problem := &sensing.Problem{Ensemble: ensemble, Truth: truth}
						batch := solver.Batch{
							Parametrization: solver.PSD{}, FactorRanks: slices.Repeat([]int{r}, members),
						}
						backend := onGPU(b, solver.Storage(storage), precision, unguarded)
						if _, err := backend.Memory(problem, batch); err != nil {
							b.Skipf("no kernels: %v", err)
						}
						e, all := openBench(b, backend, problem, batch)
						defer e.Close()
						b.Run("step", func(b *testing.B) { timeSteps(b, e, all) })
					})
				}
			}
		}
	}
}

// sizeOf reads n:m:r.
func sizeOf(b *testing.B, text string) (n, m, r int) {
	sizes := numbers(b, strings.ReplaceAll(text, ":", ","))
	if len(sizes) != 3 {
		b.Fatalf("%q is not a size n:m:r", text)
	}
	return sizes[0], sizes[1], sizes[2]
}

// ensembleOf makes an ensemble of symmetric matrices by its name.
func ensembleOf(b *testing.B, name string, n, m int) (e sensing.Ensemble) {
	var err error
	switch name {
	case "completion":
		e, err = sensing.NewCompletion(sensing.Sym{N: n}, m, 1)
	case "rank-one":
		e, err = sensing.NewRankOne(sensing.Sym{N: n}, m, 1)
	default:
		err = fmt.Errorf("cuda.ensemble is rows, completion or rank-one, not %q", name)
	}
	check(b, err)
	return e
}
