package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment"
)

func TestRunWritesItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "run")
	flags := []string{"--n", "14", "--rank", "2", "--measurements", "300", "--iterations", "300",
		"--measure-every", "7"}
	r := must(t, exitDone, append([]string{"run", "--out", dir}, flags...)...)

	for _, name := range append(experiment.ResultFiles(), "config.yaml", "checkpoint/000000300/DONE") {
		if more := strings.HasPrefix(name, "factor-"); exists(dir, name) == more {
			t.Errorf("%s is missing, or there without other factors", name)
		}
	}
	for _, name := range listDir(t, dir) {
		if strings.HasPrefix(name, ".tmp-") {
			t.Errorf("%s was left behind", name)
		}
	}
	if _, err := png.Decode(bytes.NewReader(read(t, dir, "trajectory.png"))); err != nil {
		t.Errorf("trajectory.png: %v", err)
	}
	if svg := string(read(t, dir, "trajectory.svg")); !strings.Contains(svg, "</svg>") ||
		!strings.Contains(svg, "test error") {
		t.Error("trajectory.svg is no figure of the test error")
	}
	if _, shape := factorOf(t, dir); !slices.Equal(shape, []int{14, 14}) {
		t.Errorf("factor.npy has the shape %v", shape)
	}

	head, rows := table(t, dir)
	if got := strings.Join(head[:8], ","); got != "iteration,train_loss,test_error,signal,noise,angle,"+
		"spectral_angle,sigma_1" || len(head) != 7+3+1 { // r* + 1 singular values
		t.Errorf("the columns are %v", head)
	}
	if len(rows) != 300/7+2 { // every seventh, and the last
		t.Errorf("%d rows", len(rows))
	}
	s := summaryOf(t, dir)
	if s["status"] != "budget-spent" || s["recovered"] != true || s["iterations"] != 300.0 {
		t.Errorf("status %v, recovered %v, iterations %v", s["status"], s["recovered"], s["iterations"])
	}
	agree(t, s["final"], head, rows[len(rows)-1])
	for name, at := range s["phases"].(map[string]any) {
		m, ok := at.(map[string]any)
		if !ok {
			t.Errorf("phase %s was not reached", name)
			continue
		}
		agree(t, m, head, rowAt(t, rows, m["iteration"]))
		if !strings.Contains(r.out, fmt.Sprintf("iteration %v:", m["iteration"])) {
			t.Errorf("the summary does not name iteration %v (%s):\n%s", m["iteration"], name, r.out)
		}
	}
	for _, want := range []string{"Recovered (test error below 0.001).", "alignment", "saddle avoidance",
		"refinement", filepath.Join(dir, "trajectory.svg"), filepath.Join(dir, "report.html")} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the summary does not say %q:\n%s", want, r.out)
		}
	}
	if !strings.Contains(r.err, "iteration 0 of 300") || !strings.Contains(r.err, "iteration 300 of 300") {
		t.Errorf("the progress lacks its first or last line:\n%s", r.err)
	}
}

// TestEqualRunsHaveEqualFiles: two equal runs differ in those files that docs/files.md names, and in no
// others.
func TestEqualRunsHaveEqualFiles(t *testing.T) {
	a, b := runSmall(t), runSmall(t)
	names := func(dir string) map[string]string {
		files := map[string]string{}
		for path, text := range snapshot(t, dir) {
			name, err := filepath.Rel(dir, path)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = text
		}
		return files
	}
	first, second := names(a), names(b)
	if len(first) != len(second) {
		t.Errorf("the runs have the files %v and %v", listDir(t, a), listDir(t, b))
	}
	timed := []string{"times.csv", "summary.json", "report.html", "state.json", "DONE"}
	for name, text := range first {
		if !slices.Contains(timed, filepath.Base(name)) && second[name] != text {
			t.Errorf("%s differs", name)
		}
	}
	for _, name := range []string{"config.yaml", "trajectory.csv", "factor.npy", "trajectory.svg",
		"trajectory.png", "checkpoint/000000060/trajectory.csv"} {
		if first[filepath.FromSlash(name)] == "" {
			t.Errorf("there is no %s", name)
		}
	}
}

func TestRunJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := must(t, exitDone, slices.Concat([]string{"run", "--out", dir, "--json"}, small)...)
	if r.err != "" {
		t.Errorf("lines beside the JSON: %q", r.err)
	}
	lines := jsonLines(t, r.out)
	head, rows := table(t, dir)
	samples := events(lines, "sample")
	if len(samples) != len(rows) {
		t.Fatalf("%d samples for %d rows", len(samples), len(rows))
	}
	for i, s := range samples {
		for _, member := range []string{"event", "time", "version"} {
			delete(s, member)
		}
		agree(t, map[string]any(s), head, rows[i])
	}
	if b := events(lines, "begin"); len(b) != 1 || b[0]["from_iteration"] != 0.0 ||
		b[0]["to_iteration"] != 60.0 || b[0]["settings"].(map[string]any)["alpha"] != 1e-6 {
		t.Errorf("begin: %v", b)
	}
	last := lines[len(lines)-1]
	if last["event"] != "summary" || last["dir"] != dir {
		t.Errorf("the last line is %v", last)
	}
	for key, want := range summaryOf(t, dir) {
		if fmt.Sprint(last[key]) != fmt.Sprint(want) {
			t.Errorf("%s is %v in the last line and %v in summary.json", key, last[key], want)
		}
	}
}

// Every number that a run writes is the same again when its config.yaml is run, and so is config.yaml.
func TestConfigRepeatsRun(t *testing.T) {
	d := newData(t)
	for name, flags := range map[string][]string{
		"default": {},
		"settings": {"--entries", "bf16", "--kappa", "3.712345678901234", "--noise", "0.012345678901234",
			"--seed", "18446744073709551615",
			"--alpha", "1.2345678901234567e-6", "--start-seed", "5", "--factor-rank", "3", "--step",
			"0.1234567890123456"},
		"rademacher": {"--ensemble", "rademacher"},
		"spectral":   {"--init", "spectral"},
		"rank 1":     {"--rank", "1"},
		"start file": {"--init", d.start},
		"generated":  {"--storage", "generated", "--workers", "2", "--checkpoint-every", "0.5"},
	} {
		t.Run(name, func(t *testing.T) { repeats(t, append(slices.Clone(small), flags...)) })
	}
	own := []string{"--matrices", d.matrices, "--observations", d.observations, "--iterations", "60"}
	for name, flags := range map[string][]string{
		"own data":              {},
		"own data and rank":     {"--rank", "2"},
		"own data and truth":    {"--truth", d.truth},
		"own data and start":    {"--truth", d.truth, "--init", d.start},
		"own data and spectral": {"--init", "spectral", "--factor-rank", "4"},
	} {
		t.Run(name, func(t *testing.T) { repeats(t, append(slices.Clone(own), flags...)) })
	}
}

func repeats(t *testing.T, flags []string) {
	t.Helper()
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	must(t, exitDone, append([]string{"run", "--out", first}, flags...)...)
	must(t, exitDone, "run", "--config", filepath.Join(first, "config.yaml"), "--out", second)
	sameBits(t, second, first)
	if a, b := read(t, first, "config.yaml"), read(t, second, "config.yaml"); !bytes.Equal(a, b) {
		t.Errorf("config.yaml changes:\n%s\n%s", a, b)
	}
}

// A run may be repeated in its own directory.
func TestConfigRepeatsRunInPlace(t *testing.T) {
	want := runSmall(t)
	dir := copyRun(t, want)
	must(t, exitDone, "run", "--config", filepath.Join(dir, "config.yaml"), "--out", dir, "--force")
	sameBits(t, dir, want)
}

// A seed that is ignored would pass the tests of sameness.
func TestSeedsMatter(t *testing.T) {
	base := runSmall(t)
	for _, flags := range [][]string{{"--seed", "2"}, {"--start-seed", "2"}, {"--entries", "q8"},
		{"--noise", "0.1"}} {
		other := runSmall(t, flags...)
		if bytes.Equal(read(t, base, "factor.npy"), read(t, other, "factor.npy")) {
			t.Errorf("%v changes nothing", flags)
		}
	}
}

func TestStorageAndWorkersChangeNoBit(t *testing.T) {
	for _, problem := range [][]string{
		{"--entries", "f64"}, {"--entries", "f32"}, {"--entries", "bf16"}, {"--entries", "q8"},
		{"--ensemble", "rademacher"},
	} {
		t.Run(problem[1], func(t *testing.T) {
			want := runSmall(t, append(problem, "--storage", "memory", "--workers", "1")...)
			for _, machine := range [][]string{
				{"--storage", "memory", "--workers", "3"},
				{"--storage", "generated", "--workers", "1"},
				{"--storage", "generated", "--workers", "4"},
			} {
				got := runSmall(t, slices.Concat(problem, machine)...)
				sameBits(t, got, want)
				if s := summaryOf(t, got); s["storage"] != machine[1] {
					t.Errorf("%v: summary.json says storage %v", machine, s["storage"])
				}
			}
		})
	}
}

func TestAutoStorageFollowsMemory(t *testing.T) {
	flags := []string{"run", "--n", "24", "--rank", "1", "--measurements", "4000", "--iterations", "2",
		"--entries", "f64"}
	for _, c := range []struct {
		memory float64
		want   string
	}{{plenty, "memory"}, {2e6, "generated"}} { // 4000 rows of 300 numbers are 9.6 MB
		dir := filepath.Join(t.TempDir(), "run")
		if r := matsenseIn(t, t.Context(), c.memory, append(flags, "--out", dir)...); r.code != exitDone {
			t.Fatalf("exit code %d\n%s", r.code, r.err)
		}
		if got := summaryOf(t, dir)["storage"]; got != c.want {
			t.Errorf("with %s available the rows are in %v, want %s", experiment.Bytes(c.memory), got, c.want)
		}
	}
}

// fullPipe refuses to be written to.
type fullPipe struct{}

func (fullPipe) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

func TestOutputThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for _, args := range [][]string{
		{"devices"}, {"devices", "--json"}, {"--help"}, slices.Concat([]string{"run", "--out", dir}, small),
	} {
		var errs bytes.Buffer
		env := environment{out: fullPipe{}, err: &errs,
			memory: func() (float64, error) { return plenty, nil }, gpus: noGPU}
		if code := runRecovering(t, t.Context(), env, args); code != exitFailed {
			t.Errorf("%v: exit code %d", args, code)
		}
		if !slices.Contains(args, "--json") && !strings.Contains(errs.String(), "nobody reads") {
			t.Errorf("%v: the reason is not given: %q", args, errs.String())
		}
	}
	sameBits(t, dir, runSmall(t)) // the run is complete all the same
}

func TestTargetLossEndsARun(t *testing.T) {
	dir := runSmall(t, "--iterations", "5000", "--target-loss", "1e-10")
	s := summaryOf(t, dir)
	head, rows := table(t, dir)
	if n := s["iterations"].(float64); s["status"] != "converged" || n >= 5000 || len(rows) != int(n)/5+1 {
		t.Errorf("status %v after %v iterations, %d rows", s["status"], n, len(rows))
	}
	agree(t, s["final"], head, rows[len(rows)-1])
	if loss := s["final"].(map[string]any)["train_loss"].(float64); !(loss <= 1e-10) {
		t.Errorf("it ended at a train loss of %v", loss)
	}
}

// Symptom: with no iterations, or one, a figure or a phase was asked of an empty range.
func TestShortestRuns(t *testing.T) {
	for _, flags := range [][]string{
		{"--iterations", "0"}, {"--iterations", "1"}, {"--measurements", "1", "--step", "0.01"},
		{"--n", "1", "--rank", "1"}, {"--n", "2", "--rank", "2"}, {"--factor-rank", "2"},
		{"--alpha", "1e-300"},
	} {
		dir := runSmall(t, flags...)
		finite(t, dir)
		if !exists(dir, "trajectory.png") {
			t.Errorf("%v: no figure", flags)
		}
	}
}

func TestDivergence(t *testing.T) {
	diverging := slices.Concat([]string{"run"}, small, []string{"--measure-every", "3"})
	dir := filepath.Join(t.TempDir(), "run")
	r := must(t, exitDiverged, append(diverging, "--step", "50", "--out", dir)...)
	if !strings.Contains(r.out, "Diverged.") || !strings.Contains(r.out, "--step ") {
		t.Errorf("the summary does not say so, or what to try:\n%s", r.out)
	}
	finite(t, dir)
	s := summaryOf(t, dir)
	step, ok := advised(s)["step"].(float64)
	if s["status"] != "diverged" || s["recovered"] != false || !ok || !(step > 0) || !(step < 50) {
		t.Fatalf("status %v, recovered %v, suggested step %v",
			s["status"], s["recovered"], s["advice"])
	}
	head, rows := table(t, dir)
	agree(t, s["final"], head, rows[len(rows)-1])
	if s["iterations"] != s["final"].(map[string]any)["iteration"] {
		t.Errorf("factor.npy is iterate %v and the last row %v", s["iterations"], rows[len(rows)-1][0])
	}

	again := filepath.Join(t.TempDir(), "run")
	must(t, exitDone, append(diverging, "--step", fmt.Sprint(step), "--out", again)...)
	if s := summaryOf(t, again); s["advice"] != nil {
		t.Errorf("a run that did not diverge is given the advice %v", s["advice"])
	}

	jsonDir := filepath.Join(t.TempDir(), "run")
	lines := jsonLines(t,
		must(t, exitDiverged, append(diverging, "--step", "50", "--json", "--out", jsonDir)...).out)
	if last := lines[len(lines)-1]; last["event"] != "summary" || last["status"] != "diverged" {
		t.Errorf("the last line is %v", last)
	}
}

// Symptom: a run of method momentum with the default momentum and few iterations was advised to try this very
// momentum.
func TestMomentumAdvice(t *testing.T) {
	for momentum, advice := range map[string]any{"0.9": nil, "0.5": nil, "0.99": 0.9} {
		dir := filepath.Join(t.TempDir(), "run")
		must(t, exitDone, "run", "--n", "20", "--rank", "2", "--method", "momentum", "--momentum", momentum,
			"--step", "0.025", "--iterations", "80", "--out", dir)
		if got := advised(summaryOf(t, dir))["momentum"]; got != advice {
			t.Errorf("momentum %s: advised is %v, want %v", momentum, got, advice)
		}
	}
}

// Symptom: a run whose first iterate already overflows says that its test error is 0, and names a figure that
// was not drawn. What is unknown is null, never zero.
func TestDivergenceAtTheStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := must(t, exitDiverged, slices.Concat([]string{"run", "--alpha", "1e200", "--out", dir}, small)...)
	if _, rows := table(t, dir); len(rows) > 0 {
		t.Fatalf("%d rows", len(rows))
	}
	if final, ok := summaryOf(t, dir)["final"].(map[string]any); ok {
		for _, name := range []string{"train_loss", "test_error", "signal"} {
			if final[name] != nil {
				t.Errorf("final %s is %v, and nothing was measured", name, final[name])
			}
		}
	}
	if strings.Contains(r.out, "test error 0") {
		t.Errorf("the summary claims a test error of 0:\n%s", r.out)
	}
	if figure := filepath.Join(dir, "trajectory.svg"); strings.Contains(r.out, figure) && !exists(figure) {
		t.Errorf("the summary names %s, which does not exist", figure)
	}
}

// Symptom: observations so large that the loss overflows are followed with the loss +Inf, and still larger
// ones end with exit code 1 and a message about eigenpairs.
func TestOverflowingLossIsDivergence(t *testing.T) {
	d := newData(t)
	huge := d.save(t, "huge.npy", "<f8", false, scaled(d.a, 1e200), d.m, d.n, d.n)
	drawn := slices.Concat([]string{"run"}, small)
	for name, args := range map[string][]string{
		"noise of 1e200": append(slices.Clone(drawn), "--noise", "1e200"),
		"noise of 1e308": append(slices.Clone(drawn), "--noise", "1e308"),
		"matrices of 1e200": {"run", "--matrices", huge, "--observations",
			d.save(t, "hugey.npy", "<f8", false, scaled(d.y, 1e200), d.m)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			r := matsense(t, append(args, "--out", dir)...)
			if r.code != exitDiverged && r.code != exitUsage {
				t.Errorf("exit code %d\n%s", r.code, r.err)
			}
			if strings.Contains(r.out+r.err, "Inf") {
				t.Errorf("a loss of Inf is shown:\n%s%s", r.err, r.out)
			}
			if exists(dir, "summary.json") {
				finite(t, dir)
			}
		})
	}
}

func scaled(values []float64, by float64) []float64 {
	out := slices.Clone(values)
	for i := range out {
		out[i] *= by
	}
	return out
}
