package main

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMemory: the paper's main setting stays within 2 GiB with f32 rows in memory, which take 0.8 GB, and
// within 200 MiB with generated rows.
func TestMemory(t *testing.T) {
	for name, c := range map[string]struct {
		flags []string
		limit int64 // in MiB
	}{
		"f32 in memory": {[]string{"--entries", "f32", "--storage", "memory"}, 2048},
		"q8 generated":  {[]string{"--entries", "q8", "--storage", "generated"}, 200},
		"signs":         {[]string{"--ensemble", "rademacher", "--storage", "generated"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"run", "--n", "200", "--rank", "5", "--iterations", "3",
				"--measure-every", "1",
				"--out", filepath.Join(t.TempDir(), "run")}, c.flags...)
			command := exec.Command(program, args...)
			if text, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", args, err, text)
			}
			peak := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss / 1024 // of KiB
			if peak > c.limit {
				t.Errorf("%d MiB at the peak, more than %d", peak, c.limit)
			}
			t.Logf("%d MiB at the peak", peak)
		})
	}
}
