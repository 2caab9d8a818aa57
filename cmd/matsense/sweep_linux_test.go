package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// longSweep has 60 runs in 3 groups, more JSON lines than a process's pipe holds.
const longSweep = `base: {n: 8, rank: 1, measurements: 60, iterations: 60}
axes:
  - factor-rank: [1, 2, 3, 8]
  - {alpha: [1e-5, 1e-4, 1e-3, 1e-2, 1e-2], step: [0.25, 0.25, 0.2, 0.1, 40]}
seeds: 3
`

// readRuns reads lines until n of them are runs.
func (p *process) readRuns(t *testing.T, n int) {
	t.Helper()
	for n > 0 {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatalf("the process ended with %d runs to come: %v\n%s", n, err, p.errs.String())
		}
		p.lines = append(p.lines, line)
		if strings.Contains(line, `"event":"run"`) {
			n--
		}
	}
}

// kept checks that each record is still there, with its time, and at its place.
func kept(t *testing.T, dir string, before map[int]string) {
	t.Helper()
	after := recordLines(t, dir)
	for run, line := range before {
		if after[run] != line {
			t.Errorf("run %d was written again", run)
		}
	}
}

// TestKilledSweepResumes: killed at several moments, a sweep goes on with what is not finished, and ends with
// the same bytes.
func TestKilledSweepResumes(t *testing.T) {
	file := sweepFile(t, longSweep)
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "swept")
	args := []string{"sweep", file, "--out", dir, "--resume"}
	for i, c := range []struct {
		runs  int
		batch string
	}{{0, "0"}, {1, "1"}, {3, "7"}, {12, "2"}} {
		before := recordLines(t, dir)
		flags := args
		if i == 0 {
			flags = args[:4]
		}
		p := begin(t, append(slices.Clone(flags), "--batch", c.batch)...)
		if c.runs == 0 { // as soon as there is a directory
			for !exists(dir, "sweep.yaml") {
				time.Sleep(time.Millisecond)
			}
		}
		p.readRuns(t, c.runs)
		p.signal(t, os.Kill)
		code, lines := p.end(t)
		if code != -1 {
			t.Fatalf("it ended with %v before it was killed\n%s", p.ProcessState, p.errs.String())
		}
		kept(t, dir, before)
		for _, run := range events(lines, "run") {
			index := int(run["run"].(float64))
			if now := recordLines(t, dir)[index]; before[index] != "" || now == "" {
				t.Errorf("round %d: run %d was told: before %q, now %q", i, index, before[index], now)
			}
		}
		if len(recordLines(t, dir)) < len(before)+c.runs || exists(dir, "runs.csv") {
			t.Errorf("round %d: %d records after %d: %v",
				i, len(recordLines(t, dir)), len(before), listDir(t, dir))
		}
	}
	before := recordLines(t, dir)
	lines := jsonLines(t, must(t, exitDone, append(args, "--json")...).out)
	if n := len(events(lines, "run")); n != 60-len(before) {
		t.Errorf("%d runs were done with %d of 60 there", n, len(before))
	}
	kept(t, dir, before)
	sameTables(t, dir, want)
	before = recordLines(t, dir)
	must(t, exitDone, args...)
	kept(t, dir, before)
	sameTables(t, dir, want)
}

// TestInterruptedSweepSaysHowToGoOn: the command line that it prints goes on.
func TestInterruptedSweepSaysHowToGoOn(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "of mine")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file := write(t, filepath.Join(folder, "s.yaml"),
		[]byte(strings.NewReplacer("n: 8", "n: 16", "iterations: 60", "iterations: 1000").Replace(longSweep)))
	want := swept(t, file)
	dir := filepath.Join(folder, "swept")
	for _, c := range []struct {
		s     os.Signal
		shard string
	}{{os.Interrupt, "2/2"}, {syscall.SIGTERM, "1/2"}} {
		before := recordLines(t, dir)
		var errs lockedBuffer
		errs.told = make(chan struct{})
		p := exec.Command(program, "sweep", file, "--out", dir, "--shard", c.shard, "--batch", "2")
		p.Stderr = &errs
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); len(recordLines(t, dir)) < len(before)+2 &&
			time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		if err := p.Process.Signal(c.s); err != nil {
			t.Fatal(err)
		}
		if err := p.Wait(); p.ProcessState.ExitCode() != exitInterrupted {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		lines := strings.Split(strings.TrimSpace(errs.String()), "\n")
		last := len(lines) - 1
		there := len(recordLines(t, dir)) - len(before)
		hint := fmt.Sprintf("  matsense sweep '%s' --out '%s' --shard %s --batch 2 --resume",
			file, dir, c.shard)
		if lines[last] != hint ||
			!strings.HasPrefix(lines[last-1], fmt.Sprintf("interrupted: %d of ", there)) || there < 2 {
			t.Errorf("with %d records there it says\n%s\nwant\n%s", there, errs.String(), hint)
		}
		before = recordLines(t, dir)
		shell := exec.Command("sh", "-c",
			strings.Replace(strings.TrimSpace(lines[last]), "matsense", "'"+program+"'", 1))
		if text, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		kept(t, dir, before)
	}
	sameTables(t, dir, want)
}

// TestInterruptedSweepJSON: the last line says how many runs are done, and how many go on where they are.
func TestInterruptedSweepJSON(t *testing.T) {
	file := sweepFile(t, longSweep)
	dir := filepath.Join(t.TempDir(), "swept")
	p := begin(t, "sweep", file, "--out", dir, "--batch", "3")
	p.readRuns(t, 2)
	p.signal(t, os.Interrupt)
	p.acknowledged(t)
	code, lines := p.end(t)
	if last := lines[len(lines)-1]; code != exitInterrupted || last["event"] != "interrupted" ||
		last["runs"] != 60.0 ||
		last["kept"] != float64(len(recordLines(t, dir))) || last["kept"] != float64(len(events(lines, "run"))) {
		t.Errorf("exit code %d, %d records, the last line is %v", code, len(recordLines(t, dir)), last)
	} else if last["saved"] != float64(len(checkpointsOf(t, dir))) {
		t.Errorf("there are the checkpoints %v, and the last line is %v", checkpointsOf(t, dir), last)
	}
}

// TestSweepShardsTogether: three processes begin at once in one directory; one is killed and begun again.
func TestSweepShardsTogether(t *testing.T) {
	file := sweepFile(t, longSweep)
	want := swept(t, file)
	dir := filepath.Join(t.TempDir(), "swept")
	part := func(shard string) []string { return []string{"sweep", file, "--out", dir, "--shard", shard} }
	first, second, third := begin(t, part("1/3")...), begin(t, part("2/3")...), begin(t, part("3/3")...)
	second.readRuns(t, 1) // the others wait for their pipes to be read
	second.signal(t, os.Kill)
	if code, _ := second.end(t); code != -1 {
		t.Fatalf("it ended before it was killed: %v", second.ProcessState)
	}
	for _, p := range []*process{first, third} {
		code, lines := p.end(t)
		if code != exitDone || len(events(lines, "run")) == 0 {
			t.Fatalf("exit code %d\n%s\n%v", code, p.errs.String(), lines)
		}
	}
	var missing []any
	there := recordLines(t, dir)
	for run := range 60 {
		if there[run] == "" {
			missing = append(missing, float64(run))
		}
	}
	if len(missing) == 0 || exists(dir, "runs.csv") {
		t.Fatalf("%d are missing, there is %v", len(missing), listDir(t, dir))
	}
	r := must(t, exitFailed, "sweep", "merge", dir, "--json")
	if m := jsonLines(t, r.out)[0]; fmt.Sprint(m["missing"]) != fmt.Sprint(missing) {
		t.Errorf("merge says that %v are missing, want %v", m["missing"], missing)
	}
	for _, row := range runRows(t, dir) {
		if slices.ContainsFunc(missing, func(run any) bool { return fmt.Sprint(run) == row["run"] }) {
			t.Errorf("run %s is in runs.csv", row["run"])
		}
	}
	before := recordLines(t, dir)
	refusedPlan(t, dir, "--resume goes on with it", part("2/3")[1:]...)
	must(t, exitDone, append(part("2/3"), "--resume")...)
	kept(t, dir, before)
	sameTables(t, dir, want)
	must(t, exitDone, "sweep", "merge", dir)
	sameTables(t, dir, want)
}

// TestTwoSweepsInOneDirectory: the second is refused and the first does not notice.
func TestTwoSweepsInOneDirectory(t *testing.T) {
	file := sweepFile(t, longSweep)
	dir := filepath.Join(t.TempDir(), "swept")
	p := begin(t, "sweep", file, "--out", dir, "--batch", "2")
	p.readRuns(t, 2)
	for _, flags := range [][]string{nil, {"--resume"}, {"--force"}} {
		r := must(t, exitUsage, append([]string{"sweep", file, "--out", dir}, flags...)...)
		if !strings.Contains(r.err,
			"--out "+dir+" is in use: another process is carrying out the same runs there") {
			t.Errorf("%v: %s", flags, r.err)
		}
	}
	if code, _ := p.end(t); code != exitDone {
		t.Fatalf("the first: exit code %d\n%s", code, p.errs.String())
	}
	sameTables(t, dir, swept(t, file))

	// A part that is being carried out is not removed.
	dir = filepath.Join(t.TempDir(), "parts")
	p = begin(t, "sweep", file, "--out", dir, "--batch", "2", "--shard", "1/2")
	p.readRuns(t, 2)
	r := must(t, exitUsage, "sweep", file, "--out", dir, "--force")
	if !strings.Contains(r.err, "is in use: another process is carrying out part 1 of 2 there") {
		t.Errorf("--force: %s", r.err)
	}
	if code, _ := p.end(t); code != exitDone {
		t.Fatalf("the part: exit code %d\n%s", code, p.errs.String())
	}
	must(t, exitDone, "sweep", file, "--out", dir, "--shard", "2/2")
	sameTables(t, dir, swept(t, file))
	must(t, exitDone, "sweep", file, "--out", dir, "--force") // nobody is there now
}

// TestSweepFileDisappears: a start file that goes away in the middle fails its own runs; the others go on.
func TestSweepFileDisappears(t *testing.T) {
	folder := t.TempDir()
	numbers := make([]float64, 16)
	for i := range numbers {
		numbers[i] = float64(i%7-3) / 1024
	}
	start := filepath.Join(folder, "U.npy")
	good := npyFile("<f8", false, numbers, 8, 2)
	text := strings.Replace(longSweep, "  - factor-rank: [1, 2, 3, 8]\n", "", 1)
	text = strings.Replace(text, "alpha: [1e-5, 1e-4, 1e-3, 1e-2, 1e-2]",
		"init: [random, U.npy, spectral, random, U.npy], alpha: [1e-5, 0, 0, 1e-2, 0]", 1)
	text = strings.Replace(text, "seeds: 3", "seeds: 12", 1)
	file := write(t, filepath.Join(folder, "s.yaml"), []byte(text))
	write(t, start, good)
	want := swept(t, file)

	dir := filepath.Join(t.TempDir(), "swept")
	p := begin(t, "sweep", file, "--out", dir)
	p.readRuns(t, 1)
	if err := os.Remove(start); err != nil {
		t.Fatal(err)
	}
	code, lines := p.end(t)
	last := lines[len(lines)-1]
	if code != exitFailed || last["event"] != "error" ||
		!strings.Contains(last["message"].(string), "U.npy: no such file or directory") {
		t.Fatalf("exit code %d, the last line is %v", code, last)
	}
	rows, failed := runRows(t, want), 0
	for i, row := range runRows(t, dir) {
		switch {
		case row["status"] == "failed":
			if failed++; row["init"] == "random" || row["init"] == "spectral" ||
				!strings.Contains(row["error"], "no such file") {
				t.Errorf("run %d failed: %v", i, row)
			}
		case !maps.Equal(row, rows[i]):
			t.Errorf("run %d is another: %v", i, row)
		}
	}
	if len(events(lines, "run")) != 60 || failed == 0 {
		t.Errorf("%d runs were told, %d failed", len(events(lines, "run")), failed)
	}
	write(t, start, good)
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	sameTables(t, dir, want)
}

// TestSweepDiskFillsUp: what was recorded before stays readable, and is all that is not done again.
func TestSweepDiskFillsUp(t *testing.T) {
	disk, enlarge := smallDisk(t, 128)
	file := sweepFile(t, longSweep)
	dir := filepath.Join(disk, "swept")
	r := must(t, exitFailed, "sweep", file, "--out", dir)
	_, reason, _ := strings.Cut(r.err, "matsense: the record")
	if strings.Count(reason, "no space left on device") != 1 ||
		strings.Count(r.err, "note: the checkpoint of run") > 1 { // of a run in another group
		t.Errorf("the reason is not given once:\n%s", r.err)
	}
	before := recordLines(t, dir)
	if len(before) < 5 || len(before) > 55 {
		t.Errorf("%d records", len(before))
	}
	for _, name := range slices.Concat(listDir(t, dir), listDir(t, filepath.Join(dir, "runs"))) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s was left behind on the full disk", name)
		}
	}
	r = must(t, exitFailed, "sweep", "merge", dir)
	if !strings.Contains(r.err, "no space left on device") &&
		!strings.Contains(r.err, fmt.Sprintf("%d runs are missing", 60-len(before))) {
		t.Errorf("merge says\n%s", r.err)
	}
	enlarge()
	r = must(t, exitFailed, "sweep", "merge", dir)
	if !strings.Contains(r.err, fmt.Sprintf("%d runs are missing", 60-len(before))) ||
		len(runRows(t, dir)) != len(before) {
		t.Errorf("merge says\n%s", r.err)
	}
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	kept(t, dir, before)
	sameTables(t, dir, swept(t, file))
}

// TestSweepTablesOnAFullDisk: where only the tables do not fit, they are all that is missing.
func TestSweepTablesOnAFullDisk(t *testing.T) {
	disk, enlarge := smallDisk(t, 1024)
	file := sweepFile(t, longSweep)
	dir := filepath.Join(disk, "swept")
	want := swept(t, file)
	must(t, exitDone, "sweep", file, "--out", dir)
	for _, name := range sweepTables {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for page := bytes.Repeat([]byte{1}, 4096); err == nil; {
		_, err = filler.Write(page)
	}
	filler.Close()
	r := must(t, exitFailed, "sweep", file, "--out", dir, "--resume")
	if !strings.Contains(r.err, filepath.Join(dir, "runs.csv")+" could not be written: ") ||
		!strings.Contains(r.err, "no space left on device") {
		t.Errorf("the reason is not given:\n%s", r.err)
	}
	enlarge()
	before := recordLines(t, dir)
	must(t, exitDone, "sweep", file, "--out", dir, "--resume")
	kept(t, dir, before)
	sameTables(t, dir, want)
}
