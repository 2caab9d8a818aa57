package main

import (
	"bytes"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func listDir(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestPlotDrawsTheSameAgain(t *testing.T) {
	d := newData(t)
	own, _ := d.run(t)
	for _, dir := range []string{runSmall(t), runSmall(t, "--iterations", "0"), own} {
		names := []string{"report.html", "trajectory.svg", "trajectory.png"}
		before := snapshot(t, dir)
		for _, name := range names {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		r := must(t, exitDone, "plot", dir)
		want := ""
		for _, name := range names {
			path := filepath.Join(dir, name)
			want += path + "\n"
			if string(read(t, path)) != before[path] {
				t.Errorf("%s is another", path)
			}
		}
		if r.out != want || r.err != "" {
			t.Errorf("plot prints %q, %q", r.out, r.err)
		}
		if after := snapshot(t, dir); len(after) != len(before) {
			t.Errorf("plot left other files: %d, there were %d", len(after), len(before))
		}
		lines := jsonLines(t, must(t, exitDone, "plot", "--json", dir).out)
		if len(lines) != 3 || lines[0]["event"] != "report" ||
			lines[0]["path"] != filepath.Join(dir, "report.html") ||
			lines[1]["event"] != "figure" || lines[1]["path"] != filepath.Join(dir, "trajectory.svg") {
			t.Errorf("plot --json prints %v", lines)
		}
	}
}

// unfinished makes the directory of a killed run: configuration and trajectory, no summary.
func unfinished(t *testing.T) string {
	t.Helper()
	dir := runSmall(t)
	for _, name := range []string{"summary.json", "factor.npy", "trajectory.svg", "trajectory.png",
		"report.html"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPlotUnfinishedRun(t *testing.T) {
	dir := unfinished(t)
	must(t, exitDone, "plot", dir)
	if _, err := png.Decode(bytes.NewReader(read(t, dir, "trajectory.png"))); err != nil {
		t.Error(err)
	}
	if svg := string(read(t, dir, "trajectory.svg")); !strings.Contains(svg, "test error") {
		t.Error("the figure has no test error")
	}
}

// Symptom: the figure of a killed run shades all of it as phase I, which nobody has determined.
func TestPlotUnfinishedRunHasNoPhases(t *testing.T) {
	dir := unfinished(t)
	must(t, exitDone, "plot", dir)
	svg := string(read(t, dir, "trajectory.svg"))
	for _, phase := range []string{"alignment", "saddle avoidance", "refinement"} {
		if strings.Contains(svg, phase) {
			t.Errorf("the figure shows the phase %q without a summary", phase)
		}
	}
}

func TestPlotRefuses(t *testing.T) {
	empty := t.TempDir()
	file := write(t, filepath.Join(t.TempDir(), "file"), nil)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"plot", empty}, empty + " is not a run directory"},
		{[]string{"plot", file}, file + " is not a run directory"},
		{[]string{"plot", filepath.Join(empty, "none")}, "is not a run directory"},
		{[]string{"plot"}, "one run directory"},
		{[]string{"plot", empty, empty}, "one run directory"},
		{[]string{"plot", "--jsno", empty}, "--json"},
	} {
		r := must(t, exitUsage, c.args...)
		if lines := mistakes(t, r); len(lines) != 1 || !strings.Contains(lines[0], c.want) {
			t.Errorf("%v: %q, want %q", c.args, lines, c.want)
		}
	}
	r := must(t, exitUsage, "plot", "--json", empty)
	if lines := jsonLines(t, r.out); len(lines) != 1 || lines[0]["event"] != "error" ||
		lines[0]["exit_code"] != 2.0 || r.err != "" {
		t.Errorf("plot --json prints %v, %q", lines, r.err)
	}
	if names := listDir(t, empty); len(names) > 0 {
		t.Errorf("plot left %v", names)
	}
}

// Files of a run that cannot be read are named, with what is wrong.
func TestPlotDamagedRun(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"trajectory.csv", "", "header"},
		{"trajectory.csv", "iteration,train_loss\n", "columns"},
		{"trajectory.csv",
			"iteration,train_loss,test_error,signal,noise,angle,spectral_angle\n0,x,,,,,\n",
			"line 2"},
		{"summary.json", "{", "summary.json"},
		{"config.yaml", "n: x\n", "config.yaml:1"},
	} {
		dir := runSmall(t)
		write(t, filepath.Join(dir, c.name), []byte(c.content))
		r := matsense(t, "plot", dir)
		if lines := mistakes(t, r); r.code == exitDone || len(lines) != 1 ||
			!strings.Contains(lines[0], c.want) || !strings.Contains(lines[0], dir) {
			t.Errorf("%s %q: exit code %d, %q, want %q", c.name, c.content, r.code, lines, c.want)
		}
	}
}

// Symptom: the name of a figure is printed that was not drawn, because there is no sample yet.
func TestPlotWithoutSamples(t *testing.T) {
	dir := unfinished(t)
	write(t, filepath.Join(dir, "trajectory.csv"),
		[]byte("iteration,train_loss,test_error,signal,noise,angle,spectral_angle\n"))
	if r := matsense(t, "plot", dir); r.code == exitDone && !exists(dir, "trajectory.svg") {
		t.Errorf("exit code 0 and %q without a figure", r.out)
	}
	if err := os.Remove(filepath.Join(dir, "trajectory.csv")); err != nil {
		t.Fatal(err)
	}
	r := matsense(t, "plot", dir)
	if lines := mistakes(t, r); r.code == exitDone || len(lines) != 1 ||
		!strings.Contains(lines[0], "trajectory.csv") {
		t.Errorf("without trajectory.csv: exit code %d, %q", r.code, lines)
	}
}

// --out draws the figure of a run or of a sweep alone, in the format of the ending, and refuses formats that
// there are not.
func TestPlotToAFile(t *testing.T) {
	dir := t.TempDir()
	swept := filepath.Join(dir, "swept")
	must(t, exitDone, "sweep", sweepFile(t, smallSweep), "--out", swept)
	for _, of := range []string{runSmall(t), swept} {
		before := snapshot(t, of)
		for ending, start := range map[string]string{
			"svg": "<?xml", "png": "\x89PNG", "pdf": "%PDF-1", "PDF": "%PDF-1",
		} {
			path := filepath.Join(dir, "f."+ending)
			r := must(t, exitDone, "plot", of, "--out", path)
			if r.out != path+"\n" || !bytes.HasPrefix(read(t, path), []byte(start)) {
				t.Errorf("%s: %q, and the file begins with %q", path, r.out, read(t, path)[:8])
			}
		}
		if r := must(t, exitUsage, "plot", of, "--out", filepath.Join(dir, "f.eps")); !strings.Contains(r.err,
			"figures are .svg, .png or .pdf, not .eps") {
			t.Error(r.err)
		}
		if exists(dir, "f.eps") || exists(dir, "f.eps.svg") {
			t.Error("a file was written all the same")
		}
		if !maps.Equal(snapshot(t, of), before) {
			t.Errorf("%s has changed", of)
		}
	}
	must(t, exitDone, "plot", swept, "--out", filepath.Join(dir, "alpha-0.01"))
	if !exists(dir, "alpha-0.01.svg") || !exists(dir, "alpha-0.01.png") {
		t.Error("a name with a number at its end got no formats")
	}
}
