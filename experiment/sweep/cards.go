package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/internal/atomicfile"
	"github.com/matsense/matsense/solver"
)

// A sweep whose device names several GPUs may use them in two ways. Together, the GPUs share the rows of each
// group. Apart, each GPU has runs of its own, as each part of a sweep has. The results are the same bytes.
// The plan takes the way that takes less time, by estimate. Groups that fit on no single GPU are carried out
// together in any case, after the others.

// Apart lists the devices that have runs of their own; none if there is one device, or if several share the
// rows of each group.
func (p *Plan) Apart() []string { return p.apart }

// lane is what one of several devices carries out.
type lane struct {
	device string
	groups []Group
}

// lanes divides groups among the devices that have runs of their own. shared are carried out on the device
// that the settings name.
func (p *Plan) lanes(groups []Group) (lanes []lane, shared []Group) {
	var single []Group
	for _, g := range groups {
		if p.isAlone(g) {
			single = append(single, g)
		} else {
			shared = append(shared, g)
		}
	}
	for i, device := range p.apart {
		if part := Shard(single, i, len(p.apart)); len(part) > 0 {
			lanes = append(lanes, lane{device, part})
		}
	}
	return lanes, shared
}

// divide decides whether several devices have runs of their own. If nobody can tell how long steps take, they
// have if there is work for each of them.
func (p *Plan) divide(ctx context.Context) error {
	if p.host.Apart == nil || len(p.Part) == 0 {
		return nil
	}
	device := p.Runs[0].Config.Device
	for _, r := range p.Runs {
		if r.Config.Device != device {
			return nil
		}
	}
	devices, err := p.host.Apart(device)
	if err != nil || len(devices) < 2 {
		return err
	}
	p.first = devices[0]
	if err := p.findAlone(ctx, devices); err != nil {
		return err
	}
	p.apart = devices
	lanes, shared := p.lanes(p.Part)
	together := p.expected(p.Part, device)
	slowest := 0.0
	for _, l := range lanes {
		slowest = max(slowest, p.expected(l.groups, l.device))
	}
	apart := slowest + p.expected(shared, device)
	takes := apart <= together
	if math.IsNaN(apart + together) {
		takes = len(lanes) == len(devices)
	}
	if len(lanes) == 0 || !takes && !math.IsInf(together, 1) {
		p.apart = nil
	}
	return nil
}

// findAlone finds out which groups fit on each of some devices, by their sizes.
func (p *Plan) findAlone(ctx context.Context, devices []string) error {
	p.alone = map[string]bool{}
	known := map[string]bool{}
	for _, g := range p.Part {
		size, rows := p.size(g.Runs, ""), sizeOfRows(g.Runs)
		if known[size] {
			continue
		}
		known[size] = true
		if _, found := p.alone[rows]; !found {
			p.alone[rows] = true
		}
		for _, device := range devices {
			_, _, err := p.place(ctx, g.Runs, device)
			switch {
			case errors.Is(err, experiment.ErrUnavailable):
				return err
			case err != nil: // the plan on all devices says why, if they cannot do it either
				p.alone[rows] = false
			}
		}
	}
	return nil
}

// isAlone says whether a group, or some runs of it, is carried out on one of the devices that have runs of
// their own.
func (p *Plan) isAlone(g Group) bool { return len(p.apart) > 0 && p.alone[sizeOfRows(g.Runs)] }

// expected estimates the seconds of groups on a device, one after another: infinite if the device cannot
// carry them out, and not a number if nobody can tell.
func (p *Plan) expected(groups []Group, device string) (seconds float64) {
	type times struct{ opening, step float64 }
	known := map[string]times{}
	for _, g := range groups {
		size := p.size(g.Runs, device)
		t, found := known[size]
		if !found {
			c := g.Runs[0].Config
			for _, r := range g.Runs {
				c.FactorRank = max(c.FactorRank, r.Config.FactorRank)
			}
			c.Device = device
			var err error
			t.opening, t.step, err = p.host.Expect(c)
			switch {
			case errors.Is(err, solver.ErrUnsupported):
				return math.Inf(1)
			case err != nil || t.step == 0:
				t.step = math.NaN()
			}
			known[size] = t
		}
		seconds += t.opening
		for _, r := range g.Runs {
			seconds += float64(r.Config.Iterations) * t.step
		}
	}
	return seconds
}

// carrying is a sweep under way. Several groups may be under way at one time, each on a device of its own.
type carrying struct {
	plan     *Plan
	data     dataSums
	out      *recorder
	live     *liveWriter
	progress Progress

	mu       sync.Mutex // of all that groups share
	failures int        // runs that failed
}

// all carries out groups.
func (c *carrying) all(ctx context.Context, groups []Group) error {
	lanes, shared := c.plan.lanes(groups)
	if err := c.side(ctx, lanes); err != nil {
		return err
	}
	for _, g := range shared {
		if err := c.group(ctx, g.Runs, ""); err != nil {
			return err
		}
	}
	return nil
}

// side carries out the groups of several devices side by side. If a group ends with an error, the others are
// interrupted, so that their runs are saved.
func (c *carrying) side(ctx context.Context, lanes []lane) error {
	lanesCtx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	failures := make([]error, len(lanes))
	for i, l := range lanes {
		all.Go(func() {
			for _, g := range l.groups {
				if err := c.group(lanesCtx, g.Runs, l.device); err != nil {
					if lanesCtx.Err() == nil && len(lanes) > 1 {
						err = fmt.Errorf("%s: %w", l.device, err)
					}
					failures[i] = err
					stop()
					return
				}
			}
		})
	}
	all.Wait()
	var failed error
	for _, err := range failures {
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if !errors.Is(err, context.Canceled) { // those were stopped because of another
			failed = atomicfile.Join(failed, err)
		}
	}
	return failed
}

// On returns the specification with another device.
func (s *Spec) On(device string) (*Spec, error) {
	for _, key := range s.Keys() {
		if key == "device" {
			return nil, config.Usagef("--device: the runs of this sweep differ in device: change the file")
		}
	}
	c := *s
	if err := field(&c.Base, "device").Set(device, "--device"); err != nil {
		return nil, config.Usagef("--device: %v", err)
	}
	c.inBase = map[string]bool{"device": true}
	maps.Copy(c.inBase, s.inBase)
	return &c, nil
}
