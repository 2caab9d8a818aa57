package reproduce_test

import (
	"fmt"
	"log"

	"github.com/matsense/matsense/experiment/reproduce"
	"github.com/matsense/matsense/experiment/sweep"
)

// An experiment's sweep file lists the runs that test its claim.
func ExampleExperiment_File() {
	for _, e := range reproduce.All() {
		if e.Name != "phases" {
			continue
		}
		name, text := e.File(false)
		spec, err := sweep.Parse(name, text)
		if err != nil {
			log.Fatal(err)
		}
		runs, err := spec.Runs()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", e.Name, e.About)
		config := runs[0].Config
		fmt.Printf("%d run with n = %d, %d iterations\n", len(runs), config.N, config.Iterations)
	}
	// Output:
	// phases: one run: alignment, saddle avoidance, refinement
	// 1 run with n = 60, 300 iterations
}
