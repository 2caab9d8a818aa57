package backendtest

import (
	"fmt"
	"testing"

	"github.com/matsense/matsense/solver"
)

// partial checks gradients of draws against the reference, that the next whole gradient is that again, and that what is no
// draw of the measurements is refused.
func (f *fixture) partial(t *testing.T) {
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
		"all":                           {},
		"all, weighted":                 {Weights: normals(m, 42)},
		"all, shifted":                  {Shift: normals(m, 43)},
		"one":                           {Rows: []int{m - 1}},
		"one, again and again":          {Rows: []int{m / 2, m / 2, m / 2}},
		"some":                          {Rows: some},
		"some, weighted":                {Rows: some, Weights: normals(len(some), 44)},
		"repeated":                      {Rows: repeated},
		"repeated, weighted, shifted":   {Rows: repeated, Weights: normals(len(repeated), 45), Shift: normals(len(repeated), 46)},
		"all of them listed, not drawn": {Rows: ascending(m)},
	} {
		must(t, f.engine.PartialGradient(0, d))
		must(t, f.engine.Get(0, solver.Gradient, got))
		_, want := f.reference.drawn(u, d)
		for i := range want {
			Close(t, fmt.Sprintf("%s: ∇f[%d]", name, i), got[i].RawMatrix().Data, want[i].RawMatrix().Data, tolerance)
		}
	}
	must(t, f.engine.Gradient(0))
	must(t, f.engine.Get(0, solver.Gradient, got))
	_, want := f.reference.gradient(u)
	for i := range want {
		Close(t, fmt.Sprintf("the whole ∇f[%d] after that of a draw", i), got[i].RawMatrix().Data, want[i].RawMatrix().Data, f.within)
	}
	for name, d := range map[string]solver.Draw{
		"none":               {Rows: []int{}},
		"past the last":      {Rows: []int{m}},
		"before the first":   {Rows: []int{-1}},
		"too few weights":    {Weights: make([]float64, m+1)},
		"too many shifts":    {Rows: []int{0}, Shift: make([]float64, 2)},
		"not in their order": {Rows: []int{m - 1, m - 2}},
	} {
		if f.engine.PartialGradient(0, d) == nil {
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

// evaluate checks f of a slot that is not the iterate against the reference, and that nothing changes by it.
func (f *fixture) evaluate(t *testing.T) {
	u, x := f.random(t, f.size.factorRank, 51), f.random(t, f.size.factorRank, 52)
	must(t, f.engine.Set(0, solver.Iterate, u))
	must(t, f.engine.Set(0, solver.OwnSlot, x))
	must(t, f.engine.Gradient(0))
	for slot, factor := range map[solver.Slot]solver.Factor{solver.OwnSlot: x, solver.Iterate: u} {
		got, err := f.engine.Evaluate(0, slot)
		must(t, err)
		want, _ := f.reference.gradient(factor)
		Close(t, fmt.Sprintf("f of slot %d", slot), []float64{got}, []float64{want}, tolerance)
	}
	var loss [1]float64
	must(t, f.engine.Losses(loss[:], 0))
	want, gradient := f.reference.gradient(u)
	Close(t, "f of the iterate", loss[:], []float64{want}, f.within)
	got := u.Clone()
	must(t, f.engine.Get(0, solver.Gradient, got))
	Close(t, "∇f of the iterate", flat(got), flat(gradient), f.within)
}
