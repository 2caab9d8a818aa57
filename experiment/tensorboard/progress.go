package tensorboard

import (
	"path/filepath"
	"sync"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

// CheckRun refuses a directory in which the log of a run cannot be begun. It makes nothing. dir "" is no
// directory and is not refused, here and in the functions below, which then log nothing.
func CheckRun(dir string, o experiment.Options) error {
	if o.Resume || o.Force || o.Fresh {
		return check(dir)
	}
	return check(dir, folderOf(o.Dir))
}

// CheckSweep is CheckRun for a sweep.
func CheckSweep(dir string, p *sweep.Plan, w sweep.Where) error {
	if w.Resume || w.Force || p.By != "" { // a part that is queued again has the same command line
		return check(dir)
	}
	var folders []string
	for _, g := range p.Part {
		for _, r := range g.Runs {
			folders = append(folders, folderOfRun(p, w.Dir, r))
		}
	}
	return check(dir, folders...)
}

// folderOf is the folder of a run or a sweep below the directory of logs: it has the name of its directory.
func folderOf(dir string) string {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	return filepath.Base(dir)
}

// folderOfRun is the folder of a sweep's run.
func folderOfRun(p *sweep.Plan, dir string, r sweep.Run) string {
	return filepath.Join(folderOf(dir), nameOf(r.Index, len(p.Runs), p.Spec.Keys(), r.Values))
}

// RunProgress is a run's progress that is also logged.
type RunProgress struct {
	experiment.Progress
	plan    *experiment.Plan
	replace bool
	logs    *logs
	log     *runLog
}

// LogRun logs a run in its folder below a directory, and hands its progress on, until Close is called.
func LogRun(dir string, p *experiment.Plan, o experiment.Options, next experiment.Progress) *RunProgress {
	return &RunProgress{Progress: next, plan: p, replace: o.Force, logs: open(dir, next.Notice)}
}

// Begin implements experiment.Progress.
func (r *RunProgress) Begin(dir string, from, to int) {
	r.Progress.Begin(dir, from, to)
	if r.replace {
		r.logs.remove(folderOf(dir))
	}
	r.log = r.logs.begin(folderOf(dir), &r.plan.Config, from)
}

// Sample implements experiment.Progress.
func (r *RunProgress) Sample(s solver.Sample) {
	r.Progress.Sample(s)
	r.log.sample(s)
}

// Close writes what is left. The log of a run that failed (out is nil) or was interrupted goes on if the run
// is resumed. The error says whether something could not be written.
func (r *RunProgress) Close(out *experiment.Outcome) error {
	if out != nil && out.Summary.Status != solver.Canceled {
		r.log.end(out.Summary.Status == solver.Diverged)
	}
	return r.logs.close()
}

// SweepProgress is a sweep's progress that is also logged.
type SweepProgress struct {
	sweep.Progress
	plan  *sweep.Plan
	where sweep.Where
	logs  *logs

	mu   sync.Mutex      // several groups may be under way
	runs map[int]*runLog // the runs under way, by their numbers
}

// LogSweep logs the runs of a sweep, each in its folder, and hands the sweep's progress on, until Close is
// called.
func LogSweep(dir string, p *sweep.Plan, w sweep.Where, next sweep.Progress) *SweepProgress {
	return &SweepProgress{Progress: next, plan: p, where: w, logs: open(dir, next.Notice),
		runs: map[int]*runLog{}}
}

// Begin implements sweep.Progress.
func (s *SweepProgress) Begin(runs, done int) {
	s.Progress.Begin(runs, done)
	if s.where.Force {
		s.logs.remove(folderOf(s.where.Dir))
	}
}

// Group implements sweep.Progress.
func (s *SweepProgress) Group(g *experiment.Group, runs []sweep.Run) {
	s.Progress.Group(g, runs)
	g.Sampled = func(i, from int, sample solver.Sample) {
		r := runs[i]
		s.mu.Lock()
		log := s.runs[r.Index]
		if log == nil {
			log = s.logs.begin(folderOfRun(s.plan, s.where.Dir, r), &g.Configs[i], from)
			s.runs[r.Index] = log
		}
		s.mu.Unlock()
		log.sample(sample)
	}
}

// Ended implements sweep.Progress.
func (s *SweepProgress) Ended(r *sweep.Record) {
	s.Progress.Ended(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Status != sweep.Failed { // --resume tries again
		s.runs[r.Index].end(r.Diverged())
	}
	delete(s.runs, r.Index)
}

// Close writes what is left. The error says whether something could not be written.
func (s *SweepProgress) Close() error { return s.logs.close() }
