package backendtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// offers checks that an engine implements exactly what its backend offers, and that the backend refuses the
// rest.
func (f *fixture) offers(t *testing.T) {
	_, draws := f.engine.(solver.DrawEngine)
	_, values := f.engine.(solver.ValueEngine)
	_, random := f.engine.(solver.RandomEngine)
	_, products := f.engine.(solver.ProductEngine)
	_, inverses := f.engine.(solver.InverseEngine)
	_, entrywise := f.engine.(solver.EntrywiseEngine)
	have := solver.Needs{
		Gradient: true, Draws: draws, Values: values, Random: random, Products: products, Inverses: inverses,
		Entrywise: entrywise,
	}
	offers := f.backend.Offers()
	have.AnyLoss = offers.AnyLoss // see losses
	if offers != have {
		t.Errorf("the backend offers %+v, and its engine has %+v", offers, have)
	}
	batch := solver.Batch{
		Parametrization: f.kind.parametrization, FactorRanks: []int{1},
		Needs: solver.Needs{
			Draws: !draws, Values: !values, Random: !random, Products: !products, Inverses: !inverses,
			Entrywise: !entrywise,
		},
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

// entries checks products and quotients of each number against a loop, for factors and for vectors. Nothing
// else changes but the gradient, which belongs to an iterate.
func (f *fixture) entries(t *testing.T) {
	e := f.openFor(t, solver.Needs{Slots: 3, Vectors: 3, Entrywise: true}, f.size.factorRank)
	m := f.place(t, e, 0, f.size.factorRank)
	const a, b, epsilon = -0.3, 0.7, 1e-3
	for _, first := range []solver.Slot{solver.MethodSlot, solver.VectorSlot} {
		var slots [3]solver.Slot
		var values [3][]float64
		fill := func() {
			for i := range slots {
				slots[i] = first + solver.Slot(i)
				x := solver.NewFactor(m.ShapesOf(slots[i]))
				values[i] = normals(solver.Numbers(x.Shapes()), 81+uint64(i))
				k := 0
				for _, matrix := range x {
					matrix.Apply(func(_, _ int, _ float64) float64 {
						if k++; i == 1 { // that of the root
							values[i][k-1] = math.Abs(values[i][k-1])
						}
						return values[i][k-1]
					}, matrix)
				}
				must(t, m.Set(slots[i], x))
			}
		}
		x, y, z := 0, 1, 2
		for dst := range slots { // also over each of the operands
			for name, op := range map[string]struct {
				do   func() error
				want func(k int) float64
			}{
				"product": {
					func() error { return m.MultiplyEntries(slots[dst], a, slots[x], slots[y], b, slots[z]) },
					func(k int) float64 { return a*values[x][k]*values[y][k] + b*values[z][k] },
				},
				"quotient": {
					func() error {
						return m.DivideEntries(slots[dst], slots[z], a, slots[x], slots[y], epsilon)
					},
					func(k int) float64 {
						return values[z][k] + a*values[x][k]/(math.Sqrt(values[y][k])+epsilon)
					},
				},
			} {
				fill()
				must(t, op.do())
				for i, slot := range slots {
					got := solver.NewFactor(m.ShapesOf(slot))
					must(t, m.Get(slot, got))
					want := slices.Clone(values[i])
					for k := range want {
						if i == dst {
							want[k] = op.want(k)
						}
					}
					Close(t, fmt.Sprintf("%s into slot %d: slot %d", name, slots[dst], slot),
						flat(got), want, tolerance)
				}
			}
		}
	}
	u := f.random(t, f.size.factorRank, 84)
	must(t, m.Set(solver.Iterate, u))
	must(t, m.Gradient())
	must(t, m.MultiplyEntries(solver.Iterate, 1, solver.Iterate, solver.Iterate, 0, solver.Iterate))
	must(t, m.Get(solver.Iterate, u))
	loss, err := m.Loss()
	must(t, err)
	want, _ := f.reference.gradient(u)
	Close(t, "f of an iterate of squares", []float64{loss}, []float64{want}, f.within)
	const slot, vector = solver.MethodSlot, solver.VectorSlot
	if m.MultiplyEntries(slot, 1, slot, vector, 0, slot) == nil ||
		m.DivideEntries(vector, vector, 1, vector, slot, 1) == nil {
		t.Error("slots of different shapes were multiplied or divided")
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
	var some, repeated, many []int
	for i := range m {
		if i%3 == 0 || i == m-1 {
			some = append(some, i)
		}
		for range i % 4 { // none, one, two or three times
			repeated = append(repeated, i)
		}
		for range 2*m/(i+1) + 1 { // more often than there are measurements
			many = append(many, i)
		}
	}
	if repeated == nil {
		repeated = []int{0, 0}
	}
	u := f.random(t, f.size.factorRank, 41)
	must(t, f.engine.Set(0, solver.Iterate, u))
	shift := normals(m, 43)
	must(t, f.member.Set(solver.VectorSlot, solver.Factor{mat.NewDense(m, 1, shift)}))
	got := u.Clone()
	for name, rows := range map[string][]int{
		"all":                           nil,
		"one":                           {m - 1},
		"one, again and again":          {m / 2, m / 2, m / 2},
		"some":                          some,
		"repeated":                      repeated,
		"many":                          many,
		"all of them listed, not drawn": ascending(m),
	} {
		for _, d := range []solver.Draw{{Rows: rows}, {Rows: rows, Shift: solver.VectorSlot}} {
			if d.Shift != 0 && name != "all" && name != "some" && name != "repeated" {
				continue
			}
			must(t, f.member.DrawGradient(d))
			must(t, f.engine.Get(0, solver.Gradient, got))
			_, want := f.reference.drawn(u, solver.Draw{Rows: rows}, nil)
			if d.Shift != 0 {
				_, want = f.reference.drawn(u, d, shift)
			}
			for i := range want {
				Close(t, fmt.Sprintf("%s, shift in slot %d: ∇f[%d]", name, d.Shift, i),
					got[i].RawMatrix().Data, want[i].RawMatrix().Data, tolerance)
			}
			if name != "repeated" {
				continue
			}
			first := flat(got)
			must(t, f.member.DrawGradient(d))
			must(t, f.engine.Get(0, solver.Gradient, got))
			if !slices.Equal(flat(got), first) {
				t.Errorf("%s, shift in slot %d: a second time, the gradient has other bits", name, d.Shift)
			}
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
		"shifted by a slot":  {Shift: solver.MethodSlot},
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

// values checks residuals, and f of points, against the reference, and that they change nothing. Points that
// are evaluated together have the bits that each has alone.
func (f *fixture) values(t *testing.T) {
	const points = 10 // more than engines take at once
	slots := []solver.Slot{solver.Iterate}
	for i := range points - 1 {
		slots = append(slots, solver.MethodSlot+solver.Slot(i))
	}
	e := f.openFor(t, solver.Needs{Slots: points - 1, Vectors: 2, Values: true}, f.size.factorRank)
	m := f.place(t, e, 0, f.size.factorRank)
	u := f.random(t, f.size.factorRank, 51)
	var want, got [points]float64
	for i, slot := range slots {
		x := f.random(t, f.size.factorRank, 51+uint64(i))
		must(t, m.Set(slot, x))
		want[i], _ = f.reference.gradient(x)
	}
	must(t, m.Gradient())
	must(t, m.Evaluate(got[:], slots...))
	for i := range want {
		Close(t, fmt.Sprintf("f of point %d", i), got[i:i+1], want[i:i+1], tolerance)
		if i%4 != 1 {
			continue
		}
		var alone [1]float64
		must(t, m.Evaluate(alone[:], slots[i]))
		if alone[0] != got[i] {
			t.Errorf("f of point %d is %v alone and %v with others", i, alone[0], got[i])
		}
	}
	loss, err := m.Loss()
	must(t, err)
	first, gradient := f.reference.gradient(u)
	Close(t, "f of the iterate", []float64{loss}, []float64{first}, f.within)
	back := u.Clone()
	must(t, m.Get(solver.Gradient, back))
	Close(t, "∇f of the iterate", flat(back), flat(gradient), f.within)

	must(t, m.Residuals(solver.VectorSlot+1))
	res := solver.NewFactor(m.ShapesOf(solver.VectorSlot + 1))
	must(t, m.Get(solver.VectorSlot+1, res))
	values, wants := f.reference.apply(f.reference.law.z(u)), make([]float64, f.size.m)
	for i, p := range values {
		wants[i] = p - f.reference.y[i]
	}
	Close(t, "the residuals", flat(res), wants, tolerance)
	must(t, m.Get(solver.VectorSlot, res))
	if !zero(res) {
		t.Error("residuals were written to another vector")
	}
	if m.Residuals(solver.MethodSlot) == nil || m.Evaluate(got[:1], solver.VectorSlot) == nil {
		t.Error("a vector was taken for a factor, or a factor for a vector")
	}
	if m.Evaluate(got[:2], solver.Iterate) == nil {
		t.Error("one point was taken for two numbers")
	}
}

// randoms checks that normal deviates and signs in slots are those of their streams, to the bit, and that
// nothing else changes.
func (f *fixture) randoms(t *testing.T) {
	const row = 1<<33 + 5
	stream := sensing.NewStream(1<<40+3, sensing.DirectionStream)
	for _, slot := range []solver.Slot{solver.MethodSlot, solver.VectorSlot, solver.Iterate} {
		next := map[solver.Slot]solver.Slot{solver.Iterate: solver.Gradient,
			solver.MethodSlot: solver.Iterate, solver.VectorSlot: solver.MethodSlot}[slot]
		got, before := solver.NewFactor(f.member.ShapesOf(slot)), solver.NewFactor(f.member.ShapesOf(next))
		must(t, f.member.Get(next, before))
		want := make([]float64, solver.Numbers(got.Shapes()))
		must(t, f.member.Normals(slot, stream, row))
		must(t, f.member.Get(slot, got))
		stream.Normals(row, want)
		if !slices.Equal(flat(got), want) {
			t.Errorf("slot %d: the normal deviates are not those of the stream", slot)
		}
		must(t, f.member.Signs(slot, stream, row))
		must(t, f.member.Get(slot, got))
		for i := range want {
			word := stream.Word(row, uint64(i/64))
			want[i] = 1 - 2*float64(word>>(i%64)&1)
		}
		if !slices.Equal(flat(got), want) {
			t.Errorf("slot %d: the signs are not those of the stream", slot)
		}
		after := before.Clone()
		must(t, f.member.Get(next, after))
		if !same(after, before) {
			t.Errorf("random numbers in slot %d changed slot %d", slot, next)
		}
	}
	// The gradient belongs to the iterate, which has changed.
	u := solver.NewFactor(f.member.Shapes())
	must(t, f.member.Get(solver.Iterate, u))
	loss, err := f.member.Loss()
	must(t, err)
	want, _ := f.reference.gradient(u)
	Close(t, "f of an iterate of signs", []float64{loss}, []float64{want}, f.within)
}
