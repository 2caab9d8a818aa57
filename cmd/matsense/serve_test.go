package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// TestServe: requests that come through a pipe are answered, the last one too although the input has ended by
// then, and the exit codes in the answers are those of the command.
func TestServe(t *testing.T) {
	var out, errs bytes.Buffer
	env := environment{out: &out, err: &errs, gpus: noGPU,
		memory: func() (float64, error) { return plenty, nil }}
	env.in = strings.NewReader(`{"id":1,"call":"hello","protocol":1}
{"id":2,"call":"open","settings":{"n":0}}
{"id":3,"call":"open","settings":{"n":4,"rank":1,"device":"cuda"}}
{"id":4,"call":"open","settings":{"n":4,"rank":1,"device":"cpu"}}`)
	if code := run(context.Background(), env, []string{"serve"}); code != exitDone || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s", code, errs.String())
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{
		`{"id":1,"protocol":1,"version":"`, `{"id":2,"error":"n goes from 1 to `,
		`{"id":3,"error":"device cuda: `, `{"id":4,"problem":1,"n":4,"n2":4,"symmetric":true,"measurements":40,`,
	} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("answer %d is %s; it must begin with %s", i, lines[i], want)
		}
	}
	if !strings.HasSuffix(lines[1], `"exit_code":2}`) || !strings.HasSuffix(lines[2], `"exit_code":1}`) {
		t.Errorf("the exit codes are those of %s and %s", lines[1], lines[2])
	}
}
