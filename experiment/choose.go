package experiment

import (
	"errors"
	"fmt"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// expected is a backend that estimates how long steps take, from counted work and known rates. It measures
// nothing, so that its answer is the same each time.
type expected interface {
	// Expect returns the seconds before the first step, and of one step of one member with the batch's
	// largest factor; step is 0 if the backend cannot tell.
	Expect(e sensing.Ensemble, batch solver.Batch) (opening, step float64)
}

// choice is a comparison of the cpu with another device, by estimated seconds.
type choice struct {
	device       string  // the other device; empty if nothing was compared
	host, there  float64 // of all steps on the cpu and on the other device
	opening      float64 // the part of there before the first steps
	takesTheHost bool
}

// aside is how many steps take about as long as what comes before and after the steps: the spectral estimate,
// and losses.
const aside = 50

// Settle returns a Host that has decided, if the setting of the device is auto, between the cpu and the best
// other device, by the estimated time of all steps of all given runs. The estimate depends on nothing but
// these runs and the devices. So a sweep that settles for all of its runs uses the same device however it is
// divided or resumed. If an estimate is not known, the order of [Host.Auto] remains.
func (h Host) Settle(configs []config.Config) Host {
	if h.faster == nil {
		h.faster = map[string]bool{}
	}
	if h.choice.device != "" || len(configs) == 0 || configs[0].Device != "auto" {
		return h
	}
	devices, _ := h.Auto()
	c := choice{device: devices[0]}
	if c.device == "cpu" {
		return h
	}
	type times struct{ opening, there, host float64 }
	bySize, opened := map[string]times{}, map[string]bool{}
	for i := range configs {
		settings := configs[i]
		size := fmt.Sprint(settings.EntryCount(), settings.N, settings.N2, settings.Measurements,
			settings.Ensemble, settings.Entries, settings.UserMeasurements(), settings.FactorRank,
			settings.Parametrization, settings.Method, settings.Storage)
		t, found := bySize[size]
		if !found {
			var err, other error
			t.opening, t.there, err = h.expect(settings, c.device)
			_, t.host, other = h.expect(settings, "cpu")
			switch {
			case errors.Is(err, solver.ErrUnsupported), errors.Is(other, solver.ErrUnsupported):
				t = times{} // one of the devices must run it
			case err != nil, other != nil, t.there <= 0, t.host <= 0:
				return h
			}
			bySize[size] = t
		}
		steps := float64(settings.Iterations + aside)
		c.there, c.host = c.there+steps*t.there, c.host+steps*t.host
		if key := settings.ProblemKey(); !opened[key] { // runs of one problem share an engine
			opened[key] = true
			c.there, c.opening = c.there+t.opening, c.opening+t.opening
		}
	}
	if c.host > 0 {
		c.takesTheHost = c.host <= c.there
		h.choice = c
	}
	return h
}

// Expect estimates the seconds before the first step, and of one step, of a run on the device of its
// settings. step is 0 if the device cannot tell. The error wraps [solver.ErrUnsupported] if the device cannot
// do it.
func (h Host) Expect(c config.Config) (opening, step float64, err error) {
	return h.expect(c, c.Device)
}

// expect returns the estimated seconds before the first step, and of one step, of a run on a device.
func (h Host) expect(c config.Config, device string) (opening, step float64, err error) {
	if err := c.Check(); err != nil {
		return 0, 0, err
	}
	place := Place{
		Device: device, Storage: "memory", Precision: c.Precision, Workers: c.Workers, SIMD: c.SIMD,
	}
	if c.Storage == "generated" && c.CanGenerate() {
		place.Storage = c.Storage
	}
	automatic := place.Precision == "auto"
	if automatic {
		place.Precision = string(solver.F64)
	}
	b, err := h.Backend(place)
	if err == nil && automatic {
		place.Precision = precisionOn(b, &c)
		b, err = h.Backend(place)
	}
	if err != nil {
		return 0, 0, err
	}
	e, err := c.StandIn()
	if err != nil {
		return 0, 0, err
	}
	batch := batchOf(c)
	if _, err := solver.MemoryFor(b, &sensing.Problem{Ensemble: e}, batch); err != nil {
		return 0, 0, err
	}
	if b, ok := b.(expected); ok {
		opening, step = b.Expect(e, batch)
	}
	return opening, step, nil
}

// order puts the cpu before the other devices if the estimate says so. note says it to the user; it is empty
// if nothing was compared. otherwise is the setting that takes the other device.
func (c choice) order(devices []string, otherwise string) (ordered []string, note string) {
	switch {
	case c.device == "" || devices[0] != c.device:
		return devices, ""
	case !c.takesTheHost:
		return devices, fmt.Sprintf("%s is used: by estimate all steps take %s there, and %s on the cpu",
			c.device, seconds(c.there), seconds(c.host))
	}
	ordered = []string{"cpu"}
	for _, d := range devices {
		if d != "cpu" {
			ordered = append(ordered, d)
		}
	}
	return ordered, fmt.Sprintf("cpu is used: by estimate all steps take %s there, and %s on %s, of which "+
		"it takes %s to open it; %s takes the GPU",
		seconds(c.host), seconds(c.there), c.device, seconds(c.opening), otherwise)
}

// seconds writes a time with two digits.
func seconds(t float64) string {
	if t >= 99.5 {
		return fmt.Sprintf("%.0f s", t)
	}
	return fmt.Sprintf("%.2g s", t)
}
