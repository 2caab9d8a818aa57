package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// polar are the ends of XΘXᵀ: L = X and R = X·(Θ + Θᵀ)/2, ∂f/∂X = G·R and ∂f/∂Θ = ½·Xᵀ·(Gᵀ·L). A member's
// room has R and Gᵀ·L. All products are those of the metrics, and no kernel is needed for this alone.
type polar struct{}

func (polar) names() []string { return nil }

func (polar) room(shapes []solver.Shape) int { return 2 * solver.Numbers(shapes[:1]) }

func (polar) place(m memory) place {
	return place{
		l: m.matrix(0), r: m.room, cols: m.shapes[0].Cols,
		to: []driver.Pointer{m.derivative(0), m.room + driver.Pointer(8*solver.Numbers(m.shapes[:1]))},
	}
}

func (p polar) thin(e *engine, m memory) error {
	x, theta := m.whole(m.matrix(0), 0), m.whole(m.matrix(1), 1)
	product := solver.Product{Dst: m.whole(p.place(m).r, 0), Alpha: 0.5, A: x, B: theta}
	if err := e.multiplyAll([]solver.Product{product}); err != nil {
		return err
	}
	product.TransB, product.Beta = true, 1
	return e.multiplyAll([]solver.Product{product})
}

func (p polar) pullback(e *engine, m memory) error {
	return e.multiplyAll([]solver.Product{{
		Dst: m.whole(m.derivative(1), 1), Alpha: 0.5, A: m.whole(m.matrix(0), 0), TransA: true,
		B: m.whole(p.place(m).to[1], 0),
	}})
}
