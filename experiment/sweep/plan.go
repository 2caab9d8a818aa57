package sweep

import (
	"context"
	"fmt"
	"math"
	"math/bits"
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
	// AtOnce is how many small groups are under way at one time on the host; 0 if there is none.
	AtOnce int
	// Bytes is the memory that is needed at one time: by the largest group, or by several small ones.
	Bytes float64
	// Estimate is how long the part takes on this machine; 0 if the device cannot tell. Counted says that it
	// follows in part from counted work, which is right within a factor of about three; otherwise it was
	// measured.
	Estimate time.Duration
	Counted  bool
	// Together is how many runs go together in the largest batch.
	Together int

	asked   int // how many runs are to go together; 0 means as many as the memory allows
	host    experiment.Host
	bySize  map[string]placed // what groups of each size need
	byScale map[string]speed  // how fast groups of similar sizes are

	apart []string        // the devices that have runs of their own
	first string          // the first of several devices, which decides the precision auto
	alone map[string]bool // by sizeOfRows, whether groups fit on each of them

	small   map[string]bool // by sizeOfRows, whether groups go side by side on the host
	workers int             // that the groups under way at one time share

	fingerprints []string // of each run; "" if it was not asked for yet
}

// placed says what groups of one size need.
type placed struct {
	storage   string
	together  int
	bytes     float64
	available float64 // the memory that there was
	small     bool    // other groups may go beside it
}

// speed says how fast a group is, whose measurements have so many entries.
type speed struct {
	experiment.Speed
	entries float64
}

// Options are the choices that the sweep file does not make.
type Options struct {
	// NamedPart is the part to plan.
	NamedPart
	// Together is how many runs go together in a batch; 0 means as many as the memory allows, up to
	// [experiment.MostTogether].
	Together int
	// Only says for which runs the part is planned, by their numbers; nil: for all.
	Only map[int]bool
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
		byScale: map[string]speed{},
	}
	if p.Shards = max(p.Shards, 1); p.Shards > 1 {
		p.Part = Shard(p.Part, p.Shard, p.Shards)
	}
	if o.Only != nil {
		p.Part = only(p.Part, o.Only)
	}
	configs := make([]config.Config, 0, len(runs))
	for _, r := range runs {
		configs = append(configs, r.Config)
	}
	p.host = h.Settle(configs)
	if err := p.divide(); err != nil {
		return nil, err
	}
	for _, g := range p.Part {
		device := p.deviceOf(g)
		at, found := p.bySize[p.size(g.Runs, device)]
		if !found || slices.ContainsFunc(g.Runs, namesFile) {
			if _, at, err = p.place(g.Runs, spot{device: device}); err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, unbegun(err)
			}
		}
		p.Bytes = max(p.Bytes, at.bytes)
		p.Together = max(p.Together, min(at.together, len(g.Runs)))
	}
	p.findBeside()
	if err := p.estimate(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// unbegun is the error for a plan that ctx ends with err.
func unbegun(err error) error { return fmt.Errorf("interrupted before a run was begun: %w", err) }

// only returns the groups with those runs alone for which there is true.
func only(groups []Group, there map[int]bool) (part []Group) {
	for _, g := range groups {
		runs := slices.DeleteFunc(slices.Clone(g.Runs), func(r Run) bool { return !there[r.Index] })
		if len(runs) > 0 {
			part = append(part, Group{runs})
		}
	}
	return part
}

// namesFile says whether a run names a data file: the header of each must be read.
func namesFile(r Run) bool {
	return r.Config.UserMeasurements() != "" || config.IsStartFile(r.Config.Init)
}

// deviceOf is the device on which a group is planned: one of those that have runs of their own; empty for
// that of the settings.
func (p *Plan) deviceOf(g Group) string {
	if p.isAlone(g) {
		return p.apart[0]
	}
	return ""
}

// place plans some runs of a group on a spot. Where they are kept, and how many go together, it finds out
// once for all groups of a size.
func (p *Plan) place(runs []Run, on spot) (*experiment.Group, placed, error) {
	var configs []config.Config
	for _, r := range runs {
		c := r.Config
		if on.workers > 0 {
			c.Workers = on.workers
		}
		if on.device != "" {
			if c.Device = p.first; c.Precision == "auto" {
				c.Precision = p.host.Precision(c) // the same for all runs, if the devices differ
			}
			c.Device = on.device
		}
		configs = append(configs, c)
	}
	size := p.size(runs, on.device)
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
	at = placed{
		storage: g.Plan.Storage, together: g.Together, bytes: g.Plan.Bytes, available: g.Plan.Available,
		small: needsLittle(g),
	}
	p.bySize[size] = at
	return g, at, nil
}

// estimate finds out how long the part takes: groups on one spot add their times, and those side by side
// share them. It is not known if it is not known of each run.
func (p *Plan) estimate(ctx context.Context) error {
	type size struct {
		placed
		speed
	}
	known, all, counted := map[string]size{}, 0.0, false
	for _, g := range p.Part {
		if slices.ContainsFunc(g.Runs, func(r Run) bool { return !r.Config.PassesAlone() }) {
			return nil
		}
		on, atOnce := spot{device: p.deviceOf(g)}, 1
		if p.AtOnce > 1 && p.isSmall(g) {
			on.workers, atOnce = p.workers/p.AtOnce, p.AtOnce
		}
		key := p.size(g.Runs, on.device)
		s, found := known[key]
		if !found {
			planned, at, err := p.place(g.Runs, on)
			if err != nil {
				return err
			}
			s = size{at, p.speedOf(ctx, planned)}
			if err := ctx.Err(); err != nil {
				return unbegun(err)
			}
			known[key] = s
		}
		if s.Step == 0 {
			return nil
		}
		counted = counted || s.Counted
		all += s.seconds(g.Runs, s.together) / float64(atOnce)
	}
	p.Estimate, p.Counted = time.Duration(all*float64(time.Second)), counted
	return nil
}

// speedOf finds out how fast a group is. To measure this takes a moment, so that groups whose sizes differ by
// less than a fifth are measured once, and scaled. What is counted depends on more than the size.
func (p *Plan) speedOf(ctx context.Context, g *experiment.Group) speed {
	c := &g.Plan.Config
	entries := max(c.EntryCount(), 1)
	scale := fmt.Sprint(c.Device, " ", c.Workers, c.Ensemble, c.Entries, bits.Len(uint(c.N)),
		bits.Len(uint(c.FactorRank)), bits.Len(uint(g.Together)), math.Round(4*math.Log2(entries)))
	s, found := p.byScale[scale]
	if !found || s.Counted {
		s = speed{g.Speed(ctx), entries}
		p.byScale[scale] = s
	}
	s.Making *= entries / s.entries
	s.Step *= entries / s.entries
	return s
}

// seconds estimates how long runs take, so many together.
func (s speed) seconds(runs []Run, together int) float64 {
	all := s.Making
	for _, r := range runs {
		steps, samples := float64(r.Config.Iterations), r.Config.Iterations/r.Config.MeasureEvery+2
		all += steps*s.Step/float64(min(together, len(runs))) + float64(samples)*s.Measuring
	}
	return all
}

// size returns a key for the size of a group of runs on a device: groups of one size need the same memory and
// time.
func (p *Plan) size(runs []Run, device string) string {
	largest := 0
	for _, r := range runs {
		largest = max(largest, r.Config.FactorRank)
	}
	return fmt.Sprint(device, " ", sizeOfRows(runs), " ", largest,
		min(len(runs), max(p.asked, experiment.MostTogether)))
}

// sizeOfRows is a key for the size of what all runs of a group share.
func sizeOfRows(runs []Run) string {
	c := &runs[0].Config
	return fmt.Sprint(c.EntryCount(), c.N, c.N2, c.Measurements, c.Rank, c.Ensemble, c.Entries,
		c.UserMeasurements())
}
