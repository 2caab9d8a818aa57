package cpu_test

import (
	"context"
	"fmt"
	"log"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Open an engine, set the iterate to the truth, and read the loss.
func ExampleBackend_Open() {
	measurements, err := sensing.NewRademacher(sensing.Sym{N: 4}, 12, 1)
	if err != nil {
		log.Fatal(err)
	}
	truth, err := sensing.NewTruth(4, 1, 1, 1)
	if err != nil {
		log.Fatal(err)
	}
	problem := &sensing.Problem{Ensemble: measurements, Truth: truth}
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{1}}
	engine, err := cpu.Backend{}.Open(context.Background(), problem, batch)
	if err != nil {
		log.Fatal(err)
	}
	defer engine.Close()

	if err := engine.Set(0, solver.Iterate, solver.Factor{truth.X()}); err != nil {
		log.Fatal(err)
	}
	var loss [1]float64
	if err := engine.Losses(loss[:], 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println("loss at the truth:", loss[0])
	// Output:
	// loss at the truth: 0
}

// Ask how much memory a problem takes before opening an engine, with rows in memory and generated.
func ExampleBackend_Memory() {
	measurements, err := sensing.NewGaussian(sensing.Sym{N: 200}, 10_000, sensing.F32, 1)
	if err != nil {
		log.Fatal(err)
	}
	problem := &sensing.Problem{Ensemble: measurements}
	batch := solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{200}}
	for _, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		bytes, err := cpu.Backend{Storage: storage, Workers: 2}.Memory(problem, batch)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %.0f MB\n", storage, bytes/1e6)
	}
	// Output:
	// memory: 812 MB
	// generated: 10 MB
}
