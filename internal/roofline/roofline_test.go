package roofline

import (
	"context"
	"testing"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/sensing"
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

// TestFraction: each step is compared with the bandwidth measured just before it, so that the fraction does
// not change if the machine is half as fast for a while.
func TestFraction(t *testing.T) {
	r := Result{Steps: []float64{1, 2, 1}, Bandwidths: []float64{20, 10, 25}, Bytes: 10}
	if got := r.Fraction(); got != 0.5 {
		t.Errorf("the fraction is %v", got)
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
	r, err := Measure(context.Background(), probed{}, e, true, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 3 || len(r.Bandwidths) != 3 || r.Bytes != 40*15*4 || r.Flops != 4*40*15 {
		t.Errorf("the result is %+v", r)
	}
	for _, s := range r.Steps {
		if !(s > 0) {
			t.Errorf("a step took %v s", s)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Measure(ctx, probed{}, e, true, 3); err == nil {
		t.Error("an interrupt was not heard")
	}
}
