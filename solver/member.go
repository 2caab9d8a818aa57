package solver

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// Member is one run's place in an engine, and what a [Method] works with. It checks the sizes of all
// arguments, so that engines need not.
type Member struct {
	engine Engine
	number int
	space  sensing.Space
	shapes []Shape
	// truthLoss is f at the truth; NaN if it is not known.
	truthLoss float64
	// writing is told of each slot that an operation is going to write; nil outside of steps.
	writing func(Slot)
	// host has the slots in the host's memory that were written; the others are zeros.
	host map[Slot]Factor
}

// NewMember gives a member's place in an engine to a run with factor rank r and fills its slots with zeros.
// The engine was opened on the same space and parametrization, with at least this factor rank.
func NewMember(e Engine, number int, space sensing.Space, p Parametrization, r int) (*Member, error) {
	shapes, err := p.Shapes(space, r)
	if err != nil {
		return nil, err
	}
	if err := e.Reset(number, r); err != nil {
		return nil, err
	}
	return &Member{engine: e, number: number, space: space, shapes: shapes, truthLoss: math.NaN()}, nil
}

// Shapes returns the sizes of the factor's matrices.
func (m *Member) Shapes() []Shape { return m.shapes }

// Observations returns y, m numbers, which the caller must not change.
func (m *Member) Observations() []float64 { return m.engine.Observations() }

// ShapesOf returns the sizes of a slot's contents: the factor's shapes, or one column of m numbers for a
// vector.
func (m *Member) ShapesOf(slot Slot) []Shape {
	if slot.isVector() {
		return []Shape{{len(m.Observations()), 1}}
	}
	return m.shapes
}

// isVector says whether a slot is a vector of m numbers.
func (s Slot) isVector() bool { return s >= VectorSlot && s < HostSlot }

// check compares a factor's shapes with a slot's.
func (m *Member) check(verb string, slot Slot, f Factor) error {
	have, want := f.Shapes(), m.ShapesOf(slot)
	switch {
	case slices.Equal(have, want):
		return nil
	case slot.isVector():
		return fmt.Errorf("solver: %s vector %d: the vector is %v, of %d observations",
			verb, slot-VectorSlot, have, len(m.Observations()))
	}
	return fmt.Errorf("solver: %s slot %d: the factor is %v and the slot %v", verb, slot, have, want)
}

// alike refuses slots of different shapes, and those that the engine does not have.
func alike(verb string, slots ...Slot) error {
	for _, s := range slots {
		if s >= HostSlot {
			return fmt.Errorf("solver: %s host slot %d, which the engine does not have", verb, s-HostSlot)
		}
		if s.isVector() != slots[0].isVector() {
			return fmt.Errorf("solver: %s slots %v, which have different shapes", verb, slots)
		}
	}
	return nil
}

// writes is called before a slot is written.
func (m *Member) writes(slot Slot) {
	if m.writing != nil {
		m.writing(slot)
	}
}

// Set copies f into a slot.
func (m *Member) Set(slot Slot, f Factor) error {
	if err := m.check("set", slot, f); err != nil {
		return err
	}
	m.writes(slot)
	if slot >= HostSlot {
		if m.host[slot] == nil {
			if m.host == nil {
				m.host = map[Slot]Factor{}
			}
			m.host[slot] = NewFactor(m.shapes)
		}
		m.host[slot].Copy(f)
		return nil
	}
	return m.engine.Set(m.number, slot, f)
}

// Get copies a slot into f.
func (m *Member) Get(slot Slot, f Factor) error {
	if err := m.check("get", slot, f); err != nil {
		return err
	}
	switch {
	case slot < HostSlot:
		return m.engine.Get(m.number, slot, f)
	case m.host[slot] != nil:
		f.Copy(m.host[slot])
	default:
		for _, u := range f {
			u.Zero()
		}
	}
	return nil
}

// Gradient fills the Gradient slot with ∇f at the iterate.
func (m *Member) Gradient() error { return m.engine.Gradient(m.number) }

// GradientAt fills the Gradient slot with ∇f at the point in slot x. The iterate is as before, also after an
// error; it lies in the slot backup for the time being. The method must set [Needs].Points.
func (m *Member) GradientAt(x, backup Slot) error {
	if err := alike("take the gradient at", x, backup, Iterate); err != nil {
		return err
	}
	m.writes(backup)
	if err := m.engine.Combine(m.number, backup, 1, Iterate, 0, Iterate); err != nil {
		return err
	}
	if err := m.engine.Combine(m.number, Iterate, 1, x, 0, x); err != nil {
		return err
	}
	err := m.Gradient()
	return errors.Join(err, m.engine.Combine(m.number, Iterate, 1, backup, 0, backup))
}

// Loss returns f at the iterate.
func (m *Member) Loss() (float64, error) {
	var loss [1]float64
	err := m.engine.Losses(loss[:], m.number)
	return loss[0], err
}

// LossOfTruth returns f(M*) of a run whose observations are linear ones made from the truth: the mean of ρ
// over the noise and the outliers of the measurements that are fitted, over 2. It is 0 if they are exact.
func (m *Member) LossOfTruth() (float64, error) {
	if math.IsNaN(m.truthLoss) {
		return 0, errors.New("solver: f at the truth is known of observations alone that are made from the truth")
	}
	return m.truthLoss, nil
}

// Combine does dst ← a·x + b·y, like [Engine.Combine].
func (m *Member) Combine(dst Slot, a float64, x Slot, b float64, y Slot) error {
	if err := alike("combine", dst, x, y); err != nil {
		return err
	}
	m.writes(dst)
	return m.engine.Combine(m.number, dst, a, x, b, y)
}

// Dot returns ⟨x, y⟩, like [Engine.Dot].
func (m *Member) Dot(x, y Slot) (float64, error) {
	if err := alike("multiply", x, y); err != nil {
		return 0, err
	}
	return m.engine.Dot(m.number, x, y)
}

// Precondition does dst ← X·(PᵀP + λI)⁻¹, like [InverseEngine]. The method must set [Needs].Inverses.
func (m *Member) Precondition(dst, x Slot, lambda float64) error {
	e, ok := m.engine.(InverseEngine)
	if !ok {
		return m.lacks(Needs{Inverses: true})
	}
	m.writes(dst)
	return e.Precondition(m.number, dst, x, lambda)
}

// Project does dst ← W·(WᵀW)⁻¹·(WᵀX), like [InverseEngine]. The method must set [Needs].Inverses.
func (m *Member) Project(dst, x Slot) error {
	e, ok := m.engine.(InverseEngine)
	if !ok {
		return m.lacks(Needs{Inverses: true})
	}
	m.writes(dst)
	return e.Project(m.number, dst, x)
}

// Fit does dst ← Y·(XᵀP)·(PᵀP)⁻¹, like [InverseEngine]. The method must set [Needs].Inverses.
func (m *Member) Fit(dst, y, x Slot) error {
	e, ok := m.engine.(InverseEngine)
	if !ok {
		return m.lacks(Needs{Inverses: true})
	}
	m.writes(dst)
	return e.Fit(m.number, dst, y, x)
}

// MultiplyEntries does dst ← a·x·y + b·z number by number, like [EntrywiseEngine]. The method must set
// [Needs].Entrywise.
func (m *Member) MultiplyEntries(dst Slot, a float64, x, y Slot, b float64, z Slot) error {
	e, ok := m.engine.(EntrywiseEngine)
	if !ok {
		return m.lacks(Needs{Entrywise: true})
	}
	if err := alike("multiply entries of", dst, x, y, z); err != nil {
		return err
	}
	m.writes(dst)
	return e.MultiplyEntries(m.number, dst, a, x, y, b, z)
}

// DivideEntries does dst ← z + a·x/(√y + ε) number by number, like [EntrywiseEngine]. The method must set
// [Needs].Entrywise.
func (m *Member) DivideEntries(dst, z Slot, a float64, x, y Slot, epsilon float64) error {
	e, ok := m.engine.(EntrywiseEngine)
	if !ok {
		return m.lacks(Needs{Entrywise: true})
	}
	if err := alike("divide entries of", dst, x, y, z); err != nil {
		return err
	}
	m.writes(dst)
	return e.DivideEntries(m.number, dst, z, a, x, y, epsilon)
}

// DrawGradient fills the Gradient slot with the gradient of a draw's objective at the iterate. The method
// must set [Needs].Draws.
func (m *Member) DrawGradient(d Draw) error {
	e, ok := m.engine.(DrawEngine)
	if !ok {
		return m.lacks(Needs{Draws: true})
	}
	if err := d.Check(len(m.Observations())); err != nil {
		return fmt.Errorf("solver: %w", err)
	}
	return e.DrawGradient(m.number, d)
}

// Residuals fills a vector slot with res_i = ⟨A_i, Z⟩ − y_i at the iterate. The method must set
// [Needs].Values.
func (m *Member) Residuals(dst Slot) error {
	e, ok := m.engine.(ValueEngine)
	if !ok {
		return m.lacks(Needs{Values: true})
	}
	if dst < VectorSlot {
		return fmt.Errorf("solver: residuals in slot %d, which is not a vector", dst)
	}
	m.writes(dst)
	return e.Residuals(m.number, dst)
}

// Evaluate writes f of each point to dst, like [ValueEngine]. The method must set [Needs].Values.
func (m *Member) Evaluate(dst []float64, points ...Slot) error {
	e, ok := m.engine.(ValueEngine)
	if !ok {
		return m.lacks(Needs{Values: true})
	}
	if len(dst) != len(points) {
		return fmt.Errorf("solver: evaluate %d points for %d numbers", len(points), len(dst))
	}
	for _, point := range points {
		if point >= VectorSlot {
			return fmt.Errorf("solver: evaluate vector %d, which is no point", point-VectorSlot)
		}
	}
	return e.Evaluate(dst, m.number, points...)
}

// Normals fills a slot with normal deviates, like [RandomEngine]. The method must set [Needs].Random.
func (m *Member) Normals(dst Slot, stream sensing.Stream, row uint64) error {
	e, ok := m.engine.(RandomEngine)
	if !ok {
		return m.lacks(Needs{Random: true})
	}
	m.writes(dst)
	return e.Normals(m.number, dst, stream, row)
}

// Signs fills a slot with ±1, like [RandomEngine]. The method must set [Needs].Random.
func (m *Member) Signs(dst Slot, stream sensing.Stream, row uint64) error {
	e, ok := m.engine.(RandomEngine)
	if !ok {
		return m.lacks(Needs{Random: true})
	}
	m.writes(dst)
	return e.Signs(m.number, dst, stream, row)
}

// Apply does p_i = ⟨A_i, L·Rᵀ⟩, like [ProductEngine]. The method must set [Needs].Products.
func (m *Member) Apply(p []float64, l, r *mat.Dense) error {
	e, ok := m.engine.(ProductEngine)
	if !ok {
		return m.lacks(Needs{Products: true})
	}
	n1, n2 := m.space.Dims()
	lr, lc := l.Dims()
	rr, rc := r.Dims()
	if count := len(m.Observations()); len(p) != count || lr != n1 || rr != n2 || lc != rc {
		return fmt.Errorf("solver: apply %d measurements of %d × %d matrices to (%d × %d)(%d × %d)ᵀ"+
			" for %d numbers", count, n1, n2, lr, lc, rr, rc, len(p))
	}
	return e.Apply(p, l, r)
}

// AdjointMul does dst = S·X or dst = Sᵀ·X, like [ProductEngine]. The method must set [Needs].Products.
func (m *Member) AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	e, ok := m.engine.(ProductEngine)
	if !ok {
		return m.lacks(Needs{Products: true})
	}
	n1, n2 := m.space.Dims()
	if trans {
		n1, n2 = n2, n1
	}
	dr, dc := dst.Dims()
	xr, xc := x.Dims()
	if count := len(m.Observations()); len(w) != count || dr != n1 || xr != n2 || dc != xc {
		return fmt.Errorf("solver: multiply the adjoint of %d measurements of %d × %d matrices,"+
			" of %d numbers, by %d × %d for %d × %d", count, n1, n2, len(w), xr, xc, dr, dc)
	}
	return e.AdjointMul(dst, w, trans, x)
}

// Anchor returns the factor at which the member's anchor was put last. It is nil if the anchor is still the
// engine's first choice or the engine has no anchors.
func (m *Member) Anchor() Factor {
	if e, ok := m.engine.(AnchorEngine); ok {
		return e.Anchor(m.number)
	}
	return nil
}

// SetAnchor puts the member's anchor at a factor.
func (m *Member) SetAnchor(f Factor) error {
	e, ok := m.engine.(AnchorEngine)
	if !ok {
		return Unsupportedf("an anchor was given to a device that computes without anchors")
	}
	if err := m.check("anchor", Iterate, f); err != nil {
		return err
	}
	return e.SetAnchor(m.number, f)
}

// lacks is the error of a method that uses an operation without naming it in its Needs.
func (m *Member) lacks(n Needs) error {
	return Unsupportedf("the method uses %s without naming them in its Needs", n.Missing(Needs{})[0])
}
