package gpu

import (
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// panelSide is the number of columns that the Cholesky kernels take at a time.
const panelSide = 32

// choleskyKernels are the kernels that this file launches.
var choleskyKernels = []string{"cholesky", "cholesky_forward", "cholesky_backward"}

// system is dst·(S + λI) = X, for dst and X of rows × d. X may be dst.
type system struct {
	s, x, dst driver.Pointer
	rows, d   int
}

func (s system) words() []uint64 {
	return []uint64{uint64(s.s), uint64(s.x), uint64(s.dst), uint64(s.rows), uint64(s.d)}
}

// factored says whose Gram matrices PᵀP + λI lie in e.square, as Cholesky factors. The P are the partners of
// the iterate's matrices if paired, or the matrices themselves.
type factored struct {
	held   bool
	member int
	paired bool
	lambda float64
}

// gramAt and crossAt are the places of one of a factor's d × d matrices.
func (e *engine) gramAt(number, d int) driver.Pointer { return e.square + driver.Pointer(number*d*d*8) }

func (e *engine) crossAt(member, number, d int) driver.Pointer {
	return e.gramAt(len(e.members[member].shapes)+number, d)
}

// Precondition implements [solver.Engine]. The device computes the Gram matrices, their Cholesky factors, and
// the solutions of dst·(PᵀP + λI) = X.
func (e *engine) Precondition(member int, dst, x solver.Slot, lambda float64) error {
	if _, ok := e.par.(solver.Paired); !ok {
		return fmt.Errorf("gpu: the parametrization %s has no pairs to precondition with", e.par.Name())
	}
	shapes, d := e.members[member].shapes, e.cols(member)
	if err := e.factorize(member, true, lambda); err != nil {
		return err
	}
	var systems []system
	for b, s := range shapes {
		systems = append(systems,
			system{e.gramAt(b, d), e.matrix(member, x, b), e.matrix(member, dst, b), s.Rows, d})
	}
	e.touched(member, dst)
	return e.solve(systems)
}

// Project implements [solver.Engine]: dst = W·Vᵀ with V·(WᵀW) = XᵀW.
func (e *engine) Project(member int, dst, x solver.Slot) error {
	shapes, d := e.members[member].shapes, e.cols(member)
	if err := e.factorize(member, false, 0); err != nil {
		return err
	}
	var crosses, products []solver.Product
	var systems []system
	for b := range shapes {
		w, at := e.whole(member, solver.Iterate, b), e.crossAt(member, b, d)
		cross := whole(at, d, d)
		crosses = append(crosses,
			solver.Product{Dst: cross, Alpha: 1, A: e.whole(member, x, b), TransA: true, B: w})
		systems = append(systems, system{e.gramAt(b, d), at, at, d, d})
		products = append(products,
			solver.Product{Dst: e.whole(member, dst, b), Alpha: 1, A: w, B: cross, TransB: true})
	}
	if err := e.Multiply(crosses...); err != nil {
		return err
	}
	if err := e.solve(systems); err != nil {
		return err
	}
	e.touched(member, dst)
	return e.Multiply(products...)
}

// factorize makes the Cholesky factors of PᵀP + λI, unless they are there.
func (e *engine) factorize(member int, paired bool, lambda float64) error {
	shapes, d := e.members[member].shapes, e.cols(member)
	partner := func(b int) int { return b }
	if paired {
		partner = e.par.(solver.Paired).Partner
	}
	paired = paired && partner(0) != 0
	asked := factored{true, member, paired, lambda}
	if e.factored == asked {
		return nil
	}
	e.factored = factored{}
	var grams []solver.Product
	var systems []system
	for b := range shapes {
		p, at := e.whole(member, solver.Iterate, partner(b)), e.gramAt(b, d)
		grams = append(grams, solver.Product{Dst: whole(at, d, d), Alpha: 1, A: p, TransA: true, B: p})
		systems = append(systems, system{at, at, at, d, d})
	}
	if err := e.Multiply(grams...); err != nil {
		return err
	}
	list, err := e.device.list(encode(systems))
	if err != nil {
		return err
	}
	panels := blocks(d, panelSide)
	for k := range panels {
		if err := e.device.cholesky(list, len(systems), k, lambda); err != nil {
			return err
		}
		below := panelSide * (k + 1)
		if below >= d {
			break
		}
		if err := e.device.choleskyForward(list, len(systems), below, d, k, k+1); err != nil {
			return err
		}
	}
	e.factored = asked
	return nil
}

// solve solves systems whose S hold Cholesky factors.
func (e *engine) solve(systems []system) error {
	list, err := e.device.list(encode(systems))
	if err != nil {
		return err
	}
	rows := 0
	for _, s := range systems {
		rows = max(rows, s.rows)
	}
	panels := blocks(systems[0].d, panelSide)
	if err := e.device.choleskyForward(list, len(systems), 0, rows, 0, panels); err != nil {
		return err
	}
	return e.device.choleskyBackward(list, len(systems), rows)
}

// cholesky factorizes the block on the diagonal in panel k of each system of a list on the device.
func (d *device) cholesky(list driver.Pointer, systems, k int, lambda float64) error {
	return d.launch("cholesky", driver.Dim{systems, 1, 1}, driver.Dim{16, 16, 1},
		driver.Ptr(list), driver.U32(k), driver.F64(lambda))
}

// choleskyForward solves dst·Cᵀ = X for each system of a list on the device: the rows from first on, of at
// most so many rows, in the panels from ≤ k < to.
func (d *device) choleskyForward(list driver.Pointer, systems, first, rows, from, to int) error {
	return d.launch("cholesky_forward", driver.Dim{blocks(rows-first, panelSide), systems, 1},
		driver.Dim{16, 16, 1}, driver.Ptr(list), driver.U32(first), driver.U32(from), driver.U32(to))
}

// choleskyBackward solves dst·C = dst for each system of a list on the device, of at most so many rows.
func (d *device) choleskyBackward(list driver.Pointer, systems, rows int) error {
	return d.launch("cholesky_backward", driver.Dim{blocks(rows, panelSide), systems, 1},
		driver.Dim{16, 16, 1}, driver.Ptr(list))
}
