package backendtest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/solver"
)

// offers checks that an engine implements exactly what its backend offers, and that the backend refuses the
// rest.
func (f *fixture) offers(t *testing.T) {
	_, draws := f.engine.(solver.DrawEngine)
	_, values := f.engine.(solver.ValueEngine)
	_, products := f.engine.(solver.ProductEngine)
	have := solver.Needs{Gradient: true, Draws: draws, Values: values, Products: products}
	if offers := f.backend.Offers(); offers != have {
		t.Errorf("the backend offers %+v, and its engine has %+v", offers, have)
	}
	batch := solver.Batch{
		Parametrization: f.kind.parametrization, FactorRanks: []int{1},
		Needs: solver.Needs{Draws: !draws, Values: !values, Products: !products},
	}
	refused := batch.Needs != (solver.Needs{})
	_, err := solver.MemoryFor(f.backend, f.problem, batch)
	if refused != errors.Is(err, solver.ErrUnsupported) {
		t.Errorf("of %+v the backend says %v", batch.Needs, err)
	}
}

// dot checks ⟨x, y⟩ of factors and of vectors against the sum of all products.
func (f *fixture) dot(t *testing.T) {
	x, y := f.random(t, f.size.factorRank, 61), f.random(t, f.size.factorRank, 62)
	must(t, f.member.Set(solver.Iterate, x))
	must(t, f.member.Set(solver.MethodSlot, y))
	v := solver.Factor{mat.NewDense(f.size.m, 1, normals(f.size.m, 63))}
	must(t, f.member.Set(solver.VectorSlot, v))
	for _, c := range []struct {
		name         string
		x, y         solver.Slot
		first, other []float64
	}{
		{"⟨x, y⟩", solver.Iterate, solver.MethodSlot, flat(x), flat(y)},
		{"⟨x, x⟩", solver.Iterate, solver.Iterate, flat(x), flat(x)},
		{"⟨e, e⟩", solver.VectorSlot, solver.VectorSlot, flat(v), flat(v)},
	} {
		got, err := f.member.Dot(c.x, c.y)
		must(t, err)
		var want, size float64
		for i, a := range c.first {
			want += a * c.other[i]
			size += math.Abs(a * c.other[i])
		}
		if !(math.Abs(got-want) <= tolerance*size) {
			t.Errorf("%s is %v, want %v", c.name, got, want)
		}
		again, err := f.member.Dot(c.x, c.y)
		must(t, err)
		if got != again {
			t.Errorf("%s is %v, and then %v", c.name, got, again)
		}
	}
	if _, err := f.member.Dot(solver.Iterate, solver.VectorSlot); err == nil {
		t.Error("slots of different shapes were multiplied")
	}
}

// vectors checks slots of m numbers: they are zeros at first and after a reset, and combine like other slots.
func (f *fixture) vectors(t *testing.T) {
	e := f.open(t, f.size.factorRank)
	m := f.place(t, e, 0, f.size.factorRank)
	got := solver.NewFactor(m.ShapesOf(solver.VectorSlot))
	got[0].Set(0, 0, 1)
	must(t, m.Get(solver.VectorSlot, got))
	if !zero(got) {
		t.Error("a vector holds something at first")
	}
	v := solver.Factor{mat.NewDense(f.size.m, 1, normals(f.size.m, 64))}
	must(t, m.Set(solver.VectorSlot, v))
	must(t, m.Combine(solver.VectorSlot, 0.5, solver.VectorSlot, 0, solver.VectorSlot))
	must(t, m.Get(solver.VectorSlot, got))
	want := v.Clone()
	want.Combine(0.5, v, 0, v)
	if !same(got, want) {
		t.Error("half a vector is another")
	}
	two := append(v.Clone(), v...) // two matrices, as of no vector
	if m.Set(solver.VectorSlot, two) == nil {
		t.Error("a factor was taken for a vector")
	}
	if m.Combine(solver.VectorSlot, 1, solver.Iterate, 0, solver.Iterate) == nil {
		t.Error("a factor was combined into a vector")
	}
	f.place(t, e, 0, f.size.factorRank)
	must(t, m.Get(solver.VectorSlot, got))
	if !zero(got) {
		t.Error("a vector holds something after a reset")
	}
}

// draws checks gradients of draws against the reference. The next full gradient must be the full gradient
// again, and draws that do not fit the measurements must be refused.
func (f *fixture) draws(t *testing.T) {
	m := f.size.m
	var some, repeated []int
	for i := range m {
		if i%3 == 0 || i == m-1 {
			some = append(some, i)
		}
		for range i % 4 { // none, one, two or three times
			repeated = append(repeated, i)
		}
	}
	if repeated == nil {
		repeated = []int{0, 0}
	}
	u := f.random(t, f.size.factorRank, 41)
	must(t, f.engine.Set(0, solver.Iterate, u))
	got := u.Clone()
	for name, d := range map[string]solver.Draw{
		"all":                  {},
		"all, weighted":        {Weights: normals(m, 42)},
		"all, shifted":         {Shift: normals(m, 43)},
		"one":                  {Rows: []int{m - 1}},
		"one, again and again": {Rows: []int{m / 2, m / 2, m / 2}},
		"some":                 {Rows: some},
		"some, weighted":       {Rows: some, Weights: normals(len(some), 44)},
		"repeated":             {Rows: repeated},
		"repeated, weighted, shifted": {Rows: repeated, Weights: normals(len(repeated), 45),
			Shift: normals(len(repeated), 46)},
		"all of them listed, not drawn": {Rows: ascending(m)},
	} {
		must(t, f.member.DrawGradient(d))
		must(t, f.engine.Get(0, solver.Gradient, got))
		_, want := f.reference.drawn(u, d)
		for i := range want {
			Close(t, fmt.Sprintf("%s: ∇f[%d]", name, i),
				got[i].RawMatrix().Data, want[i].RawMatrix().Data, tolerance)
		}
	}
	must(t, f.engine.Gradient(0))
	must(t, f.engine.Get(0, solver.Gradient, got))
	_, want := f.reference.gradient(u)
	for i := range want {
		Close(t, fmt.Sprintf("the whole ∇f[%d] after that of a draw", i),
			got[i].RawMatrix().Data, want[i].RawMatrix().Data, f.within)
	}
	for name, d := range map[string]solver.Draw{
		"none":               {Rows: []int{}},
		"past the last":      {Rows: []int{m}},
		"before the first":   {Rows: []int{-1}},
		"too few weights":    {Weights: make([]float64, m+1)},
		"too many shifts":    {Rows: []int{0}, Shift: make([]float64, 2)},
		"not in their order": {Rows: []int{m - 1, m - 2}},
	} {
		if f.member.DrawGradient(d) == nil {
			t.Errorf("a draw of measurements %s was taken", name)
		}
	}
}

// ascending returns the numbers below m.
func ascending(m int) []int {
	all := make([]int, m)
	for i := range all {
		all[i] = i
	}
	return all
}

// values checks f of points against the reference, and that evaluations change nothing.
func (f *fixture) values(t *testing.T) {
	u, x := f.random(t, f.size.factorRank, 51), f.random(t, f.size.factorRank, 52)
	must(t, f.engine.Set(0, solver.Iterate, u))
	must(t, f.engine.Gradient(0))
	var values [2]float64
	must(t, f.member.Evaluate(values[:], x, u))
	first, _ := f.reference.gradient(x)
	second, _ := f.reference.gradient(u)
	Close(t, "f of two points", values[:], []float64{first, second}, tolerance)
	var loss [1]float64
	must(t, f.engine.Losses(loss[:], 0))
	want, gradient := f.reference.gradient(u)
	Close(t, "f of the iterate", loss[:], []float64{want}, f.within)
	got := u.Clone()
	must(t, f.engine.Get(0, solver.Gradient, got))
	Close(t, "∇f of the iterate", flat(got), flat(gradient), f.within)
}
