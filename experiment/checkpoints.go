package experiment

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// Checkpoints is a folder with checkpoints of runs that go together, each under a number, until they have
// ended. A checkpoint is one file RUN-ITERATION.zip, which holds what a run's checkpoint has in a folder: one
// file is two synchronizations in place of one for each slot, and a batch has many members.
//
// The iteration is in the name so that two processes that carry out the same runs by mistake do not harm each
// other: neither replaces or removes a checkpoint that is further on than its own.
type Checkpoints struct {
	Dir string
	// failed says whether the last checkpoint of any run could not be written.
	failed *atomic.Bool
}

// NewCheckpoints returns the checkpoints in a folder, which need not be there yet.
func NewCheckpoints(dir string) Checkpoints { return Checkpoints{dir, new(atomic.Bool)} }

// archiveEnding ends the names of checkpoints.
const archiveEnding = ".zip"

// archive is a checkpoint in the folder.
type archive struct {
	name           string
	run, iteration int
}

// archiveName returns the name of a checkpoint.
func archiveName(run, iteration int) string {
	return fmt.Sprintf("%06d-%09d%s", run, iteration, archiveEnding)
}

// parseArchiveName reads the name of a checkpoint, or of one that was being written when its process was
// killed.
func parseArchiveName(name string) (f archive, whole, ok bool) {
	rest, begun := strings.CutPrefix(name, atomicfile.Leftover)
	_, err := fmt.Sscanf(rest, "%d-%d"+archiveEnding, &f.run, &f.iteration)
	f.name = name
	ok = err == nil && strings.HasPrefix(rest, archiveName(f.run, f.iteration))
	return f, ok && !begun && rest == archiveName(f.run, f.iteration), ok
}

// list returns the whole checkpoints, those of each run from the last one back, and the names of unfinished
// files with their runs.
func (c Checkpoints) list() (whole, unfinished []archive, err error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	for _, e := range entries {
		switch f, complete, ok := parseArchiveName(e.Name()); {
		case complete:
			whole = append(whole, f)
		case ok:
			unfinished = append(unfinished, f)
		}
	}
	slices.SortFunc(whole, func(a, b archive) int {
		return cmp.Or(cmp.Compare(a.run, b.run), cmp.Compare(b.iteration, a.iteration))
	})
	return whole, unfinished, err
}

// Runs lists the numbers of the runs that have a checkpoint, ascending.
func (c Checkpoints) Runs() ([]int, error) {
	files, _, err := c.list()
	var runs []int
	for _, f := range files {
		runs = append(runs, f.run)
	}
	return slices.Compact(runs), err
}

// SavedState is a run's state that a checkpoint has.
type SavedState struct{ Run, Iteration int }

// States lists the states that whole checkpoints have.
func (c Checkpoints) States() ([]SavedState, error) {
	files, _, err := c.list()
	var states []SavedState
	for _, f := range files {
		states = append(states, SavedState{f.run, f.iteration})
	}
	return states, err
}

// Remove removes all that the folder has of some runs, and the folder if it is empty then.
func (c Checkpoints) Remove(runs ...int) error {
	whole, unfinished, err := c.list()
	if err != nil {
		return err
	}
	slices.Sort(runs)
	for _, f := range slices.Concat(whole, unfinished) {
		if _, mine := slices.BinarySearch(runs, f.run); mine {
			err = errors.Join(err, c.remove(f))
		}
	}
	os.Remove(c.Dir) // fails unless it is empty
	return err
}

func (c Checkpoints) remove(f archive) error {
	err := os.Remove(filepath.Join(c.Dir, f.name))
	if errors.Is(err, fs.ErrNotExist) { // another process was faster
		return nil
	}
	return err
}

// write adds a run's checkpoint and removes those of the same run that are not so far.
func (c Checkpoints) write(run int, id identity, s solver.State, t solver.Trajectory) error {
	files, err := encodeCheckpoint(id, s, t)
	if err != nil {
		return err
	}
	fill := func(w io.Writer) error { return writeZip(w, files) }
	path := filepath.Join(c.Dir, archiveName(run, s.Iteration))
	for range 2 { // another process may remove the empty folder in between
		// A sweep's directory that was moved is not made again.
		if err = os.Mkdir(c.Dir, 0o755); err == nil {
			atomicfile.SyncDir(filepath.Dir(c.Dir))
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if err = atomicfile.Write(path, fill); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return err
	}
	whole, _, err := c.list()
	for _, f := range whole {
		if f.run == run && f.iteration < s.Iteration {
			err = errors.Join(err, c.remove(f))
		}
	}
	return err
}

// writeZip writes files into an archive, as they are: numbers of full precision hardly become shorter.
func writeZip(w io.Writer, files []content) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		to, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store})
		if err != nil {
			return err
		}
		if _, err := to.Write(f.bytes); err != nil {
			return err
		}
	}
	return z.Close()
}

// read returns a run's last checkpoint that is whole and has the given identity, or nil; and notices for the
// user: why later ones are not used, and whether another build wrote it.
func (c Checkpoints) read(run int, id identity) (*solver.State, solver.Trajectory, []string) {
	files, _, err := c.list()
	var notices []string
	if err != nil {
		notices = append(notices, err.Error())
	}
	for _, f := range files {
		if f.run != run {
			continue
		}
		path := filepath.Join(c.Dir, f.name)
		state, t, madeBy, err := readZip(path, id)
		if err != nil {
			notices = append(notices, fmt.Sprintf("%s is not used: %v", path, err))
			continue
		}
		if madeBy != id.madeBy {
			notices = append(notices, anotherBuild(madeBy, id.madeBy))
		}
		return state, t, notices
	}
	return nil, nil, notices
}

// readZip reads the checkpoint in an archive.
func readZip(path string, id identity) (_ *solver.State, _ solver.Trajectory, madeBy string, _ error) {
	if err := userfile.CheckRegular(path); err != nil {
		return nil, nil, "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, "", fmt.Errorf("it cannot be read: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, "", fmt.Errorf("it cannot be read: %w", err)
	}
	z, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, nil, "", fmt.Errorf("it cannot be read: %w", err)
	}
	room := uint64(info.Size())
	for _, f := range z.File {
		if f.UncompressedSize64 > room { // so much memory is set aside before anything is read
			return nil, nil, "", fmt.Errorf("the size of its %s was altered", f.Name)
		}
		room -= f.UncompressedSize64
		if f.Method != zip.Store { // matsense writes no others, which may be of any size
			return nil, nil, "", fmt.Errorf("its %s is compressed", f.Name)
		}
	}
	return decodeCheckpoint(func(name string) ([]byte, error) { return fs.ReadFile(z, name) }, id)
}
