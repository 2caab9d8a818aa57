package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/reproduce"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/view"
)

// reproduceOptions are the flags of reproduce.
type reproduceOptions struct {
	out         string
	sweep       string
	set         []string
	quick, full bool
	claim, file bool
	force, json bool
}

func newReproduce(env environment) *cobra.Command {
	var o reproduceOptions
	c := &cobra.Command{
		Use:   "reproduce [NAME]",
		Short: "Repeat an experiment and compare it with a paper's claim",
		Long: `Run one of the experiments that come with matsense, draw its results, and compare them with a
paper's claim. The verdict is agrees, disagrees or cannot be told, with the numbers behind it; the exit code
does not depend on the verdict. An experiment that was interrupted continues. Without a name, the
experiments are listed.

To try a claim where it was not tried, change the experiment: --set replaces a value of its sweep, or gives
a setting another value, and --sweep takes a sweep file of yours. The verdict is by the same rule, and says
what was changed.

` + experimentList(),
		Example: `  matsense reproduce alpha --claim
  matsense reproduce alpha
  matsense reproduce alpha --full --out /shared/alpha
  matsense reproduce alpha --full --file > alpha.yaml
  matsense reproduce uv --set kappa=10 --set seeds=8
  matsense reproduce scaled-gd --set kappa=[1,50,100] --set iterations=2000
  matsense reproduce alpha --sweep my-alpha.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return config.Usagef("reproduce takes one name, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: completeExperiment,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listExperiments(env, c, o.json)
			}
			return runReproduce(c.Context(), env, args[0], o)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.quick, "quick", false, "the small size: a minute on two cores (the default)")
	f.BoolVar(&o.full, "full", false, "the full size: seconds to hours on two cores (docs/full-sizes.md)")
	f.StringArrayVar(&o.set, "set", nil,
		"change of the experiment, `KEY=VALUE`: a setting, or seeds, start-seeds, targets, filter; can be repeated")
	f.StringVar(&o.sweep, "sweep", "", "sweep `file` to judge in the place of the one that comes with it")
	f.StringVar(&o.out, "out", "",
		"`directory` (default reproduce/NAME-quick, or reproduce/NAME with --full; with changes a name of "+
			"its own)")
	f.BoolVar(&o.claim, "claim", false, "print the claim and the rule of its verdict, and stop")
	f.BoolVar(&o.file, "file", false, "print the sweep file and stop")
	f.BoolVar(&o.force, "force", false, "replace what is in --out")
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	complete(c, map[string]cobra.CompletionFunc{"out": directories, "sweep": yamlFiles})
	return c
}

// experimentList has a line for each experiment.
func experimentList() string {
	var rows []row
	for _, e := range reproduce.All() {
		rows = append(rows, row{e.Name, e.About})
	}
	var b strings.Builder
	writeRows(&b, rows)
	return strings.TrimSuffix(b.String(), "\n")
}

// listExperiments lists the experiments, and refuses flags that are of one.
func listExperiments(env environment, c *cobra.Command, asJSON bool) error {
	var problems []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "json" {
			problems = append(problems, fmt.Sprintf("--%s is for an experiment: name one of those that "+
				"matsense reproduce lists", f.Name))
		}
	})
	if len(problems) > 0 {
		return &config.UsageError{Problems: problems}
	}
	if !asJSON {
		fmt.Fprintln(env.out, experimentList())
		return nil
	}
	for _, e := range reproduce.All() {
		printJSON(env.out, experimentEvent{claimOf(e), e.About})
	}
	return nil
}

// experimentNamed finds an experiment.
func experimentNamed(name string) (reproduce.Experiment, error) {
	var names []string
	for _, e := range reproduce.All() {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return reproduce.Experiment{}, config.Usagef("there is no experiment %q; did you mean %q?",
		name, config.Nearest(name, names))
}

func runReproduce(ctx context.Context, env environment, name string, o reproduceOptions) error {
	e, err := experimentNamed(name)
	if err != nil {
		return err
	}
	if o.quick && o.full {
		return config.Usagef("--quick and --full are two sizes: choose one")
	}
	if o.claim && (o.file || o.quick || o.full || o.force || o.sweep != "" || o.out != "" || len(o.set) > 0) {
		return config.Usagef("--claim prints the claim and stops: of other flags it goes with --json alone")
	}
	if o.claim {
		if o.json {
			printJSON(env.out, experimentEvent{claimOf(e), e.About})
		} else {
			view.WriteClaim(env.out, e)
		}
		return nil
	}
	spec, changed, text, err := o.experiment(e)
	if err != nil {
		return err
	}
	if o.file {
		fmt.Fprintf(env.out, "%s", text)
		return nil
	}
	plan, err := sweep.NewPlan(ctx, spec, sweep.Options{}, env.host())
	if err != nil {
		return err
	}
	where := sweep.Where{Dir: o.out, Resume: sweep.Holds(o.out) && !o.force, Force: o.force}
	if _, err := plan.Check(where); err != nil { // before anything is printed
		return err
	}
	sweepOptions{out: o.out, json: o.json}.printPlan(env, plan, nil)
	p := newSweepProgress(env, plan, o.json)
	r, failures, err := plan.Run(ctx, where, p)
	p.end()
	env.work.end()
	if errors.Is(err, context.Canceled) {
		if err := p.interrupted(o.out, "the same command goes on"); err != nil {
			return err
		}
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if err := lostRecords(plan, r); err != nil {
		return err
	}
	verdict := e.Judge(r)
	if changed != "" {
		verdict.Findings = append([]string{changed}, verdict.Findings...)
	}
	if err := writeVerdict(filepath.Join(o.out, "verdict.json"), e, verdict); err != nil {
		return err
	}
	if o.json {
		findings := append([]string{}, verdict.Findings...) // an empty list, not null
		printJSON(env.out, verdictEvent{claimOf(e), verdict.Status, findings})
	} else {
		view.WriteVerdict(env.out, e, verdict)
	}
	if err := writeReproduced(env, r, e, verdict, o); err != nil {
		return err
	}
	if failures > 0 {
		return fmt.Errorf("%d runs failed: the column error of runs.csv says why, and the same command "+
			"tries them again", failures)
	}
	return nil
}

// experiment returns the sweep of an experiment with its text, and what was changed, in words. It fills in
// the directory.
func (o *reproduceOptions) experiment(e reproduce.Experiment) (
	spec *sweep.Spec, changed string, text []byte, err error,
) {
	name, text := e.File(o.full)
	folder := strings.TrimSuffix(name, ".yaml")
	if o.sweep != "" {
		if o.quick || o.full {
			return nil, "", nil, config.Usagef("--sweep takes the place of --quick and --full")
		}
		name = o.sweep
		if text, err = sweep.Text(o.sweep); err != nil {
			return nil, "", nil, err
		}
		changed = "the sweep is " + o.sweep
		folder = e.Name + "-" + strings.TrimSuffix(filepath.Base(o.sweep), filepath.Ext(o.sweep))
	}
	if len(o.set) > 0 {
		if text, err = sweep.Changed(text, o.set); err != nil {
			return nil, "", nil, err
		}
		changed = strings.TrimPrefix(changed+", and changed: ", ", and ") + strings.Join(o.set, ", ")
		hash := sha256.Sum256(text)
		folder += "-" + hex.EncodeToString(hash[:4])
	}
	if o.out == "" {
		o.out = filepath.Join("reproduce", folder)
	}
	if o.sweep != "" {
		spec, err = sweep.ParseIn(filepath.Dir(o.sweep), name, text)
	} else {
		spec, err = sweep.Parse(name, text)
	}
	return spec, changed, text, err
}

// writeVerdict keeps a verdict beside its numbers.
func writeVerdict(path string, e reproduce.Experiment, v reproduce.Verdict) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(struct {
			claimMembers
			reproduce.Verdict
		}{claimOf(e), v})
	})
}

// writeReproduced draws a verdict's figures, writes the report with them, and tells their paths.
func writeReproduced(env environment, r *sweep.Results, e reproduce.Experiment, v reproduce.Verdict,
	o reproduceOptions) error {
	var charts []report.Chart
	for _, f := range v.Figures {
		figure, err := view.VerdictFigure(r, f)
		var paths []string
		if err == nil {
			paths, err = writeFigure(figure, filepath.Join(o.out, figure.Name))
		}
		if errors.Is(err, sweep.ErrNothing) || errors.Is(err, report.ErrNothing) ||
			errors.Is(err, report.ErrEmpty) {
			continue
		}
		var usage *config.UsageError
		if errors.As(err, &usage) && (o.sweep != "" || len(o.set) > 0) {
			env.notice("a figure cannot be drawn of the changed sweep: "+err.Error(), o.json)
			continue
		}
		if err != nil {
			return err
		}
		charts = append(charts, figure.Chart)
		printWritten(env, paths, o.json)
	}
	page, err := view.SweepPage(r, o.out, charts...)
	if err != nil {
		return err
	}
	view.Judge(&page, e, v)
	path, err := writePage(o.out, page)
	if err != nil {
		return err
	}
	printWritten(env, []string{path}, o.json)
	return nil
}
