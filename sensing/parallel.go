package sensing

import "github.com/matsense/matsense/internal/parallel"

// inParallel calls do for the numbers from 0 to count − 1 on all processors.
func inParallel(count int, do func(i int)) { parallel.InTurn(parallel.Workers(0), count, do) }
