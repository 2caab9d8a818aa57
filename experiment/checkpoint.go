package experiment

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/userfile"
	"github.com/matsense/matsense/solver"
)

// A checkpoint is a folder checkpoint/ITERATION with the factor of every slot, the trajectory so far,
// state.json with the checksum of each file, and DONE with the checksum of state.json. The folder is written
// under another name, and renamed when all of it is on the disk. The checkpoint before it is kept. So a whole
// checkpoint is there whenever the process stops.
const (
	checkpointDir   = "checkpoint"
	stateFile       = "state.json"
	doneFile        = "DONE"
	checkpointsKept = 2
	maxState        = 16 << 20 // bounds the bytes of state.json and data.json, which name a few files
)

// checkpointState is state.json.
type checkpointState struct {
	Fingerprint string     `json:"fingerprint"` // as in identity
	MadeBy      string     `json:"made_by"`     // as in identity
	Iteration   int        `json:"iteration"`
	Seconds     float64    `json:"seconds"`
	FirstLoss   Number     `json:"first_loss"`
	Slots       [][]string `json:"slots"` // the files of each slot's factor
	// Anchor has the files of the anchor's factor; none if the anchor is still the engine's first choice.
	Anchor []string `json:"anchor"`
	// Good has the files of the last good iterate, and GoodAt its iteration.
	Good   []string `json:"good"`
	GoodAt int      `json:"good_at"`
	// Best is the best iterate so far; nil if there is none.
	Best *checkpointBest   `json:"best"`
	Sums map[string]string `json:"sha256"`
}

// checkpointBest is [solver.Best] with the files of its factor, none if the run does not keep it.
type checkpointBest struct {
	Error     float64  `json:"error"`
	Iteration int      `json:"iteration"`
	Factor    []string `json:"factor"`
}

// content is a file of a checkpoint.
type content struct {
	name  string
	bytes []byte
}

// encodeCheckpoint returns the files of a checkpoint, state.json and DONE last.
func encodeCheckpoint(id identity, s solver.State, t solver.Trajectory) (files []content, err error) {
	state := checkpointState{Fingerprint: id.fingerprint, MadeBy: id.madeBy, Iteration: s.Iteration,
		Seconds: s.Seconds, FirstLoss: Number(s.FirstLoss), Sums: map[string]string{}}
	write := func(name string, bytes []byte) {
		state.Sums[name] = checksum(bytes)
		files = append(files, content{name, bytes})
	}
	writeFactor := func(name string, factor solver.Factor) ([]string, error) {
		var names []string
		for j, u := range factor {
			encoded, err := encodeMatrix(u)
			if err != nil {
				return nil, err
			}
			file := fmt.Sprintf("%s-%d.npy", name, j)
			write(file, encoded)
			names = append(names, file)
		}
		return names, nil
	}
	for i, factor := range s.Slots {
		names, err := writeFactor(fmt.Sprintf("slot-%d", i), factor)
		if err != nil {
			return nil, err
		}
		state.Slots = append(state.Slots, names)
	}
	if state.Anchor, err = writeFactor("anchor", s.Anchor); err != nil {
		return nil, err
	}
	state.GoodAt = s.GoodAt
	if state.Good, err = writeFactor("good", s.Good); err != nil {
		return nil, err
	}
	if b := s.Best; b != nil {
		names, err := writeFactor("best", b.Factor)
		if err != nil {
			return nil, err
		}
		state.Best = &checkpointBest{b.Error, b.Iteration, names}
	}
	var samples, times bytes.Buffer
	if err := errors.Join(WriteTrajectory(&samples, t), WriteTimes(&times, t)); err != nil {
		return nil, err
	}
	write(trajectoryFile, samples.Bytes())
	write(timesFile, times.Bytes())
	text, err := json.MarshalIndent(state, "", "  ")
	return append(files, content{stateFile, text}, content{doneFile, []byte(checksum(text) + "\n")}), err
}

// writeCheckpoint adds a checkpoint to a run directory and removes those that are no longer kept.
func writeCheckpoint(run string, id identity, s solver.State, t solver.Trajectory) (err error) {
	dir := filepath.Join(run, checkpointDir)
	if err := atomicfile.MakeDirs(dir); err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%09d", s.Iteration))
	// The checkpoint is there already if a resumed run is interrupted before its first step.
	if _, _, _, err := decodeCheckpoint(filesIn(name), id); err == nil {
		return pruneCheckpoints(dir, filepath.Base(name))
	}
	files, err := encodeCheckpoint(id, s, t)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp(dir, atomicfile.Leftover+"*")
	if err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil { // other users may read a run
		return err
	}
	defer os.RemoveAll(temp) // which has its final name by then, unless something failed

	for _, f := range files {
		if err := writeSynced(filepath.Join(temp, f.name), f.bytes); err != nil {
			return err
		}
	}
	atomicfile.SyncDir(temp)

	if err := os.RemoveAll(name); err != nil { // a checkpoint that is not whole, or of another run
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	atomicfile.SyncDir(dir)
	return pruneCheckpoints(dir, filepath.Base(name))
}

// pruneCheckpoints keeps the checkpoint last and the one before it, and removes older ones. Checkpoints later
// than last were refused when the run was resumed, so this run neither counts nor removes them.
func pruneCheckpoints(dir, last string) error {
	names, err := listCheckpoints(dir)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return compareNames(name, last) > 0 })
	for _, name := range names[min(checkpointsKept, len(names)):] {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// listCheckpoints returns the names of the checkpoints in a folder, the last first; none if the folder does
// not exist.
func listCheckpoints(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return compareNames(b, a) })
	return names, err
}

// compareNames compares the names of checkpoints as numbers: names have at least nine digits, and a longer
// name is a larger number.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// readCheckpoint returns the last checkpoint that is whole and has the given identity. It also returns
// notices for the user: what is wrong with later checkpoints, and whether another build wrote this one. If
// there is no checkpoint at all, the state is nil and there is no error.
func readCheckpoint(run string, id identity) (*solver.State, solver.Trajectory, []string, error) {
	dir := filepath.Join(run, checkpointDir)
	names, err := listCheckpoints(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	var refused []string
	for _, name := range names {
		state, t, madeBy, err := decodeCheckpoint(filesIn(filepath.Join(dir, name)), id)
		if err == nil {
			if madeBy != id.madeBy {
				refused = append(refused, anotherBuild(madeBy, id.madeBy))
			}
			return state, t, refused, nil
		}
		refused = append(refused, fmt.Sprintf("%s is not used: %v", filepath.Join(dir, name), err))
	}
	if len(refused) > 0 {
		return nil, nil, nil, fmt.Errorf("no checkpoint in %s can be resumed from (--force starts over):\n%s",
			dir, strings.Join(refused, "\n"))
	}
	return nil, nil, nil, nil
}

// anotherBuild says that a checkpoint was written by another build or device.
func anotherBuild(madeBy, this string) string {
	return fmt.Sprintf("the checkpoint was written by another build or device (%s; this is %s): from here "+
		"on the last bits may differ from an uninterrupted run's", madeBy, this)
}

// filesIn returns the function that reads the files of a checkpoint's folder.
func filesIn(dir string) func(name string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		path := filepath.Join(dir, name)
		if name == doneFile || name == stateFile {
			return userfile.ReadOwn(path, maxState)
		}
		if err := userfile.CheckRegular(path); err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	}
}

// readState reads state.json, and compares it with DONE.
func readState(read func(name string) ([]byte, error)) (s checkpointState, err error) {
	done, err := read(doneFile)
	if err != nil {
		return s, errors.New("it was cut short: its DONE file is missing")
	}
	text, err := read(stateFile)
	if err != nil {
		return s, fmt.Errorf("its %s cannot be read: %w", stateFile, err)
	}
	if strings.TrimSpace(string(done)) != checksum(text) {
		return s, fmt.Errorf("its %s was altered", stateFile)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("its %s cannot be read: %w", stateFile, err)
	}
	return s, nil
}

// decodeCheckpoint reads a checkpoint from its files; the error says in words why it cannot be used.
func decodeCheckpoint(read func(name string) ([]byte, error), id identity) (
	_ *solver.State, _ solver.Trajectory, madeBy string, _ error,
) {
	s, err := readState(read)
	if err != nil {
		return nil, nil, "", err
	}
	if !id.accepts(s.Fingerprint) {
		return nil, nil, "", errors.New("it belongs to another configuration or other data")
	}
	files := map[string][]byte{}
	for name, want := range s.Sums {
		if files[name], err = read(name); err != nil {
			return nil, nil, "", fmt.Errorf("its %s is missing", name)
		}
		if checksum(files[name]) != want {
			return nil, nil, "", fmt.Errorf("its %s was cut short or altered", name)
		}
	}
	state := &solver.State{Iteration: s.Iteration, Seconds: s.Seconds, FirstLoss: float64(s.FirstLoss)}
	load := func(names []string) (solver.Factor, error) {
		var factor solver.Factor
		for _, name := range names {
			u, err := npy.DecodeMatrix(files[name])
			if err != nil {
				return nil, fmt.Errorf("its %s: %w", name, err)
			}
			factor = append(factor, u)
		}
		return factor, nil
	}
	for _, names := range s.Slots {
		factor, err := load(names)
		if err != nil {
			return nil, nil, "", err
		}
		state.Slots = append(state.Slots, factor)
	}
	if state.Anchor, err = load(s.Anchor); err != nil {
		return nil, nil, "", err
	}
	state.GoodAt = s.GoodAt
	if state.Good, err = load(s.Good); err != nil {
		return nil, nil, "", err
	}
	if b := s.Best; b != nil {
		state.Best = &solver.Best{Error: b.Error, Iteration: b.Iteration}
		if state.Best.Factor, err = load(b.Factor); err != nil {
			return nil, nil, "", err
		}
	}
	t, err := ReadTrajectory(bytes.NewReader(files[trajectoryFile]))
	if times, there := files[timesFile]; there && err == nil { // older checkpoints have no such file
		err = ReadTimes(bytes.NewReader(times), t)
	}
	return state, t, s.MadeBy, err
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// writeSynced writes a file and waits until it is on the disk. The file's folder has not been renamed yet, so
// nobody reads it.
func writeSynced(path string, content []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
