// Package roofline compares the time of a step of gradient descent with the limit of its device. A step must
// read m·K entries at least once, so no step from memory is faster than reading m·K entries at the device's
// bandwidth.
package roofline

import (
	"context"
	"slices"
	"time"

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

// Result has the measurements of every round.
type Result struct {
	// Steps are the times of a step in seconds. Bandwidths are the device's bandwidths in bytes per second,
	// each measured just before the step with the same index.
	Steps, Bandwidths []float64
	// Bytes is the least number of bytes that a step reads: the rows, or 0 if they are generated. Flops is 4
	// for each entry: two multiplications and two additions.
	Bytes, Flops float64
}

// Measure times steps of gradient descent with an n × n factor in rounds. Each round first measures the
// bandwidth, so that other work on the machine slows both down.
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
	defer func() { _ = closeProbe() }() // an error in closing changes no result
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
	if _, err := steps(1); err != nil { // the first step includes what is made once
		return nil, err
	}
	once, err := steps(1)
	if err != nil {
		return nil, err
	}
	const round = 0.01 // seconds: steps follow one another without a pause, as in a run
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

// Batch returns the batch that Measure opens an engine for.
func Batch(n int) solver.Batch {
	return solver.Batch{Parametrization: solver.PSD{}, FactorRanks: []int{n}, Needs: method.Needs()}
}

// Fraction returns the median over the rounds of the achieved rate divided by the bandwidth measured just
// before.
func (r *Result) Fraction() float64 {
	var all []float64
	for i, t := range r.Steps {
		all = append(all, r.Bytes/t/r.Bandwidths[i])
	}
	return Median(all)
}

// Median returns the middle number, or the mean of the two middle numbers.
func Median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
