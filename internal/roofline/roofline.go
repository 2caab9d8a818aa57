// Package roofline compares the time of a step of gradient descent with the limit of its device: with the
// least time in which the device reads the measurements once, multiplies and adds as often as the step has
// to, or gathers the rows of the factor, whichever takes longest.
package roofline

import (
	"context"
	"slices"
	"time"

	"github.com/matsense/matsense/internal/work"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Backend is a backend whose memory bandwidth can be measured.
type Backend interface {
	solver.Backend
	// Probe prepares measurements of the rate, in bytes per second, at which the device's memory is read.
	// Each call of measure is one measurement. close frees the memory that Probe took.
	Probe() (measure func() (float64, error), close func() error, err error)
}

// Prober is a backend that measures the other limits of a step as well.
type Prober interface {
	Backend
	// ProbeMultiplyAdds measures how many multiply-adds in f64 the device does in a second.
	ProbeMultiplyAdds() float64
	// ProbeGathers prepares measurements of how many rows of a table in f64 the device reads in a second, in
	// random order.
	ProbeGathers(rows, columns int) (measure func() float64)
}

// Step is the kind of step to measure: gradient descent of a number of runs that share the measurements, each
// with an n × FactorRank factor.
type Step struct {
	Ensemble   sensing.Ensemble
	FactorRank int
	Runs       int
	Precision  solver.Precision
	InMemory   bool // the measurements are kept, not generated
}

// Batch returns the batch that Measure opens an engine for.
func (s Step) Batch() solver.Batch {
	ranks := slices.Repeat([]int{s.FactorRank}, s.Runs)
	return solver.Batch{Parametrization: solver.PSD{}, FactorRanks: ranks, Needs: method.Needs()}
}

// Result has the measurements of every round.
type Result struct {
	// Steps are the times of a step of all runs in seconds. Bandwidths are the device's bandwidths in bytes
	// per second, and Limits the least times of a step, each measured just before the step with the same
	// index.
	Steps, Bandwidths []float64
	Limits            []Limit
	Work              work.Work
}

// Measure times steps of gradient descent in rounds. Each round first measures the device's limits, so that
// other work on the machine slows both down.
func Measure(ctx context.Context, b Backend, p *Probe, s Step, rounds int) (*Result, error) {
	n, _ := s.Ensemble.Space().Dims()
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	if err != nil {
		return nil, err
	}
	engine, err := b.Open(ctx, &sensing.Problem{Ensemble: s.Ensemble, Truth: truth}, s.Batch())
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	r := new(Result) // of an ensemble of an unknown kind no limit is known
	r.Work, _ = work.Of(s.Ensemble, s.FactorRank, s.Runs, s.Precision, s.InMemory)
	probe := p.of(r.Work)
	step, err := s.begin(engine)
	if err != nil {
		return nil, err
	}
	steps := func(count int) (seconds float64, err error) {
		began := time.Now()
		for i := range count {
			if err := step(i); err != nil {
				return 0, err
			}
		}
		err = engine.Wait()
		return time.Since(began).Seconds(), err
	}
	if _, err := steps(1); err != nil { // the first step includes what is made once
		return nil, err
	}
	once, err := steps(1)
	if err != nil {
		return nil, err
	}
	const round = 0.01 // seconds: steps follow one another without a pause, as in a run
	count := max(1, min(int(round/once), 100))
	for range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rates, err := probe()
		if err != nil {
			return nil, err
		}
		seconds, err := steps(count)
		if err != nil {
			return nil, err
		}
		r.Steps = append(r.Steps, seconds/float64(count))
		r.Bandwidths = append(r.Bandwidths, rates.bytes)
		r.Limits = append(r.Limits, limitOf(r.Work, rates))
	}
	return r, nil
}

// begin gives the runs a start, and returns the function that does a step of all of them.
func (s Step) begin(engine solver.Engine) (step func(i int) error, err error) {
	n, _ := s.Ensemble.Space().Dims()
	members, numbers := make([]*solver.Member, s.Runs), make([]int, s.Runs)
	for i := range members {
		u, err := solver.Random{Alpha: 1e-2, Seed: uint64(1 + i)}.Factor(
			[]solver.Shape{{Rows: n, Cols: s.FactorRank}}, nil)
		if err != nil {
			return nil, err
		}
		numbers[i] = i
		members[i], err = solver.NewMember(engine, i, s.Ensemble.Space(), solver.PSD{}, s.FactorRank)
		if err != nil {
			return nil, err
		}
		if err := members[i].Set(solver.Iterate, u); err != nil {
			return nil, err
		}
	}
	return func(i int) error {
		if err := engine.Gradient(numbers...); err != nil { // of all runs in one pass over the measurements
			return err
		}
		for _, m := range members {
			if err := method.Step(m, i); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// Probe measures the rates of a device.
type Probe struct {
	backend Backend
	read    func() (float64, error)
	close   func() error
}

// NewProbe prepares measurements of the rates of a backend's device. It takes memory there until Close.
func NewProbe(b Backend) (*Probe, error) {
	read, closeProbe, err := b.Probe()
	return &Probe{b, read, closeProbe}, err
}

// Close frees the memory.
func (p *Probe) Close() error { return p.close() }

// of prepares measurements of the rates that the work depends on.
func (p *Probe) of(w work.Work) (measure func() (rates, error)) {
	prober, _ := p.backend.(Prober)
	var gathers func() float64
	if prober != nil && w.Gathers > 0 {
		gathers = prober.ProbeGathers(w.Rows, w.Columns)
	}
	return func() (r rates, err error) {
		if r.bytes, err = p.read(); err != nil || prober == nil {
			return r, err
		}
		if r.doubles = prober.ProbeMultiplyAdds(); gathers != nil {
			r.gathers = gathers()
		}
		return r, nil
	}
}

// method is what a step is one of.
var method = solver.GD{StepSize: 1e-3}

// Flops is how many operations a step has at least: two for each multiply-add.
func (r *Result) Flops() float64 { return 2 * (r.Work.Doubles + r.Work.Singles) }

// Limit returns the median of the limits' times, with the bound of most of them.
func (r *Result) Limit() Limit {
	var all []float64
	count, bound := map[string]int{}, ""
	for _, l := range r.Limits {
		all = append(all, l.Seconds)
		if count[l.Bound]++; count[l.Bound] > count[bound] || bound == "" {
			bound = l.Bound
		}
	}
	return Limit{Median(all), bound}
}

// Fraction returns the median over the rounds of the limit measured just before, divided by the step's time.
func (r *Result) Fraction() float64 {
	var all []float64
	for i, t := range r.Steps {
		all = append(all, r.Limits[i].Seconds/t)
	}
	return Median(all)
}

// Median returns the middle number, or the mean of the two middle numbers.
func Median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
