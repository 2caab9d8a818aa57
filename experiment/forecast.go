package experiment

import (
	"context"
	"path/filepath"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// Forecast says what a run would do, before it is begun.
type Forecast struct {
	// From is the iteration that the run would begin with: 0, or that of the last checkpoint.
	From int
	// Making, Step and Measuring are the seconds that it takes to make the measurements, to take a step, and
	// to measure an iterate; 0 if the device cannot tell. Counted says that Making and Step follow from
	// counted work and the device's typical rates, which are right within a factor of about three; otherwise
	// they were measured.
	Making, Step, Measuring float64
	Counted                 bool
}

// Forecast looks where a run would begin and how long it would take. It writes nothing, and refuses what
// [Plan.Run] would refuse before it reads data.
func (p *Plan) Forecast(ctx context.Context, o Options) (Forecast, error) {
	var f Forecast
	if !o.Fresh {
		if err := p.checkDir(o); err != nil {
			return f, err
		}
	}
	if o.Resume {
		f.From = reached(o.Dir)
		if f.From > p.Config.Iterations {
			return f, config.Usagef("%s: the checkpoint has %d iterations already, and %d are asked for",
				p.Config.At("iterations"), f.From, p.Config.Iterations)
		}
	}
	f.Making, f.Step, f.Measuring = p.measured(ctx)
	if b, ok := p.Backend.(expected); ok && f.Step == 0 && p.passes() {
		if e, err := p.Config.StandIn(); err == nil {
			f.Making, f.Step = b.Expect(e, p.batch)
			f.Counted = f.Step > 0
		}
	}
	return f, nil
}

// Seconds is the time that is left of a run with so many iterations and a sample every so many; 0 if the
// device cannot tell.
func (f Forecast) Seconds(iterations, measureEvery int) float64 {
	if f.Step == 0 {
		return 0
	}
	left := iterations - f.From
	return f.Making + float64(left)*f.Step + float64(left/measureEvery+2)*f.Measuring
}

// passes says whether a step of the method is one pass over the measurements, whose time can be estimated. A
// method of draws or of values of f takes other steps.
func (p *Plan) passes() bool {
	return p.Config.EstimatesOnly() || p.Config.NewMethod().Needs().Gradient
}

// measured measures, in a moment, how many seconds it takes to make the rows, to take one step of the whole
// batch, and to measure one factor. All are 0 if the device cannot tell, or if ctx is done before.
func (p *Plan) measured(ctx context.Context) (making, step, measuring float64) {
	c := &p.Config
	b, ok := p.Backend.(timed)
	if !ok || !p.passes() {
		return 0, 0, 0
	}
	e, err := c.StandIn()
	if err != nil {
		return 0, 0, 0
	}
	making, step = b.Estimate(ctx, e, len(p.batch.FactorRanks))
	measuring = solver.MeasureSeconds(
		ctx, p.Backend, c.NewParametrization(), c.Space(), c.Rank, c.FactorRank)
	return making, step, measuring
}

// reached is the iteration of a run's last whole checkpoint; 0 if there is none. It does not ask which
// configuration and data the checkpoint belongs to, since that takes reading all data.
func reached(run string) int {
	dir := filepath.Join(run, checkpointDir)
	names, _ := listCheckpoints(dir)
	for _, name := range names {
		if s, err := readState(filesIn(filepath.Join(dir, name))); err == nil {
			return s.Iteration
		}
	}
	return 0
}
