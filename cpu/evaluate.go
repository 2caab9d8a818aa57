package cpu

import (
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// pointsAtOnce is how many points Evaluate measures in one pass, which reads the rows once for all of them.
// For n = 100, m = 2000 and f32 entries, a point among four or eight takes about half of the processor time
// of one alone (BenchmarkEvaluate). Each point has memory for its coordinates and values.
const pointsAtOnce = 8

// Residuals implements solver.ValueEngine, in f64.
func (e *engine) Residuals(member int, dst solver.Slot) error {
	m := e.members[member]
	l, r := e.par.Thin(m.slots[solver.Iterate])
	res := m.vector(dst)
	if err := e.operator.apply(res, l, r); err != nil {
		return err
	}
	for i, y := range e.y {
		res[i] -= y
	}
	return nil
}

// Evaluate implements solver.ValueEngine, in f64.
func (e *engine) Evaluate(dst []float64, member int, points ...solver.Slot) error {
	for len(points) > 0 {
		count := min(len(points), pointsAtOnce)
		if err := e.evaluate(dst[:count], e.members[member], points[:count]); err != nil {
			return err
		}
		dst, points = dst[count:], points[count:]
	}
	return nil
}

// evaluate does Evaluate for the points of one pass.
func (e *engine) evaluate(dst []float64, m *member, points []solver.Slot) error {
	var l, r []*mat.Dense
	for j, point := range points {
		left, right := e.par.Thin(m.slots[point])
		l, r = append(l, left), append(r, right)
		if j == len(e.points) {
			e.points = append(e.points, make([]float64, len(e.y)))
		}
	}
	values := e.points[:len(points)]
	if many, ok := e.operator.(manyAtOnce); ok {
		if err := many.applyMany(values, l, r); err != nil {
			return err
		}
	} else {
		for j := range values {
			if err := e.operator.apply(values[j], l[j], r[j]); err != nil {
				return err
			}
		}
	}
	for j, p := range values {
		var squares float64
		for i, v := range p {
			squares += m.loss.square(v - e.y[i])
		}
		dst[j] = squares / (4 * float64(len(e.y)))
	}
	return nil
}

// evaluateBytes is the memory of Evaluate, with points of so many numbers.
func evaluateBytes(e sensing.Ensemble, numbers float64) float64 {
	each := float64(e.Measurements()) + numbers // values, and the thin factors
	if _, rows := e.(sensing.Rows); rows {
		each += float64(e.Space().K())
	}
	return 8 * pointsAtOnce * each
}
