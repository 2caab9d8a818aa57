package gpucheck

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestLimits: each group stays below ten minutes, and all groups together below twenty-eight.
func TestLimits(t *testing.T) {
	v := visit{patience: 1}
	if total := v.total(); total >= 28*time.Minute {
		t.Errorf("all steps take up to %v", total)
	}
	for _, group := range groups {
		v.only = []string{group}
		if total := v.total(); total == 0 || total >= 10*time.Minute {
			t.Errorf("%s takes up to %v", group, total)
		}
	}
	text := usage()
	for _, s := range table(full) {
		if !strings.Contains(text, s.name) ||
			s.limit > 0 && !strings.Contains(text, s.name+" "+s.limit.String()) {
			t.Errorf("help does not say %s %v", s.name, s.limit)
		}
	}
}

// TestProcessOutOfTime: a process that ignores the request to end is killed with its children after the grace
// period.
func TestProcessOutOfTime(t *testing.T) {
	dir := t.TempDir()
	pids := filepath.Join(dir, "pids")
	script := fmt.Sprintf(`trap '' TERM; (trap '' TERM; echo $BASHPID >>%s; sleep 60; sleep 60) &
		setsid sleep 60 & echo $! >>%s; echo begun; sleep 60; sleep 60`, pids, pids)
	p := process{
		argv: []string{"/bin/bash", "-c", script}, dir: dir, log: filepath.Join(dir, "log"),
		limit: time.Second, grace: 300 * time.Millisecond,
	}
	began := time.Now()
	e := p.run(context.Background(), io.Discard)
	if !e.late || e.err != nil || time.Since(began) > 20*time.Second {
		t.Errorf("it ended as %+v after %v", e, time.Since(began))
	}
	if log, err := os.ReadFile(p.log); err != nil || string(log) != "begun\n" {
		t.Errorf("the log is %q, %v", log, err)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		// On a busy machine a killed process needs a while to end.
		for deadline := time.Now().Add(20 * time.Second); lives(pid); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d lives", pid)
			}
		}
	}
}

// lives says whether a process has not ended.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ") && syscall.Kill(pid, 0) == nil
}

// TestProcess: exit statuses and signals are reported correctly, and an interrupt ends the process.
func TestProcess(t *testing.T) {
	dir := t.TempDir()
	run := func(ctx context.Context, script string) ended {
		p := process{
			argv: []string{"/bin/sh", "-c", script}, dir: dir, log: filepath.Join(dir, "log"),
			limit: time.Minute, grace: time.Second,
		}
		return p.run(ctx, io.Discard)
	}
	if e := run(context.Background(), "true"); e.code != 0 || e.late || e.err != nil {
		t.Errorf("true ended as %+v", e)
	}
	if e := run(context.Background(), "exit 7"); e.code != 7 || e.why(time.Second) != "exit status 7" {
		t.Errorf("exit 7 ended as %+v", e)
	}
	e := run(context.Background(), "kill -9 $$")
	if e.code != -1 || e.why(time.Second) != "ended by a signal" {
		t.Errorf("kill ended as %+v", e)
	}
	p := process{
		argv: []string{"/nothing/there"}, dir: dir, log: filepath.Join(dir, "log"), limit: time.Minute,
	}
	if e := p.run(context.Background(), io.Discard); e.err == nil {
		t.Errorf("what is not there ended as %+v", e)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, cancel)
	if e := run(ctx, "sleep 60"); !e.interrupted {
		t.Errorf("the interrupted ended as %+v", e)
	}
}

// fakeVisit is a visit with a bundle of shell scripts.
func fakeVisit(t *testing.T, only ...string) (*visit, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{
		"matsense": "#!/bin/sh\nif [ \"$1\" = devices ]; then " +
			"echo '{\"event\":\"device\",\"device\":\"cuda:0\",\"name\":\"SAMPLE\"}'; else exit 1; fi\n",
		"gpu.test": "#!/bin/sh\nprintf '=== RUN   TestA\\n--- PASS: TestA (0.00s)\\nPASS\\n'\n",
		"cuda.test": "#!/bin/sh\nprintf '=== RUN   TestA\\n    a_test.go:1: 1 is not 2\\n" +
			"--- FAIL: TestA (0.00s)\\nFAIL\\n'\nexit 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"gpu", "cuda"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	v := &visit{
		bundle: dir, out: filepath.Join(t.TempDir(), "out"), tiny: true, patience: 1, stdout: &out,
		only: only, python: "python3",
	}
	if err := v.prepare(); err != nil {
		t.Fatal(err)
	}
	return v, &out
}

// TestVisit: a failed step does not stop the others, and the results are written after it. Every call asks
// for the device, so that results of different devices are not merged.
func TestVisit(t *testing.T) {
	v, out := fakeVisit(t, "test")
	well, err := v.run(context.Background())
	if err != nil || well {
		t.Errorf("%v, %v", well, err)
	}
	for _, want := range []string{
		"devices: ok: SAMPLE", "driver: failed: TestA", "    | a_test.go:1: 1 is not 2",
		"kernels: ok: 1 test", "engine: ok: 1 test",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the visit does not say %q:\n%s", want, out)
		}
	}
	r, err := ReadResults(filepath.Join(v.out, archiveName))
	if err != nil || len(r.Steps) != 5 || strings.Join(r.failures(), " ") != "driver" ||
		r.About.Device == "" {
		t.Errorf("the results are %+v, %v", r, err)
	}
	if err := v.prepare(); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("results may be overwritten: %v", err)
	}
}

// TestWithin: a step that has not begun in time fails and is listed.
func TestWithin(t *testing.T) {
	v, _ := fakeVisit(t, "test")
	v.until = time.Now()
	if well, err := v.run(context.Background()); err != nil || well {
		t.Errorf("%v, %v", well, err)
	}
	for _, s := range v.results.Steps {
		if s.Outcome.String() != "failed: not begun: the time of --within is used up" {
			t.Errorf("%s: %v", s.Name, s.Outcome)
		}
	}
}

// TestUsage: wrong arguments are refused in one sentence with exit code 2.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"fly"}, "there is no verb fly"},
		{[]string{"run", "--only", "everything"},
			`there is no group or step "everything": device, load, test`},
		{[]string{"run", "--patience", "0"}, "--patience is a whole number from 1"},
		{[]string{"run", "--within", "-1s"}, "--within is a positive duration"},
		{[]string{"run", "here"}, "run takes flags only"},
		{[]string{"run", "--fast"}, "flag provided but not defined"},
		{[]string{"build"}, "build takes one file"},
		{[]string{"build", "bundle.zip"}, "build makes a .tar.gz"},
		{[]string{"page"}, "page takes results"},
	} {
		var out, errs bytes.Buffer
		code := Main(context.Background(), c.args, "", &out, &errs)
		if code != 2 || !strings.Contains(errs.String(), c.want) ||
			strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%q: exit code %d, %q, want %q", c.args, code, errs.String(), c.want)
		}
	}
	var out, errs bytes.Buffer
	code := Main(context.Background(), []string{"run", "--dry-run"}, "", &out, &errs)
	if code != 0 || !strings.Contains(out.String(), "first-kernel, at most 40s") {
		t.Errorf("--dry-run: exit code %d\n%s%s", code, out.String(), errs.String())
	}
}
