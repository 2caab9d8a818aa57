package sweep

import (
	"errors"
	"maps"
	"math"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// A sweep whose device names several GPUs may use them in two ways. Together, the GPUs share the rows of each
// group. Apart, each GPU has runs of its own, as each part of a sweep has. The results are the same bytes.
// The plan takes the way that takes less time, by estimate. Groups that fit on no single GPU are carried out
// together in any case, after the others.

// Apart lists the devices that have runs of their own; none if there is one device, or if several share the
// rows of each group.
func (p *Plan) Apart() []string { return p.apart }

// share is what one of several devices carries out.
type share struct {
	device string
	groups []Group
}

// shares divides groups among the devices that have runs of their own. The rest is carried out on the device
// that the settings name.
func (p *Plan) shares(groups []Group) (shares []share, rest []Group) {
	var single []Group
	for _, g := range groups {
		if p.isAlone(g) {
			single = append(single, g)
		} else {
			rest = append(rest, g)
		}
	}
	for i, device := range p.apart {
		if part := Shard(single, i, len(p.apart)); len(part) > 0 {
			shares = append(shares, share{device, part})
		}
	}
	return shares, rest
}

// divide decides whether several devices have runs of their own. If nobody can tell how long steps take, they
// have if there is work for each of them.
func (p *Plan) divide() error {
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
	if err := p.findAlone(devices); err != nil {
		return err
	}
	p.apart = devices
	shares, rest := p.shares(p.Part)
	together := p.expected(p.Part, device)
	slowest := 0.0
	for _, s := range shares {
		slowest = max(slowest, p.expected(s.groups, s.device))
	}
	apart := slowest + p.expected(rest, device)
	takes := apart <= together
	if math.IsNaN(apart + together) {
		takes = len(shares) == len(devices)
	}
	if len(shares) == 0 || !takes && !math.IsInf(together, 1) {
		p.apart = nil
	}
	return nil
}

// findAlone finds out which groups fit on each of some devices, by their sizes.
func (p *Plan) findAlone(devices []string) error {
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
			_, _, err := p.place(g.Runs, spot{device: device})
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
