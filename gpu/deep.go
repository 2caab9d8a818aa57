package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// deep are the ends of W_L ⋯ W_1. With Q_3 = W_2, Q_{j+1} = W_j·Q_j and D_L = ½·G·R
//
//	L = W_L·Q_L,   R = W_1ᵀ,   ∂f/∂W_1 = (½·Gᵀ·L)ᵀ,
//	∂f/∂W_j = D_j·Q_jᵀ for j ≥ 3,   D_{j−1} = W_jᵀ·D_j,   ∂f/∂W_2 = D_2.
//
// So all products but those with W_L are d × d. If there are two matrices, L = W_2 and ∂f/∂W_2 = ½·G·R.
type deep struct{}

func (deep) names() []string { return []string{"transpose"} }

// deepRoom has the matrices in a member's room, and what takes their place in the factor and the gradient.
// Matrices are counted from 0.
type deepRoom struct {
	last    int // the number of W_L
	w, dw   []matrix
	l, r    matrix
	gl      matrix   // ½·Gᵀ·L
	q, down []matrix // Q and D of each matrix, from matrix 2 and from matrix 1 on
	numbers int      // of the room
}

// layout returns the matrices of a member.
func (deep) layout(m memory) deepRoom {
	last := len(m.shapes) - 1
	s := deepRoom{last: last, q: make([]matrix, last+1), down: make([]matrix, last+1)}
	for j, shape := range m.shapes {
		s.w = append(s.w, whole(m.matrix(j), shape.Rows, shape.Cols))
		s.dw = append(s.dw, whole(m.derivative(j), shape.Rows, shape.Cols))
	}
	take := func(rows, cols int) matrix {
		at := m.room + driver.Pointer(8*s.numbers)
		s.numbers += rows * cols
		return whole(at, rows, cols)
	}
	d, n2, n1 := s.w[0].rows, s.w[0].cols, s.w[last].rows
	s.r, s.gl = take(n2, d), take(n2, d)
	s.l, s.down[1] = s.w[1], s.dw[1]
	if last == 1 {
		return s
	}
	s.l, s.down[last] = take(n1, d), take(n1, d)
	s.q[2] = s.w[1]
	for j := 2; j < last; j++ {
		s.q[j+1], s.down[j] = take(d, d), take(d, d)
	}
	return s
}

func (p deep) room(shapes []solver.Shape) int { return p.layout(memory{shapes: shapes}).numbers }

func (p deep) scratch(shapes []solver.Shape) (bytes int64) {
	for j := 2; j < len(shapes); j++ {
		rows, d := shapes[j].Rows, shapes[j].Cols
		bytes = max(bytes, partBytes(rows, d, d), partBytes(d, d, rows))
	}
	return bytes
}

func (p deep) place(m memory) place {
	s := p.layout(m)
	return place{l: s.l.at, r: s.r.at, cols: s.l.cols, to: []driver.Pointer{s.down[s.last].at, s.gl.at}}
}

func (p deep) thin(e *engine, members []memory) error {
	for _, m := range members {
		s := p.layout(m)
		if err := e.device.transpose(s.r, s.w[0]); err != nil {
			return err
		}
	}
	for j := 2; j < e.matrices(); j++ {
		var products []solver.Product
		for _, m := range members {
			s := p.layout(m)
			next := s.l
			if j < s.last {
				next = s.q[j+1]
			}
			products = append(products, solver.Product{Dst: next, Alpha: 1, A: s.w[j], B: s.q[j]})
		}
		if err := e.Multiply(products...); err != nil {
			return err
		}
	}
	return nil
}

func (p deep) pullback(e *engine, members []memory) error {
	for _, m := range members {
		s := p.layout(m)
		if err := e.device.transpose(s.dw[0], s.gl); err != nil {
			return err
		}
	}
	for j := e.matrices() - 1; j > 1; j-- {
		var products []solver.Product
		for _, m := range members {
			s := p.layout(m)
			products = append(products,
				solver.Product{Dst: s.dw[j], Alpha: 1, A: s.down[j], B: s.q[j], TransB: true},
				solver.Product{Dst: s.down[j-1], Alpha: 1, A: s.w[j], TransA: true, B: s.down[j]})
		}
		if err := e.Multiply(products...); err != nil {
			return err
		}
	}
	return nil
}

// transpose does dst = Xᵀ, for matrices without gaps.
func (d *device) transpose(dst, x matrix) error {
	return d.launch("transpose", driver.Dim{blocks(x.rows, 16) * blocks(x.cols, 16), 1, 1},
		driver.Dim{16, 16, 1}, driver.Ptr(x.at), driver.Ptr(dst.at), driver.U32(x.rows), driver.U32(x.cols))
}
