package solver_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// gaussian returns a 20 × 20 truth of rank 2 and 400 Gaussian measurements of it.
func gaussian() *sensing.Problem {
	measurements, err := sensing.NewGaussian(sensing.Sym{N: 20}, 400, sensing.F64, 1)
	if err != nil {
		log.Fatal(err)
	}
	truth, err := sensing.NewTruth(20, 2, 2, 1)
	if err != nil {
		log.Fatal(err)
	}
	return &sensing.Problem{Ensemble: measurements, Truth: truth}
}

// Recover a 20 × 20 matrix of rank 2 from 400 measurements on the CPU.
func ExampleSolve() {
	measurements, err := sensing.NewGaussian(sensing.Sym{N: 20}, 400, sensing.F64, 1)
	if err != nil {
		log.Fatal(err)
	}
	truth, err := sensing.NewTruth(20, 2, 2, 1)
	if err != nil {
		log.Fatal(err)
	}
	problem := &sensing.Problem{Ensemble: measurements, Truth: truth}
	var samples solver.Trajectory
	result, err := solver.Solve(context.Background(), problem, cpu.Backend{}, solver.GD{StepSize: 0.25},
		solver.Settings{
			Start:      solver.Random{Alpha: 1e-6, Seed: 1},
			Iterations: 2000,
			Stopper:    solver.ErrorBelow(1e-4),
			Recorder:   &samples,
		})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Status)
	fmt.Println("error below 1e-4:", samples[len(samples)-1].TestError <= 1e-4)
	// Output:
	// converged
	// error below 1e-4: true
}

// clippedGD is a user's method: gradient descent with a gradient of at most the given norm,
//
//	U ← U − μ·min(1, c/‖∇f(U)‖)·∇f(U).
type clippedGD struct{ StepSize, Norm float64 } // μ and c

func (clippedGD) Name() string { return "clipped-gd" }

// Needs asks for ∇f at the iterate before each step.
func (clippedGD) Needs() solver.Needs { return solver.Needs{Gradient: true} }

func (d clippedGD) Step(m *solver.Member, _ int) error {
	square, err := m.Dot(solver.Gradient, solver.Gradient)
	if err != nil {
		return err
	}
	step := d.StepSize / max(1, math.Sqrt(square)/d.Norm)
	return m.Combine(solver.Iterate, 1, solver.Iterate, -step, solver.Gradient)
}

// A user's method has a name, its needs and a step. It runs on every backend.
func ExampleMethod() {
	var method solver.Method = clippedGD{StepSize: 0.25, Norm: 0.1}
	var samples solver.Trajectory
	_, err := solver.Solve(context.Background(), gaussian(), cpu.Backend{}, method, solver.Settings{
		Start: solver.Random{Alpha: 1, Seed: 1}, FactorRank: 2, Iterations: 1000, Recorder: &samples,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(method.Name(), "recovers the truth:", samples[len(samples)-1].TestError < 1e-6)
	// Output:
	// clipped-gd recovers the truth: true
}

// init adds the metric of ExampleRegisterMetric before any sample is taken.
func init() {
	solver.RegisterMetric(solver.Metric{
		Name: "largest_row", Title: "largest norm of a row of U",
		Measure: func(_ *solver.Sample, f solver.Factor) float64 {
			rows, _ := f[0].Dims()
			largest := 0.0
			for i := range rows {
				largest = max(largest, mat.Norm(f[0].RowView(i), 2))
			}
			return largest
		},
	})
}

// A user's metric is one entry of the table. Register it from an init function:
//
//	solver.RegisterMetric(solver.Metric{
//		Name: "largest_row", Title: "largest norm of a row of U",
//		Measure: func(_ *solver.Sample, f solver.Factor) float64 { … },
//	})
//
// Every sample then has a value, which files, charts and pages show.
func ExampleRegisterMetric() {
	var samples solver.Trajectory
	_, err := solver.Solve(context.Background(), gaussian(), cpu.Backend{}, solver.GD{StepSize: 0.25},
		solver.Settings{
			Start: solver.Random{Alpha: 1e-3, Seed: 1}, Iterations: 200, Recorder: &samples,
		})
	if err != nil {
		log.Fatal(err)
	}
	first, last := samples[0], samples[len(samples)-1]
	fmt.Println("the rows of U grow:", last.Value("largest_row") > 10*first.Value("largest_row"))
	// Output:
	// the rows of U grow: true
}

// From a small random start a run first aligns with the spectral estimate, then leaves the saddle at 0, and
// then refines the solution down to a floor.
func ExampleTrajectory_Phases() {
	problem := gaussian()
	var samples solver.Trajectory
	result, err := solver.Solve(context.Background(), problem, cpu.Backend{}, solver.GD{StepSize: 0.25},
		solver.Settings{
			Start: solver.Random{Alpha: 1e-6, Seed: 1}, Iterations: 1500, MeasureEvery: 1, Recorder: &samples,
		})
	if err != nil {
		log.Fatal(err)
	}
	phases := samples.Phases(problem.Truth, result.Spectral.AngleTo(problem.Truth), solver.Thresholds{})
	fmt.Println("alignment ends at iteration", samples[phases.AlignmentEnd].Iteration)
	fmt.Println("saddle avoidance ends at iteration", samples[phases.SaddleEnd].Iteration)
	fmt.Println("the floor starts later:", phases.FloorStart > phases.SaddleEnd)
	// Output:
	// alignment ends at iteration 8
	// saddle avoidance ends at iteration 164
	// the floor starts later: true
}
