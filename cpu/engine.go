package cpu

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// engine implements solver.Engine. Everything it is asked to do is done when the call returns.
type engine struct {
	space    sensing.Space
	par      solver.Parametrization
	operator operator
	y        []float64
	matrix   *mat.Dense // n1 × n2: the product on the way up, the gradient's matrix on the way down
	members  []*member
}

var _ solver.Engine = &engine{}

// member is one factor of the batch with its slots.
type member struct {
	part
	slots []solver.Factor
	fresh bool // the Gradient slot and the sum of squares belong to the iterate
}

func newEngine(p *sensing.Problem, batch solver.Batch) (*engine, error) {
	space := p.Ensemble.Space()
	n1, n2 := space.Dims()
	e := &engine{space: space, par: batch.Parametrization, matrix: mat.NewDense(n1, n2, nil)}
	for _, r := range batch.FactorRanks {
		shapes, err := batch.Parametrization.Shapes(space, r)
		if err != nil {
			return nil, err
		}
		m := &member{slots: make([]solver.Factor, int(solver.OwnSlot)+batch.OwnSlots)}
		for i := range m.slots {
			m.slots[i] = solver.NewFactor(shapes)
		}
		m.z, m.g = make([]float64, space.K()), make([]float64, space.K())
		e.members = append(e.members, m)
	}
	return e, nil
}

// observe makes the observations of a problem that has none.
func (e *engine) observe(p *sensing.Problem) {
	if p.Observations != nil {
		e.y = p.Observations
		return
	}
	p.Truth.Matrix(e.matrix)
	z := make([]float64, e.space.K())
	e.space.Coordinates(z, e.matrix)
	e.y = make([]float64, p.Ensemble.Measurements())
	e.operator.apply(e.y, z)
	p.AddNoise(e.y)
}

// Set implements solver.Engine.
func (e *engine) Set(member int, slot solver.Slot, f solver.Factor) error {
	m := e.members[member]
	if err := m.check("set", slot, f); err != nil {
		return err
	}
	m.slots[slot].Copy(f)
	m.touched(slot)
	return nil
}

// check compares a factor's shapes with a slot's.
func (m *member) check(verb string, slot solver.Slot, f solver.Factor) error {
	if have, want := f.Shapes(), m.slots[slot].Shapes(); !slices.Equal(have, want) {
		return fmt.Errorf("cpu: %s slot %d: the factor is %v and the slot %v", verb, slot, have, want)
	}
	return nil
}

// touched notes that a slot has changed.
func (m *member) touched(slot solver.Slot) {
	if slot == solver.Iterate || slot == solver.Gradient {
		m.fresh = false
	}
}

// Get implements solver.Engine.
func (e *engine) Get(member int, slot solver.Slot, f solver.Factor) error {
	m := e.members[member]
	if err := m.check("get", slot, f); err != nil {
		return err
	}
	f.Copy(m.slots[slot])
	return nil
}

// Gradient implements solver.Engine: lift, contract, pullback.
func (e *engine) Gradient(members ...int) error {
	var stale []*member
	var parts []*part
	for _, i := range members {
		if m := e.members[i]; !m.fresh && !slices.Contains(stale, m) {
			stale = append(stale, m)
			parts = append(parts, &m.part)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	for _, m := range stale {
		e.par.Product(e.matrix, m.slots[solver.Iterate])
		e.space.Coordinates(m.z, e.matrix)
	}
	e.operator.contract(e.y, parts)
	for _, m := range stale {
		e.space.Matrix(e.matrix, m.g)
		e.par.Pullback(m.slots[solver.Gradient], e.matrix, m.slots[solver.Iterate])
		m.fresh = true
	}
	return nil
}

// AddScaled implements solver.Engine.
func (e *engine) AddScaled(member int, dst solver.Slot, c float64, src solver.Slot) error {
	m := e.members[member]
	m.slots[dst].AddScaled(c, m.slots[src])
	m.touched(dst)
	return nil
}

// Losses implements solver.Engine.
func (e *engine) Losses(dst []float64, members ...int) error {
	if err := e.Gradient(members...); err != nil {
		return err
	}
	for j, i := range members {
		dst[j] = e.members[i].squares / (4 * float64(len(e.y)))
	}
	return nil
}

// Wait implements solver.Engine.
func (e *engine) Wait() error { return nil }

// Observations implements solver.Engine.
func (e *engine) Observations() []float64 { return e.y }

// Apply implements solver.Engine.
func (e *engine) Apply(p, z []float64) error {
	if len(p) != len(e.y) || len(z) != e.space.K() {
		return fmt.Errorf("cpu: apply %d measurements of %d coordinates to %d numbers for %d", len(e.y), e.space.K(), len(z), len(p))
	}
	e.operator.apply(p, z)
	return nil
}

// Adjoint implements solver.Engine.
func (e *engine) Adjoint(g, w []float64) error {
	if len(w) != len(e.y) || len(g) != e.space.K() {
		return fmt.Errorf("cpu: apply the adjoint of %d measurements of %d coordinates to %d numbers for %d", len(e.y), e.space.K(), len(w), len(g))
	}
	e.operator.adjoint(g, w)
	return nil
}

// Close implements solver.Engine.
func (e *engine) Close() error {
	*e = engine{}
	return nil
}
