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
	return []string{"transpose", "right_multiply", "gram", "lift_rect_f64"}
}

// deepRoom has the addresses in a member's room, and of what takes their place in the factor and the
// gradient. Matrices are counted from 0.
type deepRoom struct {
	rows, n2, d int // of W_L, of R, and the width
	last        int // the number of W_L
	l, r        driver.Pointer
	gl          driver.Pointer   // ½·Gᵀ·L
	q, down     []driver.Pointer // Q and D of each matrix, from matrix 2 and from matrix 1 on
	list        driver.Pointer   // products
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
	s.list = take(3 * (last - 1) * memberBytes / 8)
	return s
}

func (p deep) room(shapes []solver.Shape) int { return p.layout(memory{shapes: shapes}).numbers }

func (p deep) place(m memory) place {
	s := p.layout(m)
	return place{l: s.l, r: s.r, cols: s.d, to: []driver.Pointer{s.down[s.last], s.gl}}
}

// The lists of the products of matrix j ≥ 2, one after another.
const (
	chainList = iota // W_j·Q_j
	upList           // D_j·Q_jᵀ
	downList         // W_jᵀ·D_j
	deepLists
)

func (s deepRoom) at(j, list int) driver.Pointer {
	return s.list + driver.Pointer(((j-2)*deepLists+list)*memberBytes)
}

// prepare writes the lists of products.
func (p deep) prepare(d *device, m memory) error {
	s := p.layout(m)
	var list []product
	for j := 2; j <= s.last; j++ {
		next := s.l
		if j < s.last {
			next = s.q[j+1]
		}
		list = append(list,
			product{m.matrix(j), s.q[j], s.d, next},
			product{s.down[j], s.q[j], s.d, m.derivative(j)},
			product{m.matrix(j), s.down[j], s.d, s.down[j-1]})
	}
	return d.Upload(s.list, encode(list))
}

func (p deep) thin(d *device, m memory) error {
	s := p.layout(m)
	if err := d.transpose(s.r, m.matrix(0), s.d, s.n2); err != nil {
		return err
	}
	for j := 2; j <= s.last; j++ {
		if err := d.rightMultiply(s.at(j, chainList), m.shapes[j].Rows, 1, s.d); err != nil {
			return err
		}
	}
	return nil
}

func (p deep) pullback(d *device, m memory) error {
	s := p.layout(m)
	if err := d.transpose(m.derivative(0), s.gl, s.n2, s.d); err != nil {
		return err
	}
	for j := s.last; j > 1; j-- {
		rows := m.shapes[j].Rows
		if err := d.outer(s.at(j, upList), rows, s.d); err != nil {
			return err
		}
		if err := d.gram(s.at(j, downList), rows, 1, s.d); err != nil {
			return err
		}
	}
	return nil
}

// transpose does dst = Xᵀ, with X of rows × cols.
func (d *device) transpose(dst, x driver.Pointer, rows, cols int) error {
	return d.launch("transpose", driver.Dim{blocks(rows, 16) * blocks(cols, 16), 1, 1},
		driver.Dim{16, 16, 1}, driver.Ptr(x), driver.Ptr(dst), driver.U32(rows), driver.U32(cols))
}

// outer does dst = X·Yᵀ, n1 × n2, for the product that is listed on the device.
func (d *device) outer(list driver.Pointer, n1, n2 int) error {
	return d.launch("lift_rect_f64", driver.Dim{blocks(n2, 16), blocks(n1, 16), 1}, driver.Dim{16, 16, 1},
		driver.Ptr(list), driver.U32(n1), driver.U32(n2))
}
