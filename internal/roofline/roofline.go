// Package roofline measures what a step of gradient descent takes beside what its device can do: one pass over m·K
// entries is the least it must read, so no step from memory is faster than m·K entries at the device's bandwidth.
package roofline

import (
	"context"
	"slices"
	"time"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Backend is a backend whose device's bandwidth can be measured.
type Backend interface {
	solver.Backend
	// Probe prepares the measurement of the rate at which the device's memory is read, in bytes a second: each call of
	// measure is one. close gives back what it took.
	Probe() (measure func() (float64, error), close func() error, err error)
}

// Result has what was measured, round by round.
type Result struct {
	// Steps are the times of a step in seconds, Bandwidths the device's in bytes a second, measured just before each.
	Steps, Bandwidths []float64
	// Bytes is what a step must read at least: the rows; 0 where they are generated. Flops is 4 for each entry: two
	// multiplications and two additions.
	Bytes, Flops float64
}

// Measure times steps of gradient descent with an n × n factor in rounds, each right after a measurement of the
// bandwidth, so that a noisy machine hurts both.
func Measure(ctx context.Context, b Backend, e sensing.Ensemble, inMemory bool, rounds int) (*Result, error) {
	n, _ := e.Space().Dims()
	truth, err := sensing.NewTruth(n, 1, 1, 1)
	if err != nil {
		return nil, err
	}
	engine, err := b.Open(ctx, &sensing.Problem{Ensemble: e, Truth: truth}, Batch(n))
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	measure, closeProbe, err := b.Probe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeProbe() }() // the figures are there
	u, err := solver.Random{Alpha: 1e-2, Seed: 1}.Factor([]solver.Shape{{Rows: n, Cols: n}}, nil)
	if err != nil {
		return nil, err
	}
	member, err := solver.NewMember(engine, 0, e.Space(), solver.PSD{}, n)
	if err != nil {
		return nil, err
	}
	if err := member.Set(solver.Iterate, u); err != nil {
		return nil, err
	}
	steps := func(count int) (seconds float64, err error) {
		began := time.Now()
		for i := range count {
			if err := method.Step(member, i); err != nil {
				return 0, err
			}
		}
		err = engine.Wait()
		return time.Since(began).Seconds(), err
	}
	if _, err := steps(1); err != nil { // it pays for what is made on first use
		return nil, err
	}
	once, err := steps(1)
	if err != nil {
		return nil, err
	}
	const round = 0.01 // seconds: a device is asked for steps in a row, as a run asks it
	count := max(1, min(int(round/once), 100))
	entries := float64(e.Measurements()) * float64(e.Space().K())
	r := &Result{Flops: 4 * entries}
	if inMemory {
		r.Bytes = entries * float64(e.(sensing.Rows).Entries().EntryBits()) / 8
	}
	for range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		bandwidth, err := measure()
		if err != nil {
			return nil, err
		}
		seconds, err := steps(count)
		if err != nil {
			return nil, err
		}
		r.Steps = append(r.Steps, seconds/float64(count))
		r.Bandwidths = append(r.Bandwidths, bandwidth)
	}
	return r, nil
}

// method is what a step is one of.
var method = solver.GD{StepSize: 1e-3}

// Batch is what Measure opens an engine for.
func Batch(n int) solver.Batch {
	return solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{n}, Needs: method.Needs()}
}

// Fraction is the median over the rounds of the achieved rate over the bandwidth measured just before.
func (r *Result) Fraction() float64 {
	var all []float64
	for i, t := range r.Steps {
		all = append(all, r.Bytes/t/r.Bandwidths[i])
	}
	return Median(all)
}

// Median returns the middle of some numbers, of two the mean.
func Median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
