package sweep

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
)

// The records of a sweep lie in files of its folder runs. A process appends the records of its runs to a file
// of its own: two processes may carry out the same runs by mistake, and appending from two machines to one
// file loses lines on network file systems. A record is a line of JSON whose last member is the SHA-256 of
// the rest of the line. Those who read take all files together.
const (
	recordsDir    = "runs"
	recordsEnding = ".jsonl"
	// maxLine bounds a line that is read. A record has at most KeptPoints points, of some 30 KB.
	maxLine = 16 << 20
)

// recorder writes the records of one process.
type recorder struct {
	plan *Plan
	dir  string   // of the sweep
	file *os.File // nil before the first record
	size int64    // how many bytes of records the file has
}

// write appends a record. When it returns without an error, the record is on the disk.
func (w *recorder) write(r *Record) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	if w.file == nil {
		if err := w.create(r.Index); err != nil {
			return err
		}
	}
	_, err = w.file.Write(line)
	if err = cmp.Or(err, w.file.Sync()); err == nil {
		// A file that was removed can still be written to, and nobody would find the record.
		info, gone := os.Stat(w.file.Name())
		if gone == nil && info.Size() == w.size+int64(len(line)) {
			w.size = info.Size()
			return nil
		}
		err = fmt.Errorf("%s was removed or replaced while the sweep ran", w.file.Name())
	} else if w.file.Truncate(w.size) == nil && w.size == 0 {
		os.Remove(w.file.Name())
	}
	// What could not be cut off must stay the last line of its file: the next record begins another file.
	w.close()
	return err
}

// create makes the process's file, whose name begins with the number of its first run.
func (w *recorder) create(first int) error {
	if err := w.plan.stillIn(w.dir); err != nil {
		return err
	}
	folder := filepath.Join(w.dir, recordsDir)
	switch err := os.Mkdir(folder, 0o755); {
	case err == nil:
		atomicfile.SyncDir(w.dir)
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	unique := make([]byte, 8)
	rand.Read(unique) // never fails
	name := filepath.Join(folder, fmt.Sprintf("%06d-%x%s", first, unique, recordsEnding))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	atomicfile.SyncDir(folder)
	w.file, w.size = f, 0
	return nil
}

// close closes the file. Each record was synchronized when it was written.
func (w *recorder) close() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// The checksum of a line stands between these two.
const (
	beforeSum = `,"sha256":"`
	afterSum  = "\"}\n"
)

// line returns the record as a line of a file.
func (r *Record) line() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	text = append(text[:len(text)-1], beforeSum...) // in place of the last brace
	return append(hex.AppendEncode(text, sum[:]), afterSum...), nil
}

// parseLine reads a line that [Record.line] wrote; ok is false if a byte of it is another.
func parseLine(line []byte) (r *Record, ok bool) {
	end := len(line) - len(afterSum)
	begin := end - hex.EncodedLen(sha256.Size)
	rest := begin - len(beforeSum)
	if rest < 0 || string(line[end:]) != afterSum || string(line[rest:begin]) != beforeSum {
		return nil, false
	}
	text := append(slices.Clip(line[:rest]), '}')
	sum := sha256.Sum256(text)
	if hex.EncodeToString(sum[:]) != string(line[begin:end]) {
		return nil, false
	}
	r = new(Record)
	return r, json.Unmarshal(text, r) == nil
}

// gathered are the records of a directory that have been read so far.
type gathered struct {
	plan  *Plan
	byRun map[int]*Record
	from  map[int]string // the place of each record
	data  dataSums
	notes []string
}

// gather reads all records of the sweep in a directory. It refuses a record that is damaged or of another
// sweep, and records that do not agree with each other or with the data files.
func (p *Plan) gather(dir string) (*gathered, error) {
	g, err := p.read(dir)
	if err != nil {
		return nil, err
	}
	return g, g.data.compare(dir)
}

// read is gather, but reads no data files.
func (p *Plan) read(dir string) (*gathered, error) {
	g := &gathered{plan: p, byRun: map[int]*Record{}, from: map[int]string{}, data: dataSums{}}
	folder := filepath.Join(dir, recordsDir)
	if err := refuseOldRecords(dir); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if isRecords(e) {
			if err := g.file(filepath.Join(folder, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return g, nil
}

// recorded lists the files of records with their sizes, which change when a record is added.
func recorded(dir string) (files []string) {
	entries, _ := os.ReadDir(filepath.Join(dir, recordsDir)) // gather says why it cannot be read
	for _, e := range entries {
		if info, err := e.Info(); err == nil && isRecords(e) {
			files = append(files, fmt.Sprintf("%s %d", e.Name(), info.Size()))
		}
	}
	return files
}

// isRecords says whether an entry of the folder is a file of records.
func isRecords(e fs.DirEntry) bool {
	return e.Type().IsRegular() && strings.HasSuffix(e.Name(), recordsEnding) &&
		!strings.HasPrefix(e.Name(), ".")
}

// refuseOldRecords refuses a directory of an earlier version, which had a file for each run.
func refuseOldRecords(dir string) error {
	old, _ := fs.Glob(os.DirFS(dir), recordsDir+"/[0-9][0-9][0-9]/*.json")
	if len(old) == 0 {
		return nil
	}
	return fmt.Errorf("%s is a record of an earlier version of matsense, which this version does not read: "+
		"finish the sweep with that version, or replace it with --force", filepath.Join(dir, old[0]))
}

// file reads one file of records.
func (g *gathered) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	lines.Split(keepNewline)
	number := 0
	for lines.Scan() {
		number++
		place := fmt.Sprintf("%s: line %d", path, number)
		line := lines.Bytes()
		if line[len(line)-1] != '\n' {
			g.notes = append(g.notes, place+" is not used: the process that wrote it was stopped, or has "+
				"not finished it yet")
			break
		}
		r, ok := parseLine(line)
		if !ok {
			return damaged(place)
		}
		if err := g.add(r, place); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return damaged(fmt.Sprintf("%s: line %d", path, number+1))
	}
	return lines.Err()
}

// damaged is the error for a line that is not as it was written.
func damaged(place string) error {
	return fmt.Errorf("%s is damaged, its checksum does not fit: remove the line, and --resume repeats the "+
		"run", place)
}

// keepNewline is a [bufio.SplitFunc] for lines with their newlines; the last line may have none.
func keepNewline(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// add takes a record that is whole.
func (g *gathered) add(r *Record, place string) error {
	if r.Index < 0 || r.Index >= len(g.plan.Runs) || !g.plan.holds(r.Index, r.Fingerprint) {
		return fmt.Errorf("%s is a run of another sweep than %s describes: restore the file that was "+
			"changed, or remove the line, and --resume repeats the run", place, SpecFile)
	}
	run := g.plan.Runs[r.Index]
	r.Fingerprint = g.plan.fingerprint(r.Index) // an earlier version wrote another
	r.Values = run.Values                       // those of data files that were moved are others
	if r.Status != Failed {
		if key, other := g.data.add(run, r.Data, place); other != "" {
			return fmt.Errorf("%s is a run on other %s than %s: remove the lines of the wrong data, and "+
				"--resume repeats their runs", place, key, other)
		}
	}
	if before := g.byRun[r.Index]; before != nil {
		switch later := r.Timing.Ended.After(before.Timing.Ended); {
		case r.Status != Failed && before.Status != Failed:
			if !r.agrees(before) {
				return fmt.Errorf("%s and %s have different results of run %d: remove one of the lines",
					place, g.from[r.Index], r.Index)
			}
			return nil
		case r.Status == Failed && (before.Status != Failed || !later):
			return nil // it failed at first, or in a second process
		}
	}
	g.byRun[r.Index], g.from[r.Index] = r, place
	return nil
}

// agrees says whether two records of a run have the same results, which do not include the timing.
func (r *Record) agrees(other *Record) bool {
	a, b := *r, *other
	a.Timing, b.Timing = Timing{}, Timing{}
	first, err1 := json.Marshal(&a)
	second, err2 := json.Marshal(&b)
	return err1 == nil && err2 == nil && bytes.Equal(first, second)
}

// results returns the records in the order of runs.
func (g *gathered) results() *Results {
	r := &Results{Spec: g.plan.Spec, Runs: g.plan.Runs}
	for _, run := range g.plan.Runs {
		if rec := g.byRun[run.Index]; rec != nil {
			r.Records = append(r.Records, rec)
		}
	}
	if len(r.Records) < len(r.Runs) { // otherwise the runs were repeated
		r.Notes = g.notes
	}
	return r
}

// fingerprint is a hash of what decides the results of a run, apart from the contents of its data files.
func (p *Plan) fingerprint(run int) string {
	if p.fingerprints == nil {
		p.fingerprints = make([]string, len(p.Runs))
	}
	if p.fingerprints[run] == "" {
		p.fingerprints[run] = p.fingerprintOf(run, p.Runs[run].Config.Fingerprint(nil))
	}
	return p.fingerprints[run]
}

// fingerprintOf is the hash of a run whose settings have the given one.
func (p *Plan) fingerprintOf(run int, settings string) string {
	h := sha256.New()
	fmt.Fprintf(h, "run %d of %s, %d iterations, targets %v\n", run, settings, p.Runs[run].Config.Iterations,
		p.Spec.Targets)
	return hex.EncodeToString(h.Sum(nil))
}

// holds says whether a record with a fingerprint is of this run, also if an earlier version wrote it.
func (p *Plan) holds(run int, fingerprint string) bool {
	return fingerprint == p.fingerprint(run) ||
		slices.ContainsFunc(p.Runs[run].Config.OlderFingerprints(nil), func(settings string) bool {
			return p.fingerprintOf(run, settings) == fingerprint
		})
}

// dataSums has the SHA-256 of the data files that runs have read, by setting and path.
type dataSums map[dataFile]dataSum

type dataFile struct{ key, path string }

type dataSum struct {
	sum   string
	place string        // of the first record that has it
	of    config.Config // a configuration that names the file
}

// add notes what a run has read. If another run has read other contents of the same file, it returns the
// setting and the place of that run.
func (d dataSums) add(run Run, sums map[string]string, place string) (key, other string) {
	if len(sums) == 0 {
		return "", ""
	}
	for _, f := range run.Config.DataFiles() {
		sum, ok := sums[f.Key]
		if !ok {
			continue
		}
		file := dataFile{f.Key, *f.Path}
		if was, known := d[file]; !known {
			d[file] = dataSum{sum, place, run.Config}
		} else if was.sum != sum {
			return f.Key, was.place
		}
	}
	return "", ""
}

// check returns an error if a run that has ended has read other contents of a file than runs before it.
func (d dataSums) check(run Run, sums map[string]string) error {
	if key, other := d.add(run, sums, fmt.Sprintf("run %d", run.Index)); other != "" {
		return fmt.Errorf("the contents of %s have changed since %s", key, other)
	}
	return nil
}

// compare refuses data files that are there but have other contents than those that were read. A file that
// cannot be read, as on another machine, is passed over.
func (d dataSums) compare(dir string) error {
	files := slices.SortedFunc(maps.Keys(d), func(a, b dataFile) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.path, b.path))
	})
	for _, file := range files {
		was := d[file]
		if sum, err := was.of.HashOf(file.key); err == nil && sum != was.sum {
			return fmt.Errorf("%s %s is not the file that the runs in %s have read, its contents have "+
				"changed (SHA-256 %.12s…, then %.12s…): restore it, or choose another --out", file.key,
				file.path, dir, sum, was.sum)
		}
	}
	return nil
}
