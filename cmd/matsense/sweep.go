package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/experiment/tensorboard"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/view"
)

// sweepOptions are the flags of sweep.
type sweepOptions struct {
	out, shard    string
	device        string
	batch         int
	dryRun, yes   bool
	resume, force bool
	limit         timeLimit
	tensorboard   string
	view          viewFlags
	json          bool
}

func newSweep(env environment) *cobra.Command {
	var o sweepOptions
	c := &cobra.Command{
		Use:   "sweep FILE",
		Short: "Run a grid of experiments; those with the same measurements run together",
		Long: `Run every experiment of a sweep file. Runs that share measurements read them in one pass;
each result is bit-identical to running alone. Each run is recorded as soon as it ends, and runs under
way are saved every checkpoint-every seconds and when the sweep is interrupted: --resume continues all of
them where they were. When all runs are recorded, runs.csv, runs.parquet and trajectories.parquet have
the results, and timings.csv the seconds.

--shard 3/8 runs part 3 of 8; an array job of Slurm or an indexed job of Kubernetes sets the part by itself.
Parts may write to one shared directory, and the last part to end writes the tables. docs/sweeps.md
describes sweep files.`,
		Example: `  matsense reproduce alpha --file > alpha.yaml
  matsense sweep alpha.yaml --dry-run
  matsense sweep alpha.yaml
  matsense sweep alpha.yaml --resume
  matsense sweep alpha.yaml --out /shared/alpha --shard 3/8
  matsense sweep merge /shared/alpha`,
		Args: func(_ *cobra.Command, args []string) error {
			problem := ""
			switch {
			case len(args) == 0:
				problem = "sweep takes a file: matsense sweep FILE, or matsense sweep merge DIR"
			case len(args) == 2 && !isThere(args[0]):
				problem = fmt.Sprintf("there is no file %s; did you mean matsense sweep merge %s?",
					args[0], view.ShellWord(args[1]))
			case len(args) > 1:
				problem = fmt.Sprintf("sweep takes one file, got %d", len(args))
			default:
				return nil
			}
			return config.Usagef("%s", problem)
		},
		ValidArgsFunction: yamlFiles,
		RunE: func(c *cobra.Command, args []string) error {
			return runSweep(c.Context(), env, args[0], o)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.out, "out", "", "`directory` (default sweeps/ and the file's name)")
	f.BoolVar(&o.dryRun, "dry-run", false, "say what would be run, in how much memory and time, and stop")
	f.StringVar(&o.shard, "shard", "",
		"run one `part` of several, 1/8 to 8/8 (default: the part that Slurm or "+
			"Kubernetes sets, or all)")
	f.StringVar(&o.device, "device", "", "`device` of all runs, in place of that in the file; of several "+
		"GPUs, as in cuda:all, each takes runs of its own if that takes less time")
	f.IntVar(&o.batch, "batch", 0, "number of runs in one batch (0: as many as fit in memory, up to 32)")
	f.BoolVar(&o.yes, "yes", false, fmt.Sprintf("accept a grid of more than %d runs", sweep.ManyRuns))
	f.BoolVar(&o.resume, "resume", false, "continue the sweep in --out")
	f.BoolVar(&o.force, "force", false, "replace the sweep in --out")
	o.limit.flag(c)
	boardFlag(c, &o.tensorboard)
	o.view.flag(c, "sweep")
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	complete(c, map[string]cobra.CompletionFunc{"out": directories, "device": completeLike("device")})
	c.AddCommand(newMerge(env))
	return c
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func newMerge(env environment) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "merge DIR",
		Short: "Write a sweep's tables from the recorded runs, and name the missing ones",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return config.Usagef("merge takes one sweep directory, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: directories,
		RunE: func(_ *cobra.Command, args []string) error {
			return mergeSweep(env, args[0], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func mergeSweep(env environment, dir string, asJSON bool) error {
	r, err := sweep.Merge(dir)
	if err != nil {
		return err
	}
	for _, note := range r.Notes {
		env.notice(note, asJSON)
	}
	runs, missing := len(r.Runs), r.Missing()
	if asJSON {
		printJSON(env.out, mergedEvent{dir, runs - len(missing), append([]int{}, missing...)})
	} else if len(missing) < runs {
		fmt.Fprintf(env.out, "%s has the %d runs that are there\n", filepath.Join(dir, "runs.csv"),
			runs-len(missing))
	}
	if len(missing) < runs {
		if err := writeSweep(env, r, dir, asJSON); err != nil {
			return err
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 run is missing: %d", missing[0])
	}
	return fmt.Errorf("%d runs are missing: %s", len(missing), view.Ranges(missing))
}

// part finds out which part of the sweep to run.
func (o sweepOptions) part() (sweep.NamedPart, error) {
	if o.shard != "" {
		return sweep.ParseShard(o.shard)
	}
	division, err := sweep.ReadDivision(o.out)
	if err != nil {
		return sweep.NamedPart{}, err
	}
	return sweep.PartFromEnvironment(os.Getenv, division)
}

func runSweep(ctx context.Context, env environment, file string, o sweepOptions) error {
	spec, err := sweep.Read(file)
	var problems []string
	var mistakes *config.UsageError
	if errors.As(err, &mistakes) {
		problems = mistakes.Problems
	} else if err != nil {
		return err
	}
	if o.out == "" {
		o.out = filepath.Join("sweeps", strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	}
	part, err := o.part()
	if errors.As(err, &mistakes) {
		problems = append(problems, mistakes.Problems...)
	} else if err != nil {
		problems = append(problems, err.Error())
	}
	if spec != nil && o.device != "" {
		if other, err := spec.On(o.device); err == nil {
			spec = other
		} else {
			problems = append(problems, err.Error())
		}
	}
	if o.resume && o.force {
		problems = append(problems, "--resume goes on with a sweep and --force replaces it: choose one")
	}
	for _, problem := range []string{o.limit.check(), o.view.check()} {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	if o.batch < 0 || o.batch > 4096 {
		problems = append(problems, fmt.Sprintf("--batch goes from 0 to 4096, got %d", o.batch))
	}
	if spec != nil && spec.Count() > sweep.ManyRuns && !o.yes {
		problems = append(problems,
			fmt.Sprintf("%s is a grid of %d runs: --yes says that you mean it", file, spec.Count()))
	}
	if len(problems) > 0 {
		return &config.UsageError{Problems: problems}
	}
	limited, stop := o.limit.begin(ctx, env)
	defer stop()
	// The time counts from here, but does not end the planning, which says whether anything is left to do.
	plan, err := sweep.NewPlan(ctx, spec, sweep.Options{NamedPart: part, Together: o.batch}, env.host())
	if err != nil {
		return err
	}
	if o.force && isOnlyCopy(file, spec, o.out) {
		return config.Usagef("--force would replace %s, your sweep file: choose another --out", file)
	}
	where := sweep.Where{Dir: o.out, Resume: o.resume, Force: o.force}
	if err := tensorboard.CheckSweep(o.tensorboard, plan, where); err != nil {
		return err
	}
	done, err := plan.Check(where) // before anything is printed or opened
	if err != nil {
		return err
	}
	if o.dryRun {
		o.printPlan(env, plan, &done)
		return nil
	}
	watcher, err := o.view.open(env)
	if err != nil {
		return err
	}
	defer watcher.end()
	o.printPlan(env, plan, nil)
	p := newSweepProgress(env, plan, o.json)
	before, _ := plan.States(o.out) // Run says why the directory cannot be read
	logged := tensorboard.LogSweep(o.tensorboard, plan, where, shownSweep{p, watcher, o.out})
	r, failures, err := plan.Run(limited, where, logged)
	unlogged := logged.Close()
	p.end()
	env.work.end()
	if errors.Is(err, context.Canceled) {
		if err := p.interrupted(o.out, "go on with\n  "+o.again(file, part)); err != nil {
			return err
		}
		after, err := plan.States(o.out)
		if err != nil {
			return err
		}
		isNew := func(s experiment.SavedState) bool { return !slices.Contains(before, s) }
		return o.limit.ended(limited, errInterrupted, p.added || slices.ContainsFunc(after, isNew))
	}
	if err != nil {
		return err
	}
	if err := lostRecords(plan, r); err != nil {
		return err
	}
	if len(r.Records) == len(r.Runs) { // of all parts
		if err := writeSweep(env, r, o.out, o.json); err != nil {
			return err
		}
	}
	diverged := 0 // of this part, now or before
	mine := plan.Mine()
	for _, rec := range r.Records {
		if mine[rec.Index] && rec.Diverged() {
			diverged++
		}
	}
	if o.json {
		printJSON(env.out, doneEvent{o.out, p.runs, failures, diverged})
	} else {
		fmt.Fprintf(env.out, "%d runs in %s", p.runs, o.out)
		if diverged > 0 {
			fmt.Fprintf(env.out, ", of which %d diverged", diverged)
		}
		fmt.Fprintln(env.out)
	}
	if failures > 0 {
		err = fmt.Errorf("%s failed, the first of them run %d: %s; --resume tries again",
			view.Count(failures, "run"), p.failed.Index, p.failed.Error)
	}
	return errors.Join(err, unlogged)
}

// lostRecords returns an error if runs that were carried out have no record.
func lostRecords(p *sweep.Plan, r *sweep.Results) error {
	lost := p.Lost(r)
	if len(lost) == 0 {
		return nil
	}
	return fmt.Errorf("%s lost while the sweep ran, somebody has removed files of its directory: %s; "+
		"--resume repeats them", view.Count(len(lost), "record"), view.Ranges(lost))
}

// writeSweep writes a sweep's report and its default figure, and tells their paths. If there is no such
// figure, a note says why.
func writeSweep(env environment, r *sweep.Results, dir string, asJSON bool) error {
	var charts []report.Chart
	var paths []string
	f, err := view.DefaultFigure(r)
	if err == nil {
		charts = append(charts, f.Chart)
		paths, err = writeFigure(f, filepath.Join(dir, f.Name))
	}
	var none *config.UsageError
	if errors.As(err, &none) || errors.Is(err, sweep.ErrNothing) || errors.Is(err, report.ErrNothing) {
		env.notice(fmt.Sprintf("no figure: %v (matsense plot %s)", err, view.ShellWord(dir)), asJSON)
	} else if err != nil {
		return err
	}
	page, err := view.SweepPage(r, dir, charts...)
	if err != nil {
		return err
	}
	path, err := writePage(dir, page)
	if err != nil {
		return err
	}
	printWritten(env, append(paths, path), asJSON)
	return nil
}

// isOnlyCopy says whether the user's sweep file has the path of the sweep's resolved copy but other contents.
func isOnlyCopy(file string, spec *sweep.Spec, out string) bool {
	a, err1 := os.Stat(file)
	b, err2 := os.Stat(filepath.Join(out, sweep.SpecFile))
	if err1 != nil || err2 != nil || !os.SameFile(a, b) {
		return false
	}
	text, err := os.ReadFile(file) // which sweep.Read found small enough
	return err == nil && !bytes.Equal(text, spec.In(out).YAML())
}

// again is the command line that continues an interrupted part of a sweep. It names the part, since it may be
// typed where neither Slurm nor Kubernetes does.
func (o sweepOptions) again(file string, part sweep.NamedPart) string {
	words := []string{"matsense", "sweep", view.ShellWord(file), "--out", view.ShellWord(o.out)}
	if part.Shards > 1 {
		words = append(words, "--shard", fmt.Sprintf("%d/%d", part.Shard+1, part.Shards))
	}
	if o.device != "" {
		words = append(words, "--device", o.device)
	}
	if o.batch != 0 {
		words = append(words, "--batch", fmt.Sprint(o.batch))
	}
	if o.yes {
		words = append(words, "--yes")
	}
	if o.tensorboard != "" {
		words = append(words, "--tensorboard", view.ShellWord(o.tensorboard))
	}
	return strings.Join(append(words, "--resume"), " ")
}

// printPlan prints the plan of a sweep. done is how many of its runs are done already; nil if nobody has
// looked.
func (o sweepOptions) printPlan(env environment, p *sweep.Plan, done *int) {
	if o.json {
		o.printPlanEvent(env, p, done)
	} else {
		view.WriteSweepPlan(env.err, p)
		if done != nil && *done > 0 {
			fmt.Fprintln(env.err, doneAlready(*done, p.Count()))
		}
	}
	if keys := p.Unlike(); len(keys) > 0 {
		env.notice(fmt.Sprintf("the methods of this sweep differ in their defaults of %s: set %[1]s in base "+
			"to compare like with like", strings.Join(keys, " and ")), o.json)
	}
}

func (o sweepOptions) printPlanEvent(env environment, p *sweep.Plan, done *int) {
	plan := sweepPlanEvent{
		Dir: o.out, Runs: p.Count(), AllRuns: len(p.Runs), Groups: len(p.Part), AtOnce: max(p.AtOnce, 1),
		Together: p.Together, Memory: experiment.Number(p.Bytes), Done: done,
		Shard: p.Shard + 1, Shards: p.Shards,
		Apart: append([]string{}, p.Apart()...),
	}
	if p.By != "" {
		by := p.By
		plan.NamedBy = &by
	}
	if p.Estimate > 0 {
		seconds := p.Estimate.Seconds()
		plan.Seconds, plan.Counted = &seconds, p.Counted
	}
	printJSON(env.out, plan)
}
