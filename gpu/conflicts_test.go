package gpu

import (
	"testing"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/solver"
)

// TestLevelsWithoutConflicts: dots and accumulate spread the levels of q8 and look them up without bank
// conflicts.
func TestLevelsWithoutConflicts(t *testing.T) {
	const n, m, members = 90, 43, 5
	all := backendtest.Ensembles(t, n, m)
	for _, precision := range []solver.Precision{solver.F64, solver.F32} {
		e, device := batchEngine(t, all["gaussian-q8"], members, batchConfig{8, solver.Memory, precision})
		o := rowsOf(e)
		device.ResetTraffic()
		must(t, o.contractInTiles(e.y, members))
		suffix := "q8_" + string(precision)
		dots := device.Traffic("dots_" + suffix).BankConflicts
		accumulate := device.Traffic("accumulate_" + suffix).BankConflicts
		if dots != 0 || accumulate != 0 {
			t.Errorf("%s: %d and %d bank conflicts", precision, dots, accumulate)
		}
	}
}
