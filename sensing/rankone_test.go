package sensing

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestRankOneVectors: drawn vectors are the numbers of the stream's rows, b_i after a_i, and user data is
// kept.
func TestRankOneVectors(t *testing.T) {
	const m = 4
	row := make([]float64, 8)
	for _, s := range []Space{Sym{5}, Rect{5, 3}} {
		e, err := NewRankOne(s, m, 9)
		if err != nil {
			t.Fatal(err)
		}
		if e.Vectors() != nil || e.Name() != "rank-one" {
			t.Errorf("%s has vectors in memory", e.Name())
		}
		a, b := mat.NewDense(m, 5, nil), mat.NewDense(m, 3, nil)
		drawn := make([]float64, e.VectorLen())
		for i := range m {
			NewStream(9, EntriesStream).Normals(uint64(i), row)
			e.Vector(i, drawn)
			if !slices.Equal(drawn, row[:len(drawn)]) {
				t.Errorf("%s: vector %d is %v, want %v", s.Name(), i, drawn, row[:len(drawn)])
			}
			a.SetRow(i, row[:5])
			b.SetRow(i, row[5:])
		}
		if _, symmetric := s.(Sym); symmetric {
			b = nil
		}
		own, err := RankOneOf(s, a, b)
		if err != nil {
			t.Fatal(err)
		}
		a.Set(0, 0, 77) // the ensemble has a copy
		given := make([]float64, own.VectorLen())
		for i := range m {
			e.Vector(i, drawn)
			own.Vector(i, given)
			if !slices.Equal(given, drawn) ||
				!slices.Equal(own.Vectors()[i*len(given):][:len(given)], drawn) {
				t.Errorf("%s: own vector %d is %v, want %v", s.Name(), i, given, drawn)
			}
		}
	}
}

// TestSkew: over many measurements the mean of ⟨A_i, Z⟩A_i is scale·Z + trace·tr(Z)·I. For ‖Z‖ < 2.8 an
// element's variance is at most √(E(2.8·‖a‖²)⁴·E a_j⁸) = √(2.8⁴·945·105) = 2500, so that the mean of 10⁵
// deviates by at most 0.16.
func TestSkew(t *testing.T) {
	const m = 100_000
	z := mat.NewDense(3, 3, []float64{1, 0.5, 0, 0.5, -2, 0.25, 0, 0.25, 2.5})
	for _, s := range []Space{Sym{3}, Rect{3, 3}} {
		e, err := NewRankOne(s, m, 1)
		if err != nil {
			t.Fatal(err)
		}
		v, mean, trace := make([]float64, e.VectorLen()), mat.NewDense(3, 3, nil), 0.0
		for i := range m {
			e.Vector(i, v)
			a, b := mat.NewVecDense(3, v[:3]), mat.NewVecDense(3, v[len(v)-3:])
			p := mat.Inner(a, z, b)
			trace += p / m
			var outer mat.Dense
			outer.Outer(p/m, a, b)
			mean.Add(mean, &outer)
		}
		scale, ofTrace := e.Skew()
		for i := range 3 {
			for j := range 3 {
				want := scale * z.At(i, j)
				if i == j {
					want += ofTrace * mat.Trace(z)
				}
				if got := mean.At(i, j); !(math.Abs(got-want) < 0.3) {
					t.Errorf("%s: element (%d, %d) is %.3f on average, want %.3f", s.Name(), i, j, got, want)
				}
			}
		}
		if want := ofTrace * mat.Trace(z); !(math.Abs(trace-want) < 0.1) {
			t.Errorf("%s: E⟨A, Z⟩ is %.3f, want %.3f", s.Name(), trace, want)
		}
	}
}

// TestRankOneOfRefuses: the error names what is wrong with the user's vectors.
func TestRankOneOfRefuses(t *testing.T) {
	with := func(v float64) *mat.Dense { return mat.NewDense(2, 3, []float64{1, 2, 3, 4, v, 6}) }
	for _, c := range []struct {
		space       Space
		left, right *mat.Dense
		want        string
	}{
		{Sym{4}, with(0), nil, "the vectors are 2 × 3: they must be 2 × n1 = 4"},
		{Sym{3}, with(0), with(0), "one vector on both sides"},
		{Rect{3, 3}, with(0), nil, "on the right are missing"},
		{Rect{3, 2}, with(0), with(0), "on the right are 2 × 3: they must be 2 × n2 = 2"},
		{Rect{3, 3}, with(0), mat.NewDense(1, 3, nil), "on the right are 1 × 3"},
		{Sym{3}, with(math.NaN()), nil, "vector 1, element 1 is NaN"},
		{Sym{3}, with(math.Inf(-1)), nil, "vector 1, element 1 is -Inf"},
		{Sym{3}, with(2e75), nil, "its square at most 1e+150"},
		{Rect{3, 3}, with(0), with(math.Inf(1)), "vector on the right 1, element 1 is +Inf"},
	} {
		_, err := RankOneOf(c.space, c.left, c.right)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	if _, err := NewRankOne(Sym{3}, 0, 1); err == nil {
		t.Error("no measurements were taken")
	}
}
