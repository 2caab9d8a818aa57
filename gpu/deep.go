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

func (deep) names() []string {
	return []string{"transpose"}
}

// deepRoom has the addresses in a member's room, and of what takes their place in the factor and the
// gradient. Matrices are counted from 0.
type deepRoom struct {
	rows, n2, d int // of W_L, of R, and the width
	last        int // the number of W_L
	l, r        driver.Pointer
	gl          driver.Pointer   // ½·Gᵀ·L
	q, down     []driver.Pointer // Q and D of each matrix, from matrix 2 and from matrix 1 on
	numbers     int
}

func (deep) layout(m memory) deepRoom {
	last := len(m.shapes) - 1
	s := deepRoom{
		rows: m.shapes[last].Rows, n2: m.shapes[0].Cols, d: m.shapes[0].Rows, last: last,
		q: make([]driver.Pointer, last+1), down: make([]driver.Pointer, last+1),
	}
	take := func(numbers int) driver.Pointer {
		at := m.room + driver.Pointer(8*s.numbers)
		s.numbers += numbers
		return at
	}
	s.r, s.gl = take(s.n2*s.d), take(s.n2*s.d)
	s.l, s.down[1] = m.matrix(1), m.derivative(1)
	if last == 1 {
		return s
	}
	s.l, s.down[last] = take(s.rows*s.d), take(s.rows*s.d)
	s.q[2] = m.matrix(1)
	for j := 2; j < last; j++ {
		s.q[j+1], s.down[j] = take(s.d*s.d), take(s.d*s.d)
	}
	return s
}

func (p deep) room(shapes []solver.Shape) int { return p.layout(memory{shapes: shapes}).numbers }

func (p deep) place(m memory) place {
	s := p.layout(m)
	return place{l: s.l, r: s.r, cols: s.d, to: []driver.Pointer{s.down[s.last], s.gl}}
}

func (p deep) thin(e *engine, m memory) error {
	s := p.layout(m)
	if err := e.device.transpose(s.r, m.matrix(0), s.d, s.n2); err != nil {
		return err
	}
	for j := 2; j <= s.last; j++ {
		next := s.l
		if j < s.last {
			next = s.q[j+1]
		}
		w := m.whole(m.matrix(j), j)
		err := e.multiplyAll([]solver.Product{{
			Dst: whole(next, w.rows, s.d), Alpha: 1, A: w, B: whole(s.q[j], s.d, s.d),
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (p deep) pullback(e *engine, m memory) error {
	s := p.layout(m)
	if err := e.device.transpose(m.derivative(0), s.gl, s.n2, s.d); err != nil {
		return err
	}
	for j := s.last; j > 1; j-- {
		w := m.whole(m.matrix(j), j)
		down := whole(s.down[j], w.rows, s.d)
		err := e.multiplyAll([]solver.Product{
			{Dst: m.whole(m.derivative(j), j), Alpha: 1, A: down, B: whole(s.q[j], s.d, s.d), TransB: true},
			{Dst: whole(s.down[j-1], s.d, s.d), Alpha: 1, A: w, TransA: true, B: down},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// whole returns a matrix at an address, with the shape of one of the factor's matrices.
func (m memory) whole(at driver.Pointer, number int) matrix {
	return whole(at, m.shapes[number].Rows, m.shapes[number].Cols)
}

// transpose does dst = Xᵀ, with X of rows × cols.
func (d *device) transpose(dst, x driver.Pointer, rows, cols int) error {
	return d.launch("transpose", driver.Dim{blocks(rows, 16) * blocks(cols, 16), 1, 1},
		driver.Dim{16, 16, 1}, driver.Ptr(x), driver.Ptr(dst), driver.U32(rows), driver.U32(cols))
}
