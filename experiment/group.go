package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// Group is configurations that share their measurements and observations: they run together, in one pass over
// the rows, taking turns in the seats of a batch. What each comes to is, to the bit, what it comes to alone.
type Group struct {
	// Plan is the first configuration's, with the memory that all seats need.
	Plan *Plan
	// Configs are the configurations, every setting resolved.
	Configs []config.Config
	// Seats is how many run at a time.
	Seats int
}

// MostSeats is how many run at a time where nobody says: on the host a batch four times as large is hardly
// faster.
const MostSeats = 32

// PlanGroup checks configurations that share what [Config.ProblemKey] says. seats is how many run at a time;
// 0 is as many as there is memory for, up to 32. Where that is less than asked for, the error says so.
// Nothing is computed yet.
func PlanGroup(configs []config.Config, seats int, h Host) (*Group, error) {
	if len(configs) == 0 {
		return nil, errors.New("experiment: a group has at least one configuration")
	}
	g := &Group{Seats: seats}
	largest, batch := 0, solver.Batch{}
	for _, c := range configs {
		if err := c.Check(); err != nil {
			return nil, err
		}
		// with what their files' headers say
		if len(g.Configs) > 0 && c.ProblemKey() != g.Configs[0].ProblemKey() {
			return nil, errors.New("experiment: the configurations of a group share their problem")
		}
		largest = max(largest, c.FactorRank)
		batch.Needs = batch.Needs.And(c.NewMethod().Needs())
		g.Configs = append(g.Configs, c)
	}
	plan := func(seats int, storage string) error {
		g.Plan = &Plan{Config: g.Configs[0], host: h, ofGroup: true}
		g.Plan.Config.FactorRank = largest
		g.Plan.batch = batch
		g.Plan.batch.Parametrization = g.Configs[0].NewParametrization()
		g.Plan.batch.FactorRanks = slices.Repeat([]int{largest}, seats)
		if storage != "" {
			g.Plan.Config.Storage = storage
		}
		return g.Plan.place()
	}
	if err := plan(max(seats, 1), ""); err != nil {
		return nil, err
	}
	if seats == 0 { // more seats shall not drive the rows out of memory
		storage := g.Plan.Storage
		for g.Seats = min(len(configs), MostSeats); plan(g.Seats, storage) != nil; g.Seats /= 2 {
			if g.Seats == 1 {
				return nil, fmt.Errorf("experiment: the memory that one run needs is gone: %w",
					g.Plan.tooLarge())
			}
		}
	}
	for i := range g.Configs {
		c := &g.Configs[i]
		c.Device, c.Precision = g.Plan.Config.Device, g.Plan.Config.Precision
	}
	return g, nil
}

// Estimate finds out, in a moment, how many seconds it takes to make the rows, to take a step in all seats,
// and to measure one factor. They are 0 where the device cannot tell.
func (g *Group) Estimate() (making, step, measuring float64) {
	c := &g.Plan.Config
	b, ok := g.Plan.Backend.(timed)
	if !ok {
		return 0, 0, 0
	}
	e, err := c.StandIn()
	if err != nil {
		return 0, 0, 0
	}
	making, step = b.Estimate(e, g.Seats)
	return making, step, solver.MeasureSeconds(c.NewParametrization(), c.Space(), c.Rank, c.FactorRank)
}

// Run carries the group out and writes nothing. ended is told each run, by its place in Configs, as it ends,
// or what went wrong with it alone; runs that were interrupted or not begun are not told of, and the error is
// then ctx's. Another error says that the whole broke.
func (g *Group) Run(ctx context.Context, ended func(i int, r *Run, err error)) error {
	d, err := g.Plan.Config.Load()
	if err != nil {
		return err
	}
	trajectories := make([]solver.Trajectory, len(g.Configs))
	var jobs []solver.Job
	var places []int // of the jobs' configurations
	for i := range g.Configs {
		c := &g.Configs[i]
		start, err := c.NewStart(d.Problem.Truth)
		if err != nil { // its own file's fault
			ended(i, nil, err)
			continue
		}
		s := settingsOf(c, start, &trajectories[i])
		jobs, places = append(jobs, solver.Job{Method: c.NewMethod(), Settings: s}), append(places, i)
	}
	err = solver.SolveAll(ctx, d.Problem, g.Plan.Backend, g.Seats, jobs, func(job int, res *solver.Result,
		err error) {
		i := places[job]
		t := trajectories[i]
		trajectories[i] = nil
		switch {
		case err != nil:
			ended(i, nil, err)
		case res.Status != solver.Canceled:
			p := *g.Plan
			p.Config = g.Configs[i]
			ended(i, &Run{Config: p.Config, Summary: summarize(&p, d, res, t), Trajectory: t}, nil)
		}
	})
	if err == nil {
		err = ctx.Err()
	}
	return err
}
