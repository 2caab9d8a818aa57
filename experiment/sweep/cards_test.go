package sweep

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// card is one of several devices, or all of them together. The cpu computes for it.
type card struct {
	cpu.Backend
	name string
	of   *cards
}

// cards are devices that can be used together or one by one.
type cards struct {
	step, together float64 // the seconds of a step on one device and on all; 0: nobody knows
	bytes          float64 // what a group needs on one device
	lost           string  // the device that cannot be opened
	mixes          string  // the device on which mixed precision is faster
}

func (c card) Name() string   { return "cuda" }
func (c card) Device() string { return c.name }

func (c card) MixedIsFaster(sensing.Ensemble) bool { return c.name == c.of.mixes }

func (c card) Expect(sensing.Ensemble, solver.Batch) (opening, step float64) {
	if strings.Contains(c.name, ",") {
		return 0.25, c.of.together
	}
	return 0.25, c.of.step
}

func (c card) Memory(*sensing.Problem, solver.Batch) (float64, error) {
	if strings.Contains(c.name, ",") {
		return 1000, nil
	}
	return c.of.bytes, nil
}

func (c card) Open(ctx context.Context, p *sensing.Problem, b solver.Batch) (solver.Engine, error) {
	if c.name == c.of.lost {
		return nil, errors.New("the device is lost")
	}
	return c.Backend.Open(ctx, p, b)
}

// host is a machine with these devices.
func (c *cards) host() experiment.Host {
	h := aHost()
	h.Backend = func(p experiment.Place) (solver.Backend, error) {
		if p.Device == "cpu" {
			return cpu.Backend{}, nil
		}
		return card{cpu.Backend{Storage: solver.Storage(p.Storage)}, p.Device, c}, nil
	}
	h.Memory = func(solver.Backend) (float64, error) { return 1e6, nil }
	h.Apart = func(device string) ([]string, error) {
		var devices []string
		for number := range strings.SplitSeq(strings.TrimPrefix(device, "cuda:"), ",") {
			devices = append(devices, "cuda:"+number)
		}
		return devices, nil
	}
	return h
}

// plan plans a sweep on some of the devices.
func (c *cards) plan(t *testing.T, text, device string) *Plan {
	t.Helper()
	spec, err := mustParse(t, text).On(device)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(context.Background(), spec, Options{}, c.host())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// carryOut carries a plan out, of which no run fails.
func carryOut(t *testing.T, p *Plan, w Where) *Results {
	t.Helper()
	r, failures, err := p.Run(t.Context(), w, quiet{})
	if err != nil || failures > 0 || len(r.Records) != len(p.Runs) {
		t.Fatalf("%d failures, %v", failures, err)
	}
	return r
}

// TestApart: two devices have runs of their own where the estimate says that this takes less time, or where
// nobody knows and each has work. Both ways lead to the tables of one device, to the byte.
func TestApart(t *testing.T) {
	const oneRun = "base: {n: 6, rank: 1, measurements: 40, iterations: 12, step: 0.25}\n"
	for name, c := range map[string]struct {
		cards
		text  string
		apart bool
	}{
		"two groups":                {cards{step: 1, together: 0.6}, aSweep, true},
		"sharing rows is faster":    {cards{step: 1, together: 0.4}, aSweep, false},
		"one run":                   {cards{step: 1, together: 0.6}, oneRun, false},
		"one run, sharing is slow":  {cards{step: 1, together: 1.2}, oneRun, true},
		"nobody knows":              {cards{}, aSweep, true},
		"nobody knows, and one run": {cards{}, oneRun, false},
		"they fit on no device":     {cards{step: 1, together: 5, bytes: 1e7}, aSweep, false},
	} {
		t.Run(name, func(t *testing.T) {
			one := &cards{}
			want := filepath.Join(t.TempDir(), "one")
			carryOut(t, one.plan(t, c.text, "cuda:0"), Where{Dir: want})
			both := &cards{step: c.step, together: c.together, bytes: c.bytes}
			p := both.plan(t, c.text, "cuda:0,1")
			shares, rest := p.shares(p.Part)
			if used := len(shares) > 0; used != c.apart || used == (len(rest) > 0) {
				t.Errorf("%d devices have runs of their own, %d groups are left", len(shares), len(rest))
			}
			dir := filepath.Join(t.TempDir(), "both")
			r := carryOut(t, p, Where{Dir: dir})
			used := map[string]bool{}
			for _, rec := range r.Records {
				used[rec.Timing.Device] = true
			}
			if expect := map[bool]int{true: len(shares), false: 1}[c.apart]; len(used) != expect {
				t.Errorf("the devices %v were used", used)
			}
			if !slices.EqualFunc(tablesOf(t, dir), tablesOf(t, want), slices.Equal) {
				t.Error("the tables differ from those of one device")
			}
		})
	}
}

// TestApartAcrossLargeGroups: the runs of one large group are divided among the devices.
func TestApartAcrossLargeGroups(t *testing.T) {
	both := &cards{step: 1, together: 0.6}
	p := both.plan(t, strings.Replace(aSweep, "seeds: 2\n", "seeds: 1\n", 1), "cuda:0,1")
	shares, rest := p.shares(p.Part)
	if len(p.Part) != 1 || len(shares) != 2 || len(rest) > 0 ||
		len(shares[0].groups[0].Runs) != 2 || len(shares[1].groups[0].Runs) != 2 {
		t.Errorf("%d groups, %+v, %d are left", len(p.Part), shares, len(rest))
	}
	// What is left of a group is carried out in the same way.
	if _, rest := p.shares([]Group{{p.Part[0].Runs[:1]}}); len(rest) > 0 {
		t.Error("no device takes a run that is left of a group")
	}
	if got := p.expected(p.Part, "cuda:0"); math.Abs(got-(0.25+4*12)) > 1e-12 {
		t.Errorf("4 runs of 12 steps take %v s", got)
	}
}

// TestPrecisionApart: if the devices differ, the first decides the precision auto for all runs.
func TestPrecisionApart(t *testing.T) {
	for mixes, want := range map[string]string{"cuda:0": "mixed", "cuda:1": "f64", "": "f64"} {
		both := &cards{step: 1, together: 0.6, mixes: mixes}
		p := both.plan(t, strings.Replace(aSweep, "n: 6", "n: 6, precision: auto", 1), "cuda:0,1")
		for _, device := range p.Apart() {
			g, _, err := p.place(p.Part[0].Runs, spot{device: device})
			if err != nil || g.Configs[0].Precision != want || g.Configs[0].Device != device {
				t.Errorf("%q mixes: %s on %s, %v", mixes, g.Configs[0].Precision, device, err)
			}
		}
		if len(p.Apart()) != 2 {
			t.Error("the devices have no runs of their own")
		}
	}
}

// TestLostCardOfASweep: if one of the devices is lost, the sweep ends with its name, and keeps what the
// others have done. Resumed on the device that is left, it has the tables of one device.
func TestLostCardOfASweep(t *testing.T) {
	one := &cards{}
	want := filepath.Join(t.TempDir(), "one")
	carryOut(t, one.plan(t, aSweep, "cuda:0"), Where{Dir: want})
	dir := filepath.Join(t.TempDir(), "both")
	both := &cards{step: 1, together: 0.6, lost: "cuda:1"}
	_, _, err := both.plan(t, aSweep, "cuda:0,1").Run(t.Context(), Where{Dir: dir}, quiet{})
	if err == nil || err.Error() != "cuda:1: the device is lost" {
		t.Errorf("the error is %v", err)
	}
	carryOut(t, one.plan(t, aSweep, "cuda:0"), Where{Dir: dir, Resume: true})
	if !slices.EqualFunc(tablesOf(t, dir), tablesOf(t, want), slices.Equal) {
		t.Error("the tables differ from those of one device")
	}
}
