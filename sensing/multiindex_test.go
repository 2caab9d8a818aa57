package sensing

import (
	"math"
	"testing"
)

// TestLinkLaws compares expectations over a link's law, of T(y) = y/(1 + y²) and of T(y)·⟨u_j, z⟩², with
// means over 2·10⁵ draws. As |T| ≤ 1/2, the means deviate by at most 0.5·√(3/2·10⁵) = 0.002.
func TestLinkLaws(t *testing.T) {
	const draws = 200_000
	transform := func(y float64) float64 { return y / (1 + y*y) }
	for name, directions := range map[string][][]float64{
		"norm":         {{1, 0}, {0, 1}},
		"product":      {{math.Sqrt2 / 2, math.Sqrt2 / 2}, {math.Sqrt2 / 2, -math.Sqrt2 / 2}},
		"sign-product": {{math.Sqrt2 / 2, math.Sqrt2 / 2}, {math.Sqrt2 / 2, -math.Sqrt2 / 2}},
	} {
		l, err := LinkOf(name)
		if err != nil {
			t.Fatal(err)
		}
		z := make([]float64, 2*draws)
		NewStream(1, 99).Normals(0, z)
		var want [3]float64
		for i := range draws {
			pair := z[2*i:][:2]
			v := transform(l.value(pair)) / draws
			want[2] += v
			for j, u := range directions {
				want[j] += v * dot(u, pair) * dot(u, pair)
			}
		}
		var got [3]float64
		var total float64
		for _, at := range l.Law(2, 0) {
			v := at.Weight * transform(at.Y)
			total += at.Weight
			got[2] += v
			for j := range directions {
				got[j] += v * at.Second[j]
			}
		}
		if !(math.Abs(total-1) < 1e-12) {
			t.Errorf("%s: the weights sum to %v", name, total)
		}
		for j := range got {
			if !(math.Abs(got[j]-want[j]) < 0.008) {
				t.Errorf("%s: expectations %.4f, want %.4f", name, got, want)
			}
		}
	}
}

// TestObserve: with one direction the norm gives the observations that rank-one measurements make of XXᵀ, and
// each preprocessing is its formula.
func TestObserve(t *testing.T) {
	const n, m = 6, 50
	e, err := NewRankOne(Sym{n}, m, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := NewTruth(n, 1, 1, 4)
	if err != nil {
		t.Fatal(err)
	}
	link, err := LinkOf("norm")
	if err != nil {
		t.Fatal(err)
	}
	y, err := link.Observe(&Problem{Ensemble: e, Truth: truth}, e)
	if err != nil {
		t.Fatal(err)
	}
	a := make([]float64, n)
	for i := range y {
		e.Vector(i, a)
		var p float64
		for j, v := range a {
			p += v * truth.X().At(j, 0)
		}
		if !(math.Abs(y[i]-p*p) <= 1e-14*(1+p*p)) {
			t.Errorf("observation %d is %v, want %v", i, y[i], p*p)
		}
	}
	for _, c := range []struct {
		t       Preprocessing
		y, want float64
	}{
		{Plain, 20, 20}, {Trim, 8.9, 8.9}, {Trim, 9.1, 0},
		{Optimal, 4, 0.75}, {Optimal, 0.5, -1}, {Optimal, 0.01, -10}, {Optimal, -3, -10},
	} {
		transform, err := link.Transform(c.t, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := transform(c.y); !(math.Abs(got-c.want) < 1e-12) {
			t.Errorf("%s of %v is %v, want %v", c.t, c.y, got, c.want)
		}
	}
	product, err := LinkOf("product")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := product.Observe(&Problem{Ensemble: e, Truth: truth}, e); err == nil {
		t.Error("the product of one index was taken")
	}
	if _, err := LinkOf("cube"); err == nil {
		t.Error("an unknown link was taken")
	}
	if _, err := link.Transform("clip", 1); err == nil {
		t.Error("an unknown preprocessing was taken")
	}
}
