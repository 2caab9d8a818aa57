package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inJob runs `sweep FILE --out DIR --resume` in a process of its own, with the variables of a job.
func inJob(t *testing.T, variables []string, file, dir string, flags ...string) (int, string) {
	t.Helper()
	p := exec.Command(program, append([]string{"sweep", file, "--out", dir, "--resume"}, flags...)...)
	p.Env = append(os.Environ(), variables...)
	text, err := p.CombinedOutput()
	if p.ProcessState == nil {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode(), string(text)
}

// slurmTask returns the variables of a task of Slurm's array.
func slurmTask(id, first, last, count int) []string {
	return []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", id), fmt.Sprint("SLURM_ARRAY_TASK_MIN=", first),
		fmt.Sprint("SLURM_ARRAY_TASK_MAX=", last), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", count)}
}

func podOf(index, completions int) []string {
	return []string{fmt.Sprint("JOB_COMPLETION_INDEX=", index), fmt.Sprint("MATSENSE_SHARDS=", completions)}
}

// TestNamedPartBeginsWithResume. Symptom: a job of one part failed with "there is no sweep to resume", as its
// one command line has --resume.
func TestNamedPartBeginsWithResume(t *testing.T) {
	file := sweepFile(t, someSweep)
	want := swept(t, file)
	for _, c := range []struct {
		name      string
		variables []string
		flags     []string
		part      string // of the output
	}{
		{"--array=0", slurmTask(0, 0, 0, 1), nil, "part 1 of 1, by Slurm's array: 12 runs"},
		{"--array=1", slurmTask(1, 1, 1, 1), nil, "part 1 of 1, by Slurm's array: 12 runs"},
		{"completions: 1", podOf(0, 1), nil, "part 1 of 1, by Kubernetes' job: 12 runs"},
		{"--shard 1/1", nil, []string{"--shard", "1/1"}, "part 1 of 1, by --shard: 12 runs"},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		for range 2 { // the second time all is done
			code, text := inJob(t, c.variables, file, dir, c.flags...)
			lines := strings.Split(text, "\n")
			if code != exitDone || lines[1] != c.part {
				t.Errorf("%s: exit code %d, want the second line to be %q:\n%s", c.name, code, c.part, text)
				break
			}
		}
		sameTables(t, dir, want)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if code, text := inJob(t, nil, file, dir); code != exitUsage || exists(dir) ||
		!strings.Contains(text, "there is no sweep in "+dir+" to resume") {
		t.Errorf("--resume without a part: exit code %d\n%s", code, text)
	}
}

// TestArrayTasksAgain: tasks of an array that are sent again, alone or some together, do their own parts
// while the others are at work.
func TestArrayTasksAgain(t *testing.T) {
	file := sweepFile(t, strings.Replace(longSweep, "seeds: 3", "seeds: 6", 1))
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "parts")
	for _, variable := range slurmTask(1, 1, 4, 4) {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	first := begin(t, "sweep", file, "--out", dir, "--resume", "--batch", "2")
	first.readRuns(t, 1) // it waits for its pipe to be read
	for _, c := range []struct {
		variables []string
		code      int
		says      string
	}{
		{slurmTask(3, 3, 3, 1), exitDone, "part 3 of 4, by Slurm's array: "},
		{slurmTask(4, 2, 4, 2), exitDone, "part 4 of 4, by Slurm's array: "},
		{slurmTask(5, 5, 5, 1), exitUsage, "task 5 alone, and the 4 parts of the sweep are tasks 1 to 4"},
		{slurmTask(1, 1, 2, 2), exitUsage, "is in use: another process is carrying out the same runs there"},
		{append(slurmTask(2, 2, 2, 1), "MATSENSE_SHARDS=2"), exitUsage,
			"is in use: another process is carrying out part 1 of 4 there"},
		{[]string{"SLURM_ARRAY_TASK_ID="}, exitUsage, "is carrying out part 1 of 4 there"},
	} {
		before := recordLines(t, dir)
		code, text := inJob(t, c.variables, file, dir)
		if code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", c.variables, code, c.code, c.says, text)
		}
		if done := len(recordLines(t, dir)) > len(before); done != (c.code == exitDone) {
			t.Errorf("%v: %d records, and %d before", c.variables, len(recordLines(t, dir)), len(before))
		}
	}
	if code, _ := first.end(t); code != exitDone {
		t.Fatalf("task 1: exit code %d\n%s", code, first.errs.String())
	}
	if code, text := inJob(t, slurmTask(2, 2, 2, 1), file, dir); code != exitDone ||
		!strings.Contains(text, "part 2 of 4, by Slurm's array: ") {
		t.Errorf("task 2, the last: exit code %d\n%s", code, text)
	}
	sameTables(t, dir, want)
}

// TestArrayRefusedBeforeWork: tasks whose part is unknown leave no directory.
func TestArrayRefusedBeforeWork(t *testing.T) {
	file := sweepFile(t, someSweep)
	for _, c := range []struct {
		variables []string
		says      string
	}{
		{slurmTask(3, 3, 3, 1), "name this part with --shard, like --shard 3/4"},
		{slurmTask(2, 0, 6, 4), "name this part with --shard"},
		{append(slurmTask(2, 2, 2, 1), "MATSENSE_SHARDS=4"), "say which with --shard 2/4 or --shard 3/4"},
		{[]string{"MATSENSE_SHARDS=4"}, "neither Slurm nor Kubernetes says which part this is"},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		code, text := inJob(t, c.variables, file, dir)
		if code != exitUsage || strings.Count(text, "\n") != 1 || !strings.Contains(text, c.says) ||
			exists(dir) {
			t.Errorf("%v: exit code %d, want %q:\n%s", c.variables, code, c.says, text)
		}
	}
}

// TestSweepDividedAnew: a sweep that was begun in parts may go on in another number of parts, and as a whole.
func TestSweepDividedAnew(t *testing.T) {
	file := sweepFile(t, someSweep)
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "parts")
	for _, variables := range [][]string{
		slurmTask(1, 1, 4, 4),
		append(slurmTask(2, 1, 3, 3), "MATSENSE_SHARDS=3"),
		slurmTask(3, 3, 3, 1),
	} {
		if code, text := inJob(t, variables, file, dir); code != exitDone {
			t.Errorf("%v: exit code %d\n%s", variables, code, text)
		}
	}
	if text := read(t, dir, "parts.json"); !bytes.Contains(text, []byte(`"parts":3,"first_task":1`)) {
		t.Errorf("the directory says %s", text)
	}
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	sameTables(t, dir, want)
	must(t, exitDone, "sweep", file, "--out", dir, "--force")
	if exists(dir, "parts.json") {
		t.Error("a sweep that was replaced is still divided")
	}
}
