package roofline

import (
	"context"
	"testing"

	"github.com/matsense/matsense/cpu"
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
	w := Work{Bytes: 100, Doubles: 30, Singles: 40, Gathers: 6}
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
		if got := w.limit(c.rates); got != c.want {
			t.Errorf("at the rates %+v the limit is %v, want %v", c.rates, got, c.want)
		}
	}
}

// TestWorkOf counts the work of small problems by hand.
func TestWorkOf(t *testing.T) {
	made := func(e sensing.Ensemble, err error) sensing.Ensemble {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	completion, err := sensing.NewCompletion(sensing.Sym{N: 6}, 21, 1) // all 15 pairs and the diagonal
	if err != nil {
		t.Fatal(err)
	}
	rankOne, err := sensing.NewRankOne(sensing.Sym{N: 5}, 40, 1)
	if err != nil {
		t.Fatal(err)
	}
	words, err := sensing.PaulisOf([]string{"ZI", "IZ", "XI", "XZ"}) // two flip the first bit, two none
	if err != nil {
		t.Fatal(err)
	}
	gaussian := made(sensing.NewGaussian(sensing.Sym{N: 5}, 40, sensing.BF16, 1))
	const factors = (15 + 25) * 3 // lift and pullback of a 5 × 3 factor
	for name, c := range map[string]struct{ got, want Work }{
		"rows in f64": {
			WorkOf(gaussian, 3, 1, solver.F64, true), Work{Bytes: 1200, Doubles: 1200 + factors},
		},
		"rows in f32": {
			WorkOf(gaussian, 3, 1, solver.F32, true), Work{Bytes: 1200, Doubles: factors, Singles: 1200},
		},
		"of two runs": {
			WorkOf(gaussian, 3, 2, solver.F64, false), Work{Doubles: 2400 + 2*factors},
		},
		"rank-one": {
			WorkOf(rankOne, 3, 1, solver.F64, true), Work{Bytes: 1600, Doubles: 1200},
		},
		"completion": {
			WorkOf(completion, 3, 1, solver.F64, true),
			Work{Bytes: 36 * 12, Doubles: 36 * 6, Gathers: 36, Rows: 6, Columns: 3},
		},
		"Pauli words": {
			WorkOf(words, 3, 1, solver.F64, true), Work{Doubles: 2 * 2 * 4 * (3 + 2)},
		},
	} {
		if c.got != c.want {
			t.Errorf("%s: the work is %+v, want %+v", name, c.got, c.want)
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
