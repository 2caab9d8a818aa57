package experiment

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// TestVerifyInterrupted: an interrupted run has a factor that no sample belongs to. It is compared with the
// run done again up to there.
func TestVerifyInterrupted(t *testing.T) {
	for _, keep := range []string{"last", "best"} {
		c := configOf(t, "n=8", "rank=1", "measurements=60", "iterations=400", "keep="+keep)
		p, err := NewPlan(c, cpuHost(1e9))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		p.Watch = func(a solver.Activity, iteration int) {
			if a == solver.Stepping && iteration == 23 {
				cancel()
			}
		}
		dir := filepath.Join(t.TempDir(), "run")
		out, err := p.Run(ctx, Options{Dir: dir}, silent{})
		if err != nil {
			t.Fatal(err)
		}
		last := out.Trajectory[len(out.Trajectory)-1].Iteration
		if out.Summary.Status != solver.Canceled || out.Summary.Steps%5 == 0 || last >= out.Summary.Steps {
			t.Fatalf("%s after %d steps, the last sample at %d", out.Summary.Status, out.Summary.Steps, last)
		}
		original, again, err := OpenOriginal(dir, config.Default())
		if err != nil {
			t.Fatal(err)
		}
		if p, err = NewPlan(again, cpuHost(1e9)); err != nil {
			t.Fatal(err)
		}
		got, err := p.Verify(t.Context(), original, silent{}, func(d Difference) { t.Errorf("%+v", d) })
		if err != nil || !got.Identical() || got.Samples != len(out.Trajectory) || len(got.Files) != 1 {
			t.Errorf("keep %s: %+v, %v", keep, got, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if got, err := p.Verify(ctx, original, silent{}, func(Difference) {}); got != nil || err == nil {
			t.Errorf("interrupted: %v, %v", got, err)
		}
	}
}

func TestDifferenceRelative(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct{ a, b, want float64 }{
		{1, 1.5, 1.0 / 3}, {-2, 2, 2}, {0, math.Copysign(0, -1), 0}, {0, 1e-300, 1}, {nan, 1, inf},
		{1, inf, inf},
	} {
		if got := (Difference{Recorded: c.a, Repeated: c.b}).Relative(); got != c.want {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
