package sweep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
)

// Plan is a sweep, or one machine's part of it, that was found sound: every run is checked, and the memory
// that it needs is there. Nothing has been computed yet, apart from short measurements of speed.
type Plan struct {
	Spec *Spec
	// Runs are all runs of the sweep.
	Runs []Run
	// Part has the groups that this process carries out.
	Part []Group
	// NamedPart says which part this is; its Shards are 1 for the whole sweep.
	NamedPart
	// Bytes is the memory that the largest group needs.
	Bytes float64
	// Estimate is how long the part takes on this machine; 0 if the device cannot tell.
	Estimate time.Duration
	// Together is how many runs go together in the largest batch.
	Together int

	asked  int // how many runs are to go together; 0 means as many as the memory allows
	host   experiment.Host
	bySize map[string]placed // what groups of each size need
}

// placed says what groups of one size need.
type placed struct {
	storage  string
	together int
	bytes    float64
	// The seconds to make all rows, to take one step of a whole batch, and to measure one iterate.
	making, step, measuring float64
}

// Options are the choices that the sweep file does not make.
type Options struct {
	// NamedPart is the part to plan.
	NamedPart
	// Together is how many runs go together in a batch; 0 means as many as the memory allows, up to
	// [experiment.MostTogether].
	Together int
}

// Count is how many runs the part has.
func (p *Plan) Count() int {
	n := 0
	for _, g := range p.Part {
		n += len(g.Runs)
	}
	return n
}

// NewPlan expands a specification and plans a part of it. Its errors are a [config.UsageError] if the user
// can correct them, or ctx's if ctx is done before the speed is known.
func NewPlan(ctx context.Context, s *Spec, o Options, h experiment.Host) (*Plan, error) {
	runs, err := s.Runs()
	if err != nil {
		return nil, err
	}
	p := &Plan{
		Spec: s, Runs: runs, Part: Groups(runs), NamedPart: o.NamedPart,
		asked: o.Together, host: h, bySize: map[string]placed{},
	}
	if p.Shards = max(p.Shards, 1); p.Shards > 1 {
		p.Part = Shard(p.Part, p.Shard, p.Shards)
	}
	var configs []config.Config
	for _, r := range runs {
		configs = append(configs, r.Config)
	}
	p.host = h.Settle(configs)
	seconds, known := 0.0, true
	for _, g := range p.Part {
		at, found := p.bySize[p.size(g.Runs)]
		if !found || slices.ContainsFunc(g.Runs, namesFile) {
			if _, at, err = p.place(ctx, g.Runs); err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		p.Bytes = max(p.Bytes, at.bytes)
		p.Together = max(p.Together, min(at.together, len(g.Runs)))
		known = known && at.step > 0
		seconds += at.seconds(g.Runs)
	}
	if known {
		p.Estimate = time.Duration(seconds * float64(time.Second))
	}
	return p, nil
}

// namesFile says whether a run names a data file: the header of each must be read.
func namesFile(r Run) bool {
	return r.Config.UserMeasurements() != "" || config.IsStartFile(r.Config.Init)
}

// place plans some runs of a group. What takes a moment to find out, it finds out once for all groups of a
// size.
func (p *Plan) place(ctx context.Context, runs []Run) (*experiment.Group, placed, error) {
	var configs []config.Config
	for _, r := range runs {
		configs = append(configs, r.Config)
	}
	size := p.size(runs)
	at, found := p.bySize[size]
	together := min(p.asked, len(runs))
	if found {
		together = at.together
		for i := range configs {
			if configs[i].UserMeasurements() == "" {
				configs[i].Storage = at.storage
			}
		}
	}
	g, err := experiment.PlanGroup(configs, together, p.host)
	if err != nil && together > 1 {
		fits, other := experiment.PlanGroup(configs, 0, p.host)
		if other == nil && fits.Together < together {
			return nil, at, config.Usagef("%d runs together do not fit: %v; up to %d do, and without "+
				"--batch matsense finds this number itself", together, err, fits.Together)
		}
	}
	if err != nil || found {
		return g, at, err
	}
	at = placed{storage: g.Plan.Storage, together: g.Together, bytes: g.Plan.Bytes}
	at.making, at.step, at.measuring = g.Estimate(ctx)
	p.bySize[size] = at
	return g, at, nil
}

// size returns a key for the size of a group of runs: groups of one size need the same memory and time.
func (p *Plan) size(runs []Run) string {
	largest := 0
	for _, r := range runs {
		largest = max(largest, r.Config.FactorRank)
	}
	c := &runs[0].Config
	return fmt.Sprint(c.EntryCount(), c.N, c.N2, c.Measurements, c.Rank, c.Ensemble, c.Entries,
		c.UserMeasurements(), largest, min(len(runs), max(p.asked, experiment.MostTogether)))
}

// seconds estimates how long a group of runs takes.
func (at placed) seconds(runs []Run) float64 {
	s := at.making
	for _, r := range runs {
		steps, samples := float64(r.Config.Iterations), r.Config.Iterations/r.Config.MeasureEvery+2
		s += steps*at.step/float64(min(at.together, len(runs))) + float64(samples)*at.measuring
	}
	return s
}
