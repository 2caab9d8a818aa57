package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/view"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	sample   int
	json     bool
	settings []setting // device, settings that change no bit, and the paths of data files
}

func newVerify(env environment) *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify DIR",
		Short: "Do a run or a sweep again and compare it with its directory, to the bit",
		Long: `Do the run in a directory again, from its config.yaml, and compare every measured iterate and the
factor with the files, to the bit. Nothing is written. An interrupted run is compared as far as it has come.
Of a sweep, all recorded runs are done again, or --sample of them.

If everything is the same, the exit code is 0. Otherwise it is 1, and the first and the greatest difference
are told, with the reasons that are known why the last bits may differ: another device, system or version.`,
		Example: `  matsense verify runs/paper
  matsense verify runs/paper --device cpu
  matsense verify sweeps/alpha --sample 5`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return config.Usagef("verify takes one run directory or one of a sweep, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: directories,
		RunE: func(c *cobra.Command, args []string) error {
			env.work = nil // an interrupt has nothing to save
			if sweep.Holds(args[0]) {
				return o.verifySweep(c.Context(), env, args[0])
			}
			if c.Flags().Changed("sample") {
				return config.Usagef("--sample is for a sweep, and %s is none", args[0])
			}
			return o.verifyRun(c.Context(), env, args[0])
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.IntVar(&o.sample, "sample", 0, "number of runs of a sweep that are done again (default: all)")
	defaults := config.Default()
	for _, field := range defaults.Fields() {
		if !mayVerifyWith(field) {
			continue
		}
		usage := field.Usage()
		if field.Key == "device" {
			usage = "where to do it again (default: the device of the run)"
		}
		f.Var(flagValue{field, &o.settings}, field.Key, usage)
		added := f.Lookup(field.Key)
		added.DefValue = "" // the usage says it
		setGroup(added, field.Group)
		complete(c, map[string]cobra.CompletionFunc{field.Key: completeSetting(field.Setting)})
	}
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	return c
}

// mayVerifyWith says whether a run may be done again with another value of a setting: the device, settings of
// the machine that change no bit, and data files that were moved.
func mayVerifyWith(f config.Field) bool {
	return f.Key == "device" || f.File || f.Free && f.Key != "checkpoint-every"
}

// changes returns the settings that the flags give.
func (o verifyOptions) changes() (config.Config, error) {
	c := config.Default()
	var problems []string
	for _, s := range o.settings {
		f, _ := c.Field(s.key)
		if err := f.Set(s.text, "--"+s.key); err != nil {
			problems = append(problems, config.Located("--"+s.key, s.key, err.Error()))
		}
	}
	if o.sample < 0 {
		problems = append(problems, fmt.Sprintf("--sample is a number of runs, got %d", o.sample))
	}
	if len(problems) > 0 {
		return c, &config.UsageError{Problems: problems}
	}
	return c, nil
}

func (o verifyOptions) verifyRun(ctx context.Context, env environment, dir string) error {
	changes, err := o.changes()
	if err != nil {
		return err
	}
	original, c, err := experiment.OpenOriginal(dir, changes)
	if err != nil {
		return err
	}
	plan, err := experiment.NewPlan(c, env.host())
	if err != nil {
		return err
	}
	p := newRunProgress(env, plan, o.json)
	defer p.end()
	compared, err := plan.Verify(ctx, original, p, func(d experiment.Difference) {
		if o.json {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.emit(differenceEvent{nil, differenceOf(d)})
			return
		}
		p.Notice("the first difference: " + view.Difference(d))
	})
	p.end()
	if err != nil {
		return err
	}
	if o.json {
		e := verifiedOf(dir, compared)
		e.Runs = 1
		printJSON(env.out, e)
	} else {
		view.WriteComparison(env.out, compared)
	}
	if !compared.Identical() {
		return errDiffers
	}
	return nil
}

func differenceOf(d experiment.Difference) differenceMembers {
	return differenceMembers{d.File, d.Iteration, d.Name, experiment.Number(d.Recorded),
		experiment.Number(d.Repeated), experiment.Number(d.Relative())}
}

func verifiedOf(dir string, c *experiment.Comparison) verifiedEvent {
	e := verifiedEvent{
		Dir: dir, Identical: c.Identical(), Different: []int{}, Samples: c.Samples,
		Files: append([]string{}, c.Files...), Endings: append([]string{}, c.Endings...),
		MadeBy: c.By.Version, Reasons: append([]string{}, c.Reasons()...),
	}
	if c.Greatest != nil {
		greatest := differenceOf(*c.Greatest)
		e.Greatest = &greatest
	}
	return e
}

func (o verifyOptions) verifySweep(ctx context.Context, env environment, dir string) error {
	if _, err := o.changes(); err != nil {
		return err
	}
	device := ""
	for _, s := range o.settings {
		if s.key != "device" {
			return config.Usagef("--%s is for a run; of a sweep, give it in the base of %s", s.key,
				sweep.SpecFile)
		}
		device = s.text
	}
	original, plan, err := sweep.OpenOriginal(ctx, dir, o.sample, device, env.host())
	if err != nil {
		return err
	}
	p := newSweepProgress(env, plan, o.json)
	defer p.end()
	byRun := map[int]*experiment.Comparison{}
	err = plan.Verify(ctx, original, p, func(run int, c *experiment.Comparison) {
		byRun[run] = c
		if c.Identical() {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case o.json && c.First != nil:
			p.emit(differenceEvent{&run, differenceOf(*c.First)})
		case !o.json:
			p.notice(fmt.Sprintf("run %d: %s", run, view.FirstDifference(c)))
		}
	})
	p.end()
	if err != nil {
		return err
	}
	together, different := joined(byRun)
	if o.json {
		e := verifiedOf(dir, &together)
		e.Runs, e.Different = len(original.Chosen), append([]int{}, different...)
		printJSON(env.out, e)
	} else {
		writeSweepVerdict(env.out, original, &together, different)
	}
	if len(different) > 0 {
		return errDiffers
	}
	return nil
}

// joined puts together how the runs of a sweep compare, and lists those that differ, by their numbers.
func joined(byRun map[int]*experiment.Comparison) (together experiment.Comparison, different []int) {
	for _, run := range slices.Sorted(maps.Keys(byRun)) {
		c := byRun[run]
		together.By, together.Again = cmp.Or(together.By, c.By), c.Again
		together.Samples += c.Samples
		if c.Identical() {
			continue
		}
		different = append(different, run)
		together.By = c.By
		for _, d := range []*experiment.Difference{c.First, c.Greatest} {
			if d != nil {
				together.Add(*d)
			}
		}
		if together.Endings == nil {
			together.Endings = c.Endings
		}
	}
	return together, different
}

// writeSweepVerdict says how the runs of a sweep that were done again compare with their records.
func writeSweepVerdict(w io.Writer, o *sweep.Original, c *experiment.Comparison, different []int) {
	runs := view.Count(len(o.Chosen), "run")
	if len(o.Chosen) < len(o.Runs) {
		runs = fmt.Sprintf("%d of %d runs", len(o.Chosen), len(o.Runs))
	}
	view.WriteSweepComparison(w, c, runs, different)
	if o.Failed > 0 {
		fmt.Fprintf(w, "not compared: %s that failed\n", view.Count(o.Failed, "run"))
	}
	if o.Missing > 0 {
		fmt.Fprintf(w, "not compared: %s without a record\n", view.Count(o.Missing, "run"))
	}
}
