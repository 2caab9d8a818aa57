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

func (sparse) place(m memory) place {
	size := driver.Pointer(8 * m.shapes[0].Rows)
	return place{l: m.room, r: m.room + 2*size, cols: 1, to: []driver.Pointer{m.room + size}}
}

func (p sparse) thin(e *engine, m memory) error {
	at, n := p.place(m), m.shapes[0].Rows
	return e.device.launch("square_difference", driver.Dim{blocks(n, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(m.matrix(0)), driver.Ptr(m.matrix(1)), driver.Ptr(at.l), driver.Ptr(at.r), driver.U32(n))
}

func (p sparse) pullback(e *engine, m memory) error {
	g, n := p.place(m).to[0], m.shapes[0].Rows
	return e.device.launch("square_pullback", driver.Dim{blocks(n, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(g), driver.Ptr(m.matrix(0)), driver.Ptr(m.matrix(1)), driver.Ptr(m.derivative(0)),
		driver.Ptr(m.derivative(1)), driver.U32(n))
}
