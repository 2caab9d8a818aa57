package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// moved copies a folder to another place and removes it from where it was.
func moved(t *testing.T, folder string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "there")
	if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	return to
}

// Symptom: a run on user data could not go on after the folder with both had been copied: config.yaml named
// the old paths, and flags with the new ones were refused.
func TestResumeWhereDataWereMoved(t *testing.T) {
	d := newData(t)
	short := []string{"--truth", d.truth, "--init", d.start, "--step", "0.05"}
	want, _ := d.run(t, short...)
	resume := []string{"run", "--resume", "--out", "run", "--iterations", "40"}
	begun := func(t *testing.T) string {
		t.Helper()
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS(d.dir)); err != nil {
			t.Fatal(err)
		}
		t.Chdir(folder)
		must(t, exitDone, "run", "--matrices", "A.npy", "--observations", "y.npy", "--truth", "X.npy",
			"--init", "U0.npy", "--step", "0.05", "--iterations", "13", "--out", "run")
		t.Chdir(moved(t, folder))
		return folder
	}

	t.Run("with the run", func(t *testing.T) {
		begun(t)
		must(t, exitDone, resume...)
		sameBits(t, "run", want)
		here, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		if text := string(read(t, "run", "config.yaml")); !strings.Contains(text,
			"matrices: "+filepath.Join(here, "A.npy")+"\n") {
			t.Errorf("config.yaml does not name the new path:\n%s", text)
		}
		must(t, exitDone, append(resume, "--workers", "2")...) // and again, by the new paths
	})

	t.Run("to other names", func(t *testing.T) {
		old := begun(t)
		for _, name := range []string{"A", "y", "X", "U0"} {
			if err := os.Rename(name+".npy", name+"-2.npy"); err != nil {
				t.Fatal(err)
			}
		}
		var wanted []string
		for _, f := range [][2]string{
			{"matrices", "A"}, {"observations", "y"}, {"truth", "X"}, {"init", "U0"},
		} {
			wanted = append(wanted, f[0]+" "+filepath.Join(old, f[1]+".npy")+" is not there: say with --"+
				f[0]+" where it is now")
		}
		before := snapshot(t, "run")
		refused(t, resume, wanted...)
		refused(t, []string{"run", "--config", "run/config.yaml", "--out", "again"}, wanted...)
		flags := []string{"--matrices", "A-2.npy", "--observations", "y-2.npy", "--truth", "X-2.npy",
			"--init", "U0-2.npy"}
		wrong := slices.Clone(flags)
		wrong[3] = write(t, filepath.Join(t.TempDir(), "y.npy"), npyFile("<f8", false, d.x[:1], 1))
		refused(t, append(slices.Clone(resume), wrong...),
			"y.npy has other contents than the observations that the run in run has read")
		if after := snapshot(t, "run"); len(after) != len(before) {
			t.Errorf("a refused run has changed: %v", after)
		}
		must(t, exitDone, append(slices.Clone(resume), flags...)...)
		sameBits(t, "run", want)
		again := []string{"run", "--config", "run/config.yaml", "--out", "again"}
		must(t, exitDone, append(again, flags...)...)
		sameBits(t, "again", want)
	})

	t.Run("data of another kind", func(t *testing.T) {
		begun(t)
		r := must(t, exitUsage, append(slices.Clone(resume), "--triplets", "t.csv")...)
		if !strings.Contains(r.err, "a resumed run may change") {
			t.Errorf("it says\n%s", r.err)
		}
	})
}

// dataSweep is a sweep on user data with two start files.
const dataSweep = `base: {matrices: A.npy, observations: y.npy, rank: 2, iterations: 30}
axes:
  - {init: [U0.npy, random, U1.npy], alpha: [0, 1e-3, 0], factor-rank: [3, 3, 3]}
  - step: [0.05, 0.04]
`

// sweptData carries out dataSweep in a folder of its own, which it returns, into swept.
func sweptData(t *testing.T) (folder string, args []string) {
	t.Helper()
	d := newData(t)
	d.u[0] *= 2
	d.save(t, "U1.npy", "<f8", false, d.u, d.n, 3)
	write(t, filepath.Join(d.dir, "s.yaml"), []byte(dataSweep))
	t.Chdir(d.dir)
	args = []string{"sweep", "s.yaml", "--out", "swept"}
	must(t, exitDone, args...)
	return d.dir, append(args, "--resume")
}

// Symptom: a sweep went on with changed data, and mixed the results of both without a word.
func TestSweepOnChangedData(t *testing.T) {
	_, resume := sweptData(t)
	removeRecords(t, "swept", 4)
	for _, change := range []struct{ file, key string }{{"y.npy", "observations"}, {"U1.npy", "init"}} {
		good := read(t, change.file)
		bad := slices.Clone(good)
		bad[len(bad)-2] ^= 1 // the last number becomes a little larger
		write(t, change.file, bad)
		for _, args := range [][]string{resume, {"sweep", "merge", "swept"}, {"plot", "swept"}} {
			before := snapshot(t, "swept")
			r := must(t, exitFailed, args...)
			if !strings.Contains(r.err, change.key+" ") || !strings.Contains(r.err, change.file) ||
				!strings.Contains(r.err, "contents have changed") {
				t.Errorf("%s, %v: it says\n%s", change.file, args, r.err)
			}
			for path, text := range snapshot(t, "swept") {
				if before[path] != text {
					t.Errorf("%s, %v: %s has changed", change.file, args, path)
				}
			}
		}
		write(t, change.file, good)
	}
	must(t, exitDone, resume...)
}

// TestSweepWithMovedData: a folder with a sweep and its data goes on elsewhere, and can be read without the
// data.
func TestSweepWithMovedData(t *testing.T) {
	folder, resume := sweptData(t)
	want := read(t, "swept", "trajectories.parquet")
	removeRecords(t, "swept", 0, 5)
	t.Chdir(moved(t, folder))
	must(t, exitFailed, "sweep", "merge", "swept") // two are missing
	const lost = " runs are missing: 0, 5\n"
	if r := must(t, exitDone, "plot", "swept"); !strings.Contains(r.err, "note: 2 of ") ||
		!strings.Contains(r.err, lost) {
		t.Errorf("plot says\n%s", r.err)
	}
	must(t, exitDone, resume...)
	if string(read(t, "swept", "trajectories.parquet")) != string(want) {
		t.Error("the results are others")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if text := string(read(t, "swept", "sweep.yaml")); !strings.Contains(text, filepath.Join(here, "A.npy")) ||
		strings.Contains(text, folder) {
		t.Errorf("sweep.yaml does not name the new paths:\n%s", text)
	}
	// Two start files that change places are other runs.
	write(t, "s.yaml", []byte(strings.NewReplacer("U0.npy", "U1.npy", "U1.npy", "U0.npy").Replace(dataSweep)))
	if r := must(t, exitFailed, resume...); !strings.Contains(r.err, "contents have changed") {
		t.Errorf("it says\n%s", r.err)
	}
	write(t, "s.yaml", []byte(dataSweep))

	for _, name := range []string{"A.npy", "y.npy", "U0.npy", "U1.npy"} {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	must(t, exitDone, "sweep", "merge", "swept")
	must(t, exitDone, "plot", "swept")
	// Without the data, records must still be of the same.
	d := newData(t)
	d.y[0]++
	d.save(t, "y.npy", "<f8", false, d.y, d.m)
	d.u[0] *= 2
	d.save(t, "U1.npy", "<f8", false, d.u, d.n, 3)
	write(t, filepath.Join(d.dir, "s.yaml"), []byte(dataSweep))
	other := swept(t, filepath.Join(d.dir, "s.yaml"))
	removeRecords(t, "swept", 0, 1, 2)
	removeRecords(t, other, 3, 4, 5)
	write(t, filepath.Join("swept", "runs", "000003-other.jsonl"), read(t, recordFiles(t, other)[0]))
	if r := must(t, exitFailed, "sweep", "merge", "swept"); !strings.Contains(r.err,
		"is a run on other observations than ") {
		t.Errorf("it says\n%s", r.err)
	}
}

// TestSweepOfAnEditedBase: records are refused if sweep.yaml was edited, and with both files edited alike.
func TestSweepOfAnEditedBase(t *testing.T) {
	for name, edit := range map[string][2]string{
		"a setting": {"iterations: 40", "iterations: 41"}, "an axis": {"0.01", "0.02"},
		"the targets": {"0.0001,", "0.0002,"},
	} {
		dir := swept(t, sweepFile(t, someSweep))
		path := filepath.Join(dir, "sweep.yaml")
		text := strings.Replace(string(read(t, path)), edit[0], edit[1], 1)
		if text == string(read(t, path)) {
			t.Fatalf("%s: nothing to edit in\n%s", name, text)
		}
		write(t, path, []byte(text))
		for _, args := range [][]string{{"sweep", "merge", dir}, {"plot", dir},
			{"sweep", sweepFile(t, text), "--out", dir, "--resume"}} {
			if r := must(t, exitFailed, args...); !strings.Contains(r.err,
				"is a run of another sweep than sweep.yaml describes") {
				t.Errorf("%s, %v: it says\n%s", name, args, r.err)
			}
		}
	}
}

// TestSweepDamagedRecord: it says which line, and what to do works.
func TestSweepDamagedRecord(t *testing.T) {
	file := sweepFile(t, someSweep)
	dir := swept(t, file)
	want := map[string][]byte{}
	for _, name := range sweepTables {
		want[name] = read(t, dir, name)
	}
	path := recordFiles(t, dir)[0]
	lines := strings.SplitAfter(string(read(t, path)), "\n")
	lines[4] = strings.Replace(lines[4], `"iterations":`, `"iterations":1`, 1)
	write(t, path, []byte(strings.Join(lines, "")))
	for _, args := range [][]string{{"sweep", file, "--out", dir, "--resume"}, {"sweep", "merge", dir},
		{"plot", dir}} {
		if r := must(t, exitFailed, args...); !strings.Contains(r.err, path+
			": line 5 is damaged, its checksum does not fit: remove the line, and --resume repeats the run") {
			t.Errorf("%v says\n%s", args, r.err)
		}
	}
	write(t, path, []byte(strings.Join(slices.Delete(lines, 4, 5), "")))
	for _, name := range sweepTables { // tables that are lost or damaged are written again
		write(t, filepath.Join(dir, name), []byte("damaged"))
	}
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	for _, name := range sweepTables {
		if string(read(t, dir, name)) != string(want[name]) {
			t.Errorf("%s is another", name)
		}
	}
}

// Symptom: after --force a directory kept figures and the report of the sweep that was replaced.
func TestForceRemovesOldFigures(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	must(t, exitDone, "sweep", sweepFile(t, smallSweep), "--out", dir)
	must(t, exitDone, "plot", dir, "--x", "factor-rank", "--by", "alpha")
	write(t, filepath.Join(dir, "sweep-notes.txt"), []byte("mine"))
	// With three axes there is no default figure.
	three := strings.Replace(smallSweep, "axes:\n", "axes:\n  - step: [0.1, 0.2]\n", 1)
	must(t, exitDone, "sweep", sweepFile(t, three), "--out", dir, "--force")
	for _, name := range listDir(t, dir) {
		if strings.HasSuffix(name, ".svg") || strings.HasSuffix(name, ".png") {
			t.Errorf("%s is still there", name)
		}
	}
	if !exists(dir, "sweep-notes.txt") || !exists(dir, "report.html") {
		t.Errorf("there is %v", listDir(t, dir))
	}
}

// remover is standard output that does something when it has been told of a number of runs.
type remover struct {
	bytes.Buffer
	runs int
	do   func()
}

func (r *remover) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"event":"run"`)) {
		if r.runs--; r.runs == 0 {
			r.do()
		}
	}
	return r.Buffer.Write(p)
}

// Symptom: a sweep whose records were removed while it ran said how many runs it has, and ended with the exit
// code 0.
func TestSweepRecordsVanish(t *testing.T) {
	file := sweepFile(t, someSweep)
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "swept")
	out := &remover{runs: 12, do: func() { removeRecords(t, dir, 3, 4, 5, 9) }}
	env := environment{out: out, err: new(bytes.Buffer), gpus: noGPU,
		memory: func() (float64, error) { return plenty, nil }}
	args := []string{"sweep", file, "--out", dir, "--json"}
	if code := runRecovering(t, t.Context(), env, args); code != exitFailed {
		t.Errorf("the exit code is %d", code)
	}
	lines := jsonLines(t, out.String())
	if message, _ := lines[len(lines)-1]["message"].(string); !strings.Contains(message, "4 records lost") ||
		!strings.Contains(message, ": 3–5, 9; --resume repeats them") || exists(dir, "runs.csv") {
		t.Errorf("it says %v", lines[len(lines)-1])
	}
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	sameTables(t, dir, want)
}
