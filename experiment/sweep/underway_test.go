package sweep

import (
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// TestUnderWay: of four runs one has ended, two are half-way and a quarter of the way, and one has not begun:
// (1 + 1/2 + 1/4) of 4 is done.
func TestUnderWay(t *testing.T) {
	run := func(number, iterations int) Run {
		return Run{Index: number, Config: config.Config{Iterations: iterations}}
	}
	u := UnderWay{}
	if least, greatest, fewest, most := u.Range(); least+greatest+fewest+most != 0 || u.Share(0, 0) != 0 {
		t.Error("nothing is under way, and something has been reached")
	}
	u.Watch(run(0, 100), solver.Stepping, 99)
	u.Watch(run(0, 100), solver.Stepping, 100) // ends
	u.Watch(run(1, 200), solver.Stepping, 100)
	u.Watch(run(2, 80), solver.Stepping, 20)
	u.Watch(run(3, 100), experiment.Reading, 0)
	if least, greatest, fewest, most := u.Range(); least != 20 || greatest != 100 || fewest != 80 ||
		most != 200 {
		t.Errorf("iterations %d to %d of %d to %d", least, greatest, fewest, most)
	}
	if share := u.Share(1, 4); len(u) != 2 || share != 1.75/4 {
		t.Errorf("%d runs are under way, and %g is done", len(u), share)
	}
}
