package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// runOptions are the flags of run that are no settings of the experiment.
type runOptions struct {
	config        string
	out           string
	resume, force bool
	json          bool
	settings      []setting
}

// setting is a flag that sets a field of the configuration.
type setting struct{ key, text string }

// flagValue collects a setting. It is applied after the configuration file, so that all mistakes can be told at once.
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

func newRun(env environment) *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run",
		Short: "Run one experiment",
		Long: `Run one experiment and write its directory: config.yaml, trajectory.csv, summary.json, factor.npy, a figure as
SVG and PNG, report.html with all of it to read, and checkpoints. Without flags it is a small problem that takes a few seconds.

Ctrl-C once finishes the step and saves; --resume goes on from there, to the same bits. Twice stops at once.`,
		Example: `  matsense run
  matsense run --n 200 --rank 5 --alpha 1e-6 --iterations 400 --out runs/paper
  matsense run --matrices A.npy --observations y.npy --truth X.npy
  matsense run --resume --out runs/paper --iterations 800`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return runExperiment(c.Context(), env, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	defaults := config.Default()
	for _, field := range defaults.Fields() {
		f.Var(flagValue{field, &o.settings}, field.Key, field.Help)
	}
	f.StringVar(&o.config, "config", "", "read settings from a YAML file; flags win over it")
	f.StringVar(&o.out, "out", "", "run directory (default runs/ and the time)")
	f.BoolVar(&o.resume, "resume", false, "go on with the run in --out")
	f.BoolVar(&o.force, "force", false, "replace the run in --out")
	f.BoolVar(&o.json, "json", false, "print JSON lines")
	return c
}

func runExperiment(ctx context.Context, env environment, o runOptions) error {
	config, err := o.configuration()
	if err != nil {
		return err
	}
	plan, err := experiment.NewPlan(config, env.host())
	if err != nil {
		return err
	}
	options := experiment.Options{Dir: o.out, Force: o.force, Resume: o.resume}
	if o.out == "" {
		options.Dir, options.Fresh = filepath.Join("runs", time.Now().Format("2006-01-02-150405")), true
	}
	var p experiment.Progress
	if o.json {
		p = jsonProgress{env.out, plan}
	} else {
		t := &textProgress{env: env, plan: plan}
		defer t.end()
		p = t
	}
	out, err := plan.Run(ctx, options, p)
	if out == nil {
		return err
	}
	figures, failed := writeFigures(out.Run, out.Dir)
	if errors.Is(failed, report.ErrEmpty) {
		p.Notice(failed.Error())
		failed = nil
	}
	page, pageFailed := writeRunPage(out.Run, out.Dir)
	err = errors.Join(err, failed, pageFailed)
	if t, ok := p.(*textProgress); ok {
		t.end()
		printSummary(env.out, out, figures, page)
	} else {
		printJSON(env.out, struct {
			Event string `json:"event"`
			Dir   string `json:"dir"`
			*experiment.Summary
		}{"summary", out.Dir, out.Summary})
	}
	if err != nil {
		return err
	}
	switch out.Summary.Status {
	case solver.Diverged:
		return errDiverged
	case solver.Canceled:
		return errInterrupted
	}
	return nil
}

// configuration puts defaults, the file and the flags together.
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
	if o.resume && o.out == "" {
		problems = append(problems, "--resume needs --out, the directory of the run")
	}
	fields := map[string]config.Field{}
	for _, f := range c.Fields() {
		fields[f.Key] = f
	}
	for _, s := range o.settings {
		if err := fields[s.key].Set(s.text, "--"+s.key); err != nil {
			problems = append(problems, fmt.Sprintf("--%s: %v", s.key, err))
		}
	}
	if len(problems) > 0 {
		if !o.resume { // what could be read may have mistakes of its own
			_ = collect(c.Validate())
		}
		return c, &config.UsageError{Problems: problems}
	}
	if o.resume {
		return experiment.ConfigForResume(o.out, c)
	}
	return c, nil
}

// figureOf returns a run's figure.
func figureOf(r *experiment.Run) report.Figure {
	f := report.Figure{Trajectory: r.Trajectory, Title: title(&r.Config), Rank: r.Config.Rank}
	if s := r.Summary; s != nil && s.Recovered != nil {
		at := func(m *experiment.Metrics) *int {
			if m == nil {
				return nil
			}
			return &m.Iteration
		}
		f.Phases = &report.Phases{
			AlignmentEnd: at(s.Phases.AlignmentEnd), SaddleEnd: at(s.Phases.SaddleEnd), FloorStart: at(s.Phases.FloorStart),
		}
	}
	return f
}

// writeFigures draws a run's figure in both formats and returns the files; [report.ErrEmpty] where there is nothing to
// draw.
func writeFigures(r *experiment.Run, dir string) ([]string, error) {
	f := figureOf(r)
	if f.Empty() {
		return nil, report.ErrEmpty
	}
	return writeFigure(f, filepath.Join(dir, "trajectory"))
}

// figure is what can be drawn.
type figure interface {
	Write(w io.Writer, format report.Format) error
}

// writeFigure writes a figure to a file with the ending of a format, or in both formats to files with the endings added.
func writeFigure(f figure, path string) ([]string, error) {
	formats := []report.Format{report.SVG, report.PNG}
	ending := report.Format(strings.TrimPrefix(filepath.Ext(path), "."))
	given := slices.Contains(formats, ending)
	if given {
		formats = []report.Format{ending}
	}
	var paths []string
	for _, format := range formats {
		to := path
		if !given {
			to += "." + string(format)
		}
		if err := atomicfile.Write(to, func(w io.Writer) error { return f.Write(w, format) }); err != nil {
			return nil, fmt.Errorf("%s could not be written: %w", to, err)
		}
		paths = append(paths, to)
	}
	return paths, nil
}

// sizeOf is the size of the unknown matrix.
func sizeOf(c *config.Config) string {
	if c.N2 > 0 {
		return fmt.Sprintf("%d × %d", c.N, c.N2)
	}
	return fmt.Sprintf("%d × %d", c.N, c.N)
}

// side says how large the unknown matrix is, in the fewest signs.
func side(c *config.Config) string {
	if c.N2 > 0 {
		return sizeOf(c)
	}
	return fmt.Sprintf("n = %d", c.N)
}

func title(c *config.Config) string {
	text := fmt.Sprintf("%s,  m = %d,  r = %d", side(c), c.Measurements, c.FactorRank)
	if c.Rank > 0 {
		text = fmt.Sprintf("%s,  r* = %d,  m = %d,  r = %d", side(c), c.Rank, c.Measurements, c.FactorRank)
	}
	switch c.Parametrization {
	case "sparse":
		text = fmt.Sprintf("n = %d,  %d not 0,  m = %d", c.N, c.Sparsity, c.Measurements)
	case "deep":
		text += fmt.Sprintf(",  %d matrices", c.Depth)
	case "indefinite":
		text += ",  indefinite"
	}
	if c.Method != "gd" && c.Iterations > 0 {
		text += ",  " + c.Method
	}
	switch c.Init {
	case "random", "ones":
		text += fmt.Sprintf(",  α = %g", c.Alpha)
	case "saddle":
		text += fmt.Sprintf(",  saddle start,  α = %g", c.Alpha)
	case "spectral", "relu-spectral":
		text += fmt.Sprintf(",  %s start", c.Init)
	}
	if c.Iterations > 0 {
		text += fmt.Sprintf(",  μ = %g", c.Step)
	}
	if c.Kappa > 1 {
		text += fmt.Sprintf(",  κ = %g", c.Kappa)
	}
	if c.Noise > 0 {
		text += fmt.Sprintf(",  σ = %g", c.Noise)
	}
	return text + fmt.Sprintf(",  %s%s", law(c), arithmetic(c))
}
