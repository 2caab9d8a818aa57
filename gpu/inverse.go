package gpu

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// panelSide is the number of columns that the Cholesky kernels take at a time.
const panelSide = 32

// choleskyKernels are the kernels that this file launches.
var choleskyKernels = []string{"cholesky", "cholesky_forward", "cholesky_backward"}

// system is dst·(S + λI) = X, for dst and X of rows × d. X may be dst. λ is on the device.
type system struct {
	s, x, dst, lambda driver.Pointer
	rows, d           int
}

// systemBytes is the size of a system in a list.
const systemBytes = 6 * 8

func (s system) words() []uint64 {
	return []uint64{
		uint64(s.s), uint64(s.x), uint64(s.dst), uint64(s.lambda), uint64(s.rows), uint64(s.d),
	}
}

// inverses is the memory of the engine for Precondition, Project and Fit.
type inverses struct {
	lambdas driver.Pointer // λ of each member
	known   []float64      // what they are
}

// factored says what a member's squares hold: Cholesky factors of PᵀP + λI, where the P are the partners of
// the iterate's matrices if paired, or the matrices themselves.
type factored struct {
	held   bool
	paired bool
	lambda float64
}

// inverseBuffers lists the memory of Precondition, Project and Fit: for each matrix of each member a Gram
// matrix and a cross product.
func (e *engine) inverseBuffers() (list []buffer) {
	for i, shapes := range e.shapes {
		d := int64(shapes[0].Cols)
		bytes := 2 * int64(len(shapes)) * d * d * 8
		list = append(list, buffer{"Gram matrices", bytes, &e.members[i].squares})
	}
	return append(list, buffer{"shifts of Gram matrices", int64(len(e.shapes)) * 8, &e.inverses.lambdas})
}

// paired says whether the partner of some matrix of a member's factor is another matrix.
func (e *engine) paired(member int) bool {
	for b := range e.members[member].shapes {
		if e.par.(solver.Paired).Partner(b) != b {
			return true
		}
	}
	return false
}

// gram and cross are the places of one of a member's d × d matrices.
func (e *engine) gram(member, number int) matrix {
	d := e.cols(member)
	return whole(e.members[member].squares+driver.Pointer(number*d*d*8), d, d)
}

func (e *engine) cross(member, number int) matrix {
	return e.gram(member, len(e.members[member].shapes)+number)
}

// inverse returns the system dst·(PᵀP + λI) = X with the Gram matrix of one of a member's matrices.
func (e *engine) inverse(member, number int, x, dst driver.Pointer, rows int) system {
	lambda := e.inverses.lambdas + driver.Pointer(8*member)
	return system{e.gram(member, number).at, x, dst, lambda, rows, e.cols(member)}
}

// preconditioning is dst = X·(PᵀP + λI)⁻¹ of a member.
type preconditioning struct {
	member int
	dst, x solver.Slot
	lambda float64
}

// projection is dst = W·(WᵀW)⁻¹·(WᵀX) of a member.
type projection struct {
	member int
	dst, x solver.Slot
}

// fitting is dst = Y·(XᵀP)·(PᵀP)⁻¹ of a member.
type fitting struct {
	member    int
	dst, y, x solver.Slot
}

// Precondition implements [solver.InverseEngine]. The device computes the Gram matrices, their Cholesky
// factors, and the solutions of dst·(PᵀP + λI) = X.
func (e *engine) Precondition(member int, dst, x solver.Slot, lambda float64) error {
	if _, ok := e.par.(solver.Paired); !ok {
		return fmt.Errorf("gpu: the parametrization %s has no pairs to precondition with", e.par.Name())
	}
	if !e.needs.Inverses {
		return errNoInverses
	}
	return e.later(member, preconditioning{member, dst, x, lambda})
}

// Project implements [solver.InverseEngine]: dst = W·Vᵀ with V·(WᵀW) = XᵀW.
func (e *engine) Project(member int, dst, x solver.Slot) error {
	if !e.needs.Inverses {
		return errNoInverses
	}
	return e.later(member, projection{member, dst, x})
}

// Fit implements [solver.InverseEngine]: dst·(PᵀP) = Y·(XᵀP).
func (e *engine) Fit(member int, dst, y, x solver.Slot) error {
	if _, ok := e.par.(solver.Paired); !ok {
		return fmt.Errorf("gpu: the parametrization %s has no pairs to fit with", e.par.Name())
	}
	if !e.needs.Inverses {
		return errNoInverses
	}
	return e.later(member, fitting{member, dst, y, x})
}

var errNoInverses = errors.New("gpu: the engine was opened without inverses of Gram matrices")

// precondition does a list for different members.
func (e *engine) precondition(list []preconditioning) error {
	if len(list) == 0 {
		return nil
	}
	wanted := map[int]factored{}
	var systems []system
	for _, p := range list {
		wanted[p.member] = factored{true, e.paired(p.member), p.lambda}
		for b, s := range e.members[p.member].shapes {
			systems = append(systems, e.inverse(p.member, b,
				e.matrix(p.member, p.x, b), e.matrix(p.member, p.dst, b), s.Rows))
		}
	}
	if err := e.factorize(wanted); err != nil {
		return err
	}
	for _, p := range list {
		e.touched(p.member, p.dst)
	}
	return e.solve(systems)
}

// project does a list for different members.
func (e *engine) project(list []projection) error {
	if len(list) == 0 {
		return nil
	}
	wanted := map[int]factored{}
	var crosses, products []solver.Product
	var systems []system
	for _, p := range list {
		wanted[p.member] = factored{held: true}
		for b := range e.members[p.member].shapes {
			w, cross := e.whole(p.member, solver.Iterate, b), e.cross(p.member, b)
			crosses = append(crosses,
				solver.Product{Dst: cross, Alpha: 1, A: e.whole(p.member, p.x, b), TransA: true, B: w})
			systems = append(systems, e.inverse(p.member, b, cross.at, cross.at, cross.rows))
			products = append(products,
				solver.Product{Dst: e.whole(p.member, p.dst, b), Alpha: 1, A: w, B: cross, TransB: true})
		}
	}
	if err := e.factorize(wanted); err != nil {
		return err
	}
	if err := e.multiplyAll(crosses); err != nil {
		return err
	}
	if err := e.solve(systems); err != nil {
		return err
	}
	for _, p := range list {
		e.touched(p.member, p.dst)
	}
	return e.multiplyAll(products)
}

// fit does a list for different members.
func (e *engine) fit(list []fitting) error {
	if len(list) == 0 {
		return nil
	}
	wanted := map[int]factored{}
	var crosses, products []solver.Product
	var systems []system
	paired := e.par.(solver.Paired)
	for _, f := range list {
		wanted[f.member] = factored{held: true, paired: e.paired(f.member)}
		for b := range e.members[f.member].shapes {
			partner, cross := paired.Partner(b), e.cross(f.member, b)
			dst := e.whole(f.member, f.dst, b)
			crosses = append(crosses, solver.Product{Dst: cross, Alpha: 1, A: e.whole(f.member, f.x, partner),
				TransA: true, B: e.whole(f.member, solver.Iterate, partner)})
			products = append(products,
				solver.Product{Dst: dst, Alpha: 1, A: e.whole(f.member, f.y, b), B: cross})
			systems = append(systems, e.inverse(f.member, b, dst.at, dst.at, dst.rows))
		}
	}
	if err := e.factorize(wanted); err != nil {
		return err
	}
	if err := e.multiplyAll(crosses); err != nil {
		return err
	}
	for _, f := range list {
		e.touched(f.member, f.dst)
	}
	if err := e.multiplyAll(products); err != nil {
		return err
	}
	return e.solve(systems)
}

// factorize makes the Cholesky factors that the members' squares are to hold, unless they hold them.
func (e *engine) factorize(wanted map[int]factored) error {
	var grams []solver.Product
	var systems []system
	largest := 0
	for _, i := range slices.Sorted(maps.Keys(wanted)) {
		m := &e.members[i]
		if m.factored == wanted[i] {
			continue
		}
		m.factored = factored{}
		largest = max(largest, e.cols(i))
		for b := range m.shapes {
			partner := b
			if wanted[i].paired {
				partner = e.par.(solver.Paired).Partner(b)
			}
			p, gram := e.whole(i, solver.Iterate, partner), e.gram(i, b)
			grams = append(grams, solver.Product{Dst: gram, Alpha: 1, A: p, TransA: true, B: p})
			systems = append(systems, e.inverse(i, b, gram.at, gram.at, gram.rows))
		}
	}
	if len(systems) == 0 {
		return nil
	}
	if err := e.shift(wanted); err != nil {
		return err
	}
	if err := e.multiplyAll(grams); err != nil {
		return err
	}
	list, err := e.device.list(encode(systems))
	if err != nil {
		return err
	}
	panels := blocks(largest, panelSide)
	for k := range panels {
		if err := e.device.cholesky(list, len(systems), k); err != nil {
			return err
		}
		below := panelSide * (k + 1)
		if below >= largest {
			break
		}
		if err := e.device.choleskyForward(list, len(systems), below, largest, k, k+1); err != nil {
			return err
		}
	}
	for i, what := range wanted {
		e.members[i].factored = what
	}
	return nil
}

// shift brings the members' λ to the device, if one of them is not there.
func (e *engine) shift(wanted map[int]factored) error {
	known := slices.Clone(e.inverses.known)
	if known == nil {
		known = make([]float64, len(e.members))
	}
	for i, what := range wanted {
		known[i] = what.lambda
	}
	if slices.Equal(known, e.inverses.known) {
		return nil
	}
	e.inverses.known = nil
	if err := e.device.Upload(e.inverses.lambdas, bytesOfNumbers(known)); err != nil {
		return err
	}
	e.inverses.known = known
	return nil
}

// solve solves systems whose S hold Cholesky factors.
func (e *engine) solve(systems []system) error {
	list, err := e.device.list(encode(systems))
	if err != nil {
		return err
	}
	rows, panels := 0, 0
	for _, s := range systems {
		rows, panels = max(rows, s.rows), max(panels, blocks(s.d, panelSide))
	}
	if err := e.device.choleskyForward(list, len(systems), 0, rows, 0, panels); err != nil {
		return err
	}
	return e.device.choleskyBackward(list, len(systems), rows)
}

// cholesky factorizes the block on the diagonal in panel k of each system of a list on the device.
func (d *device) cholesky(list driver.Pointer, systems, k int) error {
	return d.launch("cholesky", driver.Dim{systems, 1, 1}, driver.Dim{16, 16, 1},
		driver.Ptr(list), driver.U32(k))
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
