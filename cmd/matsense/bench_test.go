package main

import (
	"strings"
	"testing"
)

// TestBench: a line for every format and storage, with rates that follow from the times.
func TestBench(t *testing.T) {
	// In a process of its own: the buffer whose reading is timed would count as memory of tests that come
	// later.
	r := alone(t, "bench", "--n", "12", "--measurements", "70", "--rounds", "3", "--device", "cpu", "--json")
	lines := jsonLines(t, r.out)
	seen := map[string]bool{}
	for _, line := range lines {
		name := line["entries"].(string) + " " + line["precision"].(string) + " " + line["storage"].(string)
		if line["event"] != "bench" || seen[name] {
			t.Errorf("a line is %v", line)
		}
		seen[name] = true
		if seconds := line["seconds"].([]any); len(seconds) != 3 {
			t.Errorf("%s: %d steps", name, len(seconds))
		}
		median := line["seconds_median"].(float64)
		if got, want := line["flops_per_second"].(float64)*median, 4.0*70*78; !(got > 0.999*want &&
			got < 1.001*want) {
			t.Errorf("%s: %v operations, want %v", name, got, want)
		}
		if _, read := line["bytes_per_second"]; read != strings.HasSuffix(name, "memory") {
			t.Errorf("%s: a rate of reading: %v", name, read)
		}
	}
	for _, name := range []string{"f64 f64 memory", "f32 f64 memory", "bf16 f64 memory", "q8 f64 memory",
		"q8 mixed memory", "q8 f64 generated", "sign f64 generated"} {
		if !seen[name] {
			t.Errorf("there is no line for %s", name)
		}
	}
	text := alone(t, "bench", "--n", "12", "--measurements", "70", "--rounds", "1", "--device", "cpu",
		"--storage", "memory").out
	if got := strings.Count(text, "\n"); got < 8 || !strings.Contains(text, "of bandwidth") {
		t.Errorf("bench prints\n%s", text)
	}
}

func TestBenchRefuses(t *testing.T) {
	refused(t, []string{"bench", "--n", "0", "--rounds", "0", "--device", "abacus"},
		"--device: must be auto", "--n goes from 1", "--rounds goes from 1 to 1000, got 0")
	refused(t, []string{"bench", "extra"}, `takes no argument "extra"`)
	r := matsenseIn(t, t.Context(), 1e4, "bench", "--n", "100", "--measurements", "1000", "--rounds", "1",
		"--storage", "memory")
	if r.code != exitDone || strings.Count(r.out, "are available") == 0 {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
}
