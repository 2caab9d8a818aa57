//go:build cuda

package gpu

import (
	"fmt"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// BenchmarkCUDALosses times what losses and Adam cost beside the squared loss and gradient descent: a
// gradient of rows and of observed entries on each loss, and a step of each method. The problem has the first
// of -cuda.n, and -cuda.m. There are as many observed entries as measurements, if the matrix has so many.
// Like BenchmarkCUDA it measures once, whatever -test.benchtime says.
func BenchmarkCUDALosses(b *testing.B) {
	rows := benchCase{numbers(b, *benchN)[0], *benchM, 1, sensing.F32, solver.F64, solver.Memory}
	problem, batch := rows.problem(b)
	adam := solver.Adam{StepSize: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	batch.Needs, batch.Losses = adam.Needs(), []solver.Loss{solver.L1{}, solver.Squared{}}
	backend := onGPU(b, solver.Memory, solver.F64, unguarded)
	b.Run(rows.String(), func(b *testing.B) {
		e, all := openBench(b, backend, problem, batch)
		defer e.Close()
		for _, l := range []solver.Loss{solver.L1{}, solver.Squared{}} {
			check(b, e.SetLoss(0, l))
			b.Run("gradient-"+l.Name(), func(b *testing.B) {
				repeat(b, e.device, func(int) error { return e.gradient(all) })
			})
		}
		member, err := solver.NewMember(e, 0, problem.Ensemble.Space(), batch.Parametrization, rows.n)
		check(b, err)
		for _, method := range []solver.Method{solver.GD{StepSize: 1e-3}, adam} {
			b.Run("step-"+method.Name(), func(b *testing.B) {
				repeat(b, e.device, func(i int) error {
					if err := method.Step(member, i); err != nil {
						return err
					}
					return e.rounds()
				})
			})
		}
	})
	entries, err := sensing.NewCompletion(sensing.Sym{N: rows.n}, min(rows.m, rows.n*(rows.n+1)/2), 1)
	check(b, err)
	for _, l := range []solver.Loss{solver.Squared{}, solver.L1{}} {
		batch.Losses = []solver.Loss{l}
		name := fmt.Sprintf("completion/n=%d/m=%d/memory/batch=1", rows.n, entries.Measurements())
		b.Run(name+"/gradient-"+l.Name(), func(b *testing.B) {
			e, all := openBench(b, backend, &sensing.Problem{Ensemble: entries, Truth: problem.Truth}, batch)
			defer e.Close()
			repeat(b, e.device, func(int) error { return e.gradient(all) })
		})
	}
}
