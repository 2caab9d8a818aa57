package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestOctave: the client in docs/protocol.md, in Octave, comes to the bits that a run with its settings comes
// to.
func TestOctave(t *testing.T) {
	octave, err := exec.LookPath("octave-cli")
	if err != nil {
		t.Skip("there is no octave-cli")
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "```octave\n")
	code, _, found := strings.Cut(code, "```\n")
	if !found {
		t.Fatal("docs/protocol.md has no client for Octave")
	}
	if _, err := exec.Command(octave, "--eval", `exit(!exist("jsonencode"))`).Output(); err != nil {
		t.Skip("this octave-cli has no jsonencode: it is older than version 7")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "client.m")
	code = strings.Replace(code, `start_server("matsense")`, "start_server("+strconv.Quote(program)+")", 1)
	if err := os.WriteFile(script, []byte(code), 0o644); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c := exec.Command(octave, "--norc", script)
	c.Stderr = &errs
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	got, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatalf("it prints %q\n%s", out, errs.String())
	}
	run := filepath.Join(dir, "run")
	must(t, exitDone, "run", "--n", "20", "--rank", "2", "--device", "cpu", "--alpha", "1e-3",
		"--iterations", "300", "--out", run)
	final := summaryOf(t, run)["final"].(map[string]any)
	if want := final["test_error"]; got != want {
		t.Errorf("from Octave the test error is %v, and of a run %v", got, want)
	}
}
