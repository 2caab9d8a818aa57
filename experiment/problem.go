package experiment

import (
	"context"
	"slices"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// Problem is a problem outside of a run: its data, and an engine that is open. A program asks the engine for
// gradients and products, and the problem for starts and metrics as a run has them.
type Problem struct {
	// Plan says where the engine is and what it takes.
	Plan *Plan
	Data *config.Data
	// Engine has as many members as the problem was planned for, each with room for Plan.Config.FactorRank,
	// and one more for runs.
	Engine solver.Engine

	opened   *solver.Opened
	examiner *solver.Examiner
}

// PlanProblem checks a configuration as [NewPlan] does, for an engine with the given number of members that
// [Plan.Open] opens. Settings of the method say what the engine must be able to do, and by the number of
// iterations which device auto takes.
func PlanProblem(c config.Config, members int, h Host) (*Plan, error) {
	const most = 1 << 12 // far above what makes a pass faster
	if members < 1 || members > most {
		return nil, config.Usagef("members goes from 1 to %d, got %d", most, members)
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	p := &Plan{Config: c, host: h.Settle([]config.Config{c}), batch: batchOf(c)}
	p.batch.FactorRanks = slices.Repeat(p.batch.FactorRanks, members+1) // the last one is for runs
	p.batch.Needs.Products = true
	if err := p.place(); err != nil {
		return nil, err
	}
	return p, nil
}

// Open reads or draws the data and opens the engine, whose operations end early if ctx is done. The notes of
// the data and of the device are added to Notes.
func (p *Plan) Open(ctx context.Context) (*Problem, error) {
	d, err := p.Config.Load()
	if err != nil {
		return nil, err
	}
	p.Notes = append(p.Notes, d.Notices...)
	p.Notice = func(text string) { p.Notes = append(p.Notes, text) }
	batch := p.batch
	batch.Interrupted = ctx.Err
	opened, err := solver.Open(ctx, d.Problem, p.Backend, batch)
	if err != nil {
		return nil, err
	}
	engine := opened.Engine()
	s := settingsOf(&p.Config, nil, nil)
	o := &Problem{Plan: p, Data: d, Engine: engine, opened: opened, examiner: solver.NewExaminer(
		d.Problem, engine, s.Parametrization, s.Loss, s.Rank, s.SingularValues, ctx.Err)}
	fit, err := o.examiner.Fit()
	if err != nil {
		engine.Close()
		return nil, err
	}
	if fit := userFit(&p.Config, solver.Opening{Fit: fit}); fit != nil && fit.Residual > exactTruth {
		p.Notes = append(p.Notes, truthNote(&p.Config, fit))
	}
	return o, nil
}

// Start makes the start that a configuration of this problem names, with its factor rank.
func (o *Problem) Start(c *config.Config) (solver.Factor, error) {
	start, err := c.NewStart(o.Data.Problem.Truth)
	if err != nil {
		return nil, err
	}
	par := c.NewParametrization()
	if err := solver.Suits(start, par); err != nil {
		return nil, err
	}
	shapes, err := par.Shapes(o.Data.Problem.Ensemble.Space(), c.FactorRank)
	if err != nil {
		return nil, err
	}
	return start.Factor(shapes, o.examiner.Spectral)
}

// Spectral returns the spectral estimate with k pairs, which is made on first use.
func (o *Problem) Spectral(k int) (*solver.SpectralEstimate, error) { return o.examiner.Spectral(k) }

// Measure measures a member's iterate, with the numbers that a line of trajectory.csv has. The error is
// [solver.ErrNotFinite] for a factor that is not finite.
func (o *Problem) Measure(member, factorRank int) (solver.Sample, error) {
	s, err := o.examiner.Measure(member, factorRank)
	if err == nil && !o.Plan.Config.IsLinear() {
		s = withoutSize(s)
	}
	return s, err
}
