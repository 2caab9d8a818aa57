package sweep

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/internal/lockfile"
	"github.com/matsense/matsense/internal/userfile"
)

// Where says in which directory a sweep is carried out, and what may be there already.
type Where struct {
	Dir    string
	Resume bool // go on with the sweep in Dir
	Force  bool // replace the sweep in Dir
}

// Progress watches a sweep. Its calls come one after another, also if several groups are under way.
type Progress interface {
	// Begin receives how many runs this process has to carry out, and how many of them are done already.
	Begin(runs, done int)
	// Group receives the next group, with its runs in the order of g.Configs, before its measurements are
	// made.
	Group(g *experiment.Group, runs []Run)
	// Notice receives what a user should know.
	Notice(text string)
	// Ended receives the record of each run that has ended, after it was written.
	Ended(r *Record)
}

// Run carries out the plan's part of a sweep. It records each run as soon as it ends, so that finished runs
// are kept whenever the process stops, and Resume does not repeat them. Runs under way are kept in
// checkpoints, from which Resume goes on. A run that fails or diverges does not stop the others. The tables
// are written when no run of the whole sweep is missing. If the sweep was interrupted, the error is ctx's.
func (p *Plan) Run(ctx context.Context, w Where, progress Progress) (r *Results, failures int, err error) {
	release, err := p.take(w)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	if p.Shards == 1 { // otherwise other parts may be writing
		// Those that stay do no harm. Those of checkpoints go with their runs.
		_ = atomicfile.RemoveLeftovers(w.Dir)
		_ = atomicfile.RemoveLeftovers(filepath.Join(w.Dir, recordsDir))
	}
	there, err := p.gather(w.Dir)
	if err != nil {
		return nil, 0, err
	}
	if err := p.mayGoOn(w, there); err != nil {
		return nil, 0, err
	}
	if err := p.writeSpec(w.Dir); err != nil { // which may name data files that were moved
		return nil, 0, err
	}
	if p.Shards > 1 {
		if err := keepDivision(w.Dir, p.NamedPart); err != nil {
			return nil, 0, err
		}
	}
	for _, note := range there.results().Notes {
		progress.Notice(note)
	}
	groups, recorded := p.open(there)
	// A process that is killed may leave the checkpoints of a run that it has just recorded.
	if err := checkpointsIn(w.Dir).Remove(recorded...); err != nil {
		return nil, 0, err
	}
	progress.Begin(p.Count(), len(recorded))
	live := p.beginLive(w.Dir, len(recorded))
	defer live.end()
	out := &recorder{plan: p, dir: w.Dir}
	defer out.close()
	c := &carrying{
		plan: p, data: there.data, out: out, checkpoints: checkpointsIn(w.Dir), live: live,
		progress: progress,
	}
	if err := p.carryOut(ctx, groups, c.group); err != nil {
		return nil, c.failures, err
	}
	if err := p.stillIn(w.Dir); err != nil {
		return nil, c.failures, err
	}
	r, err = p.tabulate(w.Dir, complete)
	return r, c.failures, err
}

// Check says how many runs of the plan's part are done in a directory, or why [Plan.Run] would refuse it. It
// writes nothing. Whether another process is at work there matters only to the reason.
func (p *Plan) Check(w Where) (done int, err error) {
	if err := p.mayResume(w); err != nil {
		return 0, err
	}
	switch info, err := os.Stat(w.Dir); {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err == nil && !info.IsDir():
		return 0, config.Usagef("--out %s cannot be made: it is a file", w.Dir)
	}
	if there, err := p.accepts(w); err != nil || !there || w.Force {
		return 0, err
	}
	there, err := p.gather(w.Dir)
	if err != nil {
		return 0, err
	}
	_, recorded := p.open(there)
	err = p.mayGoOn(w, there)
	if err != nil && lockfile.Held(filepath.Join(w.Dir, lockName(p.NamedPart))) {
		err = inUse(w.Dir)
	}
	return len(recorded), err
}

// open returns the runs of the part that are to be carried out, and the numbers of those that are done.
func (p *Plan) open(there *gathered) (groups []Group, recorded []int) {
	for _, g := range p.Part {
		var open []Run
		for _, r := range g.Runs {
			if rec := there.byRun[r.Index]; rec == nil || rec.Status == Failed {
				open = append(open, r)
			} else {
				recorded = append(recorded, r.Index)
			}
		}
		if len(open) > 0 {
			groups = append(groups, Group{open})
		}
	}
	return groups, recorded
}

// complete says whether no run is missing.
func complete(r *Results) bool { return len(r.Missing()) == 0 }

// tabulate reads all records, and writes the tables if they are to be written. It returns the results that it
// has written, or read.
//
// Another process may have added the last record and written the tables meanwhile, and these would replace
// them: so it looks again. If a run is missing even then, who adds the last record writes the tables later.
func (p *Plan) tabulate(dir string, due func(r *Results) bool) (*Results, error) {
	var written *Results
	for {
		before := recorded(dir)
		g, err := p.gather(dir)
		if err != nil {
			return written, err
		}
		r := g.results()
		if !due(r) {
			return cmp.Or(written, r), nil
		}
		if err := p.Spec.writeTables(dir, r.Records); err != nil {
			return r, err
		}
		if slices.Equal(recorded(dir), before) {
			return r, nil
		}
		written, due = r, complete
	}
}

// Mine says of each run by its number whether it is in the plan's part.
func (p *Plan) Mine() map[int]bool {
	mine := map[int]bool{}
	for _, g := range p.Part {
		for _, r := range g.Runs {
			mine[r.Index] = true
		}
	}
	return mine
}

// Lost lists the runs of the plan's part that have no record, after all of them were carried out: somebody
// has removed files meanwhile.
func (p *Plan) Lost(r *Results) []int {
	mine := p.Mine()
	return slices.DeleteFunc(r.Missing(), func(run int) bool { return !mine[run] })
}

// carrying is a sweep under way.
type carrying struct {
	plan        *Plan
	data        dataSums
	out         *recorder
	checkpoints experiment.Checkpoints
	live        *liveWriter
	progress    Progress

	mu       sync.Mutex // of all that groups share
	failures int        // runs that failed
}

// record keeps the record of a run that has ended.
func (c *carrying) record(rec *Record) error {
	rec.Fingerprint = c.plan.fingerprint(rec.Index)
	if err := c.out.write(rec); err != nil {
		what := fmt.Sprintf("the record of run %d", rec.Index)
		return &atomicfile.Unwritten{What: []string{what}, Err: err}
	}
	if rec.Status == Failed {
		c.failures++
	} else {
		// What cannot be removed now is removed when the sweep is resumed.
		_ = c.checkpoints.Remove(rec.Index)
	}
	c.live.recorded(rec.Index)
	c.progress.Ended(rec)
	return nil
}

// begin plans runs that share their measurements, and tells of them. It records those that fail already;
// there is no group if all do.
func (c *carrying) begin(runs []Run, on spot) (*experiment.Group, []Run, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, _, err := c.plan.place(runs, on)
	if errors.Is(err, experiment.ErrUnavailable) { // no fault of the runs: --resume goes on with them
		return nil, nil, err
	}
	if err != nil {
		// A data file of some runs may have vanished since the plan was made; the other runs go on.
		var sound []Run
		for _, r := range runs {
			_, _, own := c.plan.place([]Run{r}, on)
			if own == nil {
				sound = append(sound, r)
				continue
			}
			if err := c.record(newFailure(r, own)); err != nil {
				return nil, nil, err
			}
		}
		if len(sound) == 0 {
			return nil, nil, nil
		}
		if len(sound) == len(runs) {
			return nil, nil, err
		}
		if g, _, err = c.plan.place(sound, on); err != nil {
			return nil, nil, err
		}
		runs = sound
	}
	c.progress.Group(g, runs)
	c.live.group(g, runs)
	return g, runs, nil
}

// group carries out runs that share their measurements on a spot.
func (c *carrying) group(ctx context.Context, runs []Run, on spot) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g, runs, err := c.begin(runs, on)
	if err != nil || g == nil {
		return err
	}
	var unwritten error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var numbers []int
	for _, r := range runs {
		numbers = append(numbers, r.Index)
	}
	err = g.Run(ctx, &c.checkpoints, numbers, func(i int, r *experiment.Run, failure error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if failure == nil {
			failure = c.data.check(runs[i], r.Hashes)
		}
		var rec *Record
		if failure != nil {
			rec = newFailure(runs[i], failure)
		} else {
			rec = newRecord(runs[i], r, c.plan.Spec.Targets)
		}
		if err := c.record(rec); err != nil {
			unwritten = atomicfile.Join(unwritten, err)
			stop() // no more runs: their records could not be kept either
		}
	})
	if unwritten != nil {
		return unwritten
	}
	return err
}

// checkpointDir is the folder of the checkpoints of runs under way.
const checkpointDir = "checkpoint"

// checkpointsIn returns the checkpoints in a sweep's directory.
func checkpointsIn(dir string) experiment.Checkpoints {
	return experiment.NewCheckpoints(filepath.Join(dir, checkpointDir))
}

// Saved counts the runs of the plan's part that have not ended and have a checkpoint in the sweep's
// directory.
func (p *Plan) Saved(dir string) (count int, err error) {
	runs, err := checkpointsIn(dir).Runs()
	mine := p.Mine()
	for _, run := range runs {
		if mine[run] {
			count++
		}
	}
	return count, err
}

// States lists the states in the sweep's directory of runs of the plan's part. One that was not there before
// is progress.
func (p *Plan) States(dir string) ([]experiment.SavedState, error) {
	states, err := checkpointsIn(dir).States()
	mine := p.Mine()
	return slices.DeleteFunc(states, func(s experiment.SavedState) bool { return !mine[s.Run] }), err
}

// take takes the plan's part of the sweep in a directory for this process alone, until release is called.
func (p *Plan) take(w Where) (release func(), err error) {
	if err := p.mayResume(w); err != nil {
		return nil, err
	}
	if err := atomicfile.MakeDirs(w.Dir); err != nil {
		return nil, config.Usagef("--out %s cannot be made: %v", w.Dir, err)
	}
	if !p.isEmpty(w.Dir) && !Holds(w.Dir) { // leave no lock file in a directory that is not a sweep's
		return nil, config.Usagef("--out %s is not empty and holds no sweep: choose another", w.Dir)
	}
	for _, folder := range []string{w.Dir, filepath.Join(w.Dir, recordsDir)} {
		if err := atomicfile.CheckWritable(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, config.Usagef("--out %s cannot be written to: %v", w.Dir, err)
		}
	}
	release, err = lockfile.Take(filepath.Join(w.Dir, lockName(p.NamedPart)))
	if errors.Is(err, lockfile.ErrHeld) {
		return nil, inUse(w.Dir)
	}
	if err != nil {
		return nil, config.Usagef("--out %s cannot be used: %v", w.Dir, err)
	}
	if err = otherDivision(w.Dir, p.NamedPart); err == nil {
		err = p.claim(w)
	}
	if err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// mayResume refuses to resume where no sweep is.
func (p *Plan) mayResume(w Where) error {
	// A part that was named may begin a sweep with --resume, because a job that is queued again has the same
	// command line each time.
	if w.Resume && p.By == "" && !Holds(w.Dir) {
		return config.Usagef("there is no sweep in %s to resume: it has no %s", w.Dir, SpecFile)
	}
	return nil
}

// mayGoOn refuses records of this part unless the sweep is to go on.
func (p *Plan) mayGoOn(w Where, there *gathered) error {
	if w.Resume || !p.begun(there) {
		return nil
	}
	return config.Usagef("--out %s holds this sweep's results already: --resume goes on with it, --force "+
		"replaces it", w.Dir)
}

// inUse is the error for a part that another process carries out in a directory.
func inUse(dir string) error {
	return config.Usagef("--out %s is in use: another process is carrying out the same runs there", dir)
}

// claim checks that the directory may hold this sweep, and writes the specification if it is not there yet.
func (p *Plan) claim(w Where) error {
	there, err := p.accepts(w)
	if err != nil || there && !w.Force {
		return err
	}
	if there {
		if err := p.replaceData(w.Dir); err != nil {
			return err
		}
		if err := removeResults(w.Dir); err != nil {
			return err
		}
	}
	return p.writeSpec(w.Dir)
}

// accepts refuses a directory that may not hold this sweep. there says whether it holds a sweep already: this
// one, or one that is to be replaced.
func (p *Plan) accepts(w Where) (there bool, err error) {
	empty := p.isEmpty(w.Dir) // look before reading the specification: another part may write it in between
	theirs, err := readSpec(w.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if !empty {
			return false, config.Usagef("--out %s is not empty and holds no sweep: choose another", w.Dir)
		}
		return false, nil
	case err != nil:
		return false, config.Usagef("--out %s cannot be used: %v", w.Dir, err)
	case w.Force:
		if p.Shards > 1 {
			return false, config.Usagef("--force would remove the results of other machines: remove %s by hand",
				w.Dir)
		}
		return true, nil
	}
	if err := refuseOldRecords(w.Dir); err != nil {
		return false, err
	}
	if p.Spec.sameRuns(theirs) {
		return true, nil
	}
	if kind := p.Spec.otherKind(theirs); kind != "" {
		return false, config.Usagef("--out %s holds this sweep on device %s, and device %s adds in another "+
			"order: resume it with --device %s, or choose another directory", w.Dir, kind,
			config.DeviceKind(p.Spec.Base.Device), kind)
	}
	return false, config.Usagef("--out %s holds another sweep: choose another directory, or replace it with "+
		"--force", w.Dir)
}

// stillIn returns an error if the directory does not hold this sweep any more.
func (p *Plan) stillIn(dir string) error {
	path := filepath.Join(dir, SpecFile)
	if theirs, err := readSpec(dir); err != nil || !p.Spec.sameRuns(theirs) {
		return fmt.Errorf("%s was removed or replaced while the sweep ran: restore it and --resume, or "+
			"begin the sweep again", path)
	}
	return nil
}

// writeSpec writes the specification unless it is there, byte for byte.
func (p *Plan) writeSpec(dir string) error {
	path, mine := filepath.Join(dir, SpecFile), p.Spec.In(dir).YAML()
	if theirs, err := readSpec(dir); err == nil && bytes.Equal(theirs, mine) {
		return nil
	}
	return atomicfile.Write(path, func(out io.Writer) error {
		_, err := out.Write(mine)
		return err
	})
}

// readSpec reads the text of the specification in a sweep's directory.
func readSpec(dir string) ([]byte, error) {
	return userfile.ReadOwn(filepath.Join(dir, SpecFile), maxText)
}

// replaceData removes the data files of the sweep that is replaced.
func (p *Plan) replaceData(dir string) error {
	old, err := Read(filepath.Join(dir, SpecFile))
	if err != nil { // a damaged specification says nothing of data files
		return nil
	}
	return experiment.ReplaceData(dir, old.dataPaths(), p.Spec.dataPaths())
}

// removeResults removes what a sweep has written into a directory, but for its specification: if the process
// is killed meanwhile, the directory still holds a sweep, which --force replaces.
func removeResults(dir string) error {
	old := append(tableFiles(), recordsDir, checkpointDir, divisionFile, "report.html", "verdict.json")
	for _, figures := range []string{FigurePrefix + "*", "trajectory"} {
		for _, ending := range []string{".svg", ".png", ".pdf"} {
			names, _ := fs.Glob(os.DirFS(dir), figures+ending)
			old = append(old, names...)
		}
	}
	for _, name := range old {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// begun says whether a run of this part has a record.
func (p *Plan) begun(there *gathered) bool {
	for run := range p.Mine() {
		if there.byRun[run] != nil {
			return true
		}
	}
	return false
}

// isEmpty says whether a directory has nothing but lock files, unfinished files of a killed process, and data
// files of the sweep.
func (p *Plan) isEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		switch name := e.Name(); {
		case strings.HasPrefix(name, lockPrefix), strings.HasPrefix(name, atomicfile.Leftover):
			return false
		case name == experiment.DataDir:
			return !experiment.DataIn(dir, p.Spec.dataPaths())
		}
		return true
	})
}
