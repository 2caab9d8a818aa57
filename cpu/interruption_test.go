package cpu

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/backendtest"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// counted is an ensemble of rows that counts how many rows were made, and tells of each.
type counted struct {
	sensing.RowSource[float64]
	made *atomic.Int64
	tell func(made int64)
}

func (c counted) Row(i int, dst []float64) {
	c.RowSource.Row(i, dst)
	c.tell(c.made.Add(1))
}

// TestFewRowsAfterAnInterruption: after an interruption in the middle of a pass each worker makes at most the
// block of rows that it has begun, whatever the pass is for, and however many rows are left.
func TestFewRowsAfterAnInterruption(t *testing.T) {
	const m, n, workers = 4000, 6, 3
	rows, err := sensing.NewGaussian(sensing.Sym{N: n}, m, sensing.F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var made, interrupted atomic.Int64 // interrupted: the rows that were made when the pass was told
	var from int64                     // of the pass under way
	e := counted{rows.(sensing.RowSource[float64]), &made, func(count int64) {
		if count == from+1000 {
			cancel()
			interrupted.Store(made.Load()) // the other workers went on until here
		}
	}}
	from = -1 << 40 // not while the engine is opened
	truth, err := sensing.NewTruth(n, 2, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := Backend{Storage: solver.Generated, Workers: workers}.Open(ctx,
		&sensing.Problem{Ensemble: e, Truth: truth}, solver.Batch{
			Parametrization: solver.PSD{}, FactorRanks: []int{2},
			Needs:       solver.Needs{Vectors: 1, Draws: true, Values: true},
			Interrupted: func() error { return ctx.Err() },
		})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	x, y := mat.NewDense(n, 2, nil), make([]float64, m)
	for name, pass := range map[string]func() error{
		"Gradient":     func() error { return engine.Gradient(0) },
		"Losses":       func() error { return engine.Losses(make([]float64, 1), 0) },
		"DrawGradient": func() error { return engine.(solver.DrawEngine).DrawGradient(0, solver.Draw{}) },
		"Residuals":    func() error { return engine.(solver.ValueEngine).Residuals(0, solver.VectorSlot) },
		"Evaluate": func() error {
			return engine.(solver.ValueEngine).Evaluate(make([]float64, 1), 0, solver.Iterate)
		},
		"Apply": func() error { return engine.(solver.ProductEngine).Apply(y, truth.X(), truth.X()) },
		"AdjointMul": func() error {
			return engine.(solver.ProductEngine).AdjointMul(x, y, false, truth.X())
		},
	} {
		ctx, cancel = context.WithCancel(context.Background())
		from = made.Load()
		if err := pass(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if after := made.Load() - interrupted.Load(); after > workers*blockRows {
			t.Errorf("%s: %d rows of %d were made after the interruption", name, after, m)
		}
		cancel()
	}
}

// TestInterruptedPass: for every kind of ensemble and every time that a pass asks, an interruption ends the
// pass, and the next pass gives the bits of an engine that was never interrupted.
func TestInterruptedPass(t *testing.T) {
	ensembles := map[string]sensing.Ensemble{}
	for _, space := range []sensing.Space{sensing.Sym{N: 12}, sensing.Rect{N1: 12, N2: 9}} {
		for name, e := range backendtest.EnsemblesOn(t, space, 300) {
			ensembles[space.Name()+" "+name] = e
		}
		entries, err := sensing.NewCompletion(space, 70, 1)
		if err != nil {
			t.Fatal(err)
		}
		vectors, err := sensing.NewRankOne(space, 300, 1)
		if err != nil {
			t.Fatal(err)
		}
		ensembles[space.Name()+" completion"], ensembles[space.Name()+" rank-one"] = entries, vectors
	}
	words, err := sensing.NewPauli(16, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	ensembles["pauli"] = words
	for _, workers := range []int{1, 3} {
		for name, e := range ensembles {
			t.Run(name, func(t *testing.T) {
				n1, n2 := e.Space().Dims()
				par := solver.Parametrization(solver.PSD{})
				truth, err := sensing.NewTruth(n1, 2, 2, 1)
				if _, symmetric := e.Space().(sensing.Sym); !symmetric {
					par = solver.UV{}
					truth, err = sensing.NewRectTruth(n1, n2, 2, 2, 1)
				}
				if err != nil {
					t.Fatal(err)
				}
				var asked, at atomic.Int64
				engine, err := Backend{Workers: workers}.Open(context.Background(),
					&sensing.Problem{Ensemble: e, Truth: truth}, solver.Batch{
						Parametrization: par, FactorRanks: []int{3, 2},
						Interrupted: func() error {
							if asked.Add(1) == at.Load() {
								return errBroken
							}
							return nil
						},
					})
				if err != nil {
					t.Fatal(err)
				}
				defer engine.Close()
				var members []*solver.Member
				for i, r := range []int{3, 2} {
					m, err := solver.NewMember(engine, i, e.Space(), par, r)
					if err != nil {
						t.Fatal(err)
					}
					members = append(members, m)
				}
				gradient := func() (g [2]solver.Factor, err error) {
					for i, m := range members { // a changed iterate has no gradient
						start, err := solver.Random{Alpha: 0.3, Seed: uint64(i)}.Factor(m.Shapes(), nil)
						if err == nil {
							err = m.Set(solver.Iterate, start)
						}
						if err != nil {
							t.Fatal(err)
						}
					}
					if err := engine.Gradient(0, 1); err != nil {
						return g, err
					}
					for i, m := range members {
						g[i] = solver.NewFactor(m.Shapes())
						if err := m.Get(solver.Gradient, g[i]); err != nil {
							t.Fatal(err)
						}
					}
					return g, nil
				}
				if _, err := gradient(); err != nil { // the first lays out what the operator needs
					t.Fatal(err)
				}
				asked.Store(0)
				want, err := gradient()
				if err != nil {
					t.Fatal(err)
				}
				all := asked.Load()
				if all == 0 {
					t.Fatal("a gradient cannot be interrupted")
				}
				for k := range min(all, 9) {
					asked.Store(0)
					at.Store(1 + k*(all-1)/max(min(all, 9)-1, 1))
					if _, err := gradient(); !errors.Is(err, errBroken) {
						t.Errorf("interrupted at %d of %d: the error is %v", at.Load(), all, err)
					}
					at.Store(0)
					got, err := gradient()
					if err != nil {
						t.Fatal(err)
					}
					same := func(a, b solver.Factor) bool {
						return slices.EqualFunc(a, b, func(x, y *mat.Dense) bool { return mat.Equal(x, y) })
					}
					if !same(got[0], want[0]) || !same(got[1], want[1]) {
						t.Errorf("after an interruption at %d of %d the gradients differ", 1+k, all)
					}
				}
			})
		}
	}
}

var errBroken = errors.New("broken off")
