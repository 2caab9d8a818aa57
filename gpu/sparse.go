package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// sparse are the ends of u∘u − v∘v: L = u∘u − v∘v, R = (1), ∂f/∂u = G∘u and ∂f/∂v = −G∘v, with G·R = G. A
// member's room has L, G and R.
type sparse struct{}

func (sparse) names() []string { return []string{"square_difference", "square_pullback"} }

func (sparse) room(shapes []solver.Shape) int { return 2*shapes[0].Rows + 1 }

func (sparse) scratch([]solver.Shape) int64 { return 0 }

func (sparse) place(m memory) place {
	size := driver.Pointer(8 * m.shapes[0].Rows)
	return place{l: m.room, r: m.room + 2*size, cols: 1, to: []driver.Pointer{m.room + size}}
}

func (p sparse) thin(e *engine, members []memory) error {
	for _, m := range members {
		at := p.place(m)
		err := e.device.squareDifference(at.l, at.r, m.matrix(0), m.matrix(1), m.shapes[0].Rows)
		if err != nil {
			return err
		}
	}
	return nil
}

func (p sparse) pullback(e *engine, members []memory) error {
	for _, m := range members {
		g := p.place(m).to[0]
		err := e.device.squarePullback(m.derivative(0), m.derivative(1), g, m.matrix(0), m.matrix(1),
			m.shapes[0].Rows)
		if err != nil {
			return err
		}
	}
	return nil
}

// squareDifference does L = u∘u − v∘v and R = (1), with u and v of n numbers.
func (d *device) squareDifference(l, r, u, v driver.Pointer, n int) error {
	return d.launch("square_difference", driver.Dim{blocks(n, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(u), driver.Ptr(v), driver.Ptr(l), driver.Ptr(r), driver.U32(n))
}

// squarePullback does ∂u = g∘u and ∂v = −g∘v.
func (d *device) squarePullback(du, dv, g, u, v driver.Pointer, n int) error {
	return d.launch("square_pullback", driver.Dim{blocks(n, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(g), driver.Ptr(u), driver.Ptr(v), driver.Ptr(du), driver.Ptr(dv), driver.U32(n))
}
