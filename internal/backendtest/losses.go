package backendtest

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/solver"
)

// rho is ρ(x), written down once more.
func rho(l solver.Loss, x float64) float64 {
	switch l := l.(type) {
	case solver.L1:
		return math.Abs(x)
	case solver.Huber:
		if math.Abs(x) <= l.Threshold {
			return x * x / 2
		}
		return l.Threshold*math.Abs(x) - l.Threshold*l.Threshold/2
	}
	return x * x / 2
}

// psi is ρ′(x).
func psi(l solver.Loss, x float64) float64 {
	switch l := l.(type) {
	case solver.L1:
		return math.Copysign(1, x)
	case solver.Huber:
		if math.Abs(x) > l.Threshold {
			return math.Copysign(l.Threshold, x)
		}
	}
	return x
}

// lossesTogether checks that members of one batch have losses of their own, each with the bits that it has in
// an engine for this loss alone: gradients, f, draws and values at points. A member takes another loss.
func (f *fixture) lossesTogether(t *testing.T) {
	all := []solver.Loss{solver.L1{}, nil, solver.Huber{Threshold: 0.5}}
	batch := solver.Batch{Parametrization: f.kind.parametrization, FactorRanks: []int{1}, Losses: all}
	if _, err := solver.MemoryFor(f.backend, f.problem, batch); err != nil {
		return // losses checks the refusal
	}
	const members = 5
	ranks, numbers := make([]int, members), make([]int, members)
	for b := range members {
		ranks[b], numbers[b] = f.rank(1+b%2), b
	}
	of := func(b int) solver.Loss { return all[b%len(all)] }
	other := *f
	other.each = all
	e := other.open(t, ranks...)
	// read returns f and the gradient of some members.
	read := func(e solver.Engine, members ...int) (values []float64, gradients []solver.Factor) {
		must(t, e.Gradient(members...))
		for _, b := range members {
			g := f.random(t, ranks[b], 0)
			must(t, e.Get(b, solver.Gradient, g))
			gradients = append(gradients, g)
		}
		values = make([]float64, len(members))
		must(t, e.Losses(values, members...))
		return values, gradients
	}
	// more appends f at points, and the gradient of a draw, if there are such operations.
	more := func(
		e solver.Engine, b int, values []float64, gradients []solver.Factor,
	) ([]float64, []solver.Factor) {
		if f.needs.Values {
			at := make([]float64, 2)
			must(t, e.(solver.ValueEngine).Evaluate(at, b, solver.Iterate, solver.Iterate))
			values = append(values, at...)
		}
		if f.needs.Draws {
			last := f.size.m - 1
			must(t, e.(solver.DrawEngine).DrawGradient(b, solver.Draw{Rows: []int{0, last, last}}))
			g := f.random(t, ranks[b], 0)
			must(t, e.Get(b, solver.Gradient, g))
			gradients = append(gradients, g)
		}
		return values, gradients
	}
	for b := range members {
		must(t, e.(solver.LossEngine).SetLoss(b, of(b)))
		must(t, e.Set(b, solver.Iterate, f.random(t, ranks[b], 50+uint64(b))))
	}
	values, gradients := read(e, numbers...)
	alone := func(b int, l solver.Loss) ([]float64, []solver.Factor) {
		other.each = []solver.Loss{l}
		a := other.open(t, ranks[:b+1]...)
		must(t, a.Set(b, solver.Iterate, f.random(t, ranks[b], 50+uint64(b))))
		v, g := read(a, b)
		return more(a, b, v, g)
	}
	for b := range members {
		v, g := more(e, b, values[b:b+1:b+1], gradients[b:b+1:b+1])
		wantV, wantG := alone(b, of(b))
		if !slices.Equal(v, wantV) {
			t.Errorf("member %d: f is %v, and %v alone", b, v, wantV)
		}
		for i := range g {
			if !same(g[i], wantG[i]) {
				t.Errorf("member %d: gradient %d differs from that alone", b, i)
			}
		}
	}
	must(t, e.(solver.LossEngine).SetLoss(1, of(0)))
	v, g := read(e, 1)
	if wantV, wantG := alone(1, of(0)); v[0] != wantV[0] || !same(g[0], wantG[0]) {
		t.Errorf("f of a member with another loss is %v, and %v alone", v, wantV)
	}
}

// losses checks f and gradients with other losses than the squared one against the reference: whole, of
// draws, at points, and in a batch. A backend that does not offer them, or not in its arithmetic, must refuse
// them before it opens anything.
func (f *fixture) losses(t *testing.T) {
	t.Run("together", f.lossesTogether)
	for _, l := range []solver.Loss{solver.L1{}, solver.Huber{Threshold: 0.5}} {
		t.Run(l.Name(), func(t *testing.T) {
			batch := solver.Batch{Parametrization: f.kind.parametrization, FactorRanks: []int{1},
				Losses: []solver.Loss{l}}
			_, err := solver.MemoryFor(f.backend, f.problem, batch)
			if offered := f.backend.Offers().AnyLoss; !offered != errors.Is(err, solver.ErrUnsupported) {
				t.Fatalf("the backend offers other losses: %v, and says %v", offered, err)
			}
			if err != nil {
				return
			}
			other := *f
			other.loss, other.path, other.reference = l, nil, newReference(f.problem, f.kind.law)
			other.reference.loss = l
			other.engine = other.open(t, f.size.factorRank)
			other.member = other.place(t, other.engine, 0, f.size.factorRank)
			other.gradient(t)
			other.batch(t)
			if other.needs.Draws {
				other.draws(t)
			}
			if other.needs.Values {
				other.values(t)
			}
		})
	}
}
