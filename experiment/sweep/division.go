package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/lockfile"
	"github.com/matsense/matsense/internal/userfile"
)

// Division says into how many parts a sweep is divided. Its directory keeps this, so that a task of a Slurm
// array that is sent again alone finds out which part it is. The zero value is a sweep that is not divided.
type Division struct {
	Parts int `json:"parts"`
	// FirstTask is the task of Slurm's array that does the first part; nil if no array has told.
	FirstTask *int `json:"first_task"`
}

// divisionFile is the name of the file, in a sweep's directory, that has its division.
const divisionFile = "parts.json"

// ReadDivision returns the division of the sweep in a directory.
func ReadDivision(dir string) (Division, error) {
	path := filepath.Join(dir, divisionFile)
	text, err := userfile.ReadOwn(path, maxText)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return Division{}, nil
	}
	if err != nil {
		return Division{}, err
	}
	var d Division
	if err := json.Unmarshal(text, &d); err != nil || d.Parts < 1 || d.Parts > maxShards ||
		d.FirstTask != nil && *d.FirstTask < 0 {
		return Division{}, config.Usagef("%s does not say into how many parts the sweep is divided: remove "+
			"it, and name the part with --shard, like --shard 3/8", path)
	}
	return d, nil
}

// keepDivision keeps the division that a part belongs to. Only Slurm's arrays tell the first task, so other
// parts of the same division leave it as it is.
func keepDivision(dir string, part NamedPart) error {
	old, err := ReadDivision(dir)
	if err != nil {
		return err
	}
	first := part.FirstTask
	if old.Parts == part.Shards &&
		(first == nil || old.FirstTask != nil && *old.FirstTask == *first) {
		return nil
	}
	text, err := json.Marshal(Division{part.Shards, first})
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, divisionFile), func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%s\n", text)
		return err
	})
}

// lockPrefix begins the names of lock files: .lock for the whole sweep, .lock-I-of-N for a part.
const lockPrefix = ".lock"

func lockName(part NamedPart) string {
	if part.Shards == 1 {
		return lockPrefix
	}
	return fmt.Sprintf("%s-%d-of-%d", lockPrefix, part.Shard+1, part.Shards)
}

// otherDivision refuses a part while a process carries out a part of another division: the two would have
// runs in common. The whole sweep is a division into one part.
func otherDivision(dir string, part NamedPart) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		other := NamedPart{Shards: 1}
		if e.Name() != lockPrefix {
			var number int
			if _, err := fmt.Sscanf(e.Name(), lockPrefix+"-%d-of-%d", &number, &other.Shards); err != nil {
				continue
			}
			other.Shard = number - 1
		}
		if other.Shards == part.Shards || !lockfile.Held(filepath.Join(dir, lockName(other))) {
			continue
		}
		what := "the whole sweep"
		if other.Shards > 1 {
			what = fmt.Sprintf("part %d of %d", other.Shard+1, other.Shards)
		}
		return config.Usagef("--out %s is in use: another process is carrying out %s there", dir, what)
	}
	return nil
}
