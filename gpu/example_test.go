package gpu_test

import (
	"context"
	"fmt"
	"log"

	"github.com/matsense/matsense/gpu"
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/gpu/emulator"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// The backend runs the same kernels on every device: here on the emulator.
func ExampleBackend() {
	info, err := emulator.New(emulator.Config{}).Info()
	if err != nil {
		log.Fatal(err)
	}
	backend := gpu.Backend{
		Label: "emulator", Info: info,
		Connect: func() (driver.Device, error) { return emulator.New(emulator.Config{}), nil },
	}
	measurements, err := sensing.NewRademacher(sensing.Sym{N: 6}, 80, 1)
	if err != nil {
		log.Fatal(err)
	}
	truth, err := sensing.NewTruth(6, 1, 1, 1)
	if err != nil {
		log.Fatal(err)
	}
	problem := &sensing.Problem{Ensemble: measurements, Truth: truth}
	var trajectory solver.Trajectory
	result, err := solver.Solve(context.Background(), problem, backend, solver.GD{StepSize: 0.25},
		solver.Settings{
			Start: solver.Random{Alpha: 1e-3, Seed: 1}, FactorRank: 2, Iterations: 150, Recorder: &trajectory,
		})
	if err != nil {
		log.Fatal(err)
	}
	last := trajectory[len(trajectory)-1]
	fmt.Printf("%s on %s: recovered %t\n", result.Status, backend.Device(), last.TestError < 1e-3)
	// Output: budget-spent on PTX emulator: recovered true
}
