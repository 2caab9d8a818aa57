package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// customRun carries out a run whose steps a program takes, and returns its directory.
func customRun(t *testing.T) string {
	t.Helper()
	c := config.Default()
	for key, value := range map[string]string{"n": "10", "rank": "2", "method": "custom", "alpha": "1e-3",
		"custom-name": "my_step", "iterations": "20"} {
		f, _ := c.Field(key)
		if err := f.Set(value, key); err != nil {
			t.Fatal(err)
		}
	}
	c.SetProgram(func(m *solver.Member, _ int) error {
		u, g := solver.NewFactor(m.Shapes()), solver.NewFactor(m.Shapes())
		if err := errors.Join(m.Get(solver.Iterate, u), m.Get(solver.Gradient, g)); err != nil {
			return err
		}
		u.Combine(1, u, -0.25, g)
		return m.Set(solver.Iterate, u)
	})
	env := environment{out: new(bytes.Buffer), err: new(bytes.Buffer), gpus: noGPU,
		memory: func() (float64, error) { return 1e9, nil }}
	p, err := experiment.NewPlan(c, env.host())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	progress := newRunProgress(env, p, true)
	defer progress.end()
	if _, err := p.Run(context.Background(), experiment.Options{Dir: dir}, progress); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestCustom: a method whose steps a program takes is refused, with the cure, before anything is written.
// What its runs have left is read without the program, and titles name the function.
func TestCustom(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	const cure = "run it from Python by Problem.solve, or from another client of matsense serve"
	refused(t, []string{"run", "--method", "custom", "--out", out}, cure)
	refused(t, []string{"run", "--method", "custom", "--step", "0.1", "--out", out}, "has its own step size",
		cure)
	refused(t, []string{"sweep", sweepFile(t, "base: {method: custom}"), "--out", out}, cure)
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused run has made a directory")
	}

	dir := customRun(t)
	refused(t, []string{"run", "--resume", "--out", dir, "--iterations", "30"},
		`resume it from Python with p.solve(my_step, out="`+dir+`", resume=True)`)
	must(t, exitDone, "plot", dir)
	page := string(read(t, dir, "report.html"))
	for _, words := range []string{"my_step", "p.solve(my_step)"} {
		if !strings.Contains(page, words) {
			t.Errorf("the report does not say %q", words)
		}
	}
	if strings.Contains(page, "μ =") {
		t.Error("the report has a step size, which the run had not")
	}
}
