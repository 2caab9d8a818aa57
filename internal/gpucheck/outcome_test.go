package gpucheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWhyNoTestRan: if no test ran, the outcome gives the reason.
func TestWhyNoTestRan(t *testing.T) {
	for _, c := range []struct {
		ended ended
		want  string
	}{
		{ended{err: os.ErrNotExist}, "failed: no test ran: file does not exist"},
		{ended{code: 127}, "failed: no test ran: exit status 127"},
		{ended{interrupted: true}, "failed: interrupted; 0 tests had begun"},
		{ended{}, "failed: no test ran"},
	} {
		a := &attempt{visit: &visit{}, ended: c.ended, limit: time.Second, results: &Results{}}
		if got := judgeTests(a).String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// TestMergeKeepsTheHost: the results of a first call without the group load do not contain the host.
func TestMergeKeepsTheHost(t *testing.T) {
	got, err := Merge([]*Results{{}, {About: About{Host: "SAMPLE"}}})
	if err != nil || got.About.Host != "SAMPLE" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestTwoLists: in Markdown, a list would continue after an empty line.
func TestTwoLists(t *testing.T) {
	page := Page(&Results{Steps: []StepResult{{Name: "torch", Outcome: failed("sample")}}})
	const want = "- **torch**: sample\n\nWhere and when:\n\n- device: unknown\n"
	if !strings.Contains(page, want) {
		t.Errorf("no %q in\n%s", want, page)
	}
}

// TestSampleOfMetrics: 90 samples more that take 0.9 s more are 10 ms each.
func TestSampleOfMetrics(t *testing.T) {
	a := &attempt{visit: &visit{out: t.TempDir()}, results: &Results{}}
	for name, rows := range map[string]int{"paper-gpu-again": 10, "paper-measured": 100} {
		dir := a.runDir(name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		text := "iteration\n" + strings.Repeat("1\n", rows)
		if err := os.WriteFile(filepath.Join(dir, "trajectory.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if o := judgeSample(a); o.State != Failed {
		t.Errorf("without times it is %v", o)
	}
	a.results.Runs = []Run{{Name: "paper-gpu-again", Wall: 1.5}, {Name: "paper-measured", Wall: 2.4}}
	if got := judgeSample(a).String(); got != "ok: 10 ms each, since 90 more of them took 0.90 s" {
		t.Errorf("it says %q", got)
	}
}
