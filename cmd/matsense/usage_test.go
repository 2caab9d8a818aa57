package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// refused checks that a command line ends with exit code 2 and one line for each mistake, which begins or
// contains as wanted, as text and as JSON, and that it leaves nothing behind.
func refused(t *testing.T, args []string, want ...string) {
	t.Helper()
	r := must(t, exitUsage, args...)
	lines := mistakes(t, r)
	if len(lines) != len(want) {
		t.Errorf("%v: %d lines, want %d:\n%s", args, len(lines), len(want), strings.Join(lines, "\n"))
	}
	for i := range min(len(lines), len(want)) {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("%v: %q does not say %q", args, lines[i], want[i])
		}
	}
	if r.out != "" {
		t.Errorf("%v: it prints %q", args, r.out)
	}
	if slices.Contains(args, "--json") {
		return
	}
	j := must(t, exitUsage, append([]string{args[0], "--json"}, args[1:]...)...)
	if j.err != "" {
		t.Errorf("%v: lines beside the JSON: %q", args, j.err)
	}
	all := jsonLines(t, j.out)
	if last := all[len(all)-1]; len(all) != 1 || last["event"] != "error" || last["exit_code"] != 2.0 ||
		last["message"] != strings.Join(lines, "\n") {
		t.Errorf("%v: as JSON: %v", args, all)
	}
}

func TestBadFlags(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	for _, c := range []struct {
		flags string
		want  []string
	}{
		{"--n -1", []string{"--n goes from 1 to 65536, got -1"}},
		{"--n 0", []string{"--n goes from 1 to"}},
		{"--n 65537 --rank 1", []string{"--n goes from 1 to 65536, got 65537"}},
		{"--n 99999999999999999999", []string{`--n takes a whole number, got "99999999999999999999"`}},
		{"--n ten", []string{`--n takes a whole number, got "ten"`}},
		{"--n 10.5", []string{`--n takes a whole number, got "10.5"`}},
		{"--n 1e3", []string{`--n takes a whole number, got "1e3"`}},
		{"--n=", []string{`--n takes a whole number, got ""`}},
		{"--n", []string{"flag needs an argument: --n"}},
		{"--n 5 --rank 6", []string{"--rank goes from 1 to n = 5, got 6"}},
		{"--n 2", []string{"rank goes from 1 to n = 2, got 3"}},
		{"--rank 0", []string{"--rank goes from 1 to n = 100, got 0"}},
		{"--rank -1", []string{"--rank goes from 1 to"}},
		{"--factor-rank 0", []string{"--factor-rank goes from 1 to"}},
		{"--factor-rank -3", []string{"--factor-rank goes from 1 to"}},
		{"--factor-rank 65537", []string{"--factor-rank goes from 1 to 65536"}},
		{"--kappa 0.5", []string{"--kappa must be at least 1, got 0.5"}},
		{"--kappa -1", []string{"--kappa must be at least 1"}},
		{"--rank 1 --kappa 2",
			[]string{"--kappa: a truth of rank 1 has the condition number 1, got kappa 2"}},
		{"--measurements 0", []string{"--measurements goes from 1 to"}},
		{"--measurements -5", []string{"--measurements goes from 1 to"}},
		{"--measurements 99999999999999", []string{"--measurements goes from 1 to"}},
		{"--noise -1", []string{"--noise must be zero or positive, got -1"}},
		{"--alpha 0", []string{"--alpha must be positive, got 0"}},
		{"--alpha -1e-6", []string{"--alpha must be positive"}},
		{"--alpha 1e999", []string{"--alpha takes a number"}},
		{"--alpha small", []string{`--alpha takes a number, got "small"`}},
		{"--alpha 1e-3 --init spectral",
			[]string{`--alpha is the size of a random start, and init is "spectral"`}},
		{"--start-seed 3 --init spectral", []string{`--start-seed is for a random start`}},
		{"--seed -1", []string{"--seed takes a whole number from 0 to"}},
		{"--seed 18446744073709551616", []string{"--seed takes a whole number from 0 to"}},
		{"--step 0", []string{"--step must be positive, got 0"}},
		{"--iterations -1", []string{"--iterations must not be negative, got -1"}},
		{"--target-loss -1", []string{"--target-loss must be zero or positive"}},
		{"--measure-every 0", []string{"--measure-every must be positive, got 0"}},
		{"--alignment-margin 0", []string{"--alignment-margin"}},
		{"--alignment-sine 1.5", []string{"--alignment-sine"}},
		{"--signal-fraction 0", []string{"--signal-fraction"}},
		{"--floor-factor 0.5", []string{"--floor-factor"}},
		{"--workers -1", []string{"--workers goes from 0 to 4096, got -1"}},
		{"--workers 5000", []string{"--workers goes from 0 to 4096, got 5000"}},
		{"--checkpoint-every -1", []string{"--checkpoint-every must be zero or positive"}},
		{"--ensemble cauchy", []string{`--ensemble: must be gaussian, rademacher, `}},
		{"--ensemble dense", []string{`--ensemble: must be gaussian, rademacher, `}},
		{"--entries f16", []string{`--entries: must be f64, f32, bf16 or q8, got "f16"`}},
		{"--entries sign", []string{`--entries: must be f64, f32, bf16 or q8, got "sign"`}},
		{"--ensemble rademacher --entries q8",
			[]string{`--entries: rademacher entries are signs of one bit, got "q8"`}},
		{"--method adagrad", []string{`--method: must be gd, polyak-gd, imbalanced-gd, `}},
		{"--device abacus",
			[]string{`--device: must be auto, cpu, cuda, cuda:0, cuda:1, …, cuda:0,1, cuda:all, emulator or emulator:2, got "abacus"`}},
		{"--storage tape", []string{`--storage: must be auto, memory or generated, got "tape"`}},
		{"--precision f16", []string{`--precision: must be f64, mixed, f32 or auto, got "f16"`}},
		{"--init=", []string{"--init must be random, spectral, "}},
		{"--init nowhere.npy", []string{"--init is none of random, spectral, "}},
		{"--observations y.npy",
			[]string{"--observations belongs to user data, which needs matrices"}},
		{"--truth X.npy", []string{"--truth: open X.npy: no such file or directory"}},
		{"--observations y.npy", []string{"--observations belongs to user data, which needs matrices"}},
		{"--matrices A.npy", []string{"--matrices: user matrices need observations as well"}},
		{"--matrices A.npy --observations y.npy", []string{"A.npy: no such file", "y.npy: no such file"}},
		{"--alhpa 1", []string{"unknown flag: --alhpa; did you mean --alpha?"}},
		{"--iteration 5", []string{"unknown flag: --iteration; did you mean --iterations?"}},
		{"--config nowhere.yaml", []string{"nowhere.yaml"}},
		{"extra", []string{`takes no argument "extra"`}},

		// Several at once, in the order of the settings.
		{"--rank 0 --kappa 0 --alpha -1 --step 0 --measure-every 0 --storage tape",
			[]string{"--rank", "--kappa", "--alpha", "--step", "--measure-every", "--storage"}},
		{"--n x --rank y --alpha z", []string{"--n", "--rank", "--alpha"}},
	} {
		t.Run(c.flags, func(t *testing.T) {
			refused(t, append([]string{"run", "--out", out}, strings.Fields(c.flags)...), c.want...)
			if exists(out) {
				t.Error("a directory was left behind")
				remove(t, out)
			}
		})
	}
}

func TestEveryFloatIsChecked(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	for _, key := range []string{"kappa", "noise", "alpha", "step", "target-loss", "alignment-margin",
		"alignment-sine",
		"signal-fraction", "floor-factor", "checkpoint-every"} {
		for _, value := range []string{"NaN", "Inf", "-Inf", "1e999", "one", "", "1,5"} {
			refused(t, []string{"run", "--out", out, "--" + key + "=" + value}, "--"+key+" ")
		}
	}
	if exists(out) {
		t.Error("a directory was left behind")
	}
}

// Symptom: settings that cannot be parsed keep those with bad values from being told, and a bad n keeps
// others of the problem from it. Every mistake is to be listed.
func TestEveryMistakeIsListed(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	t.Run("bad n and others of the problem", func(t *testing.T) {
		refused(t, []string{"run", "--out", out, "--n", "0", "--kappa", "0.5", "--measurements", "0",
			"--noise", "-1"},
			"--n", "--kappa", "--measurements", "--noise")
	})
	t.Run("not a number and a bad value", func(t *testing.T) {
		refused(t, []string{"run", "--out", out, "--n", "ten", "--step", "-1"}, "--n", "--step")
	})
	t.Run("a key that is unknown and a bad value", func(t *testing.T) {
		config := write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte("alhpa: 1\nstep: -1\n"))
		refused(t, []string{"run", "--out", out, "--config", config}, "c.yaml:1: ", "c.yaml:2: ")
	})
	t.Run("a file that is missing and a bad value", func(t *testing.T) {
		refused(t, []string{"run", "--out", out, "--init", "nowhere.npy", "--step", "-1"}, "--step",
			"--init")
	})
}

// Symptom: "unknown flag" is said of a flag that the misspelled command has, and nothing of the command.
func TestUnknownCommand(t *testing.T) {
	for _, args := range [][]string{{"rnu"}, {"rnu", "--n", "10"}, {"rnu", "--json"}, {"rnu", "extra"},
		{"help", "rnu"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := must(t, exitUsage, args...)
			if text := r.out + r.err; !strings.Contains(text, "unknown command") ||
				!strings.Contains(text, "rnu") || !strings.Contains(text, "run") {
				t.Errorf("it says %q", text)
			}
		})
	}
	refused(t, []string{"devices", "extra"}, `takes no argument "extra"`)
}

// Symptom: a flag with one dash is told without the flag that was meant.
func TestSingleDash(t *testing.T) {
	for _, args := range [][]string{{"run", "-n", "10"}, {"run", "-seed", "10"}} {
		lines := mistakes(t, must(t, exitUsage, args...))
		if want := "--" + strings.Trim(args[1], "-"); len(lines) != 1 || !strings.Contains(lines[0], want) {
			t.Errorf("%v: %q does not mention %s", args, lines, want)
		}
	}
}

// Symptom: flags are read in order, and an unknown one before --json is told as text.
func TestErrorsAreJSONWhereverTheFlagStands(t *testing.T) {
	for _, args := range [][]string{{"run", "--alhpa", "1", "--json"}, {"run", "--n", "0", "--json"},
		{"run", "extra", "--json"}, {"plot", "--jso", "--json"}, {"run", "--n", "0", "--json=1"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := must(t, exitUsage, args...)
			if r.err != "" {
				t.Fatalf("lines beside the JSON: %q", r.err)
			}
			if lines := jsonLines(t, r.out); lines[len(lines)-1]["event"] != "error" {
				t.Errorf("it prints %v", lines)
			}
		})
	}
}

func TestBadConfig(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	for _, c := range []struct {
		text string
		want []string
	}{
		{"n: 10\nalhpa: 1e-6\n", []string{`c.yaml:2: unknown key "alhpa"; did you mean "alpha"?`}},
		{"n: 10\nrank: 2\nn: 11\n", []string{"c.yaml:3: n is given again, after line 1"}},
		{"n: 10\n\n# a comment\nrank: two\n", []string{`c.yaml:4: rank takes a whole number, got "two"`}},
		{"n: [10]\n", []string{"c.yaml:1: n takes a single value"}},
		{"n:\n  value: 10\n", []string{"n takes a single value"}},
		{"n: &a 10\nrank: *a\n", []string{"c.yaml:2: rank takes a single value"}},
		{"n: 10\nstep: -1\n", []string{"c.yaml:2: step must be positive, got -1"}},
		{"n: 5\nrank: 6\n", []string{"c.yaml:2: rank goes from 1 to n = 5, got 6"}},
		{"alpha: .nan\n", []string{"c.yaml:1: alpha must be positive and finite, got NaN"}},
		{"alpha: nan\n", []string{"c.yaml:1: alpha must be positive and finite, got NaN"}},
		{"n:\n", []string{`c.yaml:1: n takes a whole number, got ""`}},
		{"- n: 10\n", []string{"c.yaml:1: a configuration is a list of lines like"}},
		{"ten\n", []string{"c.yaml:1: a configuration is a list of lines like"}},
		{"n: 10\n  rank: 2\n", []string{"c.yaml: yaml: line 2:"}},
		{"n: \"10\nrank: 2\n", []string{"c.yaml: yaml: "}},
		{"\tn: 10\n", []string{"c.yaml: yaml: "}},
		{"n: 10\n---\nrank: 2\n", []string{"c.yaml: more than one YAML document"}},
		{"\xff\xfe\x00", []string{"c.yaml: yaml: "}},
		{"n: 10\x00\n", []string{"c.yaml: yaml: "}},
		{"? [a, b]\n: 10\n", []string{"c.yaml:1: "}},
		{strings.Repeat("# filler\n", 200_000), []string{"c.yaml is too large for what it is: it has more than 1048576 bytes"}},
		{strings.Repeat("[", 20_000), []string{"c.yaml: yaml: "}},
		{"alhpa: 1\nrnak: 2\nn: x\nn: 3\nstep: [1]\n", []string{
			`c.yaml:1: unknown key "alhpa"; did you mean "alpha"?`,
			`c.yaml:2: unknown key "rnak"; did you mean "rank"?`,
			"c.yaml:3: n takes a whole number", "c.yaml:4: n is given again, after line 3",
			"c.yaml:5: step takes a single value"}},
		{"out: runs/x\n", []string{`c.yaml:1: unknown key "out"`}},
	} {
		t.Run(c.text[:min(20, len(c.text))], func(t *testing.T) {
			config := write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte(c.text))
			refused(t, []string{"run", "--config", config, "--out", out}, c.want...)
			if exists(out) {
				t.Error("a directory was left behind")
			}
		})
	}
	// Mistakes of the file and of the flags together.
	config := write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte("alhpa: 1\n"))
	refused(t, []string{"run", "--config", config, "--n", "x", "--out", out}, "c.yaml:1: ", "--n")
	refused(t, []string{"run", "--config", t.TempDir(), "--out", out}, "is a directory")
	// Nothing but comments is no mistake.
	config = write(t, filepath.Join(t.TempDir(), "c.yaml"), []byte("# nothing\n"))
	must(t, exitDone, slices.Concat([]string{"run", "--config", config, "--out", out}, small)...)
}

func TestOutIsNotOverwritten(t *testing.T) {
	dir := runSmall(t)
	foreign := t.TempDir()
	write(t, filepath.Join(foreign, "notes.txt"), []byte("mine"))
	file := filepath.Join(foreign, "notes.txt")
	before, beforeForeign := snapshot(t, dir), snapshot(t, foreign)
	run := func(out string, more ...string) []string {
		return slices.Concat([]string{"run", "--out", out}, small, more)
	}
	refused(t, run(dir), "--out "+dir+" holds a run already: --resume goes on with it, --force replaces it")
	refused(t, run(foreign), "--out "+foreign+" exists, is not empty and holds no run")
	refused(t, run(foreign, "--force"), "--out "+foreign+" exists, is not empty and holds no run")
	refused(t, run(file), "--out "+file+" cannot be used")
	refused(t, run(filepath.Join(file, "run")), "--out "+filepath.Join(file, "run")+" cannot be ")
	refused(t, run(dir, "--force", "--step", "0"), "--step")
	if !maps.Equal(snapshot(t, dir), before) || !maps.Equal(snapshot(t, foreign), beforeForeign) {
		t.Error("what was there has changed")
	}

	write(t, filepath.Join(dir, "notes.txt"), []byte("mine"))
	must(t, exitDone, run(dir, "--force", "--iterations", "30")...)
	sameBits(t, dir, runSmall(t, "--iterations", "30"))
	if names := listDir(t, filepath.Join(dir, "checkpoint")); !slices.Equal(names, []string{"000000030"}) {
		t.Errorf("checkpoints of the replaced run are left: %v", names)
	}
	if string(read(t, dir, "notes.txt")) != "mine" {
		t.Error("--force removed a user's file")
	}
	must(t, exitDone, run(t.TempDir())...) // an empty folder is free
}

// Bad data under --force leaves the run that is there.
func TestForceWithBadDataKeepsTheRun(t *testing.T) {
	d := newData(t)
	dir, _ := d.run(t)
	before := snapshot(t, dir)
	d.y[0] = math.NaN()
	bad := d.save(t, "bad.npy", "<f8", false, d.y, d.m)
	refused(t, []string{"run", "--force", "--out", dir, "--matrices", d.matrices, "--observations", bad},
		"--observations")
	if !maps.Equal(snapshot(t, dir), before) {
		t.Error("the run has changed")
	}
}

func TestDefaultOutIsUnused(t *testing.T) {
	t.Chdir(t.TempDir())
	for range 2 {
		must(t, exitDone, append([]string{"run"}, small...)...)
	}
	names := listDir(t, "runs")
	if len(names) != 2 {
		t.Fatalf("two runs made %v", names)
	}
	for _, name := range names {
		if !exists("runs", name, "summary.json") {
			t.Errorf("runs/%s has no summary", name)
		}
	}
}

// The sizes of data files are compared before anything is read; both shapes are named.
func TestMismatchedShapes(t *testing.T) {
	d := newData(t)
	out := filepath.Join(t.TempDir(), "run")
	file := func(name string, shape ...int) string {
		size := 1
		for _, k := range shape {
			size *= k
		}
		return d.save(t, name, "<f8", false, make([]float64, size), shape...)
	}
	for _, c := range []struct {
		name  string
		flags []string
		want  []string // all in one line
	}{
		{"observations short", []string{"--observations", file("y1.npy", 39)},
			[]string{"(40, 10, 10)", "(39,)"}},
		{"observations of two columns", []string{"--observations", file("y2.npy", 40, 2)},
			[]string{"(40, 10, 10)", "(40, 2)"}},
		{"observations a row", []string{"--observations", file("y3.npy", 1, 40)},
			[]string{"(40, 10, 10)", "(1, 40)"}},
		{"matrices of two dimensions", []string{"--matrices", file("A1.npy", 40, 100)},
			[]string{"(40, 100)", "(m, n, n)"}},
		{"matrices not square", []string{"--matrices", file("A2.npy", 40, 10, 9)},
			[]string{"(40, 10, 9)", "(m, n, n)"}},
		{"no matrices", []string{"--matrices", file("A3.npy", 0, 10, 10)}, []string{"(0, 10, 10)"}},
		{"truth of another n", []string{"--truth", file("X1.npy", 9, 2)},
			[]string{"(40, 10, 10)", "(9, 2)", "(10, r*)"}},
		{"truth of three dimensions", []string{"--truth", file("X2.npy", 10, 2, 1)},
			[]string{"(40, 10, 10)", "(10, 2, 1)"}},
		{"truth too wide", []string{"--truth", file("X3.npy", 10, 11)},
			[]string{"truth", "(10, 11)", "r* at most 10"}},
		{"truth empty", []string{"--truth", file("X4.npy", 10, 0)}, []string{"(10, 0)"}},
		{"start of another n", []string{"--init", file("U1.npy", 9, 2)}, []string{"(9, 2)", "(10, r)"}},
		{"start of three dimensions", []string{"--init", file("U2.npy", 10, 2, 2)},
			[]string{"(10, 2, 2)", "(10, r)"}},
		{"n", []string{"--n", "11"}, []string{"--n is 11", "(40, 10, 10)"}},
		{"measurements", []string{"--measurements", "41"},
			[]string{"--measurements is 41", "(40, 10, 10)"}},
		{"rank", []string{"--rank", "3", "--truth", d.truth}, []string{"--rank is 3", "(10, 2)"}},
		{"rank without truth", []string{"--rank", "11"}, []string{"--rank", "11"}},
		{"factor rank", []string{"--factor-rank", "2", "--init", d.start},
			[]string{"--factor-rank is 2", "(10, 3)"}},
		{"ensemble", []string{"--ensemble", "gaussian"}, []string{"--ensemble"}},
		{"entries", []string{"--entries", "f32"}, []string{"--entries"}},
		{"kappa", []string{"--kappa", "2"}, []string{"--kappa"}},
		{"noise", []string{"--noise", "2"}, []string{"--noise"}},
		{"storage", []string{"--storage", "generated"}, []string{"--storage"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := slices.Concat([]string{"run", "--out", out, "--matrices", d.matrices, "--observations",
				d.observations}, c.flags)
			refused(t, args, c.want[0])
			lines := mistakes(t, must(t, exitUsage, args...))
			for _, want := range c.want {
				if !strings.Contains(lines[0], want) {
					t.Errorf("%q does not say %q", lines[0], want)
				}
			}
			if exists(out) {
				t.Error("a directory was left behind")
			}
		})
	}
	t.Run("start of a drawn problem", func(t *testing.T) {
		refused(t, slices.Concat([]string{"run", "--out", out}, small,
			[]string{"--init", file("U3.npy", 9, 2)}), "(9, 2)")
	})
	t.Run("several", func(t *testing.T) {
		refused(t, []string{"run", "--out", out, "--matrices", d.matrices, "--observations",
			file("y4.npy", 3), "--truth", file("X5.npy", 4, 1), "--n", "7"},
			"--n", "(3,)", "(4, 1)")
	})
}

// Symptom: a .npy file of a single number as matrices or as the start of a drawn problem ends with exit code
// 1 and a message about zero measurements or about the factor rank.
func TestSingleNumberAsData(t *testing.T) {
	d := newData(t)
	path := write(t, filepath.Join(d.dir, "number.npy"),
		append(npyHeader("{'descr': '<f8', 'fortran_order': False, 'shape': (), }"), make([]byte, 8)...))
	out := filepath.Join(t.TempDir(), "run")
	own := []string{"run", "--out", out, "--matrices", d.matrices, "--observations", d.observations}
	for name, args := range map[string][]string{
		"matrices":     append(slices.Clone(own), "--matrices", path),
		"observations": append(slices.Clone(own), "--observations", path),
		"truth":        append(slices.Clone(own), "--truth", path),
		"init":         append(slices.Clone(own), "--init", path),
		"init, drawn":  slices.Concat([]string{"run", "--out", out}, small, []string{"--init", path}),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, args, path)
			if exists(out) {
				t.Error("a directory was left behind")
			}
		})
	}
}

func TestBadNumbersInData(t *testing.T) {
	d := newData(t)
	out := filepath.Join(t.TempDir(), "run")
	flag := map[string]string{"A": "matrices", "y": "observations", "X": "truth", "U0": "init"}
	shapes := map[string][]int{"A": {40, 10, 10}, "y": {40}, "X": {10, 2}, "U0": {10, 3}}
	values := map[string][]float64{"A": d.a, "y": d.y, "X": d.x, "U0": d.u}
	for name, good := range values {
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			for _, at := range []int{0, len(good) - 1} {
				bad := slices.Clone(good)
				bad[at] = v
				path := d.save(t, "bad.npy", "<f8", false, bad, shapes[name]...)
				args := []string{"run", "--out", out, "--matrices", d.matrices, "--observations",
					d.observations, "--truth", d.truth, "--init", d.start}
				refused(t, append(args, "--"+flag[name], path), "--"+flag[name]+": ")
				if exists(out) {
					t.Fatalf("%s with %v: a directory was left behind", name, v)
				}
			}
		}
	}
	zeros := d.save(t, "zeros.npy", "<f8", false, make([]float64, 20), 10, 2)
	refused(t, []string{"run", "--out", out, "--matrices", d.matrices, "--observations", d.observations,
		"--truth", zeros}, "--truth")
	if exists(out) {
		t.Error("a directory was left behind")
	}
}

// Files that are not what they say, or that would run code or fill memory if they were believed.
func TestBadNumpyFiles(t *testing.T) {
	d := newData(t)
	out := filepath.Join(t.TempDir(), "run")
	good := read(t, d.matrices)
	head := func(descr, order, shape string) []byte {
		return npyHeader(fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s, }",
			descr, order, shape))
	}
	version := func(major byte, length uint32) []byte {
		return append([]byte("\x93NUMPY"), major, 0, byte(length), byte(length>>8), byte(length>>16),
			byte(length>>24))
	}
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"empty", nil, "not a .npy file"},
		{"magic alone", good[:6], "not a .npy file"},
		{"text", []byte("1 2 3\n4 5 6\n"), "is text: convert it in Python: numpy.save("},
		{"zip", []byte("PK\x03\x04 an .npz file"), "a damaged or truncated zip archive"},
		{"no length", good[:9], "truncated inside the header"},
		{"half a header", good[:40], "truncated inside the header"},
		{"header alone", good[:128], "truncated: the shape (40, 10, 10) takes 32000 bytes"},
		{"one byte short", good[:len(good)-1], "truncated: the shape (40, 10, 10)"},
		{"one byte long", append(slices.Clone(good), 0), "1 too many"},
		{"version 9", append([]byte("\x93NUMPY"), 9, 0, 10, 0), "version 9"},
		{"header of 4 GB", version(2, math.MaxUint32), "4294967295 bytes"},
		{"header of 1 GB, version 3", version(3, 1<<30), "1073741824 bytes"},
		{"empty header", npyHeader(""), "descr, fortran_order and shape"},
		{"no shape", npyHeader("{'descr': '<f8', 'fortran_order': False, }"),
			"descr, fortran_order and shape"},
		{"object array", head("'|O'", "False", "(40, 10, 10)"), "Python objects"},
		{"structured array", head("[('a', '<f8')]", "False", "(40, 10, 10)"), "structured"},
		{"long integers", head("'<i16'", "False", "(40, 10, 10)"), "<i16"},
		{"complex", head("'<c16'", "False", "(40, 10, 10)"), "<c16"},
		{"long doubles", head("'<f16'", "False", "(40, 10, 10)"), "<f16"},
		{"strings", head("'<U3'", "False", "(40, 10, 10)"), "<U3"},
		{"line break in the type", head("'<f8\nmatsense: '", "False", "(40, 10, 10)"), "of type"},
		{"negative", head("'<f8'", "False", "(-40, 10, 10)"), "negative"},
		{"two negatives", head("'<f8'", "False", "(40, -10, -10)"), "negative"},
		{"overflow of 64 bits", head("'<f8'", "False", "(2147483647, 2147483647, 2147483647)"),
			"more than any file holds"},
		{"overflow to zero", head("'<f8'", "False", "(1073741824, 1073741824, 16)"),
			"more than any file holds"},
		{"claims gigabytes", head("'<f8'", "False", "(1000, 10000, 10000)"), "truncated"},
		{"past 31 bits", head("'<f8'", "False", "(4294967296, 1, 1)"), "absurd"},
		{"past 64 bits", head("'<f8'", "False", "(99999999999999999999, 1, 1)"),
			"not a list of whole numbers"},
		{"words", head("'<f8'", "False", "(a, b, c)"), "not a list of whole numbers"},
		{"line break in the shape", head("'<f8'", "False", "(4,\nmatsense: 0)"),
			"not a list of whole numbers"},
		{"fraction", head("'<f8'", "False", "(4.0, 1, 1)"), "not a list of whole numbers"},
		{"order", head("'<f8'", "Maybe", "(40, 10, 10)"), "descr, fortran_order and shape"},
		{"many dimensions", head("'<f8'", "False", "("+strings.Repeat("1,", 2000)+")"), "the file has 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "A.npy"), c.content)
			args := []string{"run", "--out", out, "--matrices", path, "--observations", d.observations}
			refused(t, args, c.want)
			if lines := mistakes(t, must(t, exitUsage, args...)); !strings.Contains(lines[0], path) {
				t.Errorf("%q does not name the file", lines[0])
			}
			if exists(out) {
				t.Error("a directory was left behind")
			}
		})
	}
	refused(t, []string{"run", "--out", out, "--matrices", d.dir, "--observations", d.observations},
		"is a directory")
	// All files are looked at before anything is told.
	bad := write(t, filepath.Join(d.dir, "bad.npy"), nil)
	refused(t, []string{"run", "--out", out, "--matrices", bad, "--observations", bad, "--truth", bad,
		"--init", bad},
		"--matrices", "--observations", "--truth", "--init")
}

var offer = regexp.MustCompile(`--(?:storage|entries) [a-z0-9]+`)

func TestTooLittleMemory(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	// 4000 rows of 465 entries: 14.9 MB in f64, 7.4 in f32, 3.7 in bf16, 1.9 in q8; all the rest is below 1
	// MB.
	flags := []string{"run", "--out", out, "--n", "30", "--rank", "2", "--measurements", "4000",
		"--iterations", "1", "--workers", "1"}
	for i, c := range []struct {
		memory float64
		flags  string
		offers []string
	}{
		{9e6, "--storage memory --entries f64",
			[]string{"--storage generated", "--entries f32", "--entries bf16", "--entries q8"}},
		{5e6, "--storage memory --entries f32",
			[]string{"--storage generated", "--entries bf16", "--entries q8"}},
		{4e6, "--storage memory --entries f32", []string{"--storage generated", "--entries q8"}},
		{1.2e6, "--storage memory --entries q8", []string{"--storage generated"}},
		{1e5, "--storage memory", nil},
		{1e5, "--storage generated", nil},
		{1e5, "", nil},
		{1e5, "--ensemble rademacher", nil},
		{0, "", nil},
	} {
		t.Run(fmt.Sprint(c.memory, c.flags), func(t *testing.T) {
			args := append(slices.Clone(flags), strings.Fields(c.flags)...)
			r := matsenseIn(t, t.Context(), c.memory, args...)
			lines := mistakes(t, r)
			if r.code != exitUsage || len(lines) != 1 {
				t.Fatalf("exit code %d\n%s", r.code, r.err)
			}
			needs := regexp.MustCompile(
				`needs [0-9.]+ [kMG]?B of memory and [0-9.]+ [kMG]?B are available on cpu: `)
			if !needs.MatchString(lines[0]) {
				t.Errorf("%q does not say how much is needed and available", lines[0])
			}
			got := offer.FindAllString(lines[0], -1)
			if !slices.Equal(got, c.offers) {
				t.Errorf("%q offers %q, want %q", lines[0], got, c.offers)
			}
			if c.offers == nil && !strings.Contains(lines[0], "lower n, measurements or factor-rank") {
				t.Errorf("%q gives no advice", lines[0])
			}
			if exists(out) {
				t.Fatal("a directory was left behind")
			}
			if i > 0 {
				return
			}
			for _, o := range got { // what is offered works
				dir := filepath.Join(t.TempDir(), "run")
				if r := matsenseIn(t, t.Context(), c.memory,
					append(append(args, strings.Fields(o)...), "--out", dir)...); r.code != exitDone {
					t.Errorf("%s was offered: exit code %d\n%s", o, r.code, r.err)
				}
			}
		})
	}
	d := newData(t)
	r := matsenseIn(t, t.Context(), 1e4, "run", "--out", out, "--matrices", d.matrices, "--observations",
		d.observations)
	if lines := mistakes(t, r); r.code != exitUsage || len(lines) != 1 || offer.MatchString(lines[0]) {
		t.Errorf("own data: exit code %d, %q", r.code, lines)
	}
	r = matsenseIn(t, t.Context(), 1e5, append(flags, "--json")...)
	if lines := jsonLines(t, r.out); len(lines) != 1 || lines[0]["event"] != "error" || r.err != "" {
		t.Errorf("as JSON: %v %q", lines, r.err)
	}
}

func TestAbsurdSizesAreRefusedAtOnce(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	for _, flags := range []string{
		"--n 65536 --rank 1", "--n 65536 --rank 65536 --storage generated",
		"--n 10 --rank 1 --measurements 2147483647 --storage memory",
		"--n 10 --rank 1 --factor-rank 65536 --workers 4096 --measurements 2147483647 --entries f64",
	} {
		refused(t, append([]string{"run", "--out", out}, strings.Fields(flags)...), "are available on cpu: ")
	}
	if exists(out) {
		t.Error("a directory was left behind")
	}
}

func TestMemoryUnknown(t *testing.T) {
	var errs strings.Builder
	env := environment{out: &strings.Builder{}, err: &errs,
		memory: func() (float64, error) { return 0, errors.New("no /proc") }, gpus: noGPU}
	out := filepath.Join(t.TempDir(), "run")
	if code := runRecovering(t, t.Context(), env, slices.Concat([]string{"run", "--out", out},
		small)); code != exitFailed || !strings.Contains(errs.String(), "no /proc") {
		t.Errorf("exit code %d\n%s", code, errs.String())
	}
	if exists(out) {
		t.Error("a directory was left behind")
	}
}

// TestRefusedBeforeWork: mistakes that were found after something had been printed, drawn or run. refused
// demands one sentence each, the exit code 2, and nothing else.
func TestRefusedBeforeWork(t *testing.T) {
	t.Chdir(t.TempDir())
	for path, text := range map[string]string{
		"empty.yaml": "", "comment.yaml": "# nothing\n", "file": "x", "full/x": "",
		"s.yaml": "base: {n: 8, rank: 1, iterations: 4}\naxes:\n  - alpha: [1e-3, 1e-4]\n",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	must(t, exitDone, "run", "--n", "8", "--rank", "1", "--iterations", "4", "--out", "run")
	refused(t, []string{"sweep", "empty.yaml"}, "empty.yaml is empty: a sweep has base, axes")
	refused(t, []string{"sweep", "comment.yaml"}, "comment.yaml is empty")
	refused(t, []string{"sweep", "s.yaml", "--out", "file"}, "--out file cannot be made: it is a file")
	refused(t, []string{"sweep", "s.yaml", "--out", "full"}, "--out full is not empty and holds no sweep")
	refused(t, []string{"sweep", "s.yaml", "--batch", "-1"}, "--batch goes from 0 to 4096, got -1")
	refused(t, []string{"reproduce", "alpha", "--out", "file"}, "--out file cannot be made: it is a file")
	refused(t, []string{"reproduce", "alpha", "--out", "full"}, "--out full is not empty and holds no sweep")
	refused(t, []string{"reproduce", "--set", "kappa=2"}, "--set is for an experiment: name one")
	refused(t, []string{"reproduce", "--quick"}, "--quick is for an experiment: name one")
	for path, text := range map[string]string{
		"damaged/config.yaml": "", "A.npy": string(npyFile("<f8", false, []float64{1, 1}, 2, 1, 1)),
		"nan.npy": string(npyFile("<f8", false, []float64{1, math.NaN()}, 2)),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, verb := range []string{"plot", "verify"} { // an empty config.yaml was that of the defaults
		refused(t, []string{verb, "damaged"}, "damaged/config.yaml is empty")
	}
	refused(t, []string{"run", "--config", "empty.yaml"}, "empty.yaml is empty")
	refused(t, []string{"run", "--matrices", "A.npy", "--observations", "nan.npy"},
		"--observations: observation 1 is NaN") // and not "sensing: observation"
	refused(t, []string{"plot", "run", "--out", "nowhere/x.svg"},
		"--out nowhere/x.svg cannot be written: no such file or directory")
}
