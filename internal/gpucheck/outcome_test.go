package gpucheck

import (
	"os"
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
