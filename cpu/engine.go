package cpu

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// engine implements solver.Engine. Each call returns when its work is done.
type engine struct {
	space    sensing.Space
	par      solver.Parametrization
	operator operator
	y        []float64
	members  []*member
	gemm     *gemm
	stop     *interruption
	product  []float64 // of Multiply, before it is added to dst
	gram     []float64 // of Precondition: the matrix that it inverts, and what that takes
	truth    *anchor   // in mixed precision, if the truth is known: the first anchor of every member

	stale []*member // of the gradient under way: the members whose iterates have changed
	parts []*part   // and their parts

	whole  whole       // of DrawGradient, if the operator is not drawing
	points [][]float64 // of Evaluate: ⟨A_i, Z⟩ at each point of a pass
}

var (
	_ solver.DrawEngine       = &engine{}
	_ solver.ValueEngine      = &engine{}
	_ solver.RandomEngine     = &engine{}
	_ solver.InverseEngine    = &engine{}
	_ solver.EntrywiseEngine  = &engine{}
	_ solver.LossEngine       = &engine{}
	_ solver.ProductEngine    = &engine{}
	_ solver.ProjectionEngine = &engine{}
	_ solver.AnchorEngine     = &engine{}
	_ solver.AlgebraEngine    = &engine{}
)

// member is one member of the batch: a factor with its slots.
type member struct {
	part
	largest int             // the factor rank that it was opened with
	slots   []solver.Factor // of the factor's shapes
	vectors []solver.Factor // of m numbers
	fresh   bool            // the Gradient slot and the sum of losses are those of the iterate
	renewal solver.Factor   // the iterate of the last renewal of the anchor; nil if there was none
}

func newEngine(p *sensing.Problem, batch solver.Batch, o options) (*engine, error) {
	space := p.Ensemble.Space()
	e := &engine{space: space, par: batch.Parametrization, gemm: newGEMM(o), stop: o.stop}
	for _, r := range batch.FactorRanks {
		m := &member{
			part: part{loss: lossOf(batch.EachLoss()[0])}, largest: r,
			slots:   make([]solver.Factor, int(solver.MethodSlot)+batch.Needs.Slots),
			vectors: make([]solver.Factor, batch.Needs.Vectors),
		}
		for i := range m.vectors {
			m.vectors[i] = solver.Factor{mat.NewDense(p.Ensemble.Measurements(), 1, nil)}
		}
		if err := e.clear(m, r); err != nil {
			return nil, err
		}
		e.members = append(e.members, m)
	}
	return e, nil
}

// clear gives a member slots of zeros for a factor rank.
func (e *engine) clear(m *member, factorRank int) error {
	shapes, err := e.par.Shapes(e.space, factorRank)
	if err != nil {
		return err
	}
	for i := range m.slots {
		m.slots[i] = solver.NewFactor(shapes)
	}
	for _, v := range m.vectors {
		v[0].Zero()
	}
	l, r := e.par.Thin(m.slots[solver.Iterate])
	m.gr = like(l)
	if m.gl = m.gr; l != r {
		m.gl = like(r)
	}
	m.fresh, m.renewal, m.anchor = false, nil, e.truth
	return nil
}

// Reset implements solver.Engine.
func (e *engine) Reset(member, factorRank int) error {
	m := e.members[member]
	if factorRank > m.largest {
		return fmt.Errorf("cpu: member %d has room for the factor rank %d, not %d",
			member, m.largest, factorRank)
	}
	return e.clear(m, factorRank)
}

// SetLoss implements solver.LossEngine.
func (e *engine) SetLoss(member int, l solver.Loss) error {
	m := e.members[member]
	m.loss, m.fresh = lossOf(l), false
	return nil
}

// slot returns the content of a slot.
func (m *member) slot(s solver.Slot) solver.Factor {
	if s >= solver.VectorSlot {
		return m.vectors[s-solver.VectorSlot]
	}
	return m.slots[s]
}

// vector returns the m numbers of a vector slot.
func (m *member) vector(s solver.Slot) []float64 { return m.slot(s)[0].RawMatrix().Data }

// like returns a matrix of zeros of the size of a.
func like(a *mat.Dense) *mat.Dense {
	rows, cols := a.Dims()
	return mat.NewDense(rows, cols, nil)
}

// observe takes the observations of the problem, or makes them if it has none.
func (e *engine) observe(p *sensing.Problem) error {
	if p.Observations != nil {
		e.y = p.Observations
		return nil
	}
	e.y = make([]float64, p.Ensemble.Measurements())
	if err := e.operator.apply(e.y, p.Truth.X(), p.Truth.Right()); err != nil {
		return err
	}
	p.AddNoise(e.y)
	return sensing.CheckObservations(e.y)
}

// Set implements solver.Engine.
func (e *engine) Set(member int, slot solver.Slot, f solver.Factor) error {
	m := e.members[member]
	m.slot(slot).Copy(f)
	m.touched(slot)
	return nil
}

// touched records that a slot has changed.
func (m *member) touched(slot solver.Slot) {
	if slot == solver.Iterate || slot == solver.Gradient {
		m.fresh = false
	}
}

// Get implements solver.Engine.
func (e *engine) Get(member int, slot solver.Slot, f solver.Factor) error {
	f.Copy(e.members[member].slot(slot))
	return nil
}

// Gradient implements solver.Engine: lift, contract, pullback.
func (e *engine) Gradient(members ...int) error {
	e.stale, e.parts = e.stale[:0], e.parts[:0]
	for _, i := range members {
		if m := e.members[i]; !m.fresh && !slices.Contains(e.stale, m) {
			e.stale = append(e.stale, m)
			e.parts = append(e.parts, &m.part)
		}
	}
	if len(e.stale) == 0 {
		return nil
	}
	for _, m := range e.stale {
		m.l, m.r = e.par.Thin(m.slots[solver.Iterate])
	}
	if err := e.operator.contract(e.y, e.parts); err != nil {
		return err
	}
	for _, m := range e.stale {
		e.par.Pullback(m.slots[solver.Gradient], m.gr, m.gl, m.slots[solver.Iterate])
		m.fresh = true
		if m.renewed {
			m.noteRenewal(m.slots[solver.Iterate])
		}
	}
	return nil
}

// Combine implements solver.Engine.
func (e *engine) Combine(
	member int, dst solver.Slot, a float64, x solver.Slot, b float64, y solver.Slot,
) error {
	m := e.members[member]
	m.slot(dst).Combine(a, m.slot(x), b, m.slot(y))
	m.touched(dst)
	return nil
}

// Dot implements solver.Engine. It adds the dot products of rows, by chainsDot, row after row of each matrix.
func (e *engine) Dot(member int, x, y solver.Slot) (sum float64, err error) {
	m := e.members[member]
	other := m.slot(y)
	for b, matrix := range m.slot(x) {
		for i := range matrix.RawMatrix().Rows {
			sum += chainsDot(matrix.RawRowView(i), other[b].RawRowView(i))
		}
	}
	return sum, nil
}

// Precondition implements solver.Engine.
func (e *engine) Precondition(member int, dst, x solver.Slot, lambda float64) error {
	paired, ok := e.par.(solver.Paired)
	if !ok {
		return fmt.Errorf("cpu: the parametrization %s has no pairs to precondition with", e.par.Name())
	}
	m := e.members[member]
	for i, block := range m.slots[x] {
		gram := e.invertedGram(m.slots[solver.Iterate][paired.Partner(i)], lambda)
		e.gemm.multiply(m.slots[dst][i], plain(block), plain(gram), false)
	}
	m.touched(dst)
	return nil
}

// invertedGram returns (PᵀP + λI)⁻¹, in memory that the next call uses again.
func (e *engine) invertedGram(p *mat.Dense, lambda float64) *mat.Dense {
	_, d := p.Dims()
	e.gram = grown(e.gram, 3*d*d)
	gram := mat.NewDense(d, d, e.gram[:d*d])
	e.gemm.multiply(gram, transposed(p), plain(p), true)
	invertShifted(gram, lambda, e.gram[d*d:])
	return gram
}

// Project implements solver.Engine.
func (e *engine) Project(member int, dst, x solver.Slot) error {
	m := e.members[member]
	for i, block := range m.slots[x] {
		w := m.slots[solver.Iterate][i]
		_, d := w.Dims()
		inverse := e.invertedGram(w, 0)
		cross, weights := mat.NewDense(d, d, nil), mat.NewDense(d, d, nil)
		e.gemm.multiply(cross, transposed(w), plain(block), false)
		e.gemm.multiply(weights, plain(inverse), plain(cross), false)
		e.gemm.multiply(m.slots[dst][i], plain(w), plain(weights), false)
	}
	m.touched(dst)
	return nil
}

// Fit implements solver.InverseEngine.
func (e *engine) Fit(member int, dst, y, x solver.Slot) error {
	paired, ok := e.par.(solver.Paired)
	if !ok {
		return fmt.Errorf("cpu: the parametrization %s has no pairs to fit with", e.par.Name())
	}
	m := e.members[member]
	for i, block := range m.slots[y] {
		j := paired.Partner(i)
		p := m.slots[solver.Iterate][j]
		_, d := p.Dims()
		inverse := e.invertedGram(p, 0)
		cross, weights := mat.NewDense(d, d, nil), mat.NewDense(d, d, nil)
		e.gemm.multiply(cross, transposed(m.slots[x][j]), plain(p), false)
		e.gemm.multiply(weights, plain(cross), plain(inverse), false)
		e.gemm.multiply(m.slots[dst][i], plain(block), plain(weights), false)
	}
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

// Apply implements solver.ProductEngine.
func (e *engine) Apply(p []float64, l, r *mat.Dense) error {
	return e.operator.apply(p, l, r)
}

// AdjointMul implements solver.ProductEngine.
func (e *engine) AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) error {
	return e.operator.adjointMul(dst, w, trans, x)
}

// Close implements solver.Engine.
func (e *engine) Close() error {
	*e = engine{}
	return nil
}
