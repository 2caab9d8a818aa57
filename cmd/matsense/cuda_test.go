//go:build cuda

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/cuda"
	"github.com/matsense/matsense/internal/machine"
)

const tags = "cuda"

// TestNoDriver: a program built with CUDA starts where there is no driver. auto takes the CPU, and if the
// machine has a GPU, it says what is missing; asked for a GPU, a run fails in one sentence; devices lists the
// same.
func TestNoDriver(t *testing.T) {
	if _, err := cuda.Devices(); err == nil {
		t.Skip("this machine has a GPU")
	}
	const missing = "cuda: no device: "
	told := machine.HasNVIDIA()
	dir := filepath.Join(t.TempDir(), "run")
	if r := alone(t, slices.Concat([]string{"run", "--out", dir}, small)...); r.code != exitDone ||
		strings.Contains(r.err, "note: cpu is used: "+missing) != told {
		t.Errorf("auto: exit code %d\n%s", r.code, r.err)
	}
	if r := alone(t, slices.Concat([]string{"run", "--out", dir +
		"-2", "--device", "cuda"}, small)...); r.code != exitFailed ||
		!strings.HasPrefix(r.err, "matsense: device cuda: "+missing) || strings.Count(r.err, "\n") != 1 {
		t.Errorf("cuda: exit code %d\n%s", r.code, r.err)
	}
	if r := alone(t, "devices"); r.code != exitDone || !strings.Contains(r.out, "cuda      none: "+missing) ||
		!strings.Contains(r.out, "auto      cpu: "+missing) {
		t.Errorf("devices: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}
