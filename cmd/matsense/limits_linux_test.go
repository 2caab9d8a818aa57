package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shell runs a script in a process of its own; the program is $0 and the arguments are $1, $2, ….
func shell(t *testing.T, script string, args ...string) result {
	t.Helper()
	var out, errs strings.Builder
	c := exec.Command("/bin/sh", append([]string{"-c", script, program}, args...)...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// memoryGroup makes a control group with a limit of so many bytes, and returns its folder.
func memoryGroup(t *testing.T, most int) string {
	t.Helper()
	name := fmt.Sprintf("matsense-test-%d", os.Getpid())
	for _, place := range [][2]string{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(place[0], name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(dir) }) // not os.RemoveAll: the files in it cannot be removed
		if os.WriteFile(filepath.Join(dir, place[1]), fmt.Append(nil, most), 0) == nil {
			return dir
		}
	}
	t.Skip("needs the right to make a control group with a memory limit")
	return ""
}

// TestMemoryOfControlGroup: a control group allows 150 MB, and 120 MB of it are copies of a file that was
// read twice. A run that fits ends well, because the system drops the copies. A run that does not fit is
// refused, and nothing is killed.
func TestMemoryOfControlGroup(t *testing.T) {
	group := memoryGroup(t, 150e6)
	file := write(t, filepath.Join(t.TempDir(), "file"), make([]byte, 120e6))
	run := func(m int) result {
		return shell(t, `echo $$ > "$1/cgroup.procs" && cat "$2" "$2" > /dev/null && shift 2 && exec "$0" "$@"`,
			group, file, "run", "--n", "60", "--rank", "2", "--storage", "memory", "--entries", "f64",
			"--iterations", "2", "--measurements", fmt.Sprint(m), "--out", filepath.Join(t.TempDir(), "run"))
	}
	if r := run(6000); r.code != exitDone { // 60·61/2 numbers of 8 bytes a row: 88 MB
		t.Errorf("a run that fits: exit code %d\n%s", r.code, r.err)
	}
	r := run(12000)
	if r.code != exitUsage || !strings.Contains(r.err, "this run needs ") ||
		!strings.Contains(r.err, group) || !strings.Contains(r.err, "--storage generated needs ") {
		t.Errorf("a run that does not fit: exit code %d\n%s", r.code, r.err)
	}
}

// TestMemoryOfUlimit: ulimit -v bounds the memory of a run.
func TestMemoryOfUlimit(t *testing.T) {
	run := func(m int) result {
		return shell(t, `ulimit -v 4000000 && exec "$0" "$@"`,
			"run", "--n", "60", "--rank", "2", "--storage", "memory", "--entries", "f64",
			"--iterations", "2", "--measurements", fmt.Sprint(m), "--out", filepath.Join(t.TempDir(), "run"))
	}
	if r := run(1000); r.code != exitDone {
		t.Errorf("a run that fits: exit code %d\n%s", r.code, r.err)
	}
	r := run(300000) // 4.4 GB, more than ulimit allows
	if r.code != exitUsage || !strings.Contains(r.err, "(ulimit -v allows 4.1 GB)") {
		t.Errorf("a run that does not fit: exit code %d\n%s", r.code, r.err)
	}
}
