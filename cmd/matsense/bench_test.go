package main

import (
	"fmt"
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
		name := fmt.Sprint(line["entries"], " ", line["precision"], " ", line["storage"])
		if line["entries"] == nil {
			name = fmt.Sprint(line["ensemble"], " ", line["storage"])
		}
		runs := line["runs"].(float64)
		if runs > 1 {
			name += fmt.Sprint(" ", runs)
		}
		if line["event"] != "bench" || seen[name] {
			t.Errorf("a line is %v", line)
		}
		seen[name] = true
		if seconds := line["seconds"].([]any); len(seconds) != 3 {
			t.Errorf("%s: %d steps", name, len(seconds))
		}
		if line["entries"] != nil {
			// Two for each multiply-add: of both halves, of the lift and of the pullback.
			want := 2 * runs * (2*70*78 + 78*12 + 144*12)
			got := line["flops_per_second"].(float64) * line["seconds_median"].(float64)
			if !(got > 0.999*want && got < 1.001*want) {
				t.Errorf("%s: %v operations, want %v", name, got, want)
			}
		}
		if _, read := line["bytes_per_second"]; read == strings.Contains(name, "generated") &&
			!strings.HasPrefix(name, "pauli") {
			t.Errorf("%s: a rate of reading: %v", name, read)
		}
		if !(line["seconds_limit"].(float64) > 0) || !(line["fraction_of_limit"].(float64) > 0) {
			t.Errorf("%s: the limit is %v", name, line["seconds_limit"])
		}
	}
	for _, name := range []string{"f64 f64 memory", "f32 f64 memory", "bf16 f64 memory", "q8 f64 memory",
		"q8 mixed memory", "q8 f64 generated", "sign f64 generated", "f32 f64 memory 8",
		"bf16 mixed memory 32", "rank-one memory", "rank-one generated", "pauli memory",
		"completion memory"} {
		if !seen[name] {
			t.Errorf("there is no line for %s", name)
		}
	}
	text := alone(t, "bench", "--n", "12", "--measurements", "70", "--rounds", "1", "--device", "cpu",
		"--storage", "memory").out
	if got := strings.Count(text, "\n"); got < 20 ||
		!strings.Contains(text, "bound by") {
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
