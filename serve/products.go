package serve

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// products returns the engine's products with the measurements.
func (p *problem) products() (solver.ProductEngine, error) {
	e, ok := p.Engine.(solver.ProductEngine)
	if !ok {
		return nil, solver.Unsupportedf("%s has no products with the measurements", p.Plan.Backend.Name())
	}
	return e, nil
}

// operand copies an array to a matrix with the given number of rows, and columns unless they are 0.
func (s *session) operand(x *array, name string, rows, cols int) (*mat.Dense, error) {
	r, c, err := x.size(name)
	switch {
	case err != nil:
		return nil, err
	case cols > 0 && (r != rows || c != cols):
		return nil, config.Usagef("%s: the array is %d × %d and must be %d × %d", name, r, c, rows, cols)
	case r != rows || c < 1:
		return nil, config.Usagef("%s: the array is %d × %d and must have %s, and a column or more", name, r, c,
			counted(rows, "row", "rows"))
	}
	list, err := s.in(x, name, r*c)
	if err != nil {
		return nil, err
	}
	m := mat.NewDense(r, c, nil)
	copy(m.RawMatrix().Data, list)
	return m, nil
}

// identity returns the identity of n rows.
func identity(n int) *mat.Dense {
	m := mat.NewDense(n, n, nil)
	for i := range n {
		m.Set(i, i, 1)
	}
	return m
}

// apply computes ⟨A_i, Z⟩, for Z = L·Rᵀ or a whole matrix Z = Z·I.
func (s *session) apply(text []byte, a *answer) error {
	var r struct {
		head
		Problem int    `json:"problem"`
		Left    *array `json:"left"`
		Right   *array `json:"right"`
		Matrix  *array `json:"matrix"`
		Out     *array `json:"out"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	e, err := p.products()
	if err != nil {
		return err
	}
	given := map[string]*array{"left": r.Left, "right": r.Right, "matrix": r.Matrix}
	to := &results{session: s}
	for name, x := range given {
		if (x != nil) == ((name == "matrix") == (r.Matrix == nil)) {
			return config.Usagef("left, right: a matrix is given as left and right, whose product left·rightᵀ " +
				"it is, or as matrix")
		}
		if x != nil {
			to.reads(name, x)
		}
	}
	n1, n2 := p.space.Dims()
	var left, right *mat.Dense
	if r.Matrix != nil {
		if left, err = s.operand(r.Matrix, "matrix", n1, n2); err != nil {
			return err
		}
		right = identity(n2)
	} else {
		if left, err = s.operand(r.Left, "left", n1, 0); err != nil {
			return err
		}
		_, d := left.Dims()
		if right, err = s.operand(r.Right, "right", n2, d); err != nil {
			return err
		}
	}
	made := make([]float64, len(p.Engine.Observations()))
	place, err := to.place(r.Out, "out", len(made), 1)
	if err != nil {
		return err
	}
	if p.isSymmetric() {
		left, right = symmetrized(left, right)
	}
	if err := e.Apply(made, left, right); err != nil {
		return err
	}
	a.vector("out", made, r.Out, place)
	return nil
}

// symmetrized returns L', R' whose product is the symmetric part of L·Rᵀ, which symmetric measurements see:
// ½(LRᵀ + RLᵀ) = [½L ½R]·[R L]ᵀ. An engine wants a symmetric product ([solver.ProductEngine]).
func symmetrized(l, r *mat.Dense) (left, right *mat.Dense) {
	if mat.Equal(l, r) {
		return l, l
	}
	left, right = new(mat.Dense), new(mat.Dense)
	left.Augment(l, r)
	left.Scale(0.5, left)
	right.Augment(r, l)
	return left, right
}

// adjoint computes S·X or Sᵀ·X with S = Σ_i w_i A_i, or S itself.
func (s *session) adjoint(text []byte, a *answer) error {
	var r struct {
		head
		Problem   int    `json:"problem"`
		Weights   *array `json:"weights"`
		X         *array `json:"x"`
		Transpose bool   `json:"transpose"`
		Out       *array `json:"out"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	e, err := p.products()
	if err != nil {
		return err
	}
	if r.Weights == nil {
		return config.Usagef("weights: the array is missing")
	}
	to := &results{session: s}
	to.reads("weights", r.Weights)
	weights, err := s.operand(r.Weights, "weights", len(p.Engine.Observations()), 1)
	if err != nil {
		return err
	}
	rows, inner := p.space.Dims()
	if r.Transpose {
		rows, inner = inner, rows
	}
	var x *mat.Dense
	if r.X != nil {
		to.reads("x", r.X)
		if x, err = s.operand(r.X, "x", inner, 0); err != nil {
			return err
		}
	}
	cols := inner
	if x != nil {
		_, cols = x.Dims()
	}
	place, err := to.place(r.Out, "out", rows, cols)
	if err != nil {
		return err
	}
	if x == nil {
		x = identity(inner)
	}
	product := mat.NewDense(rows, cols, nil)
	if err := e.AdjointMul(product, weights.RawMatrix().Data, r.Transpose, x); err != nil {
		return err
	}
	a.matrix("out", product, r.Out, place)
	return nil
}

// spectral finds the k largest values of S = 1/m Σ_i y_i A_i, and their vectors.
func (s *session) spectral(text []byte, a *answer) error {
	var r struct {
		head
		Problem int    `json:"problem"`
		K       int    `json:"k"`
		Left    *array `json:"left"`
		Right   *array `json:"right"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	if _, err := p.products(); err != nil {
		return err
	}
	n1, n2 := p.space.Dims()
	if most := min(n1, n2); r.K < 1 || r.K > most {
		return config.Usagef("k goes from 1 to %d, got %d", most, r.K)
	}
	to := &results{session: s}
	toLeft, err := to.place(r.Left, "left", n1, r.K)
	if err != nil {
		return err
	}
	toRight, err := to.place(r.Right, "right", n2, r.K)
	if err != nil {
		return err
	}
	found, err := p.Spectral(r.K)
	if err != nil {
		return err
	}
	left, right := found.Vectors(r.K)
	a.numbers("values", found.Values()[:r.K])
	a.matrix("left", left, r.Left, toLeft)
	a.matrix("right", right, r.Right, toRight)
	return nil
}

// matrix writes a result to its place, or into the answer if it has none.
func (a *answer) matrix(name string, m *mat.Dense, given *array, place []float64) {
	rows, cols := m.Dims()
	if place != nil {
		for i := range rows {
			copy(place[i*cols:], m.RawRowView(i))
		}
		return
	}
	list := m.RawMatrix().Data
	if m.RawMatrix().Stride != cols {
		list = mat.DenseCopyOf(m).RawMatrix().Data
	}
	a.name(name)
	a.line = appendArray(a.line, given, list, rows, cols)
}
