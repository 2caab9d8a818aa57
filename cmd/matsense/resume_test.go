package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// always writes a checkpoint at every step; the last two are kept.
var always = []string{"--checkpoint-every", "1e-9"}

// resume goes on to the end of the small problem, without the cost of a checkpoint at every step.
var resume = []string{"run", "--resume", "--iterations", "60", "--checkpoint-every", "0"}

func checkpoint(dir string, iteration int, file ...string) string {
	return filepath.Join(append([]string{dir, "checkpoint", fmt.Sprintf("%09d", iteration)}, file...)...)
}

// copyRun copies a run directory.
func copyRun(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// edit changes a file.
func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	write(t, path, change(read(t, path)))
}

func TestResumeWithMoreIterations(t *testing.T) {
	want := runSmall(t, "--measure-every", "4")
	for _, first := range []string{"0", "1", "8", "30", "59"} {
		dir := runSmall(t, "--measure-every", "4", "--iterations", first)
		r := must(t, exitDone, append(resume, "--out", dir)...)
		sameBits(t, dir, want)
		s := summaryOf(t, dir)
		if fmt.Sprint(s["resumed_from_iteration"]) != first || s["iterations"] != 60.0 {
			t.Errorf("resumed from %v to %v, want %s to 60",
				s["resumed_from_iteration"], s["iterations"], first)
		}
		if first != "0" && !strings.Contains(r.err, "going on from iteration "+first+"\n") {
			t.Errorf("it does not say where it goes on:\n%s", r.err)
		}
		if text := string(read(t, dir, "config.yaml")); !strings.Contains(text, "\niterations: 60\n") {
			t.Errorf("config.yaml keeps the old number of iterations:\n%s", text)
		}
	}
}

func TestResumeFinishedRun(t *testing.T) {
	for _, flags := range [][]string{nil, {"--target-loss", "1e-6", "--iterations", "900"},
		{"--measure-every", "7"}} {
		want := runSmall(t, flags...)
		got := copyRun(t, want)
		must(t, exitDone, "run", "--resume", "--out", got)
		sameBits(t, got, want)
		a, b := summaryOf(t, got), summaryOf(t, want)
		if a["status"] != b["status"] || a["iterations"] != b["iterations"] {
			t.Errorf("%v: status %v at %v, was %v at %v",
				flags, a["status"], a["iterations"], b["status"], b["iterations"])
		}
	}
}

func TestResumeChangesWhatChangesNoBit(t *testing.T) {
	want := runSmall(t)
	dir := runSmall(t, "--iterations", "20", "--storage", "memory", "--workers", "1")
	must(t, exitDone, "run", "--resume", "--out", dir, "--iterations", "60", "--storage", "generated",
		"--workers", "3", "--checkpoint-every", "1e-9")
	sameBits(t, dir, want)
	if s := summaryOf(t, dir); s["storage"] != "generated" {
		t.Errorf("the storage is %v", s["storage"])
	}
	// A setting given again as it is is no change.
	must(t, exitDone, "run", "--resume", "--out", dir, "--n", "10", "--alpha", "0.000001")
}

func TestResumeOwnData(t *testing.T) {
	d := newData(t)
	flags := []string{"--truth", d.truth, "--init", d.start, "--step", "0.05"}
	want, _ := d.run(t, flags...)
	dir, _ := d.run(t, append(flags, "--iterations", "13")...)
	must(t, exitDone, "run", "--resume", "--out", dir, "--iterations", "40")
	sameBits(t, dir, want)

	// The same file by another name is no change.
	t.Chdir(d.dir)
	must(t, exitDone, "run", "--resume", "--out", dir, "--matrices", "A.npy")

	// Other contents under the same name are another problem.
	dir, _ = d.run(t, append(flags, "--iterations", "13")...)
	d.y[3]++
	d.save(t, "y.npy", "<f8", false, d.y, d.m)
	before := snapshot(t, dir)
	lines := mistakes(t, must(t, exitUsage, "run", "--resume", "--out", dir, "--iterations", "40"))
	if len(lines) != 1 || !strings.Contains(lines[0], filepath.Join(d.dir, "y.npy")+" has other contents "+
		"than the observations that the run in "+dir+" has read: restore the file, or say with --observations") {
		t.Errorf("the file is not named: %q", lines)
	}
	if !maps.Equal(snapshot(t, dir), before) {
		t.Error("the refused run has changed")
	}
}

func TestResumeAfterConfigWasEdited(t *testing.T) {
	dir := runSmall(t, "--iterations", "31")
	edit(t, filepath.Join(dir, "config.yaml"), func(b []byte) []byte {
		return bytes.Replace(b, []byte("alpha: 1.0e-06"), []byte("alpha: 2.0e-06"), 1)
	})
	before := snapshot(t, dir)
	lines := mistakes(t, must(t, exitFailed, append(resume, "--out", dir)...))
	if len(lines) != 2 || !strings.Contains(lines[1], "belongs to another configuration") {
		t.Errorf("it says %q", lines)
	}
	if !maps.Equal(snapshot(t, dir), before) {
		t.Error("the refused run has changed")
	}
}

func TestResumeRefuses(t *testing.T) {
	dir := runSmall(t)
	none := filepath.Join(t.TempDir(), "none")
	foreign := t.TempDir()
	write(t, filepath.Join(foreign, "notes.txt"), []byte("mine"))
	before := snapshot(t, dir)
	for _, c := range []struct {
		args []string
		want []string // in each line
	}{
		{[]string{"--out", dir, "--alpha", "1e-5"},
			[]string{"--alpha: the run in " + dir + " has alpha 1e-06"}},
		{[]string{"--out", dir, "--alpha", "1e-5", "--entries", "q8", "--iterations", "99"},
			[]string{"--entries", "--alpha"}},
		{[]string{"--out", dir, "--step", "x"}, []string{"--step"}},
		{[]string{"--out", dir, "--iterations", "59"},
			[]string{"--iterations: the checkpoint has 60 iterations"}},
		{[]string{"--out", dir, "--force"}, []string{"--resume goes on with a run and --force replaces it"}},
		{[]string{"--out", dir, "--config", filepath.Join(dir, "config.yaml")}, []string{"--config"}},
		{[]string{"--out", none}, []string{"there is no run in " + none}},
		{[]string{"--out", foreign}, []string{"there is no run in " + foreign}},
		{[]string{"--out", filepath.Join(foreign, "notes.txt")}, []string{"there is no run in "}},
		{nil, []string{"--resume needs --out"}},
	} {
		r := must(t, exitUsage, append([]string{"run", "--resume"}, c.args...)...)
		lines := mistakes(t, r)
		if len(lines) != len(c.want) {
			t.Errorf("%v: %q, want %q", c.args, lines, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%v: %q, want %q", c.args, lines[i], want)
			}
		}
	}
	if !maps.Equal(snapshot(t, dir), before) {
		t.Error("the refused run has changed")
	}
	if exists(none) || len(listDir(t, foreign)) != 1 {
		t.Error("a refused resume left files")
	}
}

// altered are ways to damage a checkpoint, each with the notice that follows.
var altered = []struct {
	name, want string
	change     func(t *testing.T, dir string)
}{
	{"truncated slot", "slot-0-0.npy was cut short or altered", func(t *testing.T, dir string) {
		edit(t, filepath.Join(dir, "slot-0-0.npy"), func(b []byte) []byte { return b[:len(b)-8] })
	}},
	{"altered byte in a slot", "slot-0-0.npy was cut short or altered", func(t *testing.T, dir string) {
		edit(t, filepath.Join(dir, "slot-0-0.npy"), func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	}},
	{"no slot", "slot-0-0.npy is missing",
		func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "slot-0-0.npy")) }},
	{"altered trajectory", "trajectory.csv was cut short or altered", func(t *testing.T, dir string) {
		edit(t, filepath.Join(dir, "trajectory.csv"),
			func(b []byte) []byte { return bytes.Replace(b, []byte("\n0,"), []byte("\n0,9"), 1) })
	}},
	{"altered times", "times.csv was cut short or altered", func(t *testing.T, dir string) {
		edit(t, filepath.Join(dir, "times.csv"),
			func(b []byte) []byte { return bytes.Replace(b, []byte("\n0,"), []byte("\n0,9"), 1) })
	}},
	{"empty trajectory", "trajectory.csv was cut short or altered", func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "trajectory.csv"), nil)
	}},
	{"no DONE", "DONE file is missing",
		func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "DONE")) }},
	{"empty DONE", "state.json was altered",
		func(t *testing.T, dir string) { write(t, filepath.Join(dir, "DONE"), nil) }},
	{"altered state", "state.json was altered", func(t *testing.T, dir string) {
		edit(t, filepath.Join(dir, "state.json"), func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"seconds": 0`), []byte(`"seconds": 1`), 1)
		})
	}},
	{"no state", "state.json",
		func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "state.json")) }},
	{"empty state", "state.json was altered",
		func(t *testing.T, dir string) { write(t, filepath.Join(dir, "state.json"), nil) }},
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedCheckpointIsPassedOver(t *testing.T) {
	want := runSmall(t)
	first := runSmall(t, append(always, "--iterations", "31")...)
	if !exists(checkpoint(first, 31, "DONE")) || !exists(checkpoint(first, 30, "DONE")) ||
		exists(checkpoint(first, 29)) {
		t.Fatalf("checkpoints %v, want 30 and 31", listDir(t, filepath.Join(first, "checkpoint")))
	}
	for _, c := range altered {
		t.Run(c.name, func(t *testing.T) {
			dir := copyRun(t, first)
			c.change(t, checkpoint(dir, 31))
			r := must(t, exitDone, append(resume, "--out", dir)...)
			if prefix := "note: " + checkpoint(dir, 31) +
				" is not used: "; !strings.Contains(r.err, prefix) || !strings.Contains(r.err, c.want) {
				t.Errorf("it does not say %q %q:\n%s", prefix, c.want, r.err)
			}
			if s := summaryOf(t, dir); s["resumed_from_iteration"] != 30.0 {
				t.Errorf("resumed from %v, want 30", s["resumed_from_iteration"])
			}
			sameBits(t, dir, want)
		})
	}
}

func TestNoGoodCheckpoint(t *testing.T) {
	first := runSmall(t, append(always, "--iterations", "31")...)
	for _, c := range altered {
		t.Run(c.name, func(t *testing.T) {
			dir := copyRun(t, first)
			c.change(t, checkpoint(dir, 31))
			c.change(t, checkpoint(dir, 30))
			before := snapshot(t, dir)
			r := must(t, exitFailed, append(resume, "--out", dir)...)
			lines := mistakes(t, r)
			if len(lines) != 3 || !strings.Contains(lines[0], "--force starts over") {
				t.Fatalf("it says %q", lines)
			}
			for i, iteration := range []int{31, 30} {
				if line := lines[i+1]; !strings.HasPrefix(line, checkpoint(dir, iteration)) ||
					!strings.Contains(line, c.want) {
					t.Errorf("it says %q, want %q", line, c.want)
				}
			}
			if !maps.Equal(snapshot(t, dir), before) {
				t.Error("the refused run has changed")
			}
		})
	}
	dir := copyRun(t, first)
	remove(t, checkpoint(dir, 31, "DONE"))
	remove(t, checkpoint(dir, 30, "DONE"))
	lines := jsonLines(t, must(t, exitFailed, "run", "--resume", "--json", "--out", dir).out)
	if last := lines[len(lines)-1]; last["event"] != "error" || last["exit_code"] != 1.0 ||
		!strings.Contains(last["message"].(string), "DONE") {
		t.Errorf("the last line is %v", last)
	}
}

// A checkpoint whose sums are right and whose content is not the run's is told, and no reason for a stack
// trace.
func TestForgedCheckpoint(t *testing.T) {
	first := runSmall(t, append(always, "--iterations", "31")...)
	for _, c := range []struct{ name, old, new string }{
		{"no slots", `"slot-0-0.npy"`, ``},
		{"a slot of another shape", `"slot-0-0.npy"`, `"slot-0-0.npy", "slot-0-0.npy"`},
		{"two slots", "\"slots\": [\n", "\"slots\": [[\"slot-0-0.npy\"],\n"},
		{"no JSON", "{", "["},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyRun(t, first)
			state := checkpoint(dir, 31, "state.json")
			edit(t, state, func(b []byte) []byte {
				if !bytes.Contains(b, []byte(c.old)) {
					t.Fatalf("state.json lacks %q:\n%s", c.old, b)
				}
				return bytes.Replace(b, []byte(c.old), []byte(c.new), 1)
			})
			sum := sha256.Sum256(read(t, state))
			write(t, checkpoint(dir, 31, "DONE"), []byte(hex.EncodeToString(sum[:])+"\n"))
			r := matsense(t, append(resume, "--out", dir)...)
			switch r.code {
			case exitDone:
				if !strings.Contains(r.err, checkpoint(dir, 31)+" is not used: ") {
					t.Errorf("it was used:\n%s", r.err)
				}
			case exitFailed:
				if !strings.Contains(r.err, "matsense: ") {
					t.Errorf("it gives no reason:\n%s", r.err)
				}
			default:
				t.Errorf("exit code %d\n%s", r.code, r.err)
			}
		})
	}
}

func TestForeignCheckpoint(t *testing.T) {
	want := runSmall(t)
	own := runSmall(t, append(always, "--iterations", "31")...)
	other := runSmall(t, append(always, "--iterations", "50", "--seed", "2")...)
	const reason = "is not used: it belongs to another configuration or other data"

	dir := copyRun(t, own)
	if err := os.CopyFS(checkpoint(dir, 50), os.DirFS(checkpoint(other, 50))); err != nil {
		t.Fatal(err)
	}
	r := must(t, exitDone, append(resume, "--out", dir)...)
	if !strings.Contains(r.err, "note: "+checkpoint(dir, 50)+" "+reason) {
		t.Errorf("the reason is not given:\n%s", r.err)
	}
	sameBits(t, dir, want)

	dir = copyRun(t, own)
	remove(t, filepath.Join(dir, "checkpoint"))
	if err := os.CopyFS(filepath.Join(dir, "checkpoint"),
		os.DirFS(filepath.Join(other, "checkpoint"))); err != nil {
		t.Fatal(err)
	}
	lines := mistakes(t, must(t, exitFailed, append(resume, "--out", dir)...))
	if len(lines) != 3 || !strings.Contains(lines[1], reason) || !strings.Contains(lines[2], reason) {
		t.Errorf("it says %q", lines)
	}
	if d := must(t, exitDone, slices.Concat([]string{"run", "--force", "--out", dir},
		small)...); !strings.Contains(d.out, "results") {
		t.Errorf("--force does not start over:\n%s", d.out)
	}
	sameBits(t, dir, want)
}

// Symptom: two checkpoints that are refused and have higher numbers than the run's own are kept as "the last
// two", and each new one is removed as soon as it is written.
func TestRefusedCheckpointsDoNotPushOutGoodOnes(t *testing.T) {
	dir := runSmall(t, append(always, "--iterations", "31")...)
	other := runSmall(t, append(always, "--iterations", "50", "--seed", "2")...)
	for _, i := range []int{49, 50} {
		if err := os.CopyFS(checkpoint(dir, i), os.DirFS(checkpoint(other, i))); err != nil {
			t.Fatal(err)
		}
	}
	must(t, exitDone, "run", "--resume", "--out", dir, "--iterations", "40")
	if !exists(checkpoint(dir, 40, "DONE")) {
		t.Errorf("the checkpoint at 40 is gone, there are %v", listDir(t, filepath.Join(dir, "checkpoint")))
	}
	must(t, exitDone, append(resume, "--out", dir)...)
	sameBits(t, dir, runSmall(t))
}

func TestLeftoversAreIgnored(t *testing.T) {
	want := runSmall(t)
	dir := runSmall(t, "--iterations", "31")
	part := filepath.Join(dir, "checkpoint", ".tmp-12345")
	if err := os.Mkdir(part, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(part, "slot-0-0.npy"), []byte("\x93NUMPY"))
	write(t, filepath.Join(dir, "checkpoint", "README"), []byte("not a folder"))
	write(t, filepath.Join(dir, ".tmp-trajectory.csv-1"), []byte("iteration"))
	write(t, filepath.Join(dir, "notes.txt"), []byte("mine"))
	r := must(t, exitDone, append(resume, "--out", dir)...)
	if strings.Contains(r.err, "note:") {
		t.Errorf("a notice about leftovers:\n%s", r.err)
	}
	sameBits(t, dir, want)
	if string(read(t, dir, "notes.txt")) != "mine" {
		t.Error("a user's file has changed")
	}
	must(t, exitDone, "plot", dir)

	// A first checkpoint that was never finished is none.
	dir = copyRun(t, want)
	remove(t, checkpoint(dir, 60))
	if err := os.Mkdir(filepath.Join(dir, "checkpoint", ".tmp-12345"), 0o700); err != nil {
		t.Fatal(err)
	}
	must(t, exitDone, append(resume, "--out", dir)...)
	sameBits(t, dir, want)
}

// Symptom: killed processes leave parts of checkpoints behind, as large as checkpoints, that nothing ever
// removes.
func TestPartsOfCheckpointsAreRemoved(t *testing.T) {
	dir := runSmall(t, "--iterations", "31")
	part := filepath.Join(dir, "checkpoint", ".tmp-12345")
	if err := os.Mkdir(part, 0o700); err != nil {
		t.Fatal(err)
	}
	must(t, exitDone, "run", "--resume", "--out", dir)
	if exists(part) {
		t.Error("the part is still there")
	}
}

// Symptom: --force with the start in the directory to be replaced replaces the start, and config.yaml then
// stands for another run.
func TestForceKeepsItsOwnData(t *testing.T) {
	dir := runSmall(t)
	before := snapshot(t, dir)
	start := filepath.Join(dir, "factor.npy")
	r := must(t, exitUsage, append([]string{"run", "--init", start, "--out", dir, "--force"}, small...)...)
	if lines := mistakes(t, r); len(lines) != 1 || !strings.Contains(lines[0], start) {
		t.Errorf("it says %q", lines)
	}
	if !maps.Equal(snapshot(t, dir), before) {
		t.Error("the run was changed")
	}
}

func TestResumeWithoutCheckpointStartsOver(t *testing.T) {
	want := runSmall(t)
	dir := copyRun(t, want)
	remove(t, filepath.Join(dir, "checkpoint"))
	r := must(t, exitDone, "run", "--resume", "--out", dir)
	if !strings.Contains(r.err, "note: there is no checkpoint yet") {
		t.Errorf("it does not say so:\n%s", r.err)
	}
	sameBits(t, dir, want)
}

// Symptom: the bound above which a loss counts as divergence is made from the first loss that a process
// measures, so that a run resumed at a larger loss continues for longer.
func TestResumeDivergesWhereTheRunDoes(t *testing.T) {
	flags := []string{"run", "--n", "8", "--rank", "1", "--measurements", "80", "--measure-every", "1",
		"--alpha", "1e-2", "--step", "1.8"}
	want, dir := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
	must(t, exitDiverged, append(flags, "--iterations", "200", "--out", want)...)
	last := fmt.Sprint(summaryOf(t, want)["iterations"])
	must(t, exitDone, append(flags, "--iterations", last, "--out", dir)...)
	must(t, exitDiverged, "run", "--resume", "--iterations", "200", "--out", dir)
	sameBits(t, dir, want)
}

// interrupter cancels a context when what is written contains a text.
type interrupter struct {
	io.Writer
	text   string
	cancel func()
}

func (w interrupter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.cancel()
	}
	return w.Writer.Write(p)
}

func TestInterrupt(t *testing.T) {
	want := runSmall(t)
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var out, errs bytes.Buffer
	env := environment{out: &out, err: interrupter{&errs, "iteration 30 of 60", cancel},
		memory: func() (float64, error) { return plenty, nil }, gpus: noGPU}
	if code := runRecovering(t, ctx, env,
		slices.Concat([]string{"run", "--out", dir}, small)); code != exitInterrupted {
		t.Fatalf("exit code %d\n%s", code, errs.String())
	}
	command := "matsense run --resume --out " + dir
	if !strings.Contains(out.String(), "Interrupted.") || !strings.Contains(out.String(), command+"\n") {
		t.Errorf("the summary does not say so, or how to go on:\n%s", out.String())
	}
	s := summaryOf(t, dir)
	// The gradient at iteration 30 is there, so that step is taken; its iterate is not measured any more.
	final := s["final"].(map[string]any)
	if s["status"] != "canceled" || s["iterations"] != 31.0 || final["iteration"] != 30.0 {
		t.Errorf("status %v after %v iterations, measured at %v", s["status"], s["iterations"],
			final["iteration"])
	}
	if !exists(dir, "trajectory.svg") || !exists(checkpoint(dir, 31, "DONE")) {
		t.Error("the figure or the checkpoint is missing")
	}
	must(t, exitDone, strings.Fields(command)[1:]...)
	sameBits(t, dir, want)
}

// An interrupt before there is anything to save.
func TestInterruptAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, storage := range []string{"memory", "generated"} {
		dir := filepath.Join(t.TempDir(), "run")
		r := matsenseIn(t, ctx, plenty,
			slices.Concat([]string{"run", "--out", dir, "--storage", storage}, small)...)
		if r.code != exitInterrupted || !strings.Contains(r.out+r.err, "nterrupted") {
			t.Errorf("%s: exit code %d\n%s%s", storage, r.code, r.out, r.err)
		}
		must(t, exitDone, "run", "--resume", "--out", dir)
		sameBits(t, dir, runSmall(t))
	}
}

// Symptom: two processes with the same --out both end well, and the files are a mixture or the second's. The
// lock is held by a process that the test stops in the middle of its run.
func TestDirectoryInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	lock := flock.New(filepath.Join(dir, ".lock"))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if taken, err := lock.TryLock(); err != nil || !taken {
		t.Fatal(taken, err)
	}
	args := append([]string{"run", "--out", dir}, small...)
	if lines := mistakes(t, must(t, exitUsage, args...)); len(lines) != 1 ||
		!strings.Contains(lines[0], "in use") {
		t.Errorf("it says %q", lines)
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	must(t, exitDone, args...)
	if taken, err := lock.TryLock(); err != nil || !taken {
		t.Errorf("the run has ended and still holds its directory: %v", err)
	}
	if lines := mistakes(t, must(t, exitUsage, "run", "--resume", "--out", dir)); len(lines) != 1 ||
		!strings.Contains(lines[0], "in use") {
		t.Errorf("resumed: it says %q", lines)
	}
}

// Symptom: with a file named runs where the default directory goes, the search for a free name never ended.
func TestDefaultDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "runs", []byte("not a folder"))
	if lines := mistakes(t, must(t, exitUsage, append([]string{"run"}, small...)...)); len(lines) != 1 ||
		!strings.Contains(lines[0], "runs") {
		t.Errorf("it says %q", lines)
	}
}

// Symptom: a resumed run that was killed had the summary and the factor of the run before, and a figure with
// old phases.
func TestResumedRunHasNoOldResults(t *testing.T) {
	dir := runSmall(t, "--iterations", "31")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	// Canceled while the measurements are being made, as by a kill just after the start.
	if r := matsenseIn(t, ctx, plenty, "run", "--resume", "--out", dir, "--iterations",
		"60"); r.code != exitInterrupted {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	for _, name := range []string{"summary.json", "factor.npy", "trajectory.svg", "trajectory.png",
		"report.html"} {
		if exists(dir, name) {
			t.Errorf("%s of the shorter run is still there", name)
		}
	}
	must(t, exitDone, append(resume, "--out", dir)...)
	sameBits(t, dir, runSmall(t))
}
