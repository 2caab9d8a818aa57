package matsense_test

import (
	"context"
	"fmt"
	"log"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Recover a 40 × 40 matrix of rank 2 from 800 Gaussian measurements with a 40 × 40 factor, started near zero.
func Example() {
	const n, rank, seed = 40, 2, 1
	measurements, err := sensing.NewGaussian(sensing.Sym{N: n}, 10*n*rank, sensing.F64, seed)
	if err != nil {
		log.Fatal(err)
	}
	truth, err := sensing.NewTruth(n, rank, 2, seed)
	if err != nil {
		log.Fatal(err)
	}
	problem := &sensing.Problem{Ensemble: measurements, Truth: truth}

	var trajectory solver.Trajectory
	result, err := solver.Solve(context.Background(), problem, cpu.Backend{}, solver.GD{StepSize: 0.25},
		solver.Settings{
			Start:      solver.Random{Alpha: 1e-8, Seed: seed},
			Iterations: 1000,
			Recorder:   &trajectory,
		})
	if err != nil {
		log.Fatal(err)
	}
	phases := trajectory.Phases(truth, result.Spectral.AngleTo(truth), solver.Thresholds{})

	fmt.Println(result.Status)
	fmt.Println("three phases found:", phases.AlignmentEnd > 0 && phases.SaddleEnd > phases.AlignmentEnd &&
		phases.FloorStart > phases.SaddleEnd)
	fmt.Println("test error below 1e-6:", trajectory[len(trajectory)-1].TestError < 1e-6)
	// Output:
	// budget-spent
	// three phases found: true
	// test error below 1e-6: true
}
