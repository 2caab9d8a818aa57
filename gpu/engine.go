package gpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// engine implements solver.Engine. Its operations are queued on the device; Get, Losses and Wait wait for them.
type engine struct {
	*layout
	device  driver.Device
	kernels map[string]driver.Kernel
	taken   []driver.Pointer // what Close gives back
	hostY   []float64
	members []member
	groups  int // of blocks that contract takes in one launch; 0 where it is three steps
	notice  func(text string)

	rows, z, g, chunkSums, chunkStarts, partials, res, weights, y, zeros, levels, squares, lifts, pullbacks, square, scaled driver.Pointer

	// made is the tile of generated rows that lies in rows; its count is 0 where there is none.
	made tile
	// listed are the members that lifts and pullbacks list, and those whose residuals are in res, in their order there.
	listed, solved []int
}

var _ solver.Engine = &engine{}

// member is one factor of the batch with its slots, one after another on the device, and in each the factor's matrices.
type member struct {
	shapes []solver.Shape // of its factor
	slots  driver.Pointer
	fresh  bool // the Gradient slot belongs to the iterate
}

// tile is some rows in succession, where they lie on the device.
type tile struct {
	first, count int
	rows         driver.Pointer
}

// slot returns where a member's slot is.
func (e *engine) slot(member int, s solver.Slot) driver.Pointer {
	return e.members[member].slots + driver.Pointer(int(s)*solver.Numbers(e.members[member].shapes)*8)
}

// matrix returns where one of a slot's matrices is.
func (e *engine) matrix(member int, s solver.Slot, number int) driver.Pointer {
	return e.slot(member, s) + driver.Pointer(solver.Numbers(e.members[member].shapes[:number])*8)
}

// cols is how many columns each matrix of a member's factor has.
func (e *engine) cols(member int) int { return e.members[member].shapes[0].Cols }

// Reset implements [solver.Engine].
func (e *engine) Reset(member int, spec solver.Member) error {
	if largest := e.shapes[member][0].Cols; spec.FactorRank < 1 || spec.FactorRank > largest {
		return fmt.Errorf("gpu: member %d has room for factor ranks from 1 to %d, not %d", member, largest, spec.FactorRank)
	}
	shapes, err := e.par.Shapes(e.space, spec.FactorRank)
	if err != nil {
		return err
	}
	e.listed, e.solved = nil, nil // shapes are in the lists
	m := &e.members[member]
	m.shapes, m.fresh = shapes, false
	return e.clear(member)
}

// clear fills a member's slots with zeros.
func (e *engine) clear(member int) error {
	return e.device.Fill(e.members[member].slots, 0, int64(e.slots)*int64(solver.Numbers(e.members[member].shapes))*8)
}

// Set implements [solver.Engine].
func (e *engine) Set(member int, slot solver.Slot, f solver.Factor) error {
	if err := e.check("set", member, slot, f); err != nil {
		return err
	}
	if err := e.device.Upload(e.slot(member, slot), bytesOf(f...)); err != nil {
		return fmt.Errorf("gpu: set slot %d of member %d: %w", slot, member, err)
	}
	e.touched(member, slot)
	return nil
}

// Get implements [solver.Engine].
func (e *engine) Get(member int, slot solver.Slot, f solver.Factor) error {
	if err := e.check("get", member, slot, f); err != nil {
		return err
	}
	if err := e.download(e.slot(member, slot), f...); err != nil {
		return fmt.Errorf("gpu: get slot %d of member %d: %w", slot, member, err)
	}
	return nil
}

// check compares a factor's shapes with a slot's.
func (e *engine) check(verb string, member int, slot solver.Slot, f solver.Factor) error {
	if have, want := f.Shapes(), e.members[member].shapes; !slices.Equal(have, want) {
		return fmt.Errorf("gpu: %s slot %d: the factor is %v and the slot %v", verb, slot, have, want)
	}
	return nil
}

// touched notes that a slot has changed.
func (e *engine) touched(member int, slot solver.Slot) {
	if slot == solver.Iterate || slot == solver.Gradient {
		e.members[member].fresh = false
	}
}

// Gradient implements [solver.Engine]: lift, contract, pullback.
func (e *engine) Gradient(members ...int) error {
	var stale []int
	for _, i := range members {
		if !e.members[i].fresh && !slices.Contains(stale, i) {
			stale = append(stale, i)
		}
	}
	return e.gradient(stale)
}

// gradient fills the Gradient slots of different members, and res with their residuals.
func (e *engine) gradient(members []int) error {
	if len(members) == 0 {
		return nil
	}
	if err := e.list(members); err != nil {
		return err
	}
	e.solved = nil
	if err := e.lift(e.precision, e.lifts, len(members)); err != nil {
		return err
	}
	if err := e.contractAll(len(members)); err != nil {
		return err
	}
	cols := 0
	for _, i := range members {
		cols = max(cols, e.cols(i))
	}
	for b, p := range e.pulls {
		list := e.pullbacks + driver.Pointer(b*len(members)*memberBytes)
		if err := e.pullback(e.precision, p, list, len(members), cols); err != nil {
			return err
		}
	}
	for _, i := range members {
		e.members[i].fresh = true
	}
	e.solved = e.listed
	return nil
}

// list writes the lists of members for lift and for the pullbacks, one after another, where they are not those of the last
// gradient.
func (e *engine) list(members []int) error {
	if slices.Equal(members, e.listed) {
		return nil
	}
	e.listed = nil
	var lifts, pullbacks []product
	offset := func(at int) driver.Pointer { return driver.Pointer(int64(at) * int64(e.kp) * e.precision.bytes()) }
	for at, i := range members {
		l, r := e.matrix(i, solver.Iterate, e.left), e.matrix(i, solver.Iterate, e.right)
		lifts = append(lifts, product{l, r, e.cols(i), e.z + offset(at)})
	}
	for b, p := range e.pulls {
		for at, i := range members {
			x, dst := e.matrix(i, solver.Iterate, p.x), e.matrix(i, solver.Gradient, b)
			pullbacks = append(pullbacks, product{e.g + offset(at), x, e.cols(i), dst})
		}
	}
	if err := e.device.Upload(e.lifts, encode(lifts)); err != nil {
		return err
	}
	if err := e.device.Upload(e.pullbacks, encode(pullbacks)); err != nil {
		return err
	}
	// z has zeros past its last coordinate, wherever the precision puts it.
	if err := e.device.Fill(e.z, 0, int64(len(members))*int64(e.kp)*e.precision.bytes()); err != nil {
		return err
	}
	e.listed = slices.Clone(members)
	return nil
}

// contractAll does res and g of as many members as z holds.
func (e *engine) contractAll(members int) error {
	done := false
	if members == 1 {
		var err error
		if done, err = e.contractOnce(); err != nil {
			return err
		}
	}
	if !done {
		if err := e.contractInTiles(members); err != nil {
			return err
		}
	}
	return e.sumChunks(e.precision, members)
}

// contractOnce contracts one member in one launch. It returns false if the device does not take all blocks of a launch at
// one time, however few groups of blocks they are.
func (e *engine) contractOnce() (done bool, err error) {
	asked := e.groups
	for e.groups > 0 {
		err = e.contract(e.groups)
		if !errors.Is(err, driver.ErrCooperative) {
			break
		}
		e.groups /= 2 // another process may have its share of the multiprocessors
	}
	switch {
	case asked == e.groups:
	case e.groups > 0:
		e.tell(fmt.Sprintf("%s has room for %d of %d groups of blocks: contract takes longer", e.info.Name, e.groups, asked))
	default:
		e.tell(fmt.Sprintf("contract is done in three steps, which give the same bits and read each row twice: %v", err))
		err = nil
	}
	return e.groups > 0, err
}

// contractInTiles contracts members in three steps, tile after tile.
func (e *engine) contractInTiles(members int) error {
	return e.eachTile(func(t tile) error {
		if err := e.dots(e.precision, t, members); err != nil {
			return err
		}
		if err := e.residuals(e.precision, t, members, e.y, 1/float64(e.m)); err != nil {
			return err
		}
		return e.accumulate(e.precision, t, members)
	})
}

// tell says something to whoever runs the engine.
func (e *engine) tell(text string) {
	if e.notice != nil {
		e.notice(text)
	}
}

// eachTile calls do for tile after tile of rows, made first where they are not in memory.
func (e *engine) eachTile(do func(t tile) error) error {
	for first := 0; first < e.m; first += e.tileRows {
		t := tile{first, min(e.tileRows, e.m-first), e.rows}
		if e.inMemory {
			t.rows += driver.Pointer(int64(first) * e.stride)
		} else if t != e.made {
			e.made = tile{}
			if err := e.generate(t.rows, t.first, t.count); err != nil {
				return err
			}
			e.made = t
		}
		if err := do(t); err != nil {
			return err
		}
	}
	return nil
}

// Combine implements [solver.Engine].
func (e *engine) Combine(member int, dst solver.Slot, a float64, x solver.Slot, b float64, y solver.Slot) error {
	e.touched(member, dst)
	return e.combine(e.slot(member, dst), e.slot(member, x), e.slot(member, y), a, b, solver.Numbers(e.members[member].shapes))
}

// Precondition implements [solver.Engine]. The host inverts the Gram matrices of the iterate: it waits for the device.
func (e *engine) Precondition(member int, dst, x solver.Slot, lambda float64) error {
	shapes, d := e.members[member].shapes, e.cols(member)
	var grams, products []product
	var squares []*mat.Dense
	for b := range shapes {
		p, square := e.matrix(member, solver.Iterate, e.par.Partner(b)), e.square+driver.Pointer(b*d*d*8)
		grams = append(grams, product{p, p, d, square})
		products = append(products, product{e.matrix(member, x, b), square, d, e.matrix(member, dst, b)})
		squares = append(squares, mat.NewDense(d, d, nil))
	}
	listed := func(b int) driver.Pointer { return e.scaled + driver.Pointer(b*memberBytes) }
	if err := e.device.Upload(e.scaled, encode(grams)); err != nil {
		return err
	}
	for b := range shapes {
		if err := e.gram(listed(b), shapes[e.par.Partner(b)].Rows, 1, d); err != nil {
			return err
		}
	}
	if err := e.download(e.square, squares...); err != nil {
		return err
	}
	for _, s := range squares {
		solver.InvertShifted(s, lambda)
	}
	if err := e.device.Upload(e.square, bytesOf(squares...)); err != nil {
		return err
	}
	if err := e.device.Upload(e.scaled, encode(products)); err != nil {
		return err
	}
	e.touched(member, dst)
	for b, s := range shapes {
		if err := e.rightMultiply(listed(b), s.Rows, 1, d); err != nil {
			return err
		}
	}
	return nil
}

// Project implements [solver.Engine]. The host solves for the weights (WᵀW)⁻¹·(WᵀX): it waits for the device.
func (e *engine) Project(member int, dst, x solver.Slot) error {
	d := e.cols(member)
	for b, s := range e.members[member].shapes {
		w := e.matrix(member, solver.Iterate, b)
		squares := []*mat.Dense{mat.NewDense(d, d, nil), mat.NewDense(d, d, nil)} // WᵀW and WᵀX
		for i, right := range []driver.Pointer{w, e.matrix(member, x, b)} {
			if err := e.device.Upload(e.scaled, encode([]product{{w, right, d, e.square}})); err != nil {
				return err
			}
			if err := e.gram(e.scaled, s.Rows, 1, d); err != nil {
				return err
			}
			if err := e.download(e.square, squares[i]); err != nil {
				return err
			}
		}
		solver.InvertShifted(squares[0], 0)
		var weights mat.Dense
		weights.Mul(squares[0], squares[1])
		if err := e.device.Upload(e.square, bytesOf(&weights)); err != nil {
			return err
		}
		if err := e.device.Upload(e.scaled, encode([]product{{w, e.square, d, e.matrix(member, dst, b)}})); err != nil {
			return err
		}
		if err := e.rightMultiply(e.scaled, s.Rows, 1, d); err != nil {
			return err
		}
	}
	e.touched(member, dst)
	return nil
}

// Losses implements [solver.Engine].
func (e *engine) Losses(dst []float64, members ...int) error {
	if len(members) == 0 {
		return nil
	}
	if err := e.Gradient(members...); err != nil {
		return err
	}
	for _, i := range members {
		if !slices.Contains(e.solved, i) { // other members' residuals have taken the place
			all := slices.Compact(slices.Sorted(slices.Values(members)))
			if err := e.gradient(all); err != nil {
				return err
			}
			break
		}
	}
	if err := e.sumSquares(len(e.solved)); err != nil {
		return err
	}
	squares := make([]float64, len(e.solved))
	if err := e.downloadNumbers(squares, e.squares); err != nil {
		return err
	}
	for j, i := range members {
		dst[j] = squares[slices.Index(e.solved, i)] / (4 * float64(e.m))
	}
	return nil
}

// Wait implements [solver.Engine].
func (e *engine) Wait() error { return e.device.Wait() }

// Shapes implements [solver.Engine].
func (e *engine) Shapes(member int) []solver.Shape { return e.members[member].shapes }

// Shift implements [solver.Engine]: newLayout refuses methods that need it.
func (e *engine) Shift(int) []float64 { return nil }

// Observations implements [solver.Engine].
func (e *engine) Observations(int) []float64 { return e.hostY }

// PartialGradient implements [solver.Engine]: newLayout refuses methods that need it.
func (e *engine) PartialGradient(int, solver.Draw) error {
	return fmt.Errorf("gpu: gradients of some of the measurements: %w", solver.ErrUnsupported)
}

// Evaluate implements [solver.Engine]: newLayout refuses methods that need it.
func (e *engine) Evaluate([]float64, int, ...solver.Factor) error {
	return fmt.Errorf("gpu: losses without a gradient: %w", solver.ErrUnsupported)
}

// Apply implements [solver.Engine], always in f64.
func (e *engine) Apply(p []float64, l, r *mat.Dense) (err error) {
	lr, lc := l.Dims()
	rr, rc := r.Dims()
	if len(p) != e.m || lr != e.n1 || rr != e.n2 || lc != rc {
		return fmt.Errorf("gpu: apply %d measurements of %d × %d matrices to (%d × %d)(%d × %d)ᵀ for %d numbers",
			e.m, e.n1, e.n2, lr, lc, rr, rc, len(p))
	}
	e.solved, e.listed = nil, nil // z, res and the lists are used here
	dl, err := e.borrow(l)
	if err != nil {
		return err
	}
	defer e.giveBack(dl, &err)
	dr, err := e.borrow(r)
	if err != nil {
		return err
	}
	defer e.giveBack(dr, &err)
	if err := e.device.Upload(e.lifts, encode([]product{{dl, dr, lc, e.z}})); err != nil {
		return err
	}
	if err := e.device.Fill(e.z, 0, int64(e.kp)*8); err != nil {
		return err
	}
	if err := e.lift(F64, e.lifts, 1); err != nil {
		return err
	}
	err = e.eachTile(func(t tile) error {
		if err := e.dots(F64, t, 1); err != nil {
			return err
		}
		return e.residuals(F64, t, 1, e.zeros, 0)
	})
	if err != nil {
		return err
	}
	return e.downloadNumbers(p, e.res)
}

// AdjointMul implements [solver.Engine], always in f64.
func (e *engine) AdjointMul(dst *mat.Dense, w []float64, trans bool, x *mat.Dense) (err error) {
	n1, n2 := e.n1, e.n2
	if trans {
		n1, n2 = n2, n1
	}
	dr, dc := dst.Dims()
	xr, xc := x.Dims()
	if len(w) != e.m || dr != n1 || xr != n2 || dc != xc {
		return fmt.Errorf("gpu: multiply the adjoint of %d measurements of %d × %d matrices, of %d numbers, by %d × %d for %d × %d",
			e.m, n1, n2, len(w), xr, xc, dr, dc)
	}
	e.listed = nil // the lists are used here
	dx, err := e.borrow(x)
	if err != nil {
		return err
	}
	defer e.giveBack(dx, &err)
	out, err := e.device.Alloc(int64(8 * dr * dc))
	if err != nil {
		return err
	}
	defer e.giveBack(out, &err)
	if err := e.device.Upload(e.pullbacks, encode([]product{{e.g, dx, xc, out}})); err != nil {
		return err
	}
	if err := e.device.Upload(e.weights, bytesOfNumbers(w)); err != nil {
		return err
	}
	if err := e.eachTile(func(t tile) error { return e.accumulate(F64, t, 1) }); err != nil {
		return err
	}
	if err := e.sumChunks(F64, 1); err != nil {
		return err
	}
	if err := e.pullback(F64, pull{transposed: trans, scale: 1}, e.pullbacks, 1, xc); err != nil {
		return err
	}
	return e.download(out, dst)
}

// borrow takes device memory for a matrix and copies it there.
func (e *engine) borrow(a *mat.Dense) (driver.Pointer, error) {
	data := bytesOf(a)
	p, err := e.device.Alloc(int64(len(data)))
	if err != nil {
		return 0, err
	}
	if err := e.device.Upload(p, data); err != nil {
		return 0, errors.Join(err, e.device.Free(p))
	}
	return p, nil
}

// giveBack frees what borrow took, and joins its error to err.
func (e *engine) giveBack(p driver.Pointer, err *error) { *err = errors.Join(*err, e.device.Free(p)) }

// Close implements [solver.Engine].
func (e *engine) Close() error {
	if e.device == nil {
		return nil
	}
	device := e.device
	e.device = nil
	for _, p := range e.taken {
		if err := device.Free(p); err != nil { // once lost, a device gives nothing back: once is enough to say so
			_ = device.Close()
			return err
		}
	}
	if live := device.Live(); live != 0 {
		return errors.Join(fmt.Errorf("gpu: %d bytes of device memory were not given back", live), device.Close())
	}
	return device.Close()
}

// download copies matrices, which lie one after another, from the device.
func (e *engine) download(from driver.Pointer, dst ...*mat.Dense) error {
	all := make([]float64, solver.Numbers(solver.Factor(dst).Shapes()))
	if err := e.downloadNumbers(all, from); err != nil {
		return err
	}
	for _, a := range dst {
		rows, cols := a.Dims()
		for i := range rows {
			a.SetRow(i, all[:cols])
			all = all[cols:]
		}
	}
	return nil
}

func (e *engine) downloadNumbers(dst []float64, from driver.Pointer) error {
	data := make([]byte, 8*len(dst))
	if err := e.device.Download(data, from); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return nil
}

// bytesOf returns matrices as the device has them: f64, row-major, without gaps, one after another.
func bytesOf(matrices ...*mat.Dense) []byte {
	out := make([]byte, 0, 8*solver.Numbers(solver.Factor(matrices).Shapes()))
	for _, a := range matrices {
		rows, _ := a.Dims()
		for i := range rows {
			for _, v := range a.RawRowView(i) {
				out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
			}
		}
	}
	return out
}

func bytesOfNumbers(v []float64) []byte { return bytesOf(mat.NewDense(1, len(v), v)) }
