// Package backendtest is the suite that every backend must pass: the laws of the operator and of the gradient, at
// sizes that divide nothing, for every ensemble. A backend's own tests call [Suite.Run].
package backendtest

import (
	"context"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// tolerance bounds the relative difference of two sums of up to K·m ≈ 10⁵ double-precision products taken in two
// orders: √(10⁵)·2⁻⁵³ is 4e-14, and cancellation in p_i − y_i costs another digit.
const tolerance = 1e-12

// size is one problem's.
type size struct{ n, m, rank, factorRank int }

// single bounds it where gradients are taken in single precision: √(10⁵)·2⁻²⁴ is 2e-5, with a digit for cancellation.
// Observations and the operator's own products are in double precision there too.
const single = 2e-4

// sizes are small, odd, prime or one off a power of two; the rank is 1, the factor rank above n, the number of
// measurements less than a block, a block and one more, several chunks and a remainder.
var sizes = []size{
	{1, 1, 1, 1}, {2, 3, 1, 1}, {3, 4, 2, 5}, {5, 5, 1, 2}, {13, 67, 3, 13}, {31, 129, 1, 7}, {32, 64, 2, 32}, {33, 257, 2, 40},
}

// Ensembles returns one of each kind.
func Ensembles(t testing.TB, n, m int) map[string]sensing.Ensemble {
	t.Helper()
	out := map[string]sensing.Ensemble{}
	space := sensing.Sym{N: n}
	for _, entries := range []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8} {
		e, err := sensing.NewGaussian(space, m, entries, 7)
		if err != nil {
			t.Fatal(err)
		}
		out["gaussian-"+string(entries)] = e
	}
	e, err := sensing.NewRademacher(space, m, 7)
	if err != nil {
		t.Fatal(err)
	}
	out["rademacher"] = e
	return out
}

// Suite is what to ask of a backend. The zero value asks everything of one that computes in double precision.
type Suite struct {
	// Single: gradients are taken in single precision.
	Single bool
	// Small leaves out the larger half of the sizes, for a backend that is slow.
	Small bool
}

// Run runs the suite on a backend.
func (suite Suite) Run(t *testing.T, b solver.Backend) {
	sizes, within := sizes, tolerance
	if suite.Small {
		sizes = sizes[:5]
	}
	if suite.Single {
		within = single
	}
	for _, s := range sizes {
		for name, e := range Ensembles(t, s.n, s.m) {
			t.Run(fmt.Sprintf("%s/n=%d/m=%d/r=%d", name, s.n, s.m, s.factorRank), func(t *testing.T) {
				truth, err := sensing.NewTruth(s.n, s.rank, float64(s.rank), 3)
				if err != nil {
					t.Fatal(err)
				}
				p := &sensing.Problem{Ensemble: e, Truth: truth, Noise: 0.1, NoiseSeed: 11}
				f := &fixture{backend: b, problem: p, size: s, within: within, reference: newReference(p)}
				f.engine = f.open(t, s.factorRank)
				t.Run("observations", f.observations)
				t.Run("adjoint", f.adjoint)
				t.Run("gradient", f.gradient)
				if !suite.Single { // there a second difference is noise
					t.Run("taylor", f.taylor)
				}
				t.Run("precondition", f.precondition)
				t.Run("twice", f.twice)
				t.Run("batch", f.batch)
				t.Run("state", f.state)
				t.Run("reset", f.reset)
			})
		}
	}
}

type fixture struct {
	backend   solver.Backend
	problem   *sensing.Problem
	size      size
	within    float64 // relative error of f and ∇f
	reference *reference
	engine    solver.Engine
}

// open opens an engine whose members have the given factor ranks.
func (f *fixture) open(t *testing.T, ranks ...int) solver.Engine {
	t.Helper()
	var members []solver.Member
	for _, r := range ranks {
		members = append(members, solver.Member{FactorRank: r})
	}
	e, err := f.backend.Open(context.Background(), f.problem, solver.Batch{
		Parametrization: solver.PSD{}, Members: members, OwnSlots: 1,
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

// random returns an n × r factor with entries N(0, 1/r).
func (f *fixture) random(t *testing.T, r int, seed uint64) solver.Factor {
	u, err := solver.SmallRandom{Alpha: 1, Seed: seed}.Factor([]solver.Shape{{Rows: f.size.n, Cols: r}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

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
	Close(t, "y", f.engine.Observations(0), f.reference.y, tolerance)
}

// adjoint checks A against the reference on L·Rᵀ with L = (U V) and R = (U −V), which is symmetric and indefinite, and
// ⟨A(L·Rᵀ), w⟩ = ⟨L·Rᵀ, A*w⟩ = ⟨L, (A*w)·R⟩.
func (f *fixture) adjoint(t *testing.T) {
	n := f.size.n
	l, r := mat.NewDense(n, 4, nil), mat.NewDense(n, 4, nil)
	for i := range n {
		x := normals(4, uint64(i))
		l.SetRow(i, x)
		r.SetRow(i, []float64{x[0], x[1], -x[2], -x[3]})
	}
	w := normals(f.size.m, 2)
	p := make([]float64, f.size.m)
	sum := mat.NewDense(n, 4, nil)
	sum.Set(0, 0, 1) // something to be overwritten
	must(t, f.engine.Apply(p, l, r))
	must(t, f.engine.AdjointMul(sum, w, r))
	var z mat.Dense
	z.Mul(l, r.T())
	Close(t, "A(LRᵀ)", p, f.reference.apply(&z), tolerance)
	var left, right, scale float64
	for i := range p {
		left += p[i] * w[i]
		scale += math.Abs(p[i] * w[i])
	}
	for i, v := range l.RawMatrix().Data {
		right += v * sum.RawMatrix().Data[i]
	}
	if !(math.Abs(left-right) <= tolerance*scale) {
		t.Errorf("⟨A(LRᵀ), w⟩ = %v and ⟨LRᵀ, A*w⟩ = %v", left, right)
	}
	if f.engine.Apply(p, l, mat.NewDense(n, 3, nil)) == nil || f.engine.AdjointMul(sum, append(w, 1), r) == nil {
		t.Error("operands of the wrong size were taken")
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
	wantLoss, want := f.reference.gradient(u[0])
	Close(t, "∇f", got[0].RawMatrix().Data, want.RawMatrix().Data, f.within)
	Close(t, "f", loss[:], []float64{wantLoss}, f.within)
}

// taylor checks that ∇f is the gradient of f: f(U + hV) − f(U) − h⟨∇f, V⟩ falls like h², slope 2 in a log-log plot.
func (f *fixture) taylor(t *testing.T) {
	u, v := f.random(t, f.size.factorRank, 5), f.random(t, f.size.factorRank, 6)
	loss := func(h float64) float64 {
		x := u.Clone()
		x.Combine(1, u, h, v)
		must(t, f.engine.Set(0, solver.Iterate, x))
		var l [1]float64
		must(t, f.engine.Losses(l[:], 0))
		return l[0]
	}
	f0 := loss(0)
	g := u.Clone()
	must(t, f.engine.Get(0, solver.Gradient, g))
	var slope float64
	for i, x := range g[0].RawMatrix().Data {
		slope += x * v[0].RawMatrix().Data[i]
	}
	// f is a quartic; with these h the rounding of f(U + hV), 1e-16·f, is far below h²·f.
	const h1, h2 = 1e-3, 1e-4
	r1, r2 := math.Abs(loss(h1)-f0-h1*slope), math.Abs(loss(h2)-f0-h2*slope)
	if got := math.Log10(r1/r2) / math.Log10(h1/h2); !(math.Abs(got-2) < 0.05) {
		t.Errorf("the remainder falls with slope %.3f, from %g to %g", got, r1, r2)
	}
}

// precondition checks X·(UᵀU + λI)⁻¹ against the solution of (UᵀU + λI)·Z = Xᵀ by elimination, and that a Gram matrix
// without an inverse makes NaN.
func (f *fixture) precondition(t *testing.T) {
	const lambda = 0.3
	u, x := f.random(t, f.size.factorRank, 31), f.random(t, f.size.factorRank, 32)
	must(t, f.engine.Set(0, solver.Iterate, u))
	must(t, f.engine.Set(0, solver.Gradient, x))
	must(t, f.engine.Precondition(0, solver.OwnSlot, solver.Gradient, lambda))
	var shifted, want mat.Dense
	shifted.Mul(u[0].T(), u[0])
	for i := range f.size.factorRank {
		shifted.Set(i, i, shifted.At(i, i)+lambda)
	}
	must(t, want.Solve(&shifted, x[0].T()))
	got := x.Clone()
	must(t, f.engine.Get(0, solver.OwnSlot, got))
	Close(t, "preconditioned", mat.DenseCopyOf(got[0].T()).RawMatrix().Data, want.RawMatrix().Data, tolerance)
	for i, want := range map[solver.Slot]*mat.Dense{solver.Iterate: u[0], solver.Gradient: x[0]} {
		must(t, f.engine.Get(0, i, got))
		if !mat.Equal(got[0], want) {
			t.Errorf("slot %d has changed", i)
		}
	}
	u[0].Zero()
	must(t, f.engine.Set(0, solver.Iterate, u))
	must(t, f.engine.Precondition(0, solver.OwnSlot, solver.Gradient, 0))
	must(t, f.engine.Get(0, solver.OwnSlot, got))
	if !math.IsNaN(got[0].At(0, 0)) {
		t.Errorf("the inverse of nothing gives %v", got[0].At(0, 0))
	}
}

// twice checks that the same operations give the same bits.
func (f *fixture) twice(t *testing.T) {
	if a, b := f.trajectory(t, f.open(t, f.size.factorRank)), f.trajectory(t, f.open(t, f.size.factorRank)); !mat.Equal(a, b) {
		t.Error("two runs differ")
	}
}

// trajectory returns the factor after three steps of an engine's member 0.
func (f *fixture) trajectory(t *testing.T, e solver.Engine) *mat.Dense {
	u := f.random(t, f.size.factorRank, 8)
	must(t, e.Set(0, solver.Iterate, u))
	for i := range 3 {
		must(t, solver.GradientDescent{StepSize: 0.1}.Step(e, 0, i))
	}
	must(t, e.Get(0, solver.Iterate, u))
	return u[0]
}

// batch checks that a member's bits do not depend on what else is in its batch: seven members of different factor
// ranks, all stepping together, one of them the same as alone.
func (f *fixture) batch(t *testing.T) {
	alone := f.trajectory(t, f.open(t, f.size.factorRank))
	const members, mine = 7, 3
	var ranks, all []int
	for b := range members {
		r := 1 + (f.size.factorRank+b)%(f.size.n+3)
		if b == mine {
			r = f.size.factorRank
		}
		ranks, all = append(ranks, r), append(all, b)
	}
	e := f.open(t, ranks...)
	for b := range members {
		must(t, e.Set(b, solver.Iterate, f.random(t, ranks[b], 8+uint64(b-mine))))
	}
	for i := range 3 {
		must(t, e.Gradient(all...))
		for b := range members {
			must(t, solver.GradientDescent{StepSize: 0.1}.Step(e, b, i))
		}
	}
	got := f.random(t, f.size.factorRank, 0)
	must(t, e.Get(mine, solver.Iterate, got))
	if !mat.Equal(got[0], alone) {
		t.Error("a member of a batch differs from the same run alone")
	}
	losses, one := make([]float64, members), make([]float64, 1)
	must(t, e.Losses(losses, all...))
	must(t, e.Losses(one, mine))
	if losses[mine] != one[0] {
		t.Errorf("the loss of a member is %v in a batch and %v alone", losses[mine], one[0])
	}
}

// state checks the slots: what is set is got back, copies do not alias, and a changed iterate has a new gradient.
func (f *fixture) state(t *testing.T) {
	e := f.engine
	u, v := f.random(t, f.size.factorRank, 21), f.random(t, f.size.factorRank, 22)
	keep := u.Clone()
	must(t, e.Set(0, solver.Iterate, u))
	must(t, e.Set(0, solver.OwnSlot, v))
	u[0].Zero()
	got := v.Clone()
	must(t, e.Get(0, solver.Iterate, got))
	if !mat.Equal(got[0], keep[0]) {
		t.Error("the iterate is not what was set")
	}
	var before, after [1]float64
	must(t, e.Losses(before[:], 0))
	must(t, e.Combine(0, solver.Iterate, 1, solver.Iterate, 0.5, solver.OwnSlot))
	must(t, e.Losses(after[:], 0))
	keep.Combine(1, keep, 0.5, v)
	want, _ := f.reference.gradient(keep[0])
	Close(t, "f after a change", after[:], []float64{want}, f.within)
	if before == after {
		t.Error("the loss did not change with the iterate")
	}
	// A term with the coefficient 0 is not read, and 1·x copies to the bit.
	must(t, e.Combine(0, solver.OwnSlot, 0, solver.Gradient, 1, solver.Iterate))
	must(t, e.Get(0, solver.OwnSlot, got))
	must(t, e.Get(0, solver.Iterate, v))
	if !mat.Equal(got[0], v[0]) {
		t.Error("a copied slot differs")
	}
	must(t, e.Combine(0, solver.OwnSlot, 0, solver.OwnSlot, 0, solver.OwnSlot))
	must(t, e.Get(0, solver.OwnSlot, got))
	if mat.Norm(got[0], 1) != 0 {
		t.Error("nothing times nothing is something")
	}
	wrong := solver.NewFactor([]solver.Shape{{Rows: f.size.n + 1, Cols: f.size.factorRank}})
	if e.Set(0, solver.Iterate, wrong) == nil || e.Get(0, solver.Iterate, wrong) == nil {
		t.Error("a factor of the wrong shape was taken")
	}
	// A member named twice is one member.
	must(t, e.Set(0, solver.Iterate, keep))
	must(t, e.Gradient(0, 0))
	var both [2]float64
	must(t, e.Losses(both[:], 0, 0))
	Close(t, "f of a member named twice", both[:], []float64{want, want}, f.within)
}

// reset checks that a place in a batch that another run had is as good as a new one, whatever the neighbours do.
func (f *fixture) reset(t *testing.T) {
	r := f.size.factorRank
	alone := f.trajectory(t, f.open(t, r))
	e := f.open(t, r+3, r+2)
	for b, rank := range []int{r + 3, r + 2} {
		must(t, e.Set(b, solver.Iterate, f.random(t, rank, 30)))
		must(t, e.Set(b, solver.OwnSlot, f.random(t, rank, 31)))
	}
	must(t, e.Gradient(0, 1))
	var neighbour [2]float64
	must(t, e.Losses(neighbour[:1], 1))
	must(t, e.Reset(0, solver.Member{FactorRank: r}))
	slot := f.random(t, r, 32)
	for _, s := range []solver.Slot{solver.Iterate, solver.OwnSlot} {
		must(t, e.Get(0, s, slot))
		if mat.Norm(slot[0], 1) != 0 {
			t.Errorf("slot %d holds something after a reset", s)
		}
	}
	if !mat.Equal(f.trajectory(t, e), alone) {
		t.Error("a run in a place that another had differs from one alone")
	}
	must(t, e.Losses(neighbour[1:], 1))
	if neighbour[0] != neighbour[1] {
		t.Error("a reset changes another member")
	}
	must(t, e.Reset(0, solver.Member{FactorRank: r + 3}))
	must(t, e.Set(0, solver.Iterate, f.random(t, r+3, 33)))
	if e.Reset(0, solver.Member{FactorRank: r + 4}) == nil {
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
