package experiment

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLargeCompletion: 10 million entries of a 100,000 × 100,000 matrix fit into 4 GiB; the plan computes
// nothing. A factor with as many columns as rows does not fit, and the error says how many columns do.
func TestLargeCompletion(t *testing.T) {
	large := []string{"ensemble=completion", "n=100000", "rank=5", "measurements=10000000"}
	p, err := NewPlan(configOf(t, append(large, "factor-rank=10", "precision=auto")...), cpuHost(4<<30))
	if err != nil {
		t.Fatal(err)
	}
	if p.Bytes > 2e9 || p.Storage != "memory" || p.Config.Precision != "f64" {
		t.Errorf("it needs %s, in %s, by %s", Bytes(p.Bytes), p.Storage, p.Config.Precision)
	}
	_, err = NewPlan(configOf(t, large...), cpuHost(4<<30))
	problems := problemsOf(t, err)
	if len(problems) != 1 || !strings.Contains(problems[0], "--factor-rank 10 needs ") {
		t.Errorf("%v", err)
	}
	_, err = NewPlan(configOf(t, append(large, "factor-rank=10")...), cpuHost(1e8))
	problems = problemsOf(t, err)
	if len(problems) != 1 || !strings.Contains(problems[0], "lower n, measurements or factor-rank") {
		t.Errorf("%v", err)
	}
}

// A completion run resumes to the same bits with any number of workers, and its configuration repeats it.
func TestCompletionRuns(t *testing.T) {
	for _, ensemble := range []string{"completion", "relu-completion"} {
		run := func(o Options, settings ...string) *Outcome {
			c := configOf(t, append([]string{"ensemble=" + ensemble, "n=30", "rank=2", "factor-rank=3",
				"alpha=0.01", "noise=0.01", "checkpoint-every=0"}, settings...)...)
			p, err := NewPlan(c, cpuHost(1e9))
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Run(context.Background(), o, silent{})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		whole, part := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
		first := run(Options{Dir: whole}, "iterations=40", "workers=1")
		run(Options{Dir: part}, "iterations=17", "workers=3")
		run(Options{Dir: part, Resume: true}, "iterations=40", "workers=2")
		a, errA := os.ReadFile(filepath.Join(whole, factorFile))
		b, errB := os.ReadFile(filepath.Join(part, factorFile))
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Errorf("%s: the factor differs (%v, %v)", ensemble, errA, errB)
		}
		if m := first.Summary.Problem.Measurements; m != first.Config.Measurements ||
			first.Summary.Problem.Ensemble != ensemble {
			t.Errorf("%s: the summary has %d measurements", ensemble, m)
		}
	}
}
