package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/lockfile"
)

// Where says in which directory a sweep is carried out, and what may be there already.
type Where struct {
	Dir    string
	Resume bool // go on with the sweep in Dir
	Force  bool // replace the sweep in Dir
}

// Progress watches a sweep.
type Progress interface {
	// Begin receives how many runs this process has to carry out, and how many of them are done already.
	Begin(runs, done int)
	// Group receives the next group, with its number of runs, before its measurements are made.
	Group(g *experiment.Group, runs int)
	// Ended receives the record of each run that has ended, after it was written.
	Ended(r *Record)
}

// Run carries out the plan's part of a sweep. It records each run as soon as it ends, so that finished runs
// are kept whenever the process stops, and Resume does not repeat them. Runs under way are kept in checkpoints,
// from which Resume goes on. A run that fails or diverges does not stop the others. The tables are written when no run of the whole sweep is missing. If the sweep was
// interrupted, the error is ctx's.
func (p *Plan) Run(ctx context.Context, w Where, progress Progress) (r *Results, failures int, err error) {
	release, err := p.take(w)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	var groups []Group
	var recorded []int
	total, done := 0, 0
	for _, g := range p.Part {
		var open []Run
		for _, r := range g.Runs {
			rec, err := readRecord(w.Dir, r)
			if err != nil {
				return nil, 0, err
			}
			if rec == nil || rec.Status == Failed {
				open = append(open, r)
			} else {
				recorded = append(recorded, r.Index)
			}
		}
		total, done = total+len(g.Runs), done+len(g.Runs)-len(open)
		if len(open) > 0 {
			groups = append(groups, Group{open})
		}
	}
	// A process that is killed may leave the checkpoints of a run that it has just recorded.
	if err := keptIn(w.Dir).Remove(recorded...); err != nil {
		return nil, 0, err
	}
	progress.Begin(total, done)
	for _, g := range groups {
		failed, err := p.runGroup(ctx, w.Dir, g.Runs, progress)
		if failures += failed; err != nil {
			return nil, failures, err
		}
	}
	r, err = p.results(w.Dir)
	if err != nil || len(r.Missing()) > 0 {
		return r, failures, err
	}
	return r, failures, p.Spec.writeTables(w.Dir, r.Records)
}

// runGroup carries out runs that share their measurements, and returns how many of them failed.
func (p *Plan) runGroup(
	ctx context.Context, dir string, runs []Run, progress Progress,
) (failures int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	kept := keptIn(dir)
	record := func(rec *Record) error {
		if err := rec.write(dir); err != nil {
			return fmt.Errorf("the record of run %d could not be written: %w", rec.Index, err)
		}
		if rec.Status != Failed {
			// What cannot be removed now is removed when the sweep is resumed.
			_ = kept.Remove(rec.Index)
		}
		progress.Ended(rec)
		return nil
	}
	g, _, err := p.place(ctx, runs)
	if err != nil {
		// A data file of some runs may have vanished since the plan was made; the other runs go on.
		var sound []Run
		for _, r := range runs {
			_, _, own := p.place(ctx, []Run{r})
			if own == nil {
				sound = append(sound, r)
				continue
			}
			failures++
			if err := record(newFailure(r, own)); err != nil {
				return failures, err
			}
		}
		if len(sound) == 0 {
			return failures, nil
		}
		if len(sound) == len(runs) {
			return failures, err
		}
		if g, _, err = p.place(ctx, sound); err != nil {
			return failures, err
		}
		runs = sound
	}
	progress.Group(g, len(runs))
	var unwritten error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var numbers []int
	for _, r := range runs {
		numbers = append(numbers, r.Index)
	}
	err = g.Run(ctx, &kept, numbers, func(i int, r *experiment.Run, failure error) {
		var rec *Record
		if failure != nil {
			failures++
			rec = newFailure(runs[i], failure)
		} else {
			rec = newRecord(runs[i], r, p.Spec.Targets)
		}
		if err := record(rec); err != nil {
			unwritten = errors.Join(unwritten, err)
			stop() // no more runs: their records could not be kept either
		}
	})
	if unwritten != nil {
		return failures, unwritten
	}
	return failures, err
}

// checkpointDir is the folder of the checkpoints of runs under way.
const checkpointDir = "checkpoint"

// keptIn returns the checkpoints in a sweep's directory.
func keptIn(dir string) experiment.Kept {
	return experiment.Kept{Dir: filepath.Join(dir, checkpointDir)}
}

// Saved counts the runs of the plan's part that have not ended and have a checkpoint in the sweep's directory.
func (p *Plan) Saved(dir string) (count int, err error) {
	runs, err := keptIn(dir).Runs()
	for _, g := range p.Part {
		for _, r := range g.Runs {
			if _, saved := slices.BinarySearch(runs, r.Index); saved {
				count++
			}
		}
	}
	return count, err
}

// States lists the states in the sweep's directory of runs of the plan's part. One that was not there before
// is progress.
func (p *Plan) States(dir string) ([]experiment.KeptState, error) {
	states, err := keptIn(dir).States()
	mine := map[int]bool{}
	for _, g := range p.Part {
		for _, r := range g.Runs {
			mine[r.Index] = true
		}
	}
	return slices.DeleteFunc(states, func(s experiment.KeptState) bool { return !mine[s.Run] }), err
}

// take takes the plan's part of the sweep in a directory for this process alone, until release is called.
func (p *Plan) take(w Where) (release func(), err error) {
	// A part that was named may begin a sweep with --resume, because a job that is queued again has the same
	// command line each time.
	if w.Resume && p.By == "" && !Holds(w.Dir) {
		return nil, config.Usagef("there is no sweep in %s to resume: it has no %s", w.Dir, SpecFile)
	}
	if err := os.MkdirAll(w.Dir, 0o755); err != nil {
		return nil, config.Usagef("--out %s cannot be made: %v", w.Dir, err)
	}
	if !isEmpty(w.Dir) && !Holds(w.Dir) { // leave no lock file in a directory that is not a sweep's
		return nil, config.Usagef("--out %s is not empty and holds no sweep: choose another", w.Dir)
	}
	release, taken := lockfile.Take(filepath.Join(w.Dir, lockName(p.NamedPart)))
	if !taken {
		return nil, config.Usagef("--out %s is in use: another process is carrying out the same runs there",
			w.Dir)
	}
	if err = otherDivision(w.Dir, p.NamedPart); err == nil {
		err = p.claim(w)
	}
	if err == nil && p.Shards > 1 {
		err = keepDivision(w.Dir, p.NamedPart)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// claim checks that the directory may hold this sweep, and writes the specification if it is not there yet.
func (p *Plan) claim(w Where) error {
	mine := p.Spec.YAML()
	empty := isEmpty(w.Dir) // look before reading the specification: another part may write it in between
	theirs, err := os.ReadFile(filepath.Join(w.Dir, SpecFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !empty {
			return config.Usagef("--out %s is not empty and holds no sweep: choose another", w.Dir)
		}
	case err != nil:
		return config.Usagef("--out %s cannot be used: %v", w.Dir, err)
	case w.Force:
		if p.Shards > 1 {
			return config.Usagef("--force would remove the results of other machines: remove %s by hand",
				w.Dir)
		}
		for _, name := range append(tableFiles(), recordsDir, checkpointDir, divisionFile, SpecFile) {
			if err := os.RemoveAll(filepath.Join(w.Dir, name)); err != nil {
				return err
			}
		}
	case !bytes.Equal(mine, theirs):
		return config.Usagef("--out %s holds another sweep: choose another directory, or replace it with "+
			"--force", w.Dir)
	case !w.Resume && p.begun(w.Dir):
		return config.Usagef("--out %s holds this sweep's results already: --resume goes on with it, "+
			"--force replaces it", w.Dir)
	default:
		return nil
	}
	return atomicfile.Write(filepath.Join(w.Dir, SpecFile), func(out io.Writer) error {
		_, err := out.Write(mine)
		return err
	})
}

// begun says whether a run of this part has a record.
func (p *Plan) begun(dir string) bool {
	for _, g := range p.Part {
		if slices.ContainsFunc(g.Runs, func(r Run) bool {
			_, err := os.Stat(recordFile(dir, r.Index))
			return err == nil
		}) {
			return true
		}
	}
	return false
}

// isEmpty says whether a directory has nothing but lock files and unfinished files of a killed process.
func isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return !strings.HasPrefix(e.Name(), lockPrefix) && !strings.HasPrefix(e.Name(), ".tmp-")
	})
}
