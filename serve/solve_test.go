package serve_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// silent is a run's progress that tells nothing.
type silent struct{}

func (silent) Notice(string)          {}
func (silent) Begin(string, int, int) {}
func (silent) Sample(solver.Sample)   {}

// stepping is a program that has started a server and takes the steps of runs.
type stepping struct {
	t    *testing.T
	in   *io.PipeWriter
	out  *bufio.Reader
	done chan error
	id   int
}

// newStepping starts a server, which ends with the test.
func newStepping(t *testing.T) *stepping {
	t.Helper()
	fromClient, in := io.Pipe()
	out, toClient := io.Pipe()
	c := &stepping{t: t, in: in, out: bufio.NewReader(out), done: make(chan error, 1)}
	its := server()
	its.Progress = func(io.Writer, *experiment.Plan) (experiment.Progress, func()) {
		return silent{}, func() {}
	}
	its.Publish = func(*experiment.Outcome, experiment.Progress) error { return nil }
	go func() {
		c.done <- its.Serve(context.Background(), fromClient, toClient)
		toClient.Close()
	}()
	t.Cleanup(func() {
		in.Close()
		go func() { _, _ = io.Copy(io.Discard, out) }()
		select {
		case <-c.done:
		case <-time.After(20 * time.Second):
			t.Error("the server does not end with its input")
		}
	})
	return c
}

// message is a line of the server.
type message struct {
	ID       *int
	Error    string
	ExitCode int `json:"exit_code"`
	Problem  int
	Event    string
	Step     float64 // the number of the step, or of open the step size
	Factor   []numbers
	State    [][]numbers
	Grad     [][]numbers
	Failed   *string
	Summary  *experiment.Summary
}

// numbers is an array in a line.
type numbers struct {
	Shape []int `json:"shape"`
	Data  []any `json:"data"`
}

// floats are the numbers of an array; those that are not finite are NaN.
func (a numbers) floats() []float64 {
	list := make([]float64, len(a.Data))
	for i, x := range a.Data {
		var finite bool
		if list[i], finite = x.(float64); !finite {
			list[i] = math.NaN()
		}
	}
	return list
}

// of returns an array in a line.
func of(shape []int, list []float64) numbers {
	a := numbers{Shape: shape}
	for _, v := range list {
		if math.IsNaN(v) {
			a.Data = append(a.Data, "NaN")
		} else {
			a.Data = append(a.Data, v)
		}
	}
	return a
}

func (c *stepping) write(line any) {
	c.t.Helper()
	text, err := json.Marshal(line)
	if err == nil {
		_, err = c.in.Write(append(text, '\n'))
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *stepping) read() (m message) {
	c.t.Helper()
	text, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		c.t.Fatalf("%v: %s", err, text)
	}
	return m
}

// ask makes a request and returns the answer.
func (c *stepping) ask(call string, members map[string]any) message {
	c.t.Helper()
	c.request(call, members)
	return c.read()
}

func (c *stepping) request(call string, members map[string]any) {
	c.t.Helper()
	c.id++
	request := map[string]any{"id": c.id, "call": call}
	for name, v := range members {
		request[name] = v
	}
	c.write(request)
}

// gradient asks for the gradient at a factor.
func (c *stepping) gradient(problem int, u numbers) []float64 {
	c.t.Helper()
	m := c.ask("value_and_grad", map[string]any{"problem": problem, "factor": [][]numbers{{u}}})
	if m.Error != "" {
		c.t.Fatal(m.Error)
	}
	return m.Grad[0][0].floats()
}

// stepper takes a step: it changes u and the state, or returns what it says of its failure.
type stepper func(c *stepping, m message, u []float64, state [][]float64) (failure string)

// solve carries out a run whose steps the stepper takes, and returns the answer.
func (c *stepping) solve(problem int, members map[string]any, step stepper) message {
	c.t.Helper()
	request := map[string]any{"problem": problem, "settings": theRun, "name": "my_step"}
	for name, v := range members {
		request[name] = v
	}
	c.request("solve", request)
	for {
		m := c.read()
		if m.Event != "step" {
			return m
		}
		u, state := m.Factor[0].floats(), [][]float64{}
		for _, s := range m.State {
			state = append(state, s[0].floats())
		}
		if failure := step(c, m, u, state); failure != "" {
			c.write(map[string]any{"failed": m.Step, "error": failure})
			continue
		}
		reply := map[string]any{"stepped": m.Step, "factor": []numbers{of(m.Factor[0].Shape, u)}}
		lists := [][]numbers{}
		for _, s := range state {
			lists = append(lists, []numbers{of(m.Factor[0].Shape, s)})
		}
		reply["state"] = lists
		c.write(reply)
	}
}

const (
	stepSize = 0.25
	theSteps = 40
)

var (
	theProblem = map[string]any{"n": 12, "rank": 2}
	theRun     = map[string]any{"alpha": 1e-3, "iterations": theSteps, "measure-every": 10}
)

// open opens a problem.
func (c *stepping) open(more ...string) int {
	c.t.Helper()
	settings := map[string]any{}
	for key, v := range theProblem {
		settings[key] = v
	}
	for _, s := range more {
		key, value, _ := strings.Cut(s, "=")
		settings[key] = value
	}
	m := c.ask("open", map[string]any{"settings": settings})
	if m.Error != "" {
		c.t.Fatal(m.Error)
	}
	return m.Problem
}

// descent is gradient descent.
func descent(problem int) stepper {
	return func(c *stepping, m message, u []float64, _ [][]float64) string {
		g := c.gradient(problem, m.Factor[0])
		for i := range u {
			u[i] -= float64(stepSize * g[i])
		}
		return ""
	}
}

// heavyBall is [solver.Momentum], with V in the state.
func heavyBall(problem int) stepper {
	return func(c *stepping, m message, u []float64, state [][]float64) string {
		v := state[0]
		g := c.gradient(problem, m.Factor[0])
		for i := range u {
			v[i] = float64(0.5*v[i]) - float64(0.1*g[i])
			u[i] += v[i]
		}
		return ""
	}
}

// native runs a built-in method with the same settings, and returns the directory.
func native(t *testing.T, more ...string) string {
	t.Helper()
	c := config.Default()
	set := func(key, value string) {
		f, known := c.Field(key)
		if !known {
			t.Fatalf("no setting %q", key)
		}
		if err := f.Set(value, key); err != nil {
			t.Fatal(err)
		}
	}
	for _, settings := range []map[string]any{theProblem, theRun} {
		for key, v := range settings {
			set(key, fmt.Sprint(v))
		}
	}
	for _, s := range more {
		key, value, _ := strings.Cut(s, "=")
		set(key, value)
	}
	p, err := experiment.NewPlan(c, server().Host)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "native")
	if _, err := p.Run(context.Background(), experiment.Options{Dir: dir}, silent{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sameRuns compares the trajectories, apart from seconds, and the factors of two run directories.
func sameRuns(t *testing.T, got, want string) {
	t.Helper()
	var trajectories [2]string
	for i, dir := range []string{got, want} {
		r, err := experiment.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.Trajectory {
			s.Seconds = 0
			trajectories[i] += fmt.Sprintf("%b\n", s)
		}
	}
	if trajectories[0] != trajectories[1] {
		t.Errorf("the trajectories differ:\n%s\n%s", trajectories[0], trajectories[1])
	}
	a, err := os.ReadFile(filepath.Join(got, "factor.npy"))
	b, failed := os.ReadFile(filepath.Join(want, "factor.npy"))
	if err != nil || failed != nil || !bytes.Equal(a, b) {
		t.Errorf("the factors differ: %v, %v", err, failed)
	}
}

// TestSolve: a method whose steps the client takes gives the trajectory and the factor of the built-in
// method, to the bit.
func TestSolve(t *testing.T) {
	for name, c := range map[string]struct {
		settings []string
		builtin  []string
		step     func(problem int) stepper
		slots    int
	}{
		"gd":    {nil, nil, descent, 0},
		"mixed": {[]string{"precision=mixed"}, []string{"precision=mixed"}, descent, 0},
		"momentum": {nil, []string{"method=momentum", "step=0.1", "momentum=0.5"}, heavyBall,
			1},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newStepping(t)
			p := cl.open(c.settings...)
			dir := filepath.Join(t.TempDir(), "run")
			m := cl.solve(p, map[string]any{"dir": dir, "slots": c.slots}, c.step(p))
			if m.Error != "" || m.Summary == nil || m.Summary.Status != solver.BudgetSpent {
				t.Fatalf("%+v", m)
			}
			sameRuns(t, dir, native(t, c.builtin...))
		})
	}
}

// TestSolveGradients: in a step, the gradient at the iterate and at other points is what it is outside of a
// run. A gradient of an earlier point is never taken for that of another.
func TestSolveGradients(t *testing.T) {
	cl := newStepping(t)
	p, other := cl.open(), cl.open()
	compared := 0
	m := cl.solve(p, map[string]any{"dir": filepath.Join(t.TempDir(), "run")}, func(
		c *stepping, m message, u []float64, _ [][]float64,
	) string {
		shape := m.Factor[0].Shape
		for _, scale := range []float64{1, 1.5, 1} {
			at := make([]float64, len(u))
			for i := range u {
				at[i] = scale * u[i]
			}
			got, want := c.gradient(p, of(shape, at)), c.gradient(other, of(shape, at))
			for i := range got {
				if got[i] != want[i] {
					c.t.Fatalf("step %v, at %g U: number %d of the gradient is %v, and outside of the run %v",
						m.Step, scale, i, got[i], want[i])
				}
			}
			compared++
		}
		return descent(p)(c, m, u, nil)
	})
	if m.Error != "" || compared != 3*theSteps {
		t.Errorf("%d gradients were compared: %+v", compared, m)
	}
}

// TestSolveResumes: a run that ends early, because the client says that it has failed, cancels, or is gone,
// keeps the state before the step. Resumed by another server, it ends as an uninterrupted run.
func TestSolveResumes(t *testing.T) {
	const last = 17
	want := filepath.Join(t.TempDir(), "whole")
	whole := newStepping(t)
	whole.solve(whole.open(), map[string]any{"dir": want, "slots": 1}, heavyBall(1))
	for name, end := range map[string]func(c *stepping, m message) bool{
		"failed": func(c *stepping, m message) bool {
			c.write(map[string]any{"failed": m.Step, "error": "out of ideas"})
			answer := c.read()
			return answer.Failed != nil && *answer.Failed == "out of ideas" &&
				answer.Summary.Status == solver.Canceled && answer.Summary.Steps == last
		},
		"canceled": func(c *stepping, _ message) bool {
			c.write(map[string]any{"cancel": true})
			answer := c.read()
			return answer.Failed == nil && answer.Summary.Status == solver.Canceled
		},
		"gone": func(c *stepping, _ message) bool {
			c.in.Close()
			go func() { _, _ = io.Copy(io.Discard, c.out) }()
			err := <-c.done
			c.done <- err
			return err == nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			first := newStepping(t)
			p := first.open()
			first.request("solve", map[string]any{"problem": p, "settings": theRun, "dir": dir, "slots": 1,
				"name": "my_step"})
			for {
				m := first.read()
				if m.Step == last {
					if !end(first, m) {
						t.Error("the end is not told")
					}
					break
				}
				u, v := m.Factor[0].floats(), m.State[0][0].floats()
				heavyBall(p)(first, m, u, [][]float64{v})
				first.write(map[string]any{"stepped": m.Step, "factor": []numbers{of(m.Factor[0].Shape, u)},
					"state": [][]numbers{{of(m.Factor[0].Shape, v)}}})
			}
			second := newStepping(t)
			p = second.open()
			steps := 0
			counted := func(c *stepping, m message, u []float64, state [][]float64) string {
				steps++
				return heavyBall(p)(c, m, u, state)
			}
			m := second.solve(p, map[string]any{"dir": dir, "slots": 1, "resume": true,
				"settings": map[string]any{}}, counted)
			if m.Error != "" || steps != theSteps-last {
				t.Fatalf("resumed with %d steps: %s", steps, m.Error)
			}
			sameRuns(t, dir, want)
		})
	}
}

// TestSolveResumesMixed: in mixed precision, gradients at other points than the iterate depend on where they
// were asked for before. A resumed run still has the bits of an uninterrupted one.
func TestSolveResumesMixed(t *testing.T) {
	const m, n = 60, 6 // without a truth, the first anchors are where gradients are asked for first
	a, y := make([]float64, m*n*n), make([]float64, m)
	sensing.NewStream(1, sensing.EntriesStream).Normals(0, a)
	for i := range y {
		y[i] = a[i*n*n] // ⟨A_i, e₁e₁ᵀ⟩
	}
	settings := map[string]any{"precision": "mixed", "factor-rank": 2}
	for key, shape := range map[string][]int{"matrices": {m, n, n}, "observations": {m}} {
		var file bytes.Buffer
		list := y
		if len(shape) == 3 {
			list = a
		}
		path := filepath.Join(t.TempDir(), key+".npy")
		err := npy.Write(&file, shape, list)
		if err == nil {
			err = os.WriteFile(path, file.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		settings[key] = path
	}
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	run := func(dir string, resume bool, last float64) {
		t.Helper()
		cl := newStepping(t)
		p := cl.ask("open", map[string]any{"settings": settings}).Problem
		members := map[string]any{"dir": dir, "resume": resume}
		if resume {
			members["settings"] = map[string]any{}
		}
		m := cl.solve(p, members, func(c *stepping, m message, u []float64, _ [][]float64) string {
			if m.Step == last {
				return "enough"
			}
			shape, ahead := m.Factor[0].Shape, make([]float64, len(u))
			for i, g := range c.gradient(p, m.Factor[0]) {
				ahead[i] = u[i] - float64(stepSize*g)
			}
			for i, g := range c.gradient(p, of(shape, ahead)) {
				u[i] -= float64(stepSize * g)
			}
			return ""
		})
		if m.Error != "" {
			t.Fatal(m.Error)
		}
	}
	run(whole, false, -1)
	run(parts, false, 33)
	run(parts, true, -1)
	sameRuns(t, parts, whole)
}

// TestSolveDiverges: a step that makes NaN ends the run as diverged, with the last good iterate.
func TestSolveDiverges(t *testing.T) {
	cl := newStepping(t)
	p := cl.open()
	m := cl.solve(p, map[string]any{"dir": filepath.Join(t.TempDir(), "run")}, func(
		c *stepping, m message, u []float64, _ [][]float64,
	) string {
		if m.Step == 15 {
			u[3] = math.NaN()
			return ""
		}
		return descent(p)(c, m, u, nil)
	})
	if m.Summary == nil || m.Summary.Status != solver.Diverged || m.Summary.Iterations != 10 {
		t.Errorf("%+v", m)
	}
}

// TestSolveRefuses: mistakes are told in a sentence, before any work or in a step, and the server goes on.
func TestSolveRefuses(t *testing.T) {
	cl := newStepping(t)
	p := cl.open()
	dir := filepath.Join(t.TempDir(), "run")
	never := func(*stepping, message, []float64, [][]float64) string {
		t.Error("a step was asked for")
		return ""
	}
	for says, members := range map[string]map[string]any{
		"names no directory":   {},
		"there is no run in":   {"dir": dir, "resume": true},
		"another problem":      {"dir": dir, "settings": map[string]any{"n": 13}},
		"the method of solve":  {"dir": dir, "settings": map[string]any{"method": "gd"}},
		"has its own step":     {"dir": dir, "settings": map[string]any{"step": 0.1}},
		"must not be negative": {"dir": dir, "settings": map[string]any{"iterations": -1}},
		"goes from 0 to 64":    {"dir": dir, "slots": 65},
		"there is no memory 7": {"dir": dir, "factor": []any{map[string]any{"memory": 7}}},
	} {
		m := cl.solve(p, members, never)
		if !strings.Contains(strings.ReplaceAll(m.Error, "open another one", "another problem"), says) ||
			m.ExitCode != 2 {
			t.Errorf("want %q, got %q with the exit code %d", says, m.Error, m.ExitCode)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a refused run has made a directory")
	}
	m := cl.solve(p, map[string]any{"dir": dir}, func(
		c *stepping, m message, u []float64, _ [][]float64,
	) string {
		if m.Step == 0 {
			for call, members := range map[string]map[string]any{
				"solve": {"problem": p, "dir": dir + "2"}, "close": {"problem": p}} {
				if answer := c.ask(call, members); !strings.Contains(answer.Error, "under way") {
					t.Errorf("%s in a step: %+v", call, answer)
				}
			}
		}
		return descent(p)(c, m, u, nil)
	})
	if m.Error != "" {
		t.Error(m.Error)
	}
	for says, reply := range map[string]map[string]any{
		"the step that was asked for is 0, not 5": {"stepped": 5},
		"the reply to a step has the 1 matrix":    {"stepped": 0},
		"the array is 2 × 1 and must be 12 × 12": {"stepped": 0, "factor": []numbers{
			of([]int{2, 1}, []float64{1, 2})}},
	} {
		cl.request("solve", map[string]any{"problem": p, "dir": dir, "force": true})
		if m := cl.read(); m.Event != "step" {
			t.Fatalf("%+v", m)
		}
		cl.write(reply)
		if m := cl.read(); !strings.Contains(m.Error, says) {
			t.Errorf("want %q, got %q", says, m.Error)
		}
	}
}
