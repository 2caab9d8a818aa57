package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/experiment/tensorboard"
	"github.com/matsense/matsense/solver"
)

// tensorboardFlag is the flag --tensorboard.
type tensorboardFlag struct{ dir string }

func (t *tensorboardFlag) flag(c *cobra.Command) {
	c.Flags().StringVar(&t.dir, "tensorboard", "", "write event files for TensorBoard below this `directory`")
	complete(c, map[string]cobra.CompletionFunc{"tensorboard": directories})
}

// check refuses a directory that cannot be written to, and folders below it that have logs if the runs are
// new.
func (t *tensorboardFlag) check(isNew bool, folders ...string) error {
	if t.dir == "" {
		return nil
	}
	err := tensorboard.Check(t.dir)
	for _, folder := range folders {
		if err == nil && isNew {
			err = tensorboard.CheckNew(t.dir, folder)
		}
	}
	return err
}

// folderOf is the folder of a run or a sweep below the directory of logs: it has the name of its directory.
func folderOf(dir string) string {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	return filepath.Base(dir)
}

// loggedRun is a run's progress that is also told to TensorBoard.
type loggedRun struct {
	experiment.Progress
	plan    *experiment.Plan
	logs    *tensorboard.Logs
	log     *tensorboard.Run
	replace bool
}

// logged begins the log of a run, until close is called.
func (t *tensorboardFlag) logged(p experiment.Progress, plan *experiment.Plan, replace bool) *loggedRun {
	return &loggedRun{Progress: p, plan: plan, logs: tensorboard.Open(t.dir, p.Notice), replace: replace}
}

// Begin implements experiment.Progress.
func (l *loggedRun) Begin(dir string, from, to int) {
	l.Progress.Begin(dir, from, to)
	if l.replace {
		l.logs.Replace(folderOf(dir))
	}
	l.log = l.logs.Run(folderOf(dir), &l.plan.Config, from)
}

// Sample implements experiment.Progress.
func (l *loggedRun) Sample(s solver.Sample) {
	l.Progress.Sample(s)
	l.log.Sample(s)
}

// close ends the log. The log of a run that failed (out is nil) or was interrupted goes on if it is resumed.
func (l *loggedRun) close(out *experiment.Outcome) error {
	if out != nil && out.Summary.Status != solver.Canceled {
		l.log.End(out.Summary.Status == solver.Diverged)
	}
	return l.logs.Close()
}

// loggedSweep is a sweep's progress that is also told to TensorBoard.
type loggedSweep struct {
	sweep.Progress
	plan    *sweep.Plan
	logs    *tensorboard.Logs
	runs    map[int]*tensorboard.Run // the runs under way, by their numbers
	folder  string
	replace bool
}

// loggedSweep begins the logs of a sweep's runs, until close is called.
func (t *tensorboardFlag) loggedSweep(
	p sweep.Progress, plan *sweep.Plan, dir string, replace bool,
) *loggedSweep {
	return &loggedSweep{Progress: p, plan: plan, logs: tensorboard.Open(t.dir, p.Notice),
		runs: map[int]*tensorboard.Run{}, folder: folderOf(dir), replace: replace}
}

// Begin implements sweep.Progress.
func (l *loggedSweep) Begin(runs, done int) {
	l.Progress.Begin(runs, done)
	if l.replace {
		l.logs.Replace(l.folder)
	}
}

// Group implements sweep.Progress.
func (l *loggedSweep) Group(g *experiment.Group, runs []sweep.Run) {
	l.Progress.Group(g, runs)
	g.Sampled = func(i, from int, s solver.Sample) {
		r := runs[i]
		if l.runs[r.Index] == nil {
			l.runs[r.Index] = l.logs.Run(filepath.Join(l.folder, runFolder(l.plan, r)),
				&g.Configs[i], from)
		}
		l.runs[r.Index].Sample(s)
	}
}

// Ended implements sweep.Progress.
func (l *loggedSweep) Ended(r *sweep.Record) {
	l.Progress.Ended(r)
	if r.Status != sweep.Failed { // --resume tries again
		l.runs[r.Index].End(r.Diverged())
	}
	delete(l.runs, r.Index)
}

// close ends the logs.
func (l *loggedSweep) close() error { return l.logs.Close() }

// runFolder is the folder of a run in that of its sweep.
func runFolder(p *sweep.Plan, r sweep.Run) string {
	return tensorboard.NameOf(r.Index, len(p.Runs), p.Spec.Keys(), r.Values)
}

// runFolders lists the folders of the runs of a plan's part.
func runFolders(p *sweep.Plan, dir string) (folders []string) {
	for _, g := range p.Part {
		for _, r := range g.Runs {
			folders = append(folders, filepath.Join(folderOf(dir), runFolder(p, r)))
		}
	}
	return folders
}
