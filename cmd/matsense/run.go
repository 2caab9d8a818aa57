package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/tensorboard"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/solver"
	"github.com/matsense/matsense/view"
)

// runOptions are the flags of run that are not settings of the experiment.
type runOptions struct {
	config        string
	out           string
	dryRun        bool
	resume, force bool
	limit         timeLimit
	tensorboard   string
	view          viewFlags
	json          bool
	settings      []setting
}

// setting is a flag that sets a field of the configuration.
type setting struct{ key, text string }

// flagValue collects a setting, which is applied after the configuration file, so that all mistakes are told
// at once.
type flagValue struct {
	field config.Field
	to    *[]setting
}

func (v flagValue) String() string { return v.field.String() }
func (v flagValue) Type() string   { return v.field.Type() }
func (v flagValue) Set(text string) error {
	*v.to = append(*v.to, setting{v.field.Key, text})
	return nil
}

// ofFiles are the flags that are not settings.
var ofFiles = []string{"config", "out", "dry-run", "resume", "force", "stop-after", "tensorboard", "view",
	"listen", "json"}

func newRun(env environment) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run",
		Short: "Run one experiment",
		Long: `Run one experiment and write its directory: config.yaml, trajectory.csv, times.csv,
summary.json, factor.npy, a figure as SVG and PNG, report.html with all of them, and checkpoints. Without
flags the problem is small and takes a few seconds. --dry-run says beforehand how much memory and time a
run takes.

While it runs it says at least every 30 s what it is doing; with --json in lines that docs/json.md describes.
The first Ctrl-C drops the step under way and saves; --resume then continues to the same bits. The second
Ctrl-C stops at once. A flag that is "for" some methods, ensembles and so on is refused with others.`,
		Example: `  matsense run
  matsense run --n 200 --rank 5 --alpha 1e-6 --iterations 400 --out runs/paper
  matsense run --n 1000 --rank 5 --dry-run
  matsense run --matrices A.npy --observations y.npy --truth X.npy
  matsense run --resume --out runs/paper --iterations 800`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			return runExperiment(c.Context(), env, o)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	defaults := config.Default()
	for _, field := range defaults.Fields() {
		f.Var(flagValue{field, &o.settings}, field.Key, field.Usage())
		added := f.Lookup(field.Key)
		added.DefValue = "" // the usage says it
		setGroup(added, field.Group)
		complete(c, map[string]cobra.CompletionFunc{field.Key: completeSetting(field.Setting)})
	}
	f.StringVar(&o.config, "config", "", "read settings from a YAML `file`; flags override it")
	f.StringVar(&o.out, "out", "", "`directory` of the run (default runs/ and the time)")
	f.BoolVar(&o.dryRun, "dry-run", false, "say how much memory and time the run takes, and stop")
	f.BoolVar(&o.resume, "resume", false, "continue the run in --out")
	f.BoolVar(&o.force, "force", false, "replace the run in --out")
	o.limit.flag(c)
	boardFlag(c, &o.tensorboard)
	o.view.flag(c, "run")
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	for _, name := range ofFiles {
		setGroup(f.Lookup(name), "files")
	}
	complete(c, map[string]cobra.CompletionFunc{"config": yamlFiles, "out": directories})
	return c
}

func runExperiment(ctx context.Context, env environment, o runOptions) error {
	config, err := o.configuration()
	if err != nil {
		return err
	}
	ctx, stop := o.limit.begin(ctx, env)
	defer stop()
	plan, err := experiment.NewPlan(config, env.host())
	if err != nil {
		return err
	}
	options := experiment.Options{Dir: o.out, Force: o.force, Resume: o.resume}
	if o.out == "" {
		options.Dir, options.Fresh = filepath.Join("runs", time.Now().Format("2006-01-02-150405")), true
	}
	if err := tensorboard.CheckRun(o.tensorboard, options); err != nil {
		return err
	}
	if o.dryRun {
		return o.forecast(ctx, env, plan, options)
	}
	watcher, err := o.view.open(env)
	if err != nil {
		return err
	}
	defer watcher.end()
	p := newRunProgress(env, plan, o.json)
	defer p.end()
	logged := tensorboard.LogRun(o.tensorboard, plan, options, shownRun{p, watcher})
	out, err := plan.Run(ctx, options, logged)
	env.work.end()
	err = atomicfile.Join(err, logged.Close(out))
	if out == nil {
		return o.limit.ended(ctx, err, false)
	}
	figures, page, failed := writeReport(out, p.Notice)
	err = atomicfile.Join(err, failed)
	p.end()
	if o.json {
		printJSON(env.out, summaryEvent{out.Dir, out.Summary})
	} else {
		view.WriteSummary(env.out, out, figures, page)
	}
	if err != nil {
		return err
	}
	switch out.Summary.Status {
	case solver.Diverged:
		return errDiverged
	case solver.Canceled:
		return o.limit.ended(ctx, errInterrupted, out.Summary.Iterations > p.begun)
	}
	return nil
}

// forecast says what the run would take, and writes nothing.
func (o runOptions) forecast(
	ctx context.Context, env environment, plan *experiment.Plan, options experiment.Options,
) error {
	f, err := plan.Forecast(ctx, options)
	if err != nil {
		return err
	}
	for _, note := range plan.Notes {
		env.notice(note, o.json)
	}
	if !o.json {
		view.WriteRunPlan(env.out, plan, f)
		return nil
	}
	known := func(seconds float64) *float64 {
		if seconds == 0 {
			return nil
		}
		return &seconds
	}
	c := &plan.Config
	printJSON(env.out, runPlanEvent{
		Dir: o.out, From: f.From, To: c.Iterations, placeMembers: placeOf(plan),
		Available: experiment.Number(plan.Available), Cards: cardsOf(plan),
		secondsMembers: secondsMembers{
			known(f.Making), known(f.Step), known(f.Measuring),
			known(f.Seconds(c.Iterations, c.MeasureEvery)), f.Counted,
		},
		Settings: settingsOf(c),
	})
	return nil
}

// configuration combines the defaults, the file and the flags.
func (o runOptions) configuration() (config.Config, error) {
	c := config.Default()
	var problems []string
	collect := func(err error) error {
		var usage *config.UsageError
		if errors.As(err, &usage) {
			problems = append(problems, usage.Problems...)
			return nil
		}
		return err
	}
	if o.resume && o.config != "" {
		problems = append(problems, "--config: a resumed run keeps the config.yaml of its directory")
	} else if o.config != "" {
		if err := collect(config.ReadConfig(o.config, &c)); err != nil {
			return c, err
		}
	}
	if o.resume && o.force {
		problems = append(problems, "--resume goes on with a run and --force replaces it: choose one")
	}
	for _, problem := range []string{o.limit.check(), o.view.check()} {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	if o.resume && o.out == "" {
		problems = append(problems, "--resume needs --out, the directory of the run")
	}
	fields := map[string]config.Field{}
	for _, f := range c.Fields() {
		fields[f.Key] = f
	}
	for _, s := range o.settings {
		if err := fields[s.key].Set(s.text, "--"+s.key); err != nil {
			problems = append(problems, config.Located("--"+s.key, s.key, err.Error()))
		}
	}
	if o.config != "" {
		problems = append(problems, c.Missing()...)
	}
	if len(problems) > 0 {
		if !o.resume { // the values that could be read may be mistakes
			_ = collect(c.Validate())
		}
		return c, &config.UsageError{Problems: problems}
	}
	if o.resume {
		return experiment.ConfigForResume(o.out, c)
	}
	return c, nil
}
