package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/view"
)

// plotOptions are the flags of plot, of which all but out and json are for sweeps.
type plotOptions struct {
	x, y, by string
	where    []string
	out      string
	json     bool
}

func newPlot(env environment) *cobra.Command {
	var o plotOptions
	c := &cobra.Command{
		Use:   "plot DIR",
		Short: "Write the report and figures of a run or a sweep again, or draw any numbers of a sweep",
		Long: `Write the report and the figures of a run or of a sweep again from its files.

With --out, draw the figure alone, as SVG, PNG or PDF. With the other flags, draw other numbers of a sweep:
the median over replicas, with a band, of a column of runs.csv over a setting that differs between runs, or
of a metric over iterations. If both axes are logarithmic, or iterations are counted over a logarithmic axis,
the slope of a straight line is given with its 95 % confidence interval.`,
		Example: `  matsense plot runs/paper
  matsense plot runs/paper --out figure.pdf
  matsense plot sweeps/alpha
  matsense plot sweeps/alpha --x alpha --y iterations_to_0.01 --by factor-rank
  matsense plot sweeps/alpha --x iteration --y test_error --by alpha --where factor-rank=2`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return config.Usagef("plot takes one run directory or one of a sweep, got %d", len(args))
			}
			return nil
		},
		ValidArgsFunction: directories,
		RunE: func(c *cobra.Command, args []string) error {
			err := o.draw(env, c, args[0])
			var usage *config.UsageError
			if err != nil && !errors.As(err, &usage) && !strings.HasPrefix(err.Error(), args[0]) {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return err
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.x, "x", "",
		"horizontal axis: a `setting` that differs between runs, iteration or evaluations "+
			"(default: the first axis that is not of seeds)")
	f.StringVar(&o.y, "y", "",
		"vertical axis: a `column` of runs.csv or timings.csv, or a metric over iterations "+
			"(default test_error)")
	f.StringVar(&o.by, "by", "", "draw a line for each value of this `setting` (default: the next such axis)")
	f.StringArrayVar(&o.where, "where", nil, "draw only these `values` of a setting: factor-rank=2, or "+
		"alpha=1e-3,1e-6; between values with commas stands a semicolon; may be repeated")
	f.StringVar(&o.out, "out", "", "`file` of the figure, .svg, .png or .pdf (default .svg and .png, in DIR)")
	for _, name := range ofSweeps {
		setGroup(f.Lookup(name), "figure of a sweep")
	}
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	return c
}

// ofSweeps are the flags that choose the numbers of a sweep to draw.
var ofSweeps = []string{"x", "y", "by", "where"}

// draw draws the figures that the flags ask for and prints the paths of the files.
func (o plotOptions) draw(env environment, c *cobra.Command, dir string) error {
	if o.out != "" {
		if err := atomicfile.CheckWritable(filepath.Dir(o.out)); err != nil {
			var at *fs.PathError // names a temporary file
			if errors.As(err, &at) {
				err = at.Err
			}
			return config.Usagef("--out %s cannot be written: %v", o.out, err)
		}
	}
	if sweep.Holds(dir) {
		r, err := sweep.Load(dir)
		if err != nil {
			return err
		}
		for _, note := range r.Notes {
			env.notice(note, o.json)
		}
		if missing := r.Missing(); len(missing) > 0 {
			are := "are"
			if len(missing) == 1 {
				are = "is"
			}
			env.notice(fmt.Sprintf("%d of %s %s missing: %s", len(missing), view.Count(len(r.Runs), "run"), are,
				view.Ranges(missing)), o.json)
		}
		if o.out == "" && !slices.ContainsFunc(ofSweeps, c.Flags().Changed) {
			return writeSweep(env, r, dir, o.json)
		}
		figures, err := o.drawSweep(r, dir)
		printWritten(env, figures, o.json)
		return err
	}
	var problems []string
	for _, name := range ofSweeps {
		if c.Flags().Changed(name) {
			problems = append(problems, fmt.Sprintf("--%s is for a sweep, and %s is none", name, dir))
		}
	}
	if len(problems) > 0 {
		return &config.UsageError{Problems: problems}
	}
	run, err := experiment.Open(dir)
	if err != nil {
		return err
	}
	if o.out != "" {
		figures, err := writeFigure(view.RunFigure(run), o.out)
		printWritten(env, figures, o.json)
		return err
	}
	page, err := writeRunPage(run, dir)
	if err != nil {
		return err
	}
	printWritten(env, []string{page}, o.json)
	figures, err := writeFigure(view.RunFigure(run), filepath.Join(dir, "trajectory"))
	printWritten(env, figures, o.json)
	return err
}

// drawSweep draws the figure of a sweep that the flags ask for.
func (o plotOptions) drawSweep(r *sweep.Results, dir string) ([]string, error) {
	where, err := r.Where(o.where)
	if err != nil {
		return nil, err
	}
	selected, err := r.Select(r.Defaults(sweep.Query{X: o.x, Y: o.y, By: o.by, Where: where}))
	if err != nil {
		return nil, err
	}
	f := view.SweepFigure(r, selected)
	if o.out == "" {
		o.out = filepath.Join(dir, f.Name)
	}
	return writeFigure(f, o.out)
}
