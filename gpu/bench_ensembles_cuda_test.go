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
	if *benchEnsemble != "rank-one" {
		storages = []string{string(solver.Memory)} // the others are never generated
	}
	for _, text := range strings.Split(*benchSizes, ",") {
		n, m, rank := sizeOf(b, text)
		ensemble := ensembleOf(b, *benchEnsemble, n, m)
		for _, members := range numbers(b, *benchBatches) {
			for _, precision := range []solver.Precision{solver.F64, solver.F32} {
				for _, storage := range storages {
					name := fmt.Sprintf("%s/n=%d/m=%d/r=%d/%s/%s/batch=%d",
						*benchEnsemble, n, m, rank, precision, storage, members)
					b.Run(name, func(b *testing.B) {
						if time.Since(began) > *benchUntil {
							b.Skip("out of time")
						}
						truth, err := sensing.NewTruth(n, min(5, n), 1, 1)
						check(b, err)
						problem := &sensing.Problem{Ensemble: ensemble, Truth: truth}
						batch := solver.Batch{
							Parametrization: solver.PSD{}, FactorRanks: slices.Repeat([]int{rank}, members),
						}
						backend := onGPU(b, solver.Storage(storage), precision, unguarded)
						if _, err := backend.Memory(problem, batch); err != nil {
							b.Skipf("no kernels: %v", err)
						}
						e, all := openBench(b, backend, problem, batch)
						defer e.Close()
						r := rates{backend.Info, copyRate(b, e.device), launchTimeOf(b, e)}
						b.Run("step", func(b *testing.B) {
							timeSteps(b, e, all)
							all := amountsOf[*benchEnsemble](n, m, rank, members)
							if storage == string(solver.Generated) {
								// 120 to make a number, as docs/kernels.md says.
								all.bytes, all.instructions = 0, 120*float64(n)*float64(m)
							}
							reportFloors(b, r.floors(all))
						})
					})
				}
			}
		}
	}
}

// amountsOf counts a step on an ensemble without rows.
var amountsOf = map[string]func(n, m, r, members int) amounts{
	"completion": sampledAmounts, "rank-one": rankOneAmounts, "pauli": pauliAmounts,
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
	case "pauli":
		e, err = sensing.NewPauli(n, m, 1)
	default:
		err = fmt.Errorf("cuda.ensemble is rows, completion, rank-one or pauli, not %q", name)
	}
	check(b, err)
	return e
}
