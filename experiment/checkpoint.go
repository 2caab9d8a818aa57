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
	"runtime"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/solver"
)

// A checkpoint is a folder checkpoint/ITERATION with the factor of every slot, the trajectory so far,
// state.json with the checksum of each, and DONE with the checksum of state.json. It is written under another
// name and renamed when all of it is on the disk, and the one before it is kept: whatever happens, one that
// is whole is there.
const (
	checkpointDir   = "checkpoint"
	stateFile       = "state.json"
	doneFile        = "DONE"
	trajectoryFile  = "trajectory.csv"
	checkpointsKept = 2
	leftover        = ".tmp-" // how the names of parts begin
)

// checkpointState is state.json.
type checkpointState struct {
	Fingerprint string     `json:"fingerprint"` // of the configuration and its data
	MadeBy      string     `json:"made_by"`     // the program's build
	Iteration   int        `json:"iteration"`
	Seconds     float64    `json:"seconds"`
	FirstLoss   Number     `json:"first_loss"`
	Slots       [][]string `json:"slots"` // the files of each slot's factor
	// Anchor are the files of the factor where the anchor is; none if the anchor is nowhere of its own.
	Anchor []string          `json:"anchor"`
	Good   []string          `json:"good"` // the files of the last good iterate
	GoodAt int               `json:"good_at"`
	Sums   map[string]string `json:"sha256"`
}

// writeCheckpoint adds a checkpoint to a run directory and removes those that are no longer kept.
func writeCheckpoint(run string, id identity, s solver.State, t solver.Trajectory) (err error) {
	dir := filepath.Join(run, checkpointDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := filepath.Join(dir, fmt.Sprintf("%09d", s.Iteration))
	// a run resumed from it has not moved
	if _, _, _, err := readOneCheckpoint(name, id.fingerprint); err == nil {
		return pruneCheckpoints(dir, filepath.Base(name))
	}
	temp, err := os.MkdirTemp(dir, leftover+"*")
	if err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil { // others may read a run
		return err
	}
	defer os.RemoveAll(temp) // gone already where all went well

	state := checkpointState{Fingerprint: id.fingerprint, MadeBy: id.madeBy, Iteration: s.Iteration,
		Seconds: s.Seconds, FirstLoss: Number(s.FirstLoss), Sums: map[string]string{}}
	write := func(name string, content []byte) error {
		state.Sums[name] = checksum(content)
		return writeSynced(filepath.Join(temp, name), content)
	}
	writeFactor := func(name string, factor solver.Factor) ([]string, error) {
		var names []string
		for j, u := range factor {
			content, err := encodeMatrix(u)
			if err != nil {
				return nil, err
			}
			file := fmt.Sprintf("%s-%d.npy", name, j)
			if err := write(file, content); err != nil {
				return nil, err
			}
			names = append(names, file)
		}
		return names, nil
	}
	for i, factor := range s.Slots {
		names, err := writeFactor(fmt.Sprintf("slot-%d", i), factor)
		if err != nil {
			return err
		}
		state.Slots = append(state.Slots, names)
	}
	if state.Anchor, err = writeFactor("anchor", s.Anchor); err != nil {
		return err
	}
	state.GoodAt = s.GoodAt
	if state.Good, err = writeFactor("good", s.Good); err != nil {
		return err
	}
	var csv bytes.Buffer
	if err := WriteTrajectory(&csv, t); err != nil {
		return err
	}
	if err := write(trajectoryFile, csv.Bytes()); err != nil {
		return err
	}
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(temp, stateFile), text); err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(temp, doneFile), []byte(checksum(text)+"\n")); err != nil {
		return err
	}
	atomicfile.SyncDir(temp)

	if err := os.RemoveAll(name); err != nil { // one that is not whole, or another run's
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return err
	}
	atomicfile.SyncDir(dir)
	return pruneCheckpoints(dir, filepath.Base(name))
}

// removeLeftovers removes parts of files and of checkpoints that a killed process left in a run directory.
func removeLeftovers(run string) error {
	for _, dir := range []string{run, filepath.Join(run, checkpointDir)} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), leftover) {
				if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// pruneCheckpoints removes what is older than the last few up to one. Later ones can only be such as were
// refused when the run was resumed; they are not this run's to count or to remove.
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

// listCheckpoints returns the names of the checkpoints in a folder, the last first. No folder is no
// checkpoints.
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

// compareNames compares checkpoints' names as the numbers that they are: at least nine digits, longer ones
// larger.
func compareNames(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// readCheckpoint returns the last checkpoint that is whole and belongs to a configuration, and what a user
// should know: what is wrong with those that were passed over. There being none at all is no error: the state
// is then nil.
func readCheckpoint(run string, id identity) (*solver.State, solver.Trajectory, []string, error) {
	dir := filepath.Join(run, checkpointDir)
	names, err := listCheckpoints(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	var refused []string
	for _, name := range names {
		state, t, madeBy, err := readOneCheckpoint(filepath.Join(dir, name), id.fingerprint)
		if err == nil {
			if madeBy != id.madeBy {
				refused = append(refused, fmt.Sprintf("the checkpoint was written by another build or "+
					"device (%s; this is %s): from here on the last bits may differ from an uninterrupted "+
					"run's", madeBy, id.madeBy))
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

func readOneCheckpoint(dir, fingerprint string) (
	_ *solver.State, _ solver.Trajectory, madeBy string, _ error,
) {
	done, err := os.ReadFile(filepath.Join(dir, doneFile))
	if err != nil {
		return nil, nil, "", errors.New("it was cut short: its DONE file is missing")
	}
	text, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, nil, "", fmt.Errorf("its %s cannot be read: %w", stateFile, err)
	}
	if strings.TrimSpace(string(done)) != checksum(text) {
		return nil, nil, "", fmt.Errorf("its %s was altered", stateFile)
	}
	var s checkpointState
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, nil, "", fmt.Errorf("its %s cannot be read: %w", stateFile, err)
	}
	if s.Fingerprint != fingerprint {
		return nil, nil, "", errors.New("it belongs to another configuration or other data")
	}
	for name, want := range s.Sums {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, nil, "", fmt.Errorf("its %s is missing", name)
		}
		if checksum(content) != want {
			return nil, nil, "", fmt.Errorf("its %s was cut short or altered", name)
		}
	}
	state := &solver.State{Iteration: s.Iteration, Seconds: s.Seconds, FirstLoss: float64(s.FirstLoss)}
	load := func(names []string) (solver.Factor, error) {
		var factor solver.Factor
		for _, name := range names {
			u, err := npy.LoadMatrix(filepath.Join(dir, name))
			if err != nil {
				return nil, err
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
	t, err := readTrajectoryFile(filepath.Join(dir, trajectoryFile))
	return state, t, s.MadeBy, err
}

// identity tells whose checkpoints are.
type identity struct {
	fingerprint string // of what decides the bits of a trajectory
	madeBy      string // build and device, which decide the last of them
}

// build identifies what decides the bits of arithmetic.
func build() string {
	return fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// encodeMatrix returns a matrix as a .npy file.
func encodeMatrix(u *mat.Dense) ([]byte, error) {
	u = mat.DenseCopyOf(u) // without gaps between rows
	rows, cols := u.Dims()
	var b bytes.Buffer
	err := npy.Write(&b, []int{rows, cols}, u.RawMatrix().Data)
	return b.Bytes(), err
}

func checksum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// writeSynced writes a file of a folder that nobody reads yet.
func writeSynced(path string, content []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
