package sweep_test

import (
	"fmt"
	"log"

	"github.com/matsense/matsense/experiment/sweep"
)

// A sweep file has settings for all runs and axes; each combination is a run, on each seed.
func ExampleParse() {
	spec, err := sweep.Parse("start.yaml", []byte(`
base: {n: 20, rank: 2}
axes:
  - alpha: {logspace: [1e-6, 1e-2, 3]}
  - factor-rank: [2, 20]
seeds: 2
`))
	if err != nil {
		log.Fatal(err)
	}
	runs, err := spec.Runs()
	if err != nil {
		log.Fatal(err)
	}
	last := runs[len(runs)-1].Config
	fmt.Println(len(runs), last.Alpha, last.FactorRank, last.Seed)
	// Output: 12 0.01 20 2
}
