package experiment

import (
	"context"
	"fmt"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// PlanRun checks the configuration of a run on the problem. Its error is a [config.UsageError] if the user
// can correct it: a mistake, or a setting that would make it another problem.
func (o *Problem) PlanRun(c config.Config) (*Plan, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	has := o.Plan.Config
	if c.Device == "auto" {
		c.Device = has.Device
	}
	if c.Precision == "auto" {
		c.Precision = has.Precision
	}
	m := &config.UsageError{}
	for _, f := range c.ProblemDiffers(&has) {
		there, _ := has.Field(f.Key)
		if f.Free { // the engine is as it is, and no bit depends on the setting
			if err := f.Set(there.String(), c.At(f.Key)); err != nil {
				return nil, err
			}
			continue
		}
		if f.File && o.hasRead(&c, f.Key) {
			continue
		}
		m.Problems = append(m.Problems, fmt.Sprintf("%s: the problem was opened with %s %s, and a run on it "+
			"cannot have %s", c.At(f.Key), f.Key, there, f))
	}
	if len(m.Problems) > 0 {
		return nil, m
	}
	p := *o.Plan
	p.Config, p.batch, p.open, p.Notes = c, batchOf(c), o, nil
	return &p, nil
}

// hasRead says whether a data file has the contents that the problem has read under another path, such as a
// copy in the run directory.
func (o *Problem) hasRead(c *config.Config, key string) bool {
	known := o.Data.Hashes[key]
	if known == "" {
		return false
	}
	sum, err := c.HashOf(key)
	return err == nil && sum == known
}

// load returns what the run measures: it reads the data, unless the problem is open. The start is the run's
// own.
func (p *Plan) load() (*config.Data, error) {
	if p.open == nil {
		p.watch(Reading)
		return p.Config.Load()
	}
	d := &config.Data{Problem: p.open.Data.Problem, Hashes: map[string]string{}}
	for _, f := range p.Config.DataFiles() {
		if *f.Path == "" {
			continue
		}
		var err error
		if setting, _ := p.Config.Field(f.Key); setting.OfProblem() {
			d.Hashes[f.Key] = p.open.Data.Hashes[f.Key]
		} else if d.Hashes[f.Key], err = p.Config.HashOf(f.Key); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// solve carries out the run on the engine that is open, or on one of its own.
func (p *Plan) solve(ctx context.Context, d *sensing.Problem, s solver.Settings) (*solver.Result, error) {
	m := p.Config.NewMethod()
	if p.open != nil {
		return p.open.opened.Solve(ctx, m, s)
	}
	return solver.Solve(ctx, d, p.Backend, m, s)
}
