package sweep

import (
	"fmt"
	"slices"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
)

// Plan is a sweep, or one machine's part of it, that was found sound: every run checked, memory compared with what there is.
// Nothing has been computed yet, but for estimates of a moment.
type Plan struct {
	Spec *Spec
	// Runs are the whole sweep's.
	Runs []Run
	// Part is what this process carries out, group by group.
	Part []Group
	// Shard and Shards say which part, from 0; one of one is the whole.
	Shard, Shards int
	// Bytes is the memory that the largest group needs.
	Bytes float64
	// Estimate is how long the part takes on this machine; 0 where that cannot be told.
	Estimate time.Duration
	// Seats is how many runs go together in the largest group.
	Seats int

	seats int // asked for; 0 is as many as there is memory for
	host  experiment.Host
	cells map[string]placed // what was found out for groups of one size
}

// placed is what groups of one size have in common.
type placed struct {
	storage             string
	seats               int
	bytes               float64
	making, step, gauge float64 // seconds: of all rows, of a step of all seats, of one measurement
}

// Options say how a sweep is shared out.
type Options struct {
	Shard, Shards int // the part, from 0, and how many there are; 0 of 0 is the whole
	Seats         int // how many runs go together; 0 is as many as there is memory for, up to 32
}

// Count is how many runs the part has.
func (p *Plan) Count() int {
	n := 0
	for _, g := range p.Part {
		n += len(g.Runs)
	}
	return n
}

// NewPlan expands a specification and plans a part of it. Its errors are a [config.UsageError] where the user can mend them.
func NewPlan(s *Spec, o Options, h experiment.Host) (*Plan, error) {
	runs, err := s.Runs()
	if err != nil {
		return nil, err
	}
	p := &Plan{Spec: s, Runs: runs, Part: Groups(runs), Shard: o.Shard, Shards: max(o.Shards, 1), seats: o.Seats, host: h, cells: map[string]placed{}}
	if p.Shards > 1 {
		p.Part = Shard(p.Part, p.Shard, p.Shards)
	}
	seconds, known := 0.0, true
	for _, g := range p.Part {
		at, found := p.cells[p.size(g.Runs)]
		if !found || slices.ContainsFunc(g.Runs, namesFile) {
			if _, at, err = p.place(g.Runs); err != nil {
				return nil, err
			}
		}
		p.Bytes, p.Seats = max(p.Bytes, at.bytes), max(p.Seats, min(at.seats, len(g.Runs)))
		known = known && at.step > 0
		seconds += at.seconds(g.Runs)
	}
	if known {
		p.Estimate = time.Duration(seconds * float64(time.Second))
	}
	return p, nil
}

// namesFile says whether a run has a data file, whose header is to be read.
func namesFile(r Run) bool {
	return r.Config.UserMeasurements() != "" || config.IsStartFile(r.Config.Init)
}

// place plans some runs of a group together. What takes a moment to find out is found out once for groups of one size.
func (p *Plan) place(runs []Run) (*experiment.Group, placed, error) {
	var configs []config.Config
	for _, r := range runs {
		configs = append(configs, r.Config)
	}
	size := p.size(runs)
	at, found := p.cells[size]
	seats := min(p.seats, len(runs))
	if found {
		seats = at.seats
		for i := range configs {
			if configs[i].UserMeasurements() == "" {
				configs[i].Storage = at.storage
			}
		}
	}
	g, err := experiment.PlanGroup(configs, seats, p.host)
	if err != nil && seats > 1 {
		if fits, other := experiment.PlanGroup(configs, 0, p.host); other == nil && fits.Seats < seats {
			return nil, at, config.Usagef("%d runs together do not fit: %v; up to %d do, which is found by itself without a batch", seats, err, fits.Seats)
		}
	}
	if err != nil || found {
		return g, at, err
	}
	at = placed{storage: g.Plan.Storage, seats: g.Seats, bytes: g.Plan.Bytes}
	at.making, at.step, at.gauge = g.Estimate()
	p.cells[size] = at
	return g, at, nil
}

// size is what says how large a group of runs is: those of one size need the same memory and time.
func (p *Plan) size(runs []Run) string {
	largest := 0
	for _, r := range runs {
		largest = max(largest, r.Config.FactorRank)
	}
	c := &runs[0].Config
	return fmt.Sprint(c.EntryCount(), c.N, c.N2, c.Measurements, c.Rank, c.Ensemble, c.Entries, c.UserMeasurements(), largest, min(len(runs), max(p.seats, experiment.MostSeats)))
}

// seconds estimates how long a group of runs takes.
func (at placed) seconds(runs []Run) float64 {
	s := at.making
	for _, r := range runs {
		steps, samples := r.Config.Iterations, r.Config.Iterations/r.Config.MeasureEvery+2
		s += float64(steps)*at.step/float64(min(at.seats, len(runs))) + float64(samples)*at.gauge
	}
	return s
}
