package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestUserDataAgain: a run on user data of every kind resumes and is repeated by its config.yaml to the same
// bits, and a sweep of one run gives these bits as well.
func TestUserDataAgain(t *testing.T) {
	for _, name := range []string{"square", "completion", "completion_rect", "quadratic", "bilinear", "pauli",
		"sparse", "indefinite"} {
		t.Run(name, func(t *testing.T) {
			dir, err := filepath.Abs(filepath.Join("../../testdata/reference", name))
			if err != nil {
				t.Fatal(err)
			}
			flags := append(dataOf(dir), "--step", "0.05", "--measure-every", "4")
			switch name {
			case "completion_rect", "bilinear":
				flags = append(flags, "--parametrization", "uv")
			case "sparse", "indefinite":
				flags = append(flags, "--parametrization", name)
			}
			run := func(out string, more ...string) string {
				must(t, exitDone, append(append([]string{"run", "--out", out}, flags...), more...)...)
				return out
			}
			temp := t.TempDir()
			whole := run(filepath.Join(temp, "whole"), "--iterations", "20")
			part := run(filepath.Join(temp, "part"), "--iterations", "9")
			must(t, exitDone, "run", "--resume", "--out", part, "--iterations", "20")
			sameBits(t, part, whole)
			again := filepath.Join(temp, "again")
			must(t, exitDone, "run", "--config", filepath.Join(whole, "config.yaml"), "--out", again)
			sameBits(t, again, whole)

			base := []string{"iterations: 20"}
			for i := 0; i < len(flags); i += 2 {
				base = append(base, fmt.Sprintf("%s: %s", strings.TrimPrefix(flags[i], "--"), flags[i+1]))
			}
			swept := filepath.Join(temp, "swept")
			must(t, exitDone, "sweep", sweepFile(t, "base: {"+strings.Join(base, ", ")+"}"), "--out", swept)
			table := strings.Split(string(read(t, swept, "runs.csv")), "\n")
			at := slices.Index(strings.Split(table[0], ","), "train_loss")
			losses := readCSV(t, filepath.Join(whole, "trajectory.csv"))["train_loss"]
			if got, err := strconv.ParseFloat(strings.Split(table[1], ",")[at], 64); err != nil ||
				got != losses[len(losses)-1] {
				t.Errorf("the sweep ends with the train loss %v, and the run with %v (%v)",
					got, losses[len(losses)-1], err)
			}
		})
	}
}
