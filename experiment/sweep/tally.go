package sweep

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/matsense/matsense/solver"
)

// Tally counts the runs of a sweep that are recorded. It reads each record once, and of a record only what it
// counts, so that a large sweep can be watched while it grows. The zero value has read nothing.
type Tally struct {
	read map[string]int64 // how many bytes of each file
	ends map[int]end      // by run
}

// end is how a run ended, for a count.
type end byte

const (
	fine end = iota
	failedEnd
	divergedEnd
)

// Update reads the records that a sweep's directory has got since the last call.
func (t *Tally) Update(dir string) error {
	folder := filepath.Join(dir, recordsDir)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if t.read == nil || !t.grew(entries) {
		t.read, t.ends = map[string]int64{}, map[int]end{}
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !isRecords(e) || info.Size() == t.read[e.Name()] {
			continue
		}
		if err := t.file(folder, e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// grew says whether all files that were read are still there and no shorter.
func (t *Tally) grew(entries []fs.DirEntry) bool {
	there := 0
	for _, e := range entries {
		before, known := t.read[e.Name()]
		info, err := e.Info()
		if known && err == nil && info.Size() >= before {
			there++
		}
	}
	return there == len(t.read)
}

// file reads the whole lines that a file of records has got.
func (t *Tally) file(folder, name string) error {
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(t.read[name], io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	lines.Split(keepNewline)
	for lines.Scan() {
		line := lines.Bytes()
		if line[len(line)-1] != '\n' { // it is being written
			break
		}
		t.read[name] += int64(len(line))
		t.add(line)
	}
	return lines.Err()
}

// add counts a record. A run that failed may be repeated, and then its later record counts.
func (t *Tally) add(line []byte) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"index":`))
	number, _, _ := bytes.Cut(rest, []byte(","))
	run, err := strconv.Atoi(string(number))
	if !ok || err != nil {
		return
	}
	// Within a string a quote would have a backslash before it, so this is the member and no value.
	_, status, _ := bytes.Cut(line, []byte(`,"status":"`))
	status, _, _ = bytes.Cut(status, []byte(`"`))
	e := fine
	switch string(status) {
	case Failed:
		e = failedEnd
	case solver.Diverged.String():
		e = divergedEnd
	}
	if before, known := t.ends[run]; !known || before == failedEnd {
		t.ends[run] = e
	}
}

// Counts returns how many runs have a record, and how many of these failed and diverged.
func (t *Tally) Counts() (recorded, failed, diverged int) {
	for _, e := range t.ends {
		switch e {
		case failedEnd:
			failed++
		case divergedEnd:
			diverged++
		}
	}
	return len(t.ends), failed, diverged
}

// Bytes is the size of the records that were read.
func (t *Tally) Bytes() (total int64) {
	for _, n := range t.read {
		total += n
	}
	return total
}
