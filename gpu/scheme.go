package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// scheme is a parametrization on the device.
type scheme struct {
	par   solver.Parametrization
	rules []rule // of the pulls of a part, in their order
	ends  ends
}

// columns is the number of columns of L and R of a factor with the given shapes.
func (s scheme) columns(shapes []solver.Shape) int {
	return s.ends.place(memory{shapes: shapes}).cols
}

// rule makes scale·G·R, or scale·Gᵀ·L.
type rule struct {
	transposed bool
	scale      float64
}

// ends are the two ends of a contraction: thin L and R of a factor before it, and ∇f from G·R and Gᵀ·L after
// it. Both are queued on the device, and do not wait for it.
type ends interface {
	// names lists the kernels that the ends launch.
	names() []string
	// room counts the numbers that a member needs on the device beside its slots.
	room(shapes []solver.Shape) int
	// place says where L and R lie, and where the pulls go.
	place(m memory) place
	// thin makes L and R.
	thin(e *engine, m memory) error
	// pullback makes the gradient from what the pulls have made.
	pullback(e *engine, m memory) error
}

// memory is what the ends use of a member.
type memory struct {
	shapes []solver.Shape // of the factor
	// factor and gradient have the matrices of the shapes, one after another. room has the numbers that the
	// ends asked for.
	factor, gradient, room driver.Pointer
}

// matrix returns the address of one of the factor's matrices.
func (m memory) matrix(number int) driver.Pointer { return m.factor + m.offset(number) }

// derivative returns the address of one of the gradient's matrices.
func (m memory) derivative(number int) driver.Pointer { return m.gradient + m.offset(number) }

func (m memory) offset(number int) driver.Pointer {
	return driver.Pointer(8 * solver.Numbers(m.shapes[:number]))
}

// place has the addresses at both sides of a contraction.
type place struct {
	l, r driver.Pointer   // Z = L·Rᵀ; the same matrix if Z = LLᵀ
	cols int              // of L and R
	to   []driver.Pointer // of the pulls, in the order of the rules
}

// schemeOf returns the scheme of a parametrization, or an error if there are no kernels for it.
func schemeOf(p solver.Parametrization) (scheme, error) {
	switch p.(type) {
	case solver.PSD:
		return scheme{p, []rule{{scale: 1}}, direct{0, 0}}, nil
	case solver.UV:
		return scheme{p, []rule{{scale: 0.5}, {transposed: true, scale: 0.5}}, direct{0, 1}}, nil
	case solver.Indefinite:
		return scheme{p, []rule{{scale: 1}}, indefinite{}}, nil
	case solver.Sparse:
		return scheme{p, []rule{{scale: 1}}, sparse{}}, nil
	case solver.Deep:
		return scheme{p, []rule{{scale: 0.5}, {transposed: true, scale: 0.5}}, deep{}}, nil
	case solver.Polar:
		return scheme{p, []rule{{scale: 1}, {transposed: true, scale: 1}}, polar{}}, nil
	}
	return scheme{}, solver.Unsupportedf("GPUs have no kernels for the parametrization %s", p.Name())
}

// memory returns what the ends use of a member.
func (e *engine) memory(member int) memory {
	return memory{
		shapes: e.members[member].shapes, factor: e.slot(member, solver.Iterate),
		gradient: e.slot(member, solver.Gradient), room: e.members[member].room,
	}
}

// part makes L and R of a member's iterate, unless they are there, and returns the member's part of a
// contraction.
func (e *engine) part(member int) (part, error) {
	m := e.memory(member)
	if !e.members[member].thin {
		if err := e.ends.thin(e, m); err != nil {
			return part{}, err
		}
		e.members[member].thin = true
	}
	p := e.parted(e.ends.place(m))
	p.member, p.loss = member, e.members[member].loss
	return p, nil
}

// parted returns the part of a contraction with the addresses of a place.
func (s scheme) parted(at place) part {
	p := part{l: at.l, r: at.r, cols: at.cols}
	for b, rule := range s.rules {
		x := at.r
		if rule.transposed {
			x = at.l
		}
		p.pulls = append(p.pulls, pull{rule.transposed, x, rule.scale, at.to[b]})
	}
	return p
}

// direct are the ends of a parametrization whose L and R are matrices of the factor, with these numbers. The
// pulls are the matrices of the gradient.
type direct struct{ left, right int }

func (direct) names() []string { return nil }

func (direct) room([]solver.Shape) int { return 0 }

func (p direct) place(m memory) place {
	at := place{l: m.matrix(p.left), r: m.matrix(p.right), cols: m.shapes[0].Cols}
	for b := range m.shapes {
		at.to = append(at.to, m.derivative(b))
	}
	return at
}

func (direct) thin(*engine, memory) error { return nil }

func (direct) pullback(*engine, memory) error { return nil }
