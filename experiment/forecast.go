package experiment

import (
	"context"
	"path/filepath"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// Speed is how many seconds the parts of runs take.
type Speed struct {
	// Making, Step and Measuring are the seconds that it takes to make the measurements, to take a step of
	// all runs that go together, and to measure an iterate; 0 if the device cannot tell. Counted says that
	// Making and Step follow from counted work and the device's typical rates, which are right within a
	// factor of about three; otherwise they were measured.
	Making, Step, Measuring float64
	Counted                 bool
}

// Forecast says what a run would do, before it is begun.
type Forecast struct {
	// From is the iteration that the run would begin with: 0, or that of the last checkpoint.
	From int
	Speed
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
	f.Speed = p.speed(ctx)
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

// speed measures, in a moment, how fast the batch's runs go together on the host. What cannot be measured is
// counted; on a GPU for a batch of one run alone. All is 0 if it is not known, or if ctx is done before.
func (p *Plan) speed(ctx context.Context) (s Speed) {
	c, members := &p.Config, len(p.batch.FactorRanks)
	if !c.PassesAlone() {
		return s
	}
	e, err := c.StandIn()
	if err != nil {
		return s
	}
	host, measures := p.Backend.(timed)
	if measures {
		s.Making, s.Step = host.Estimate(ctx, e, members)
		s.Measuring = solver.MeasureSeconds(
			ctx, p.Backend, c.NewParametrization(), c.Space(), c.Rank, c.FactorRank)
	}
	if b, ok := p.Backend.(expected); ok && s.Step == 0 && !c.EstimatesOnly() && (measures || members == 1) {
		s.Making, s.Step = b.Expect(e, p.batch)
		s.Step *= float64(members)
		s.Counted = s.Step > 0
	}
	if s.Step == 0 || ctx.Err() != nil {
		return Speed{}
	}
	return s
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
