package roofline

import (
	"context"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/internal/work"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 2}, 2}, {[]float64{8, 1, 2, 4}, 3}} {
		if got := Median(c.v); got != c.want {
			t.Errorf("the median of %v is %v, want %v", c.v, got, c.want)
		}
	}
}

// TestFraction: each step is compared with the limit measured just before it, so that the fraction does not
// change if the machine is half as fast for a while.
func TestFraction(t *testing.T) {
	r := Result{
		Steps:  []float64{1, 2, 1},
		Limits: []Limit{{0.5, "reading"}, {1, "gathers"}, {0.4, "reading"}},
	}
	if got := r.Fraction(); got != 0.5 {
		t.Errorf("the fraction is %v", got)
	}
	if got := r.Limit(); got != (Limit{0.5, "reading"}) {
		t.Errorf("the limit is %v", got)
	}
}

// TestLimit: the slowest part of the work is the limit, and a rate that is not known limits nothing.
func TestLimit(t *testing.T) {
	w := work.Work{Bytes: 100, Doubles: 30, Singles: 40, Gathers: 6}
	for _, c := range []struct {
		rates rates
		want  Limit
	}{
		{rates{bytes: 10, doubles: 10, gathers: 1}, Limit{10, "reading"}},
		{rates{bytes: 25, doubles: 10, gathers: 1}, Limit{6, "gathers"}},
		{rates{bytes: 25, doubles: 10, gathers: 2}, Limit{5, "multiply-adds"}}, // 30/10 + 40/20
		{rates{bytes: 25}, Limit{4, "reading"}},
		{rates{}, Limit{}},
	} {
		if got := limitOf(w, c.rates); got != c.want {
			t.Errorf("at the rates %+v the limit is %v, want %v", c.rates, got, c.want)
		}
	}
}

// probed is the host's backend with a bandwidth that takes no time to measure.
type probed struct{ cpu.Backend }

func (probed) Probe() (func() (float64, error), func() error, error) {
	return func() (float64, error) { return 1e9, nil }, func() error { return nil }, nil
}

func TestMeasure(t *testing.T) {
	e, err := sensing.NewGaussian(sensing.Sym{N: 5}, 40, sensing.F32, 1)
	if err != nil {
		t.Fatal(err)
	}
	step := Step{Ensemble: e, FactorRank: 2, Runs: 3, Precision: solver.F64, InMemory: true}
	p, err := NewProbe(probed{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Measure(context.Background(), probed{}, p, step, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 3 || len(r.Bandwidths) != 3 || len(r.Limits) != 3 || r.Limit().Seconds <= 0 {
		t.Errorf("the result is %+v", r)
	}
	for _, s := range r.Steps {
		if !(s > 0) {
			t.Errorf("a step took %v s", s)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(ctx, probed{}, p, step, 3); err == nil {
		t.Error("an interrupt was not heard")
	}
}
