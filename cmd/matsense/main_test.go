package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/npy"
)

// program is the command, built once for the tests that need a process of their own.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "matsense-test-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "matsense")
	if text, err := exec.Command("go", "build", "-tags", tags, "-o", program,
		".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, text)
		os.RemoveAll(dir)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// result is how one command line ended.
type result struct {
	code     int
	out, err string
}

// plenty is the memory that tests pretend to have.
const plenty = 8e9

// matsense runs a command line in-process.
func matsense(t *testing.T, args ...string) result {
	t.Helper()
	return matsenseIn(t, context.Background(), plenty, args...)
}

func matsenseIn(t *testing.T, ctx context.Context, memory float64, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	env := environment{out: &out, err: &err, memory: func() (float64, error) { return memory, nil },
		gpus: noGPU}
	return result{runRecovering(t, ctx, env, args), out.String(), err.String()}
}

// runRecovering is run, with a panic told as the test's failure.
func runRecovering(t *testing.T, ctx context.Context, env environment, args []string) int {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("matsense %s: panic: %v", strings.Join(args, " "), p)
		}
	}()
	return run(ctx, env, args)
}

// must runs a command line that has to end with an exit code.
func must(t *testing.T, code int, args ...string) result {
	t.Helper()
	r := matsense(t, args...)
	if r.code != code {
		t.Fatalf("matsense %s: exit code %d, want %d\n%s%s",
			strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	return r
}

// alone runs the program in a process of its own.
func alone(t *testing.T, args ...string) result {
	t.Helper()
	return aloneUntil(t, t.Context(), args...)
}

// aloneUntil is alone, but kills the process when ctx is done: then the exit code is −1.
func aloneUntil(t *testing.T, ctx context.Context, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, program, args...)
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// small is a problem that takes milliseconds.
var small = []string{"--n", "10", "--rank", "2", "--measurements", "150", "--iterations", "60"}

// runSmall runs a small problem with more flags and returns its directory.
func runSmall(t *testing.T, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	must(t, exitDone, slices.Concat([]string{"run", "--out", dir}, small, flags)...)
	return dir
}

// mistakes returns the lines that name a user's mistakes. There must be no other lines, such as a Go stack
// trace.
func mistakes(t *testing.T, r result) []string {
	t.Helper()
	var lines []string
	for _, line := range strings.Split(strings.TrimSuffix(r.err, "\n"), "\n") {
		switch text, is := strings.CutPrefix(line, "matsense: "); {
		case is:
			lines = append(lines, text)
		case line != "":
			t.Errorf("a line that is no message: %q", line)
		}
	}
	return lines
}

func read(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func exists(path ...string) bool {
	_, err := os.Lstat(filepath.Join(path...))
	return err == nil
}

// snapshot returns the contents of all files under a folder.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path] = string(read(t, path))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// table reads a run's samples: the columns of trajectory.csv, and after them the seconds of times.csv.
func table(t *testing.T, dir string) (head []string, rows [][]string) {
	t.Helper()
	var files [2][][]string
	for i, name := range []string{"trajectory.csv", "times.csv"} {
		all, err := csv.NewReader(bytes.NewReader(read(t, dir, name))).ReadAll()
		if err != nil || len(all) == 0 {
			t.Fatalf("%s: %s: %v", dir, name, err)
		}
		files[i] = all
	}
	all, times := files[0], files[1]
	if len(all) != len(times) || !slices.Equal(times[0], []string{"iteration", "seconds"}) {
		t.Fatalf("%s: times.csv has %d lines, the first %v, and trajectory.csv has %d", dir, len(times),
			times[0], len(all))
	}
	for i := range all {
		if all[i][0] != times[i][0] {
			t.Errorf("%s: line %d is iteration %s in trajectory.csv and %s in times.csv", dir, i+1, all[i][0],
				times[i][0])
		}
		all[i] = append(all[i], times[i][1])
	}
	return all[0], all[1:]
}

// sameBits compares two runs' factors and trajectories.
func sameBits(t *testing.T, got, want string) {
	t.Helper()
	factors, err := filepath.Glob(filepath.Join(want, "factor*.npy"))
	if err != nil || len(factors) == 0 {
		t.Fatalf("%s has the factors %v, %v", want, factors, err)
	}
	for _, path := range factors {
		name := filepath.Base(path)
		if !bytes.Equal(read(t, got, name), read(t, want, name)) {
			t.Errorf("%s and %s: %s differs", got, want, name)
		}
	}
	lines := func(dir string) []string { return strings.Split(string(read(t, dir, "trajectory.csv")), "\n") }
	a, b := lines(got), lines(want)
	if len(a) != len(b) {
		t.Errorf("%s and %s: trajectory.csv has %d and %d lines", got, want, len(a), len(b))
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s and %s: trajectory.csv differs from line %d on:\n%s\n%s", got, want, i+1, a[i], b[i])
			return
		}
	}
}

// object is a JSON object.
type object map[string]any

func parseJSON(t *testing.T, text []byte) object {
	t.Helper()
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatalf("not a JSON object: %v\n%s", err, text)
	}
	return o
}

// jsonLines parses output of which every line must be a valid event.
func jsonLines(t *testing.T, text string) []object {
	t.Helper()
	var lines []object
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		o := parseJSON(t, []byte(line))
		if _, ok := o["event"].(string); !ok {
			t.Errorf("a line without an event: %s", line)
		}
		validate(t, line)
		lines = append(lines, o)
	}
	return lines
}

// events picks the lines with an event.
func events(lines []object, name string) []object {
	return slices.DeleteFunc(slices.Clone(lines), func(o object) bool { return o["event"] != name })
}

func summaryOf(t *testing.T, dir string) object {
	t.Helper()
	return parseJSON(t, read(t, dir, "summary.json"))
}

// agree compares a JSON object of metrics with a row of a [table]: the same digits, null where it is empty.
func agree(t *testing.T, metrics any, head, row []string) {
	t.Helper()
	m, ok := metrics.(map[string]any)
	if !ok {
		t.Fatalf("no metrics: %v", metrics)
	}
	compared := 0
	for i, name := range head {
		if strings.HasPrefix(name, "sigma_") {
			continue
		}
		got, has := m[name]
		if !has {
			t.Errorf("the metrics lack %s", name)
			continue
		}
		compared++
		if row[i] == "" {
			if got != nil {
				t.Errorf("%s is %v, and empty in the CSV", name, got)
			}
			continue
		}
		want, err := strconv.ParseFloat(row[i], 64)
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s is %v, and %v in the CSV", name, got, want)
		}
	}
	if compared != len(m) {
		t.Errorf("the metrics have %d values and the CSV %d of them", len(m), compared)
	}
}

// parse reads a number.
func parse(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rowAt returns the row of an iteration.
func rowAt(t *testing.T, rows [][]string, iteration any) []string {
	t.Helper()
	for _, row := range rows {
		if row[0] == fmt.Sprint(iteration) {
			return row
		}
	}
	t.Fatalf("no row for iteration %v", iteration)
	return nil
}

// finite checks that every number of a run's trajectory and factor is finite.
func finite(t *testing.T, dir string) {
	t.Helper()
	head, rows := table(t, dir)
	for _, row := range rows {
		for i, word := range row {
			if v, err := strconv.ParseFloat(word, 64); err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
				t.Errorf("%s at iteration %s is %q", head[i], row[0], word)
			}
		}
	}
	u, _ := factorOf(t, dir)
	for _, v := range u {
		if math.IsInf(v, 0) || math.IsNaN(v) {
			t.Fatalf("factor.npy has the element %v", v)
		}
	}
}

// factorOf reads factor.npy.
func factorOf(t *testing.T, dir string) (data []float64, shape []int) {
	t.Helper()
	a, err := npy.Load(filepath.Join(dir, "factor.npy"))
	if err != nil {
		t.Fatal(err)
	}
	return a.Data().([]float64), a.Shape()
}

func TestHelp(t *testing.T) {
	r := must(t, exitDone, "--help")
	for _, want := range []string{"0 done", "1 failed", "2 bad usage", "3 diverged", "130 interrupted",
		"run ", "plot ", "devices "} {
		if !strings.Contains(r.out, want) {
			t.Errorf("--help does not say %q:\n%s", want, r.out)
		}
	}
	if bare := must(t, exitDone); bare.out != r.out {
		t.Error("the bare command does not print its help")
	}
}

func TestEveryKeyIsAFlag(t *testing.T) {
	help := must(t, exitDone, "run", "--help").out
	keys := config.Keys()
	if len(keys) < 20 {
		t.Fatalf("%d keys: %v", len(keys), keys)
	}
	for _, key := range keys {
		if !strings.Contains(help, "--"+key+" ") {
			t.Errorf("run has no flag --%s", key)
		}
	}
}

func TestVersion(t *testing.T) {
	r := must(t, exitDone, "--version")
	first, second, _ := strings.Cut(r.out, "\n")
	if want := "matsense version " + version(); first != want || version() == "" {
		t.Errorf("--version prints %q, want %q", first, want)
	}
	pattern := `^go1\.\d+\S* ` + runtime.GOOS + "/" + runtime.GOARCH + `, with(out)? CUDA\n$`
	if !regexp.MustCompile(pattern).MatchString(second) {
		t.Errorf("the second line is %q", second)
	}
}

func TestDevices(t *testing.T) {
	r := must(t, exitDone, "devices")
	for _, want := range []string{"cpu ", "auto ", "cores", "available"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("devices does not say %q:\n%s", want, r.out)
		}
	}
	lines := jsonLines(t, must(t, exitDone, "devices", "--json").out)
	device, auto, missing := events(lines, "device"), events(lines, "auto"), events(lines, "missing")
	if len(device) != 2 || len(auto) != 1 || len(missing) != 1 || len(lines) != 4 {
		t.Fatalf("devices --json prints %v", lines)
	}
	if device[0]["device"] != "cpu" || !(device[0]["memory_bytes"].(float64) > 0) ||
		!(device[0]["cores"].(float64) >= 1) {
		t.Errorf("the device is %v", device[0])
	}
	if device[1]["device"] != "emulator" || missing[0]["device"] != "cuda" || missing[0]["reason"] == "" {
		t.Errorf("the others are %v and %v", device[1], missing[0])
	}
	if auto[0]["device"] != "cpu" || auto[0]["reason"] == "" {
		t.Errorf("auto is %v", auto[0])
	}
}
