package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// indefinite are the ends of UUᵀ − VVᵀ: L = [U V] and R = [U −V], and the gradient is G·R = [G·U, −G·V]. One
// product with 2r columns reads G once. A member's room has L, R and G·R.
type indefinite struct{}

func (indefinite) names() []string { return []string{"join_columns", "split_columns"} }

func (indefinite) room(shapes []solver.Shape) int { return 3 * solver.Numbers(shapes) }

func (indefinite) scratch([]solver.Shape) int64 { return 0 }

func (indefinite) place(m memory) place {
	size := driver.Pointer(8 * solver.Numbers(m.shapes))
	return place{l: m.room, r: m.room + size, cols: 2 * m.shapes[0].Cols,
		to: []driver.Pointer{m.room + 2*size}}
}

func (p indefinite) thin(e *engine, members []memory) error {
	for _, m := range members {
		at, s := p.place(m), m.shapes[0]
		err := e.device.joinColumns(at.l, at.r, m.matrix(0), m.matrix(1), s.Rows, s.Cols)
		if err != nil {
			return err
		}
	}
	return nil
}

func (p indefinite) pullback(e *engine, members []memory) error {
	for _, m := range members {
		at, s := p.place(m), m.shapes[0]
		err := e.device.splitColumns(m.derivative(0), m.derivative(1), at.to[0], s.Rows, s.Cols)
		if err != nil {
			return err
		}
	}
	return nil
}

// joinColumns does L = [U V] and R = [U −V], with U and V of n × d.
func (d *device) joinColumns(l, r, u, v driver.Pointer, n, cols int) error {
	return d.launch("join_columns", driver.Dim{blocks(n*cols, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(u), driver.Ptr(v), driver.Ptr(l), driver.Ptr(r), driver.U32(n), driver.U32(cols))
}

// splitColumns does [U V] = X, with U and V of n × d.
func (d *device) splitColumns(u, v, x driver.Pointer, n, cols int) error {
	return d.launch("split_columns", driver.Dim{blocks(n*cols, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(x), driver.Ptr(u), driver.Ptr(v), driver.U32(n), driver.U32(cols))
}
