package solver

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// thinError computes the test error ‖LRᵀ − M*‖_F of factors where an engine keeps them. With orthonormal
// bases V_X and V_Y of the truth's columns and rows,
//
//	L = V_X·A + L⊥,   R = V_Y·B + R⊥,   M* = V_X·Σ·V_Yᵀ,
//	LRᵀ − M* = V_X(ABᵀ − Σ)V_Yᵀ + V_X·A·R⊥ᵀ + L⊥·Bᵀ·V_Yᵀ + L⊥R⊥ᵀ.
//
// The four terms are orthogonal to each other, so that
//
//	‖LRᵀ − M*‖_F² = ‖ABᵀ − Σ‖_F² + ‖R⊥Aᵀ‖_F² + ‖L⊥Bᵀ‖_F² + ⟨L⊥ᵀL⊥, R⊥ᵀR⊥⟩.
//
// Only the first is a difference of large matrices, and it has r* rows and columns; no matrix has n1 rows
// and n2 columns. The error is a few roundings of ‖L‖·‖R‖, as that of LRᵀ − M* written out.
type thinError struct {
	bases [2]Matrix // V_X and V_Y
	truth *sensing.Truth
	core  *mat.Dense // Σ
	norm  float64    // ‖M*‖_F
}

// errorWork is the memory that a member's test errors take on the engine. L and R are the two sides, or R is
// L.
type errorWork struct {
	inside [2]Matrix // A and B, r* × d
	grams  [2]Matrix // L⊥ᵀL⊥ and R⊥ᵀR⊥, d × d
	part   Matrix    // some rows of L⊥ or R⊥
}

// partNumbers is about how many numbers of L⊥ are computed at a time.
const partNumbers = 1 << 20

// partRows is the number of rows of L⊥ that are computed at a time.
func partRows(n1, n2, d int) int { return min(max(partNumbers/d, 1), max(n1, n2)) }

// newThinError returns Σ, and leaves the bases to the caller.
func newThinError(truth *sensing.Truth, two bool) *thinError {
	left, right := truth.Basis(), truth.Basis()
	if two {
		right = truth.RightBasis()
	}
	var a, b, core mat.Dense
	a.Mul(left.T(), truth.X())
	b.Mul(right.T(), truth.Right())
	core.Mul(&a, b.T())
	return &thinError{truth: truth, core: &core, norm: truth.Norm()}
}

// sides returns the numbers of the sides of a factor: 0 for L, and 1 for R if it is another matrix.
func (m *thinMeter) sides() []int {
	if m.two {
		return []int{0, 1}
	}
	return []int{0}
}

// side returns L or R.
func (w *thinWork) side(s int) Matrix { return [2]Matrix{w.l, w.r}[s] }

// other returns the number of the other side; L is both if there is one factor.
func (m *thinMeter) other(s int) int { return len(m.sides()) - 1 - s }

// newErrorWork allocates what a member's test errors take. Without a truth that is a Gram matrix for the
// imbalance of two factors.
func (m *thinMeter) newErrorWork(d int) (w errorWork, err error) {
	e := m.engine
	if m.error == nil {
		if m.two {
			w.grams[0], err = e.NewMatrix(d, d)
		}
		return w, err
	}
	for _, s := range m.sides() {
		if w.grams[s], err = e.NewMatrix(d, d); err != nil {
			return w, err
		}
		if w.inside[s], err = e.NewMatrix(m.rank, d); err != nil {
			return w, err
		}
	}
	w.part, err = e.NewMatrix(partRows(m.n1, m.n2, d), d)
	return w, err
}

// all lists the matrices of a work.
func (w errorWork) all() []Matrix {
	return []Matrix{w.inside[0], w.inside[1], w.grams[0], w.grams[1], w.part}
}

// errors measures the test errors.
func (m *thinMeter) errors(works []*thinWork) error {
	if m.error == nil {
		return nil
	}
	if err := m.insides(works); err != nil {
		return err
	}
	for _, s := range m.sides() {
		if err := m.outsides(works, s); err != nil {
			return err
		}
	}
	// Of L = R the two middle terms are equal.
	middle := 2 / float64(len(m.sides()))
	var pairs [][2]Matrix
	for _, w := range works {
		across, last := w.columns.a, m.other(0)
		pairs = append(pairs, [2]Matrix{across, across}, [2]Matrix{w.error.grams[0], w.error.grams[last]})
	}
	dots := make([]float64, len(pairs))
	if err := m.engine.Dots(dots, pairs...); err != nil {
		return err
	}
	for i, w := range works {
		core := mat.NewDense(m.rank, m.rank, nil)
		if err := m.engine.GetMatrix(core, w.small); err != nil {
			return err
		}
		var off mat.Dense
		off.Sub(core, m.error.core)
		square := sumOfSquares(off.RawMatrix().Data) + middle*dots[2*i] + max(dots[2*i+1], 0)
		w.sample.TestError = math.Sqrt(square) / m.error.norm
		if learnsByRank(m.error.truth) {
			setLearnedRank(w.sample, m.error.truth, core)
		}
	}
	return nil
}

// insides computes A and B, and A·Bᵀ in each work's small matrix.
func (m *thinMeter) insides(works []*thinWork) error {
	var insides, cores []Product
	for _, w := range works {
		for _, s := range m.sides() {
			insides = append(insides,
				Product{Dst: w.error.inside[s], Alpha: 1, A: m.error.bases[s], TransA: true, B: w.side(s)})
		}
		a, b := w.error.inside[0], w.error.inside[m.other(0)]
		cores = append(cores, Product{Dst: w.small, Alpha: 1, A: a, B: b, TransB: true})
	}
	if err := m.engine.Multiply(insides...); err != nil {
		return err
	}
	return m.engine.Multiply(cores...)
}

// outsides computes the Gram matrix of L⊥, and L⊥Bᵀ in the first rows of each work's columns; or those of R⊥,
// and R⊥Aᵀ in the rows after them.
func (m *thinMeter) outsides(works []*thinWork, s int) error {
	e := m.engine
	n := [2]int{m.n1, m.n2}[s]
	from := make([]int, len(works)) // the rows that are done
	for {
		var without, products []Product
		for i, w := range works {
			if from[i] == n {
				continue
			}
			to := min(from[i]+partRows(m.n1, m.n2, w.d), n)
			part := e.View(w.error.part, 0, to-from[i], 0, w.d)
			if err := e.CopyMatrix(part, e.View(w.side(s), from[i], to, 0, w.d)); err != nil {
				return err
			}
			without = append(without, Product{
				Dst: part, Alpha: -1, A: e.View(m.error.bases[s], from[i], to, 0, m.rank),
				B: w.error.inside[s], Beta: 1,
			})
			gram := Product{Dst: w.error.grams[s], Alpha: 1, A: part, TransA: true, B: part}
			if from[i] > 0 {
				gram.Beta = 1
			}
			first := s * m.n1
			products = append(products, gram, Product{
				Dst:   e.View(w.columns.a, first+from[i], first+to, 0, m.rank),
				Alpha: 1, A: part, B: w.error.inside[m.other(s)], TransB: true,
			})
			from[i] = to
		}
		if len(without) == 0 {
			return nil
		}
		for _, list := range [][]Product{without, products} {
			if err := e.Multiply(list...); err != nil {
				return err
			}
		}
	}
}
