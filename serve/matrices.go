package serve

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/sensing"
)

// matrices returns measurement matrices A_i, from ≤ i < to, one below the other.
func (s *session) matrices(text []byte, a *answer) error {
	var r struct {
		head
		Problem int    `json:"problem"`
		From    int    `json:"from"`
		To      int    `json:"to"`
		Out     *array `json:"out"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	ensemble := p.Data.Problem.Ensemble
	if m := ensemble.Measurements(); r.From < 0 || r.To <= r.From || r.To > m {
		return config.Usagef("from, to: the measurements go from 0 to %d, got %d to %d", m, r.From, r.To)
	}
	row, err := coordinates(ensemble)
	if err != nil {
		return err
	}
	n1, n2 := p.space.Dims()
	place, err := (&results{session: s}).place(r.Out, "out", (r.To-r.From)*n1, n2)
	if err != nil {
		return err
	}
	out := mat.NewDense((r.To-r.From)*n1, n2, place) // of its own if there is no place
	v := make([]float64, p.space.K())
	for i := r.From; i < r.To; i++ {
		row(i, v)
		at := (i - r.From) * n1
		p.space.Matrix(out.Slice(at, at+n1, 0, n2).(*mat.Dense), v)
	}
	a.matrix("out", out, r.Out, place)
	return nil
}

// coordinates returns what writes the coordinates of measurement i to dst.
func coordinates(e sensing.Ensemble) (func(i int, dst []float64), error) {
	switch e := e.(type) {
	case sensing.RowSource[float64]:
		return rowsOf(e, func(row []float64, k int) float64 { return row[k] }), nil
	case sensing.RowSource[float32]:
		return rowsOf(e, func(row []float32, k int) float64 { return float64(row[k]) }), nil
	case sensing.RowSource[sensing.BF16Entry]:
		return rowsOf(e, func(row []sensing.BF16Entry, k int) float64 { return row[k].Float64() }), nil
	case sensing.RowSource[sensing.Q8Entry]:
		return rowsOf(e, func(row []sensing.Q8Entry, k int) float64 { return row[k].Float64() }), nil
	case sensing.RowSource[sensing.SignWord]: // bit 0 is +1, bit 1 is −1
		return rowsOf(e, func(row []sensing.SignWord, k int) float64 {
			return 1 - 2*float64(row[k/32]>>(k%32)&1)
		}), nil
	}
	return nil, config.Usagef("the measurements of the %s ensemble are not kept as matrices: use apply and "+
		"adjoint", e.Name())
}

// rowsOf decodes rows; value returns entry k of a row.
func rowsOf[E sensing.Entry](
	e sensing.RowSource[E], value func(row []E, k int) float64,
) func(i int, dst []float64) {
	row := make([]E, sensing.RowLen[E](e.Space().K()))
	return func(i int, dst []float64) {
		e.Row(i, row)
		for k := range dst {
			dst[k] = value(row, k)
		}
	}
}
