package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sweepFile writes a sweep file into a folder of its own.
func sweepFile(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "s.yaml"), []byte(text))
}

// swept carries a sweep out and returns its directory.
func swept(t *testing.T, file string, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "swept")
	must(t, exitDone, append([]string{"sweep", file, "--out", dir}, flags...)...)
	return dir
}

// sweepTables are the files of a sweep that are the same bytes whenever and however it is carried out.
var sweepTables = []string{"runs.csv", "runs.parquet", "trajectories.parquet"}

// sameTables compares two sweeps' tables to the byte.
func sameTables(t *testing.T, got, want string) {
	t.Helper()
	for _, name := range sweepTables {
		if !bytes.Equal(read(t, got, name), read(t, want, name)) {
			t.Errorf("%s of %s and of %s differ", name, got, want)
		}
	}
}

// runRows reads runs.csv: each run's cells by their columns.
func runRows(t *testing.T, dir string) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(read(t, dir, "runs.csv"))).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: runs.csv: %v", dir, err)
	}
	var rows []map[string]string
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = line[i]
		}
		if len(row) != len(line) {
			t.Errorf("two columns have one name: %v", all[0])
		}
		rows = append(rows, row)
	}
	return rows
}

// sameAsAlone compares a sweep's run with the directory of the same run alone: all digits of what runs.csv
// and the record have.
func sameAsAlone(t *testing.T, dir string, row map[string]string, alone string) {
	t.Helper()
	s := summaryOf(t, alone)
	of := func(o any, keys ...string) any {
		for _, key := range keys {
			m, ok := o.(map[string]any)
			if !ok {
				return nil
			}
			o = m[key]
		}
		return o
	}
	want := map[string]any{
		"status": s["status"], "iterations": s["iterations"], "recovered": s["recovered"],
		"alignment_end":                        of(s["phases"], "alignment_end", "iteration"),
		"saddle_avoidance_end":                 of(s["phases"], "saddle_avoidance_end", "iteration"),
		"floor_start":                          of(s["phases"], "floor_start", "iteration"),
		"estimate_to_truth":                    of(s["spectral"], "estimate_to_truth"),
		"estimate_overlap":                     of(s["spectral"], "estimate_overlap"),
		"factor_to_estimate_closest":           of(s["spectral"], "factor_to_estimate_closest"),
		"factor_to_estimate_closest_iteration": of(s["spectral"], "factor_to_estimate_closest_iteration"),
		"error":                                nil,
	}
	metrics := []string{"train_loss", "test_error", "signal", "noise", "angle", "spectral_angle"}
	for _, m := range metrics {
		want[m] = of(s["final"], m)
	}
	head, samples := table(t, alone)
	at := map[string]int{}
	for i, name := range head {
		at[name] = i
	}
	for _, target := range []string{"0.01", "0.0001", "1e-06", "1e-08"} {
		want["iterations_to_"+target] = nil
		limit, _ := strconv.ParseFloat(target, 64)
		for _, sample := range samples {
			if e, err := strconv.ParseFloat(sample[at["test_error"]], 64); err == nil && e <= limit {
				n, _ := strconv.ParseFloat(sample[0], 64)
				want["iterations_to_"+target] = n
				break
			}
		}
	}
	for column, value := range want {
		cell, has := row[column]
		same := has && cell == fmt.Sprint(value)
		switch v := value.(type) {
		case nil:
			same = has && cell == ""
		case float64:
			x, err := strconv.ParseFloat(cell, 64)
			same = err == nil && x == v
		}
		if !same {
			t.Errorf("run %s has %s = %q, and %v alone", row["run"], column, cell, value)
		}
	}

	index, _ := strconv.Atoi(row["run"])
	points := recordOf(t, dir, index)["trajectory"].([]any)
	if len(points) != len(samples) {
		t.Fatalf("run %d has %d points, and %d samples alone", index, len(points), len(samples))
	}
	for i, point := range points {
		for _, m := range append([]string{"iteration"}, metrics...) {
			cell := samples[i][at[m]]
			x, err := strconv.ParseFloat(cell, 64)
			if got := of(point, m); got != any(x) && (got != nil || cell != "") || cell != "" && err != nil {
				t.Errorf("run %d, point %d: %s is %v, and %q alone", index, i, m, got, cell)
			}
		}
	}
}

// TestSweepIsRunsAlone: every run of a sweep comes to the numbers of the same run alone, whatever goes with
// it: of another rank, of another start, one that diverges. Batches change no byte.
func TestSweepIsRunsAlone(t *testing.T) {
	for name, problem := range map[string][]string{
		"f32":        {"--entries", "f32"},
		"q8":         {"--entries", "q8"},
		"rademacher": {"--ensemble", "rademacher"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := slices.Concat(small, problem)
			var base strings.Builder
			for i := 0; i < len(flags); i += 2 {
				fmt.Fprintf(&base, "  %s: %s\n", strings.TrimPrefix(flags[i], "--"), flags[i+1])
			}
			file := sweepFile(t, "base:\n"+base.String()+"axes:\n"+
				"  - factor-rank: [2, 10]\n  - {alpha: [1e-6, 1e-2, 1e-2], step: [0.25, 0.2, 40]}\n"+
				"  - measure-every: [7]\n")
			dir := swept(t, file)
			for _, batch := range []string{"1", "2", "5"} {
				sameTables(t, swept(t, file, "--batch", batch), dir)
			}
			rows := runRows(t, dir)
			diverged := 0
			for _, row := range rows {
				single := filepath.Join(t.TempDir(), "run")
				args := slices.Concat([]string{"run", "--out", single}, flags)
				for _, key := range []string{"factor-rank", "alpha", "step", "measure-every"} {
					args = append(args, "--"+key, row[key])
				}
				code := exitDone
				if row["status"] == "diverged" {
					code = exitDiverged
					diverged++
				}
				must(t, code, args...)
				sameAsAlone(t, dir, row, single)
			}
			if len(rows) != 6 || diverged != 2 {
				t.Errorf("%d runs, of which %d diverged", len(rows), diverged)
			}
		})
	}
}

// TestSweepOnTheEmulator: on the other device, too.
func TestSweepOnTheEmulator(t *testing.T) {
	dir := swept(t, sweepFile(t, "base: {n: 6, rank: 1, measurements: 60, iterations: 4, device: emulator}\n"+
		"axes:\n  - {alpha: [1e-3, 1e-1, 1e-2], factor-rank: [6, 2, 3]}\n"))
	for _, row := range runRows(t, dir) {
		single := filepath.Join(t.TempDir(), "run")
		must(t, exitDone, "run", "--n", "6", "--rank", "1", "--measurements", "60", "--iterations", "4",
			"--device", "emulator",
			"--alpha", row["alpha"], "--factor-rank", row["factor-rank"], "--out", single)
		sameAsAlone(t, dir, row, single)
	}
}

// someSweep has 12 runs in 3 groups, of which 3 diverge.
const someSweep = `base: {n: 10, rank: 2, measurements: 150, iterations: 40}
axes:
  - factor-rank: [2, 5]
  - {alpha: [1e-4, 1e-2], step: [0.25, 40]}
seeds: 3
`

// TestSweepOrder: where rows are, how many workers there are, in what order shards go, and how many runs go
// together change no byte of the tables.
func TestSweepOrder(t *testing.T) {
	file := sweepFile(t, someSweep)
	want := swept(t, file)
	for _, machine := range []string{"storage: generated", "storage: memory", "workers: 1", "workers: 3",
		"simd: off"} {
		other := sweepFile(t, strings.Replace(someSweep, "base: {", "base: {"+machine+", ", 1))
		sameTables(t, swept(t, other, "--batch", "3"), want)
	}
	dir := filepath.Join(t.TempDir(), "parts")
	for i, shard := range []string{"4/5", "1/5", "5/5", "3/5", "2/5"} {
		must(t, exitDone, "sweep", file, "--out", dir, "--shard", shard, "--batch", fmt.Sprint(i))
		if exists(dir, "runs.csv") != (i == 4) {
			t.Fatalf("after %d of 5 parts: %v", i+1, listDir(t, dir))
		}
	}
	sameTables(t, dir, want)
	for _, name := range listDir(t, dir) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s was left behind", name)
		}
	}
}

// TestSweepShardsOfEnvironments: tasks of Slurm's arrays and pods of indexed jobs find their parts.
func TestSweepShardsOfEnvironments(t *testing.T) {
	file := sweepFile(t, someSweep)
	want := swept(t, file)
	for name, tasks := range map[string][]map[string]string{
		"Slurm": {
			{"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "7", "SLURM_ARRAY_TASK_MAX": "8",
				"SLURM_ARRAY_TASK_COUNT": "2"},
			{"SLURM_ARRAY_TASK_ID": "8", "SLURM_ARRAY_TASK_MIN": "7", "SLURM_ARRAY_TASK_MAX": "8",
				"SLURM_ARRAY_TASK_COUNT": "2"},
		},
		"Kubernetes": {
			{"JOB_COMPLETION_INDEX": "0", "MATSENSE_SHARDS": "2"},
			{"JOB_COMPLETION_INDEX": "1", "MATSENSE_SHARDS": "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "parts")
			for i, task := range tasks {
				for key, value := range task {
					t.Setenv(key, value)
				}
				plan := jsonLines(t, must(t, exitDone, "sweep", file, "--out", dir, "--json").out)[0]
				if plan["shards"] != float64(len(tasks)) || plan["runs_of_all_parts"] != 12.0 ||
					plan["runs"] == 12.0 || plan["shard_named_by"] != strings.ToLower(name) {
					t.Errorf("task %d: %v", i, plan)
				}
			}
			sameTables(t, dir, want)
		})
	}
	t.Setenv("JOB_COMPLETION_INDEX", "1")
	refused(t, []string{"sweep", file}, "JOB_COMPLETION_INDEX is set: set MATSENSE_SHARDS as well")
	must(t, exitDone, "sweep", file, "--dry-run", "--shard", "2/2") // a flag wins
	t.Setenv("MATSENSE_SHARDS", "1")
	refused(t, []string{"sweep", file}, "JOB_COMPLETION_INDEX is 1, and there are 1 shards")
}

// TestSweepMerge names exactly what is missing.
func TestSweepMerge(t *testing.T) {
	file := sweepFile(t, someSweep)
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(dir, os.DirFS(want)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remove        []int
		text, missing string
	}{
		{nil, "", "[]"},
		{[]int{4}, "1 run is missing: 4", "[4]"},
		{[]int{0, 3, 9, 11}, "5 runs are missing: 0, 3–4, 9, 11", "[0 3 4 9 11]"},
		{[]int{1, 2, 5, 6, 7, 8, 10}, "12 runs are missing: 0–11", "[0 1 2 3 4 5 6 7 8 9 10 11]"},
	} {
		removeRecords(t, dir, c.remove...)
		code := exitFailed
		if c.text == "" {
			code = exitDone
		}
		r := must(t, code, "sweep", "merge", dir)
		if c.text != "" && (len(mistakes(t, r)) != 1 || mistakes(t, r)[0] != c.text) {
			t.Errorf("without %v it says %q", c.remove, r.err)
		}
		lines := jsonLines(t, must(t, code, "sweep", "merge", dir, "--json").out)
		there := 12 - len(strings.Fields(strings.Trim(c.missing, "[]")))
		if m := lines[0]; m["event"] != "merged" || fmt.Sprint(m["missing"]) != c.missing ||
			m["runs"] != float64(there) {
			t.Errorf("without %v: %v", c.remove, m)
		}
		if there > 0 && len(runRows(t, dir)) != there {
			t.Errorf("without %v runs.csv has %d rows", c.remove, len(runRows(t, dir)))
		}
	}
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	sameTables(t, dir, want)
	must(t, exitDone, "sweep", "merge", dir)
	sameTables(t, dir, want)

	refused(t, []string{"sweep", "merge", t.TempDir()}, "has no sweep.yaml")
	refused(t, []string{"sweep", "merge"}, "merge takes one sweep directory, got 0")
	refused(t, []string{"sweep", "merge", dir, dir}, "merge takes one sweep directory, got 2")
}

// refusedPlan checks that a sweep is refused after its plan, with one sentence, and changes nothing.
func refusedPlan(t *testing.T, dir, want string, args ...string) {
	t.Helper()
	entry := func() (files map[string]string) {
		if exists(dir) {
			files = snapshot(t, dir)
		}
		maps.DeleteFunc(files, func(path, _ string) bool { // a killed part's
			return strings.HasPrefix(filepath.Base(path), ".lock-")
		})
		return files
	}
	before, there := entry(), exists(dir)
	r := must(t, exitUsage, append([]string{"sweep"}, args...)...)
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "matsense: ") || !strings.Contains(last, want) ||
		strings.Count(r.err, "matsense: ") != 1 {
		t.Errorf("%v: it does not say %q:\n%s", args, want, r.err)
	}
	if !maps.Equal(before, entry()) || exists(dir) != there {
		t.Errorf("%v: the directory has changed", args)
	}
}

func TestSweepDirectories(t *testing.T) {
	file := sweepFile(t, someSweep)
	other := sweepFile(t, strings.Replace(someSweep, "seeds: 3", "seeds: 2", 1))
	dir := swept(t, file)
	run := runSmall(t)
	foreign, hidden, none := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "none")
	write(t, filepath.Join(foreign, "notes.txt"), []byte("mine"))
	write(t, filepath.Join(hidden, ".profile"), []byte("mine"))
	plain := write(t, filepath.Join(t.TempDir(), "file"), []byte("mine"))

	refusedPlan(t, dir, "--resume goes on with it, --force replaces it", file, "--out", dir)
	refusedPlan(t, dir, "--resume goes on with it, --force replaces it", file, "--out", dir, "--shard", "1/2")
	refusedPlan(t, dir, "--force would remove the results of other machines", file, "--out", dir, "--shard",
		"1/2", "--force")
	for _, flag := range [][]string{nil, {"--resume"}, {"--shard", "1/2"}} {
		refusedPlan(t, dir, "holds another sweep", append([]string{other, "--out", dir}, flag...)...)
	}
	for _, flag := range [][]string{nil, {"--force"}, {"--shard", "1/2"}} {
		for _, at := range []string{run, foreign, hidden} {
			refusedPlan(t, at, "is not empty and holds no sweep",
				append([]string{file, "--out", at}, flag...)...)
		}
	}
	refusedPlan(t, filepath.Dir(plain), "cannot be made", file, "--out", plain)
	refusedPlan(t, none, "there is no sweep in "+none+" to resume", file, "--out", none, "--resume")
	refusedPlan(t, run, "there is no sweep in "+run+" to resume", file, "--out", run, "--resume")
	refused(t, []string{"sweep", file, "--out", dir, "--resume", "--force"}, "choose one")

	// An empty folder, or one with what a killed process left of a file, is free.
	left := t.TempDir()
	write(t, filepath.Join(left, ".tmp-sweep.yaml-123"), []byte("base"))
	must(t, exitDone, "sweep", file, "--out", left)
	sameTables(t, left, dir)

	write(t, filepath.Join(dir, "notes.txt"), []byte("mine"))
	must(t, exitDone, "sweep", other, "--out", dir, "--force")
	sameTables(t, dir, swept(t, other))
	if recordLines(t, dir)[8] != "" || string(read(t, dir, "notes.txt")) != "mine" {
		t.Errorf("--force left records of the old sweep, or removed what is not a sweep's: %v",
			listDir(t, dir))
	}
	// The resolved file in the directory is the same sweep.
	must(t, exitDone, "sweep", filepath.Join(dir, "sweep.yaml"), "--out", dir, "--resume")
	must(t, exitDone, "sweep", filepath.Join(dir, "sweep.yaml"), "--out", dir, "--force")

	// A user's own file of that name is not replaced.
	mine := t.TempDir()
	text := "# mine\n" + someSweep
	write(t, filepath.Join(mine, "sweep.yaml"), []byte(text))
	refused(t, []string{"sweep", filepath.Join(mine, "sweep.yaml"), "--out", mine, "--force"},
		"your sweep file: choose another --out")
	if string(read(t, mine, "sweep.yaml")) != text {
		t.Error("the user's file was replaced")
	}
}

// TestSweepDryRun says what would be done and does nothing.
func TestSweepDryRun(t *testing.T) {
	file := sweepFile(t, someSweep)
	t.Chdir(t.TempDir())
	r := must(t, exitDone, "sweep", file, "--dry-run")
	for _, want := range []string{"12 runs over 2 × factor-rank, 2 × alpha with step, 3 seeds\n", "3 groups",
		"up to 4 runs together", "B of memory", "about "} {
		if !strings.Contains(r.err, want) {
			t.Errorf("it does not say %q:\n%s", want, r.err)
		}
	}
	if r.out != "" {
		t.Errorf("standard output has %q", r.out)
	}
	lines := jsonLines(t, must(t, exitDone, "sweep", file, "--dry-run", "--json", "--shard", "2/2").out)
	p := lines[0]
	if len(lines) != 1 || p["event"] != "plan" || p["runs_of_all_parts"] != 12.0 || p["shard"] != 2.0 ||
		p["shards"] != 2.0 || p["shard_named_by"] != "flag" ||
		p["dir"] != filepath.Join("sweeps", "s") || !(p["memory_planned_bytes"].(float64) > 0) ||
		!(p["seconds_estimated"].(float64) > 0) {
		t.Errorf("the plan is %v", lines)
	}
	if names := listDir(t, "."); len(names) > 0 {
		t.Errorf("it wrote %v", names)
	}
	one := sweepFile(t, "base: {n: 100}\n")
	if r := must(t, exitDone, "sweep", one, "--dry-run"); !strings.HasPrefix(r.err,
		"1 run\n1 group ") {
		t.Errorf("a sweep of one run: %s", r.err)
	}
	r = must(t, exitDone, "sweep", sweepFile(t, "base: {n: 100}\n"), "--dry-run", "--shard", "2/2")
	if r.err != "1 run\npart 2 of 2, by --shard: 0 runs\n" {
		t.Errorf("an empty part: %q", r.err)
	}
	// Methods with defaults of their own are hardly to be compared, which a note says.
	unlike := sweepFile(t, "base: {n: 20}\naxes: [method: [gd, scaled-gd]]\n")
	const note = "the methods of this sweep differ in their defaults of factor-rank and init: set factor-rank and " +
		"init in base to compare like with like"
	if r := must(t, exitDone, "sweep", unlike, "--dry-run"); !strings.Contains(r.err, "\nnote: "+note) {
		t.Errorf("of unlike methods it says %q", r.err)
	}
	lines = jsonLines(t, must(t, exitDone, "sweep", unlike, "--dry-run", "--json").out)
	if len(lines) != 2 || !strings.HasPrefix(fmt.Sprint(lines[1]["message"]), note) {
		t.Errorf("of unlike methods it says %v", lines)
	}
	// Without --out the directory is called as the file is.
	must(t, exitDone, "sweep", file)
	if !exists("sweeps", "s", "runs.csv") {
		t.Errorf("there is %v", listDir(t, "."))
	}
}

func TestSweepJSON(t *testing.T) {
	file := sweepFile(t, someSweep)
	dir := filepath.Join(t.TempDir(), "swept")
	r := must(t, exitDone, "sweep", file, "--out", dir, "--json")
	lines := jsonLines(t, r.out)
	runs := events(lines, "run")
	if r.err != "" || len(lines) != 17 || len(runs) != 12 || len(events(lines, "figure")) != 2 ||
		len(events(lines, "report")) != 1 || lines[0]["event"] != "plan" || lines[16]["event"] != "done" {
		t.Fatalf("%d lines, and beside them %q:\n%s", len(lines), r.err, r.out)
	}
	rows := runRows(t, dir)
	for _, run := range runs {
		row := rows[int(run["run"].(float64))]
		settings := run["settings"].(map[string]any)
		if run["status"] != row["status"] || fmt.Sprint(run["iterations"]) != row["iterations"] ||
			len(settings) != 4 || fmt.Sprint(settings["seed"]) != row["seed"] {
			t.Errorf("%v is in runs.csv %v", run, row)
		}
	}
	if d := lines[16]; d["runs"] != 12.0 || d["failed"] != 0.0 || d["diverged"] != 6.0 || d["dir"] != dir {
		t.Errorf("the last line is %v", d)
	}
	// What is there already is not told again.
	lines = jsonLines(t, must(t, exitDone, "sweep", file, "--out", dir, "--json", "--resume").out)
	if len(lines) != 5 || lines[4]["event"] != "done" || lines[4]["runs"] != 12.0 ||
		lines[4]["diverged"] != 6.0 {
		t.Errorf("resumed: %v", lines)
	}
	lines = jsonLines(t, must(t, exitUsage, "sweep", file, "--out", dir, "--json").out)
	if last := lines[len(lines)-1]; len(lines) != 1 || last["event"] != "error" || last["exit_code"] != 2.0 {
		t.Errorf("refused: %v", lines)
	}
}

func TestSweepWrongInputs(t *testing.T) {
	file := sweepFile(t, someSweep)
	none := filepath.Join(t.TempDir(), "none.yaml")
	many := sweepFile(t, "base: {n: 6, rank: 1}\nseeds: 200000\n")
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"sweep takes a file: matsense sweep FILE, or matsense sweep merge DIR"}},
		{[]string{none}, []string{"the sweep cannot be read: open " + none + ": no such file or directory"}},
		{[]string{t.TempDir()}, []string{"is a directory"}},
		{[]string{file, file}, []string{"sweep takes one file, got 2"}},
		{[]string{"mrege", out},
			[]string{"there is no file mrege; did you mean matsense sweep merge " + out + "?"}},
		{[]string{"mrege"}, []string{"the sweep cannot be read: open mrege: no such file"}},
		{[]string{file, "--shard", "0/3"},
			[]string{`a shard is I/N with I from 1 to N, like 3/8, got "0/3"`}},
		{[]string{file, "--shard", "4/3"}, []string{`got "4/3"`}},
		{[]string{file, "--shard", "x"}, []string{`got "x"`}},
		{[]string{file, "--shard", "1/3/5"}, []string{`got "1/3/5"`}},
		{[]string{file, "--shard", "1/0"}, []string{`got "1/0"`}},
		{[]string{file, "--batch", "-1"}, []string{"--batch goes from 0 to 4096, got -1"}},
		{[]string{file, "--batch", "4097"}, []string{"--batch goes from 0 to 4096, got 4097"}},
		{[]string{file, "--batch", "x"}, []string{`invalid argument "x" for "--batch"`}},
		{[]string{file, "--n", "3"}, []string{"unknown flag: --n"}},
		{[]string{many}, []string{many + " is a grid of 200000 runs: --yes says that you mean it"}},
		{[]string{many, "--dry-run"}, []string{"--yes says that you mean it"}},
		{[]string{none, "--shard", "9", "--batch", "-3"}, []string{"cannot be read", `got "9"`, "--batch"}},
	} {
		refused(t, append([]string{"sweep", "--out", out}, c.args...), c.want...)
	}

	bad := sweepFile(t, `base:
  n: ten
  alhpa: 1
  step: x
axes:
  - rank: []
  - kappa: {logspace: [0, 1, 3]}
  - device: [cpu]
seeds: 0
start-seeds: many
filter: n >
targets: [-1]
`)
	var want []string
	for _, line := range []int{2, 3, 4, 6, 7, 8, 9, 10, 11, 12} {
		want = append(want, fmt.Sprintf("%s:%d: ", bad, line))
	}
	refused(t, []string{"sweep", bad, "--out", out}, want...)
	if exists(out) {
		t.Error("a directory was made")
	}
}

// TestSweepMemory: a batch that does not fit becomes smaller, but for one that was asked for.
func TestSweepMemory(t *testing.T) {
	file := sweepFile(t, "base: {n: 20, rank: 1, measurements: 300, iterations: 5, storage: memory}\n"+
		"axes:\n  - alpha: {logspace: [1e-6, 1e-2, 20]}\n")
	plan := func(memory float64, flags ...string) object {
		t.Helper()
		r := matsenseIn(t, t.Context(), memory,
			append([]string{"sweep", file, "--dry-run", "--json"}, flags...)...)
		if r.code != exitDone {
			t.Fatalf("%v of %g bytes: exit code %d\n%s", flags, memory, r.code, r.out)
		}
		return jsonLines(t, r.out)[0]
	}
	five := plan(plenty, "--batch", "5")["memory_planned_bytes"].(float64)
	if all := plan(plenty); all["together"] != 20.0 || all["memory_planned_bytes"].(float64) <= five {
		t.Errorf("all: %v", all)
	}
	memory := five / 0.899
	if p := plan(memory); p["together"] != 5.0 || p["memory_planned_bytes"] != five { // 20 halved twice
		t.Errorf("where 5 fit: %v", p)
	}
	dir := filepath.Join(t.TempDir(), "swept")
	r := matsenseIn(t, t.Context(), memory, "sweep", file, "--out", dir)
	if r.code != exitDone {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	sameTables(t, dir, swept(t, file))

	r = matsenseIn(t, t.Context(), memory, "sweep", file, "--out", dir+"-2", "--batch", "12")
	if lines := mistakes(t, r); r.code != exitUsage || len(lines) != 1 ||
		!strings.HasPrefix(lines[0], "12 runs together do not fit: this run needs ") ||
		!strings.HasSuffix(lines[0], "up to 5 do, and without --batch matsense finds this number itself") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	r = matsenseIn(t, t.Context(), 1000, "sweep", file, "--out", dir+"-2")
	if lines := mistakes(t, r); r.code != exitUsage || len(lines) != 1 ||
		!strings.Contains(lines[0], "1.0 kB are available") &&
			!strings.Contains(lines[0], "1 kB are available") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
	if exists(dir + "-2") {
		t.Error("a directory was made")
	}
	// A batch is no larger than its group, and asks for no more memory.
	if a, b := plan(plenty, "--batch",
		"4096"), plan(plenty); a["memory_planned_bytes"] != b["memory_planned_bytes"] ||
		a["together"] != 20.0 {
		t.Errorf("--batch 4096: %v", a)
	}
}

// TestSweepMemberFails: a start file without good numbers fails its own run, which is tried again.
func TestSweepMemberFails(t *testing.T) {
	folder := t.TempDir()
	start := filepath.Join(folder, "U.npy")
	numbers := make([]float64, 20)
	for i := range numbers {
		numbers[i] = float64(i%7-3) / 1024
	}
	good := npyFile("<f8", false, numbers, 10, 2)
	file := write(t, filepath.Join(folder, "s.yaml"), []byte(
		"base: {n: 10, rank: 2, measurements: 150, iterations: 40}\n"+
			"axes:\n  - {init: [random, U.npy, spectral], alpha: [1e-4, 0, 0]}\n  - step: [0.25, 0.2]\n"))
	write(t, start, good)
	want := swept(t, file)

	numbers[3] = math.NaN()
	write(t, start, npyFile("<f8", false, numbers, 10, 2))
	dir := filepath.Join(t.TempDir(), "swept")
	r := must(t, exitFailed, "sweep", file, "--out", dir)
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last,
		"matsense: 2 runs failed, the first of them run 2: ") ||
		!strings.Contains(last, "U.npy") || !strings.HasSuffix(last, "--resume tries again") {
		t.Errorf("it says\n%s", r.err)
	}
	for i, row := range runRows(t, dir) {
		failed := i == 2 || i == 3
		if (row["status"] == "failed") != failed || (row["error"] != "") != failed {
			t.Errorf("run %d: %v", i, row)
		}
		if !failed && !maps.Equal(row, runRows(t, want)[i]) {
			t.Errorf("run %d is another: %v", i, row)
		}
	}
	lines = lines[:0]
	r = must(t, exitFailed, "sweep", file, "--out", dir, "--resume", "--json")
	for _, o := range events(jsonLines(t, r.out), "run") {
		lines = append(lines, fmt.Sprint(o["run"], " ", o["status"]))
	}
	if !slices.Equal(lines, []string{"2 failed", "3 failed"}) {
		t.Errorf("tried again: %v", lines)
	}
	write(t, start, good)
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	sameTables(t, dir, want)
}

// TestSweepOverSettingsThatResultsHave: no two columns have one name, and seeds keep their digits.
func TestSweepOverSettingsThatResultsHave(t *testing.T) {
	dir := swept(t, sweepFile(t, "base: {n: 8, rank: 1, measurements: 60}\n"+
		"axes:\n  - noise: [0, 0.125]\n  - iterations: [5, 10]\n  - seed: [18446744073709551615]\n"))
	for i, row := range runRows(t, dir) {
		if row["setting_noise"] != []string{"0", "0.125"}[i/2] ||
			row["setting_iterations"] != []string{"5", "10"}[i%2] ||
			row["iterations"] != row["setting_iterations"] || row["seed"] != "18446744073709551615" {
			t.Errorf("run %d: %v", i, row)
		}
	}
}
