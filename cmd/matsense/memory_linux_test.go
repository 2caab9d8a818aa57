package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// peakVariable names a program to the test's binary, which then runs it and prints its peak of resident memory in
// KiB. The system counts the memory of the process that starts a program as the program's, and that of the tests
// is large.
const peakVariable = "MATSENSE_TEST_PEAK_OF"

func init() {
	name := os.Getenv(peakVariable)
	if name == "" {
		return
	}
	command := exec.Command(name, os.Args[1:]...)
	text, err := command.CombinedOutput()
	fmt.Printf("%s\n", text)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	os.Exit(0)
}

// TestMemory: the paper's main setting stays within 1000 MiB with f32 rows in memory, which take 767 MiB, and
// within 100 MiB with generated rows.
func TestMemory(t *testing.T) {
	for name, c := range map[string]struct {
		flags []string
		limit int64 // in MiB
	}{
		"f32 in memory": {[]string{"--entries", "f32", "--storage", "memory"}, 1000},
		"q8 generated":  {[]string{"--entries", "q8", "--storage", "generated"}, 100},
		"signs":         {[]string{"--ensemble", "rademacher", "--storage", "generated"}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"run", "--n", "200", "--rank", "5", "--iterations", "3",
				"--measure-every", "1",
				"--out", filepath.Join(t.TempDir(), "run")}, c.flags...)
			command := exec.Command(os.Args[0], args...)
			command.Env = append(os.Environ(), peakVariable+"="+program)
			text, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %v\n%s", args, err, text)
			}
			lines := strings.Fields(string(text))
			kib, err := strconv.ParseInt(lines[len(lines)-1], 10, 64)
			if err != nil {
				t.Fatalf("%v: %s", args, text)
			}
			peak := kib / 1024
			if peak > c.limit {
				t.Errorf("%d MiB at the peak, more than %d", peak, c.limit)
			}
			t.Logf("%d MiB at the peak", peak)
		})
	}
}
