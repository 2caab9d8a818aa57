package serve

import (
	"errors"
	"fmt"
	"math"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/solver"
)

// value computes f at factors without its gradient: f = 1/(4m) Σ (⟨A_i, Z⟩ − y_i)², which needs half of the
// work.
func (s *session) value(text []byte, a *answer) error {
	var r struct {
		head
		Problem int        `json:"problem"`
		Factor  [][]*array `json:"factor"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	e, err := p.products()
	if err != nil {
		return err
	}
	y := p.Engine.Observations()
	made, values := make([]float64, len(y)), make([]float64, len(r.Factor))
	for k, given := range r.Factor {
		name := fmt.Sprintf("factor[%d]", k)
		rank, err := p.rankOf(name, given)
		if err != nil {
			return err
		}
		shapes, err := p.par.Shapes(p.space, rank)
		if err != nil {
			return err
		}
		f := solver.NewFactor(shapes)
		for i, x := range given {
			if err := s.matrix(f[i], x, fmt.Sprintf("%s[%d]", name, i)); err != nil {
				return err
			}
		}
		left, right := p.par.Thin(f)
		if err := e.Apply(made, left, right); err != nil {
			return err
		}
		for i, v := range made {
			values[k] += (v - y[i]) * (v - y[i])
		}
		values[k] /= 4 * float64(len(y))
	}
	a.numbers("values", values)
	return nil
}

// metrics measures a factor: the numbers that a line of trajectory.csv has.
func (s *session) metrics(text []byte, a *answer) error {
	var r struct {
		head
		Problem int      `json:"problem"`
		Factor  []*array `json:"factor"`
	}
	p, err := s.problemOf(text, &r, &r.Problem)
	if err != nil {
		return err
	}
	if err := s.set(p, 0, "factor", r.Factor); err != nil {
		return err
	}
	sample, err := p.Measure(0, p.ranks[0])
	if errors.Is(err, solver.ErrNotFinite) {
		return config.Usagef("factor: the factor, or f there, is NaN or infinite: it has no metrics")
	}
	if err != nil {
		return err
	}
	a.name("metrics")
	opening := byte('{')
	for _, m := range solver.Metrics() {
		v := m.Of(&sample)
		if m.Clock || !m.Always && math.IsNaN(v) {
			continue
		}
		number, _ := experiment.Number(v).MarshalJSON() // a number or null, without an error
		a.line = append(append(append(append(a.line, opening, '"'), m.Name...), `":`...), number...)
		opening = ','
	}
	a.line = append(a.line, '}')
	a.numbers("singular_values", sample.Sigma)
	return nil
}
