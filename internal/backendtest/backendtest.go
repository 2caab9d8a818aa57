// Package backendtest is the suite that every backend must pass: the laws of the operator and of the
// gradient, for every ensemble, at sizes that no block size divides. A backend's own tests call [Suite.Run].
package backendtest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// tolerance bounds the relative difference of two sums of up to K·m ≈ 10⁵ double-precision products, taken in
// two orders: √(10⁵)·2⁻⁵³ is 4e-14, and cancellation in p_i − y_i costs another digit.
const tolerance = 1e-12

// size is the size of one problem.
type size struct{ n1, n2, m, rank, factorRank int }

// single bounds the same difference if gradients are computed in single precision: √(10⁵)·2⁻²⁴ is 2e-5, with
// a digit for cancellation. Observations and products with the operator are in double precision there too.
const single = 2e-4

// Ensembles returns one ensemble of each kind that has rows, of symmetric n × n matrices.
func Ensembles(t testing.TB, n, m int) map[string]sensing.Rows {
	t.Helper()
	return EnsemblesOn(t, sensing.Sym{N: n}, m)
}

// EnsemblesOn returns one ensemble of each kind that has rows, on a space.
func EnsemblesOn(t testing.TB, space sensing.Space, m int) map[string]sensing.Rows {
	t.Helper()
	out := map[string]sensing.Rows{}
	for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8} {
		e, err := sensing.NewGaussian(space, m, entries, 7)
		if err != nil {
			t.Fatal(err)
		}
		out["gaussian-"+string(entries)] = e.(sensing.Rows)
	}
	e, err := sensing.NewRademacher(space, m, 7)
	if err != nil {
		t.Fatal(err)
	}
	out["rademacher"] = e
	return out
}

// plainly converts ensembles with rows to ensembles.
func plainly(rows map[string]sensing.Rows) map[string]sensing.Ensemble {
	all := map[string]sensing.Ensemble{}
	for name, e := range rows {
		all[name] = e
	}
	return all
}

// structuredOn returns one ensemble of each kind that has no rows.
func structuredOn(t testing.TB, space sensing.Space, m int) map[string]sensing.Ensemble {
	t.Helper()
	c, err := sensing.NewCompletion(space, m, 7)
	if err != nil {
		t.Fatal(err)
	}
	v, err := sensing.NewRankOne(space, m, 7)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]sensing.Ensemble{"completion": c, "rank-one": v}
	if p := pauliOn(t, space, m); p != nil {
		all["pauli"] = p
	}
	return all
}

// pauliOn returns m Pauli words, the last of which equals the first, or nil on a space that has no Pauli
// words.
func pauliOn(t testing.TB, space sensing.Space, m int) sensing.Ensemble {
	t.Helper()
	s, symmetric := space.(sensing.Sym)
	if !symmetric || s.N < 2 || s.N&(s.N-1) != 0 {
		return nil
	}
	drawn, err := sensing.NewPauli(s.N, max(1, m-1), 7)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for i := range m {
		words = append(words, drawn.Word(i%drawn.Measurements()))
	}
	p, err := sensing.PaulisOf(words)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Suite says what to test of a backend. The zero value tests everything, for a backend that computes in
// double precision. The suite tests those optional operations that the backend's Offers lists.
type Suite struct {
	// Single: gradients are in single precision, which exists only for rows.
	Single bool
	// Small leaves out the larger half of the sizes, for a slow backend, except for the largest of the
	// ensembles in LargeOf; and formats of rows where f32 stands for them.
	Small   bool
	LargeOf []string
	// Brief leaves out all but one of the small sizes of each parametrization, for a storage or a path of a
	// slow backend of which another suite tests the rest.
	Brief bool
}

// Run runs the suite on a backend.
func (suite Suite) Run(t *testing.T, b solver.Backend) {
	for _, k := range kinds {
		for at, s := range k.sizes {
			all := plainly(EnsemblesOn(t, k.space(s), s.m))
			if !suite.Single {
				maps.Copy(all, structuredOn(t, k.space(s), s.m))
			}
			for name, e := range all {
				if !suite.takes(name, at, k.small, len(k.sizes)) || !suite.distinct(k, e) {
					continue
				}
				title := fmt.Sprintf("%s/%s/%d×%d/m=%d/r=%d",
					k.parametrization.Name(), name, s.n1, s.n2, s.m, s.factorRank)
				t.Run(title, func(t *testing.T) {
					suite.run(t, b, k, s, e, suite.losses(k, at, k.small))
				})
			}
		}
		for at, s := range k.paulis {
			e, small := pauliOn(t, k.space(s), s.m), min(2, len(k.paulis))
			if suite.takes("pauli", at, small, len(k.paulis)) && !suite.Single {
				title := fmt.Sprintf("%s/pauli/%d×%d/m=%d/r=%d",
					k.parametrization.Name(), s.n1, s.n2, s.m, s.factorRank)
				t.Run(title, func(t *testing.T) {
					suite.run(t, b, k, s, e, suite.losses(k, at, small))
				})
			}
		}
	}
}

// losses says whether the suite tests other losses than the squared one at one of several sizes, of which the
// first few are small. A loss matters only to the contraction: of a slow backend, a size of UUᵀ and one of
// UVᵀ suffice for each ensemble.
func (suite Suite) losses(k kind, at, small int) bool {
	switch k.parametrization.(type) {
	case solver.PSD, solver.UV:
		return !suite.Small && !suite.Brief || at == small-1
	}
	return !suite.Small && !suite.Brief
}

// takes says whether the suite tests an ensemble at one of several sizes, of which the first few are small.
func (suite Suite) takes(ensemble string, at, small, sizes int) bool {
	if suite.Brief {
		return at == small-1
	}
	return !suite.Small || at < small || at == sizes-1 && slices.Contains(suite.LargeOf, ensemble)
}

// distinct says whether a small suite tests the rows of an ensemble with a parametrization. The format of
// rows matters only to the contraction of a matrix that is symmetric or not: all formats of UUᵀ and UVᵀ
// suffice.
func (suite Suite) distinct(k kind, e sensing.Ensemble) bool {
	switch k.parametrization.(type) {
	case solver.PSD, solver.UV:
		return true
	}
	return !suite.Small && !suite.Brief || standsForOthers(e)
}

// standsForOthers says whether an ensemble has no rows, or rows of f32 numbers. These stand for rows of all
// formats in tests of what does not depend on the format.
func standsForOthers(e sensing.Ensemble) bool {
	rows, ok := e.(sensing.Rows)
	return !ok || rows.Entries() == sensing.F32
}

// run runs the suite on one problem, with other losses than the squared one if losses is set.
func (suite Suite) run(
	t *testing.T, b solver.Backend, k kind, s size, e sensing.Ensemble, losses bool,
) {
	truth, err := k.truth(s)
	must(t, err)
	p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.1, NoiseSeed: 11}
	f := &fixture{
		backend: b, problem: p, kind: k, size: s, within: tolerance, reference: newReference(p, k.law),
	}
	if suite.Single {
		f.within = single
	}
	f.needs = f.possible()
	f.engine = f.open(t, s.factorRank)
	f.member = f.place(t, f.engine, 0, s.factorRank)
	t.Run("observations", f.observations)
	t.Run("adjoint", f.adjoint)
	t.Run("gradient", f.gradient)
	if !suite.Single { // in single precision the second difference is noise
		t.Run("taylor", f.taylor)
	}
	if standsForOthers(e) {
		if k.law.partner != nil {
			t.Run("precondition", f.precondition)
			t.Run("accuracy", f.accuracy)
			t.Run("project", f.project)
			t.Run("fit", f.fit)
		}
		t.Run("dot", f.dot)
		t.Run("vectors", f.vectors)
		t.Run("algebra", f.algebra)
		if f.needs.Entrywise {
			t.Run("entries", f.entries)
		}
		if f.needs.Random {
			t.Run("randoms", f.randoms)
		}
	}
	t.Run("offers", f.offers)
	if f.needs.Draws {
		t.Run("draws", f.draws)
	}
	if f.needs.Values {
		t.Run("values", f.values)
	}
	if losses {
		t.Run("losses", f.losses)
	}
	t.Run("twice", f.twice)
	t.Run("batch", f.batch)
	t.Run("state", f.state)
	t.Run("reset", f.reset)
}

type fixture struct {
	backend   solver.Backend
	problem   *sensing.Problem
	kind      kind
	size      size
	within    float64 // largest relative error of f and ∇f
	reference *reference
	needs     solver.Needs  // of the engines that open opens
	loss      solver.Loss   // of these engines; nil is the squared one
	each      []solver.Loss // that the members of these engines may have; nil is loss alone
	engine    solver.Engine
	member    *solver.Member // member 0 of engine
	path      solver.Factor  // of alone
}

// possible returns all that the backend offers, with a slot and a vector, or without steps that use no full
// gradient if the backend refuses these in its arithmetic.
func (f *fixture) possible() solver.Needs {
	all := f.backend.Offers().And(solver.Needs{Slots: 1, Vectors: 1})
	batch := solver.Batch{Parametrization: f.kind.parametrization, FactorRanks: []int{1}, Needs: all}
	if _, err := f.backend.Memory(f.problem, batch); err != nil {
		all.Draws, all.Values = false, false
	}
	return all
}

// open opens an engine whose members have the given factor ranks.
func (f *fixture) open(t *testing.T, ranks ...int) solver.Engine {
	t.Helper()
	return f.openFor(t, f.needs, ranks...)
}

// openFor opens an engine for the given needs.
func (f *fixture) openFor(t *testing.T, needs solver.Needs, ranks ...int) solver.Engine {
	t.Helper()
	losses := f.each
	if losses == nil {
		losses = []solver.Loss{f.loss}
	}
	e, err := f.backend.Open(context.Background(), f.problem, solver.Batch{
		Parametrization: f.kind.parametrization, FactorRanks: ranks, Needs: needs, Losses: losses,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// place gives a member of an engine to a run of factor rank r.
func (f *fixture) place(t *testing.T, e solver.Engine, number, r int) *solver.Member {
	t.Helper()
	m, err := solver.NewMember(e, number, f.kind.space(f.size), f.kind.parametrization, r)
	must(t, err)
	return m
}

// random returns a factor of factor rank r with entries N(0, 1/r).
func (f *fixture) random(t *testing.T, r int, seed uint64) solver.Factor {
	u, err := solver.Random{Alpha: 1, Seed: seed}.Factor(f.shapes(t, r), nil)
	must(t, err)
	return u
}

// shapes returns the sizes of the matrices of a factor.
func (f *fixture) shapes(t *testing.T, r int) []solver.Shape {
	shapes, err := f.kind.parametrization.Shapes(f.kind.space(f.size), r)
	must(t, err)
	return shapes
}

// rank returns a factor rank, or 1 if the factor has no other.
func (f *fixture) rank(r int) int {
	if _, vectors := f.kind.parametrization.(solver.Sparse); vectors {
		return 1
	}
	return r
}

// flat returns a factor's numbers, one matrix after another.
func flat(f solver.Factor) []float64 {
	var out []float64
	for _, u := range f {
		out = append(out, u.RawMatrix().Data...)
	}
	return out
}

// same says whether two factors of the same shapes have the same numbers.
func same(a, b solver.Factor) bool { return slices.Equal(flat(a), flat(b)) }

// zero says whether all numbers of a factor are zero.
func zero(f solver.Factor) bool { return same(f, solver.NewFactor(f.Shapes())) }

func normals(n int, seed uint64) []float64 {
	v := make([]float64, n)
	sensing.NewStream(seed, 99).Normals(0, v)
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// observations checks y = A(M*) + noise against the reference.
func (f *fixture) observations(t *testing.T) {
	Close(t, "y", f.engine.Observations(), f.reference.y, tolerance)
}

// adjoint checks A on L·Rᵀ against the reference, and ⟨A(L·Rᵀ), w⟩ = ⟨L, (A*w)·R⟩ = ⟨R, (A*w)ᵀ·L⟩. For
// symmetric matrices L = (U V) and R = (U −V), so that L·Rᵀ is symmetric and indefinite.
func (f *fixture) adjoint(t *testing.T) {
	n1, n2 := f.size.n1, f.size.n2
	l, r := mat.NewDense(n1, 4, nil), mat.NewDense(n2, 4, nil)
	for i := range n1 {
		l.SetRow(i, normals(4, uint64(i)))
	}
	_, sym := f.problem.Ensemble.Space().(sensing.Sym)
	for i := range n2 {
		if sym {
			r.SetRow(i, []float64{l.At(i, 0), l.At(i, 1), -l.At(i, 2), -l.At(i, 3)})
		} else {
			r.SetRow(i, normals(4, uint64(n1+i)))
		}
	}
	w := normals(f.size.m, 2)
	p := make([]float64, f.size.m)
	sum := mat.NewDense(n1, 4, nil)
	sum.Set(0, 0, 1) // must be overwritten
	must(t, f.member.Apply(p, l, r))
	must(t, f.member.AdjointMul(sum, w, false, r))
	var z mat.Dense
	z.Mul(l, r.T())
	Close(t, "A(LRᵀ)", p, f.reference.apply(&z), tolerance)
	back := mat.NewDense(n2, 4, nil)
	back.Set(0, 0, 1)
	must(t, f.member.AdjointMul(back, w, true, l))
	var left, right, other, scale float64
	for i := range p {
		left += p[i] * w[i]
		scale += math.Abs(p[i] * w[i])
	}
	for i, v := range l.RawMatrix().Data {
		right += v * sum.RawMatrix().Data[i]
	}
	for i, v := range r.RawMatrix().Data {
		other += v * back.RawMatrix().Data[i]
	}
	if !(math.Abs(left-right) <= tolerance*scale && math.Abs(left-other) <= tolerance*scale) {
		t.Errorf("⟨A(LRᵀ), w⟩ = %v, ⟨L, (A*w)·R⟩ = %v and ⟨R, (A*w)ᵀ·L⟩ = %v", left, right, other)
	}
	if f.member.Apply(p, l, mat.NewDense(n2, 3, nil)) == nil ||
		f.member.AdjointMul(sum, append(w, 1), false, r) == nil {
		t.Error("operands of the wrong size were taken")
	}
	if n1 != n2 && (f.member.Apply(p, r, l) == nil || f.member.AdjointMul(r, w, false, sum) == nil) {
		t.Error("operands in the wrong places were taken")
	}
}

// gradient checks f and ∇f against the reference.
func (f *fixture) gradient(t *testing.T) {
	u := f.random(t, f.size.factorRank, 4)
	must(t, f.engine.Set(0, solver.Iterate, u))
	must(t, f.engine.Gradient(0))
	got := u.Clone()
	must(t, f.engine.Get(0, solver.Gradient, got))
	var loss [1]float64
	must(t, f.engine.Losses(loss[:], 0))
	wantLoss, want := f.reference.gradient(u)
	for i := range want {
		Close(t, fmt.Sprintf("∇f[%d]", i), got[i].RawMatrix().Data, want[i].RawMatrix().Data, f.within)
	}
	Close(t, "f", loss[:], []float64{wantLoss}, f.within)
}

// taylor checks that ∇f is the gradient of f: f(U + hV) − f(U) − h⟨∇f, V⟩ falls like h², so its log-log plot
// has slope 2.
func (f *fixture) taylor(t *testing.T) {
	u, v := f.random(t, f.size.factorRank, 5), f.random(t, f.size.factorRank, 6)
	loss := func(x solver.Factor) float64 {
		must(t, f.engine.Set(0, solver.Iterate, x))
		var l [1]float64
		must(t, f.engine.Losses(l[:], 0))
		return l[0]
	}
	loss(u)
	g := u.Clone()
	must(t, f.engine.Get(0, solver.Gradient, g))
	if got := TaylorSlope(loss, u, v, g); !(math.Abs(got-2) < 0.05) {
		t.Errorf("the remainder falls with slope %.3f", got)
	}
}

// TaylorSlope returns the power of h with which f(U + hV) − f(U) − h⟨∇f, V⟩ falls: 2 if g is ∇f(U). f is a
// polynomial, and with the h used here the rounding of f(U + hV), 1e-16·f, is far below h²·f.
func TaylorSlope(loss func(solver.Factor) float64, u, v, g solver.Factor) float64 {
	f0, slope := loss(u), 0.0
	direction := flat(v)
	for i, x := range flat(g) {
		slope += x * direction[i]
	}
	remainder := func(h float64) float64 {
		x := u.Clone()
		x.Combine(1, u, h, v)
		return math.Abs(loss(x) - f0 - h*slope)
	}
	const h1, h2 = 1e-3, 1e-4
	return math.Log10(remainder(h1)/remainder(h2)) / math.Log10(h1/h2)
}

// precondition checks X·(PᵀP + λI)⁻¹, for each matrix X and its partner P in the iterate, against the
// solution of (PᵀP + λI)·Z = Xᵀ by elimination. A Gram matrix without an inverse must give NaN.
func (f *fixture) precondition(t *testing.T) {
	const lambda = 0.3
	u, x := f.random(t, f.size.factorRank, 31), f.random(t, f.size.factorRank, 32)
	must(t, f.engine.Set(0, solver.Iterate, u))
	must(t, f.engine.Set(0, solver.Gradient, x))
	must(t, f.member.Precondition(solver.MethodSlot, solver.Gradient, lambda))
	got := x.Clone()
	must(t, f.engine.Get(0, solver.MethodSlot, got))
	for i := range x {
		p := u[f.kind.law.partner(i)]
		var shifted, want mat.Dense
		shifted.Mul(p.T(), p)
		for j := range f.size.factorRank {
			shifted.Set(j, j, shifted.At(j, j)+lambda)
		}
		must(t, want.Solve(&shifted, x[i].T()))
		Close(t, fmt.Sprintf("preconditioned[%d]", i),
			mat.DenseCopyOf(got[i].T()).RawMatrix().Data, want.RawMatrix().Data, tolerance)
	}
	for i, want := range map[solver.Slot]solver.Factor{solver.Iterate: u, solver.Gradient: x} {
		must(t, f.engine.Get(0, i, got))
		if !same(got, want) {
			t.Errorf("slot %d has changed", i)
		}
	}
	must(t, f.engine.Set(0, solver.Iterate, solver.NewFactor(u.Shapes())))
	must(t, f.member.Precondition(solver.MethodSlot, solver.Gradient, 0))
	must(t, f.engine.Get(0, solver.MethodSlot, got))
	for _, a := range got {
		if !math.IsNaN(a.At(0, 0)) {
			t.Errorf("the inverse of nothing gives %v", a.At(0, 0))
		}
	}
}

// project checks W(WᵀW)⁻¹WᵀX for each matrix X and the iterate's W: the rest of X is orthogonal to W's
// columns, and a projection is projected to itself. A W without full rank must give NaN.
func (f *fixture) project(t *testing.T) {
	r := min(f.size.factorRank, f.size.n1, f.size.n2)
	e := f.open(t, r)
	m := f.place(t, e, 0, r)
	w, x := f.random(t, r, 34), f.random(t, r, 35)
	for _, a := range w { // well conditioned
		for j := range r {
			a.Set(j, j, a.At(j, j)+2)
		}
	}
	must(t, e.Set(0, solver.Iterate, w))
	must(t, e.Set(0, solver.Gradient, x))
	must(t, m.Project(solver.MethodSlot, solver.Gradient))
	got, again := x.Clone(), x.Clone()
	must(t, e.Get(0, solver.MethodSlot, got))
	must(t, m.Project(solver.Gradient, solver.MethodSlot))
	must(t, e.Get(0, solver.Gradient, again))
	Close(t, "projected twice", flat(again), flat(got), tolerance)
	for i := range x {
		var inside, want mat.Dense
		inside.Mul(w[i].T(), got[i])
		want.Mul(w[i].T(), x[i])
		Close(t, fmt.Sprintf("Wᵀ·projected[%d]", i),
			inside.RawMatrix().Data, want.RawMatrix().Data, tolerance)
	}
	must(t, e.Get(0, solver.Iterate, again))
	if !same(again, w) {
		t.Error("the iterate has changed")
	}
	must(t, e.Set(0, solver.Iterate, solver.NewFactor(w.Shapes())))
	must(t, m.Project(solver.Gradient, solver.MethodSlot))
	must(t, e.Get(0, solver.Gradient, again))
	for _, a := range again {
		if !math.IsNaN(a.At(0, 0)) {
			t.Errorf("a projection to nothing gives %v", a.At(0, 0))
		}
	}
}

// fit checks D = Y·(XᵀP)·(PᵀP)⁻¹ for each matrix Y, with its partner P in the iterate and its partner's X:
// D·Pᵀ has the least distance from Y·Xᵀ, so that the difference times P vanishes. A P without full rank must
// give NaN.
func (f *fixture) fit(t *testing.T) {
	r := min(f.size.factorRank, f.size.n1, f.size.n2)
	e := f.open(t, r)
	m := f.place(t, e, 0, r)
	u, y, x := f.random(t, r, 36), f.random(t, r, 37), f.random(t, r, 38)
	for _, a := range u { // well conditioned
		for j := range r {
			a.Set(j, j, a.At(j, j)+2)
		}
	}
	for slot, factor := range map[solver.Slot]solver.Factor{
		solver.Iterate: u, solver.Gradient: y, solver.Good: x,
	} {
		must(t, e.Set(0, slot, factor))
	}
	must(t, m.Fit(solver.MethodSlot, solver.Gradient, solver.Good))
	got := u.Clone()
	must(t, e.Get(0, solver.MethodSlot, got))
	for i := range u {
		j := f.kind.law.partner(i)
		var fitted, given, inside, want mat.Dense
		fitted.Mul(got[i], u[j].T())
		given.Mul(y[i], x[j].T())
		inside.Mul(&fitted, u[j])
		want.Mul(&given, u[j])
		Close(t, fmt.Sprintf("fitted[%d]", i),
			inside.RawMatrix().Data, want.RawMatrix().Data, tolerance)
	}
	for slot, want := range map[solver.Slot]solver.Factor{
		solver.Iterate: u, solver.Gradient: y, solver.Good: x,
	} {
		must(t, e.Get(0, slot, got))
		if !same(got, want) {
			t.Errorf("slot %d has changed", slot)
		}
	}
	must(t, e.Set(0, solver.Iterate, solver.NewFactor(u.Shapes())))
	must(t, m.Fit(solver.MethodSlot, solver.Gradient, solver.Good))
	must(t, e.Get(0, solver.MethodSlot, got))
	for _, a := range got {
		if !math.IsNaN(a.At(0, 0)) {
			t.Errorf("a fit to nothing gives %v", a.At(0, 0))
		}
	}
}

// twice checks that the same operations give the same bits.
func (f *fixture) twice(t *testing.T) {
	if second := f.trajectory(t, f.open(t, f.size.factorRank)); !same(f.alone(t), second) {
		t.Error("two runs differ")
	}
}

// alone returns the trajectory of an engine that has done nothing else.
func (f *fixture) alone(t *testing.T) solver.Factor {
	if f.path == nil {
		f.path = f.trajectory(t, f.open(t, f.size.factorRank))
	}
	return f.path
}

// steps is the number of steps of a trajectory. The second begins with what the first has left.
const steps = 2

// trajectory returns the factor after some steps of an engine's member 0.
func (f *fixture) trajectory(t *testing.T, e solver.Engine) solver.Factor {
	u := f.random(t, f.size.factorRank, 8)
	m := f.place(t, e, 0, f.size.factorRank)
	must(t, m.Set(solver.Iterate, u))
	for i := range steps {
		must(t, solver.GD{StepSize: 0.1}.Step(m, i))
	}
	must(t, e.Get(0, solver.Iterate, u))
	return u
}

// batch checks that a member's bits do not depend on the rest of its batch: seven members of different factor
// ranks step together, and one of them equals the same run alone.
func (f *fixture) batch(t *testing.T) {
	const members, mine = 7, 3
	var ranks, all []int
	for b := range members {
		r := f.rank(1 + (f.size.factorRank+b)%(f.size.n1+3))
		if b == mine {
			r = f.size.factorRank
		}
		ranks, all = append(ranks, r), append(all, b)
	}
	e := f.open(t, ranks...)
	var places []*solver.Member
	for b := range members {
		places = append(places, f.place(t, e, b, ranks[b]))
		must(t, e.Set(b, solver.Iterate, f.random(t, ranks[b], 8+uint64(b-mine))))
	}
	for i := range steps {
		must(t, e.Gradient(all...))
		for b := range members {
			must(t, solver.GD{StepSize: 0.1}.Step(places[b], i))
		}
	}
	got := f.random(t, f.size.factorRank, 0)
	must(t, e.Get(mine, solver.Iterate, got))
	if !same(got, f.alone(t)) {
		t.Error("a member of a batch differs from the same run alone")
	}
	losses, one := make([]float64, members), make([]float64, 1)
	must(t, e.Losses(losses, all...))
	must(t, e.Losses(one, mine))
	if losses[mine] != one[0] {
		t.Errorf("the loss of a member is %v in a batch and %v alone", losses[mine], one[0])
	}
}

// state checks the slots: Get returns what Set wrote, copies do not alias, and a changed iterate has a new
// gradient.
func (f *fixture) state(t *testing.T) {
	e := f.engine
	u, v := f.random(t, f.size.factorRank, 21), f.random(t, f.size.factorRank, 22)
	keep := u.Clone()
	must(t, e.Set(0, solver.Iterate, u))
	must(t, e.Set(0, solver.MethodSlot, v))
	u.Copy(v)
	got := v.Clone()
	must(t, e.Get(0, solver.Iterate, got))
	if !same(got, keep) {
		t.Error("the iterate is not what was set")
	}
	var before, after [1]float64
	must(t, e.Losses(before[:], 0))
	must(t, e.Combine(0, solver.Iterate, 1, solver.Iterate, 0.5, solver.MethodSlot))
	must(t, e.Losses(after[:], 0))
	keep.Combine(1, keep, 0.5, v)
	want, _ := f.reference.gradient(keep)
	Close(t, "f after a change", after[:], []float64{want}, f.within)
	if before == after {
		t.Error("the loss did not change with the iterate")
	}
	// A term with the coefficient 0 is not read, and 1·x copies to the bit.
	must(t, e.Combine(0, solver.MethodSlot, 0, solver.Gradient, 1, solver.Iterate))
	must(t, e.Get(0, solver.MethodSlot, got))
	must(t, e.Get(0, solver.Iterate, v))
	if !same(got, v) {
		t.Error("a copied slot differs")
	}
	must(t, e.Combine(0, solver.MethodSlot, 0, solver.MethodSlot, 0, solver.MethodSlot))
	must(t, e.Get(0, solver.MethodSlot, got))
	if !zero(got) {
		t.Error("nothing times nothing is something")
	}
	for i := range keep {
		shapes := f.shapes(t, f.size.factorRank)
		shapes[i].Rows++
		wrong := solver.NewFactor(shapes)
		if f.member.Set(solver.Iterate, wrong) == nil || f.member.Get(solver.Iterate, wrong) == nil {
			t.Error("a factor of the wrong shape was taken")
		}
	}
	if short := keep[1:]; f.member.Set(solver.Iterate, short) == nil ||
		f.member.Get(solver.Iterate, short) == nil {
		t.Error("a factor with a matrix too few was taken")
	}
	// A member that is listed twice is one member.
	must(t, e.Set(0, solver.Iterate, keep))
	must(t, e.Gradient(0, 0))
	var both [2]float64
	must(t, e.Losses(both[:], 0, 0))
	Close(t, "f of a member named twice", both[:], []float64{want, want}, f.within)
}

// reset checks that a reset place in a batch is as good as a new one, whatever the neighbours do.
func (f *fixture) reset(t *testing.T) {
	r := f.size.factorRank
	first, second := f.rank(r+3), f.rank(r+2)
	e := f.open(t, first, second)
	for b, rank := range []int{first, second} {
		must(t, e.Set(b, solver.Iterate, f.random(t, rank, 30)))
		must(t, e.Set(b, solver.MethodSlot, f.random(t, rank, 31)))
	}
	must(t, e.Gradient(0, 1))
	var neighbour [2]float64
	must(t, e.Losses(neighbour[:1], 1))
	must(t, e.Reset(0, r))
	slot := f.random(t, r, 32)
	for _, s := range []solver.Slot{solver.Iterate, solver.MethodSlot} {
		must(t, e.Get(0, s, slot))
		if !zero(slot) {
			t.Errorf("slot %d holds something after a reset", s)
		}
	}
	if !same(f.trajectory(t, e), f.alone(t)) {
		t.Error("a run in a place that another had differs from one alone")
	}
	must(t, e.Losses(neighbour[1:], 1))
	if neighbour[0] != neighbour[1] {
		t.Error("a reset changes another member")
	}
	must(t, e.Reset(0, first))
	must(t, e.Set(0, solver.Iterate, f.random(t, first, 33)))
	if e.Reset(0, first+1) == nil {
		t.Error("a factor rank larger than the place was taken")
	}
}

// Close compares vectors by the norm of their difference, relative to the norm of want. NaN is never close.
func Close(t testing.TB, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d numbers, want %d", what, len(got), len(want))
	}
	var diff, norm float64
	for i := range got {
		if math.IsNaN(got[i]) || math.IsInf(got[i], 0) {
			t.Fatalf("%s[%d] is %v", what, i, got[i])
		}
		diff += (got[i] - want[i]) * (got[i] - want[i])
		norm += want[i] * want[i]
	}
	if !(math.Sqrt(diff) <= tolerance*math.Sqrt(norm)) {
		t.Errorf("%s is off by %.3g relative, more than %.3g", what, math.Sqrt(diff/norm), tolerance)
	}
}
