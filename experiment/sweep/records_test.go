package sweep

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/solver"
)

// aHost is a machine with memory enough and no GPU.
func aHost() experiment.Host {
	return experiment.Host{
		Auto: func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(p experiment.Place) (solver.Backend, error) {
			return cpu.Backend{Storage: solver.Storage(p.Storage),
				Precision: solver.Precision(p.Precision)}, nil
		},
		Memory: func(solver.Backend) (float64, error) { return 1e9, nil },
	}
}

// watcher is a Progress that calls a function for each run that has ended.
type watcher struct {
	notes *[]string
	ended func(r *Record)
}

func (watcher) Begin(int, int)                 {}
func (watcher) Group(*experiment.Group, []Run) {}
func (w watcher) Notice(text string) {
	if w.notes != nil {
		*w.notes = append(*w.notes, text)
	}
}
func (w watcher) Ended(r *Record) {
	if w.ended != nil {
		w.ended(r)
	}
}

func planned(t *testing.T, text string) *Plan {
	t.Helper()
	p, err := NewPlan(context.Background(), mustParse(t, text), Options{}, aHost())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// carriedOut carries a sweep out into a directory, and returns the bytes of its records.
func carriedOut(t *testing.T, text string) (dir string, records []byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "swept")
	if _, _, err := planned(t, text).Run(t.Context(), Where{Dir: dir}, watcher{}); err != nil {
		t.Fatal(err)
	}
	files := recordsIn(t, dir)
	if len(files) != 1 {
		t.Fatalf("one process wrote %v", files)
	}
	records, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return dir, records
}

func recordsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, recordsDir, "*"+recordsEnding))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// put makes text the only records of a sweep.
func put(t *testing.T, dir string, text []byte) string {
	t.Helper()
	for _, file := range recordsIn(t, dir) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, recordsDir, "000000-test"+recordsEnding)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// aSweep has eight runs in two groups; the others are akin to it.
const aSweep = `base: {n: 6, rank: 1, measurements: 40, iterations: 12, step: 0.25}
axes:
  - factor-rank: [1, 3]
  - alpha: [1e-4, 1e-2]
seeds: 2
`

// TestMutatedRecords changes the records of a sweep in a thousand ways. What is then accepted of a run is
// what the run came to, and everything else is refused or missing.
func TestMutatedRecords(t *testing.T) {
	dir, whole := carriedOut(t, aSweep)
	var strangers [][]byte // lines of sweeps that differ in the base, in an axis and in the targets
	for _, change := range [][2]string{{"step: 0.25", "step: 0.2"}, {"1e-4, 1e-2", "1e-5, 1e-3"},
		{"seeds: 2", "seeds: 2\ntargets: [0.5]"}, {"iterations: 12", "iterations: 13"}} {
		_, lines := carriedOut(t, strings.Replace(aSweep, change[0], change[1], 1))
		strangers = append(strangers, lines)
	}
	before, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Records) != 8 {
		t.Fatalf("%d records", len(before.Records))
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1]
	random := rand.New(rand.NewPCG(17, 4))
	pick := func(of [][]byte) int { return random.IntN(len(of)) }
	number := regexp.MustCompile(`[1-9]`)
	mutations := map[string]func() (text []byte, refused bool){
		"bytes": func() ([]byte, bool) {
			text := bytes.Clone(whole)
			for range 1 + random.IntN(3) {
				text[random.IntN(len(text))] ^= byte(1 + random.IntN(255))
			}
			return text, false // if the last newline is another byte, the line was cut short
		},
		"cut": func() ([]byte, bool) { return whole[:random.IntN(len(whole))], false },
		"cut in the middle": func() ([]byte, bool) {
			i := pick(lines[:7])
			return bytes.Replace(whole, lines[i], lines[i][:random.IntN(len(lines[i])-1)], 1), true
		},
		"twice": func() ([]byte, bool) { return append(bytes.Clone(whole), lines[pick(lines)]...), false },
		"gone": func() ([]byte, bool) {
			return bytes.Replace(whole, lines[pick(lines)], nil, 1), false
		},
		"in another order": func() ([]byte, bool) {
			order := slices.Clone(lines)
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			return bytes.Join(order, nil), false
		},
		"a digit": func() ([]byte, bool) {
			text := bytes.Clone(whole)
			digits := number.FindAllIndex(text, -1)
			at := digits[random.IntN(len(digits))][0]
			text[at] = '1' + (text[at]-'1'+byte(1+random.IntN(8)))%9
			return text, true
		},
		"a number, and valid JSON": func() ([]byte, bool) {
			i := pick(lines)
			var o map[string]any
			if err := json.Unmarshal(lines[i], &o); err != nil {
				t.Fatal(err)
			}
			o["final"].(map[string]any)["test_error"] = random.Float64()
			line, err := json.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Replace(whole, lines[i], append(line, '\n'), 1), true
		},
		"of another run": func() ([]byte, bool) {
			i, j := pick(lines), pick(lines)
			index, rest, _ := bytes.Cut(lines[j], []byte(","))
			other := (index[len(index)-1] - '0' + byte(1+random.IntN(7))) % 8
			line := append(fmt.Appendf(nil, `{"index":%d,`, other), rest...)
			return bytes.Replace(whole, lines[i], line, 1), true
		},
		"of another sweep": func() ([]byte, bool) {
			other := bytes.SplitAfter(strangers[pick(strangers)], []byte("\n"))
			i := pick(lines)
			return bytes.Replace(whole, lines[i], other[pick(other[:8])], 1), true
		},
		"two lines as one": func() ([]byte, bool) {
			i := pick(lines)
			return bytes.Replace(whole, lines[i], bytes.TrimSuffix(lines[i], []byte("\n")), 1), i < 7
		},
		"something between": func() ([]byte, bool) {
			i := pick(lines)
			rubbish := []string{"\n", "{}\n", "null\n", "\x00\x00\n", "[]\n", `{"index":3}` + "\n"}[random.IntN(6)]
			return bytes.Replace(whole, lines[i], append([]byte(rubbish), lines[i]...), 1), true
		},
	}
	names := make([]string, 0, len(mutations))
	for name := range mutations {
		names = append(names, name)
	}
	slices.Sort(names)
	plan, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	accepted, refusals := 0, 0
	for i := range 1000 {
		name := names[i%len(names)]
		text, refused := mutations[name]()
		path := put(t, dir, text)
		g, err := plan.gather(dir)
		if err != nil {
			refusals++
			if !strings.Contains(err.Error(), path+": line ") || strings.Contains(err.Error(), "\n") ||
				!strings.Contains(err.Error(), "remove") {
				t.Errorf("%d, %s: it says %v", i, name, err)
			}
			continue
		}
		accepted++
		r := g.results()
		if refused {
			t.Errorf("%d, %s: it was accepted", i, name)
		}
		if len(r.Records)+len(r.Missing()) != 8 {
			t.Errorf("%d, %s: %d records and %d missing", i, name, len(r.Records), len(r.Missing()))
		}
		for _, rec := range r.Records {
			if want := before.Records[rec.Index]; !rec.agrees(want) {
				t.Errorf("%d, %s: run %d has other results", i, name, rec.Index)
			}
		}
	}
	if accepted < 200 || refusals < 500 {
		t.Errorf("%d were accepted and %d refused: the mutations do not do what they should", accepted, refusals)
	}
}

// TestRecordCutShort: wherever a crash cuts the last line, the run is missing, this is told, and to go on
// repeats it.
func TestRecordCutShort(t *testing.T) {
	dir, whole := carriedOut(t, aSweep)
	want := tablesOf(t, dir)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last + 1; cut < len(whole); cut += 97 {
		put(t, dir, whole[:cut])
		r, err := Load(dir)
		if err != nil || len(r.Missing()) != 1 || len(r.Notes) != 1 ||
			!strings.Contains(r.Notes[0], "line 8 is not used") {
			t.Fatalf("cut at %d of %d: %v, %+v", cut, len(whole), err, r)
		}
	}
	var notes []string
	var again []int
	_, _, err := planned(t, aSweep).Run(t.Context(), Where{Dir: dir, Resume: true},
		watcher{&notes, func(r *Record) { again = append(again, r.Index) }})
	if err != nil || len(again) != 1 || len(notes) != 1 {
		t.Errorf("%v: runs %v were done again, notes %q", err, again, notes)
	}
	if !slices.EqualFunc(tablesOf(t, dir), want, bytes.Equal) {
		t.Error("the tables are others")
	}
	// With no run missing, nobody needs to know of the line.
	if r, err := Load(dir); err != nil || len(r.Notes) != 0 || len(recordsIn(t, dir)) != 2 {
		t.Errorf("%v, %+v", err, r)
	}
}

// tablesOf reads the tables of a sweep that do not have times.
func tablesOf(t *testing.T, dir string) (tables [][]byte) {
	t.Helper()
	for _, name := range []string{runsCSV, runsParquet, trajectoriesParquet} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		tables = append(tables, text)
	}
	return tables
}

// TestRecordedTwice: records of one run must agree but for their times; a run that failed is replaced by what
// came later, and never replaces a result.
func TestRecordedTwice(t *testing.T) {
	dir, whole := carriedOut(t, aSweep)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	result, ok := parseLine(lines[3])
	if !ok {
		t.Fatal("the line is not whole")
	}
	line := func(change func(r *Record)) []byte {
		r := *result
		change(&r)
		text, err := r.line()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	failed := func(why string, after time.Duration) []byte {
		return line(func(r *Record) {
			*r = *newFailure(Run{Index: r.Index, Values: r.Values}, errors.New(why))
			r.Fingerprint, r.Timing.Ended = result.Fingerprint, result.Timing.Ended.Add(after)
		})
	}
	slower := line(func(r *Record) { r.Timing.Seconds++; r.Timing.Ended = time.Now() })
	other := line(func(r *Record) { r.Final.TestError *= 1 + 1e-15 })
	for name, c := range map[string]struct {
		lines  [][]byte
		status string // "" if they are refused
		why    string
	}{
		"slower":                {[][]byte{lines[3], slower}, result.Status, ""},
		"another last digit":    {[][]byte{lines[3], other}, "", ""},
		"failed before":         {[][]byte{failed("a", -time.Hour), lines[3]}, result.Status, ""},
		"failed later":          {[][]byte{lines[3], failed("a", time.Hour)}, result.Status, ""},
		"failed twice":          {[][]byte{failed("a", 1), failed("b", 2)}, Failed, "b"},
		"failed twice, swapped": {[][]byte{failed("b", 2), failed("a", 1)}, Failed, "b"},
	} {
		path := put(t, dir, bytes.Join(c.lines, nil))
		r, err := Load(dir)
		if c.status == "" {
			if err == nil || err.Error() != fmt.Sprintf("%s: line 2 and %s: line 1 have different results "+
				"of run %d: remove one of the lines", path, path, result.Index) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || len(r.Records) != 1 || r.Records[0].Status != c.status ||
			r.Records[0].Error != c.why {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

// TestRecorderAfterAFailure: what could not be written whole stays the last line of its file.
func TestRecorderAfterAFailure(t *testing.T) {
	p := planned(t, aSweep)
	dir := t.TempDir()
	if err := p.writeSpec(dir); err != nil {
		t.Fatal(err)
	}
	w := &recorder{plan: p, dir: dir}
	record := func(run int) error {
		r := newFailure(p.Runs[run], errors.New("planned"))
		r.Fingerprint = p.fingerprint(run)
		return w.write(r)
	}
	if err := record(0); err != nil {
		t.Fatal(err)
	}
	w.file.Close() // so that the next write fails
	if err := record(1); err == nil {
		t.Error("a record was written to a closed file")
	}
	if err := record(2); err != nil {
		t.Fatal(err)
	}
	w.close()
	r, err := Load(dir)
	if err != nil || len(recordsIn(t, dir)) != 2 || !slices.Equal(r.Missing(), []int{1, 3, 4, 5, 6, 7}) {
		t.Errorf("%v: %v, missing %v", err, recordsIn(t, dir), r.Missing())
	}
}

// TestRecordsRemoved: records that are removed while the sweep runs are told, whether it notices at the next
// record or at the end.
func TestRecordsRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		when   int // after how many runs
		remove func(dir string) error
		want   string
	}{
		"the file, early": {2, func(dir string) error { return os.Remove(recordsIn(t, dir)[0]) },
			"was removed or replaced while the sweep ran"},
		"the file, at the end": {8, func(dir string) error { return os.Remove(recordsIn(t, dir)[0]) }, ""},
		"the folder": {3, func(dir string) error { return os.RemoveAll(filepath.Join(dir, recordsDir)) },
			"was removed or replaced while the sweep ran"},
		"all":                 {8, os.RemoveAll, "sweep.yaml was removed or replaced while the sweep ran"},
		"replaced by another": {8, func(dir string) error { return planned(t, "seeds: 2\n").writeSpec(dir) }, "sweep.yaml was removed or replaced"},
	} {
		p, dir, runs := planned(t, aSweep), filepath.Join(t.TempDir(), "swept"), 0
		r, _, err := p.Run(context.Background(), Where{Dir: dir}, watcher{ended: func(*Record) {
			if runs++; runs == c.when {
				if err := c.remove(dir); err != nil {
					t.Error(err)
				}
			}
		}})
		if c.want == "" {
			if err != nil || len(p.Lost(r)) != 8 {
				t.Errorf("%s: %v, lost %v", name, err, p.Lost(r))
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, runsCSV)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there are tables: %v", name, err)
		}
	}
}

// TestDataChangeMeanwhile: runs that read other contents than the runs before them fail, and the sweep does
// not mix both.
func TestDataChangeMeanwhile(t *testing.T) {
	folder := t.TempDir()
	save := func(name string, numbers []float64, shape ...int) {
		var b bytes.Buffer
		if err := npy.Write(&b, shape, numbers); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// M* = 1 is measured by A = 1, 2 and 3.
	save("A.npy", []float64{1, 2, 3}, 3, 1, 1)
	save("y.npy", []float64{1, 2, 3}, 3)
	file := filepath.Join(folder, "s.yaml")
	text := "base: {matrices: A.npy, observations: y.npy, rank: 1, factor-rank: 1, iterations: 3, step: 0.01,\n" +
		"  workers: 1}\n" + // one group after the other
		"axes:\n  - parametrization: [psd, indefinite]\nstart-seeds: 2\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(context.Background(), s, Options{}, aHost())
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	dir := filepath.Join(folder, "swept")
	_, failures, err := p.Run(t.Context(), Where{Dir: dir}, watcher{ended: func(r *Record) {
		if told = append(told, fmt.Sprint(r.Index, " ", r.Status, " ", r.Error)); len(told) == 2 {
			save("y.npy", []float64{5, 10, 15}, 3)
		}
	}})
	if failures != 2 || err == nil || !strings.Contains(err.Error(), "contents have changed") {
		t.Errorf("%d failures, %v", failures, err)
	}
	for i, want := range []string{"0 ", "1 ", "2 failed the contents of observations have changed since run 0",
		"3 failed the contents of observations have changed since run 0"} {
		if i >= len(told) || !strings.HasPrefix(told[i], want) || i < 2 && strings.Contains(told[i], Failed) {
			t.Errorf("told of %q", told)
		}
	}
	save("y.npy", []float64{1, 2, 3}, 3)
	if r, _, err := p.Run(t.Context(), Where{Dir: dir, Resume: true}, watcher{}); err != nil ||
		len(r.Missing()) > 0 {
		t.Errorf("with the data as they were: %v", err)
	}
}

// TestOldRecords: a directory of an earlier version is told as such, and may be replaced.
func TestOldRecords(t *testing.T) {
	dir, _ := carriedOut(t, aSweep)
	old := filepath.Join(dir, recordsDir, "000")
	if err := os.Mkdir(old, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(old, "000000.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "a record of an earlier version"
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("to read: %v", err)
	}
	for _, text := range []string{aSweep, "seeds: 2\n"} {
		_, _, err := planned(t, text).Run(t.Context(), Where{Dir: dir, Resume: true}, watcher{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("to go on: %v", err)
		}
	}
	if _, _, err := planned(t, aSweep).Run(t.Context(), Where{Dir: dir, Force: true}, watcher{}); err != nil {
		t.Error(err)
	}
}

// TestOtherDevices: a sweep goes on with another device of its kind, also from records of an earlier version,
// whose fingerprints had the whole name of the device. Another kind is another sweep.
func TestOtherDevices(t *testing.T) {
	on := func(device string) *Plan {
		return planned(t, strings.Replace(aSweep, "n: 6", `n: 6, device: "`+device+`"`, 1))
	}
	dir, two := t.TempDir(), on("emulator:2")
	if err := two.writeSpec(dir); err != nil {
		t.Fatal(err)
	}
	settings := sha256.New()
	for line := range strings.Lines(string(two.Runs[3].Config.YAML())) {
		switch key, _, _ := strings.Cut(line, ":"); key {
		case "iterations", "storage", "workers", "simd", "checkpoint-every":
		default:
			settings.Write([]byte(line))
		}
	}
	older := two.fingerprintOf(3, hex.EncodeToString(settings.Sum(nil)))
	if older == two.fingerprint(3) {
		t.Fatal("earlier versions had the same fingerprint")
	}
	for device, want := range map[string]bool{"emulator:2": true, "emulator": true, "emulator:8": true,
		"cpu": false, "cuda:2": false} {
		p := on(device)
		if _, err := p.accepts(Where{Dir: dir, Resume: true}); (err == nil) != want {
			t.Errorf("%s goes on: %v", device, err)
		}
		if p.holds(3, older) != want || p.holds(4, older) || p.holds(3, two.fingerprint(3)) != want {
			t.Errorf("%s: the wrong records belong to the run", device)
		}
	}
}
