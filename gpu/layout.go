package gpu

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// layout says how a problem and a batch lie on a device: every size that an engine uses and allocates. It follows from
// the problem, the batch and the device's description alone.
type layout struct {
	info      driver.Info
	family    // of the space
	scheme    // of the parametrization
	space     sensing.Space
	n1, n2    int
	m, k      int
	entries   sensing.Entries
	precision Precision
	inMemory  bool
	stream    *sensing.Stream // of rows that the device can make; nil where they must be brought
	slots     int
	shapes    [][]solver.Shape // of each member's factor at most

	stride   int64   // bytes from a row to the next
	slabs    int     // of kernels.Slab coordinates
	kp       int     // coordinates, rounded up to whole slabs
	starts   []int   // the first row of each chunk, and m
	tileRows int     // rows of a tile
	mostWork float64 // entries or multiply-adds of a launch at most, where a watchdog stops long ones

	contractor kernels.Kernel // that does contract in one launch
	stages     int            // its dynamic shared memory
}

func newLayout(b Backend, e sensing.Ensemble, batch solver.Batch) (*layout, error) {
	rows, ok := e.(sensing.Rows)
	if !ok {
		return nil, fmt.Errorf("gpu: there are no kernels for the %s ensemble: %w", e.Name(), solver.ErrUnsupported)
	}
	if batch.Partial {
		return nil, fmt.Errorf("gpu: there are no kernels for methods that step without the full gradient: %w", solver.ErrUnsupported)
	}
	l := &layout{
		info: b.Info, space: e.Space(), m: e.Measurements(), k: e.Space().K(), precision: b.Precision,
		mostWork: math.Inf(1), stream: streamOf(e), slots: int(solver.MethodSlot) + batch.OwnSlots,
	}
	if l.info.Watchdog {
		l.mostWork = launchWork
	}
	l.n1, l.n2 = l.space.Dims()
	var err error
	if l.family, err = familyOf(l.space); err != nil {
		return nil, err
	}
	if l.scheme, err = schemeOf(batch.Parametrization); err != nil {
		return nil, err
	}
	if l.precision == "" {
		l.precision = F64
	}
	if l.precision != F64 && l.precision != F32 {
		return nil, fmt.Errorf("gpu: the arithmetic is f64 or f32, got %q", l.precision)
	}
	l.inMemory = l.stream == nil || b.Storage != Generated
	for _, member := range batch.Members {
		shapes, err := l.par.Shapes(l.space, member.FactorRank)
		if err != nil {
			return nil, err
		}
		if solver.Numbers(shapes) > math.MaxInt32 {
			return nil, fmt.Errorf("gpu: a factor of %v is too large: it can have 2³¹ − 1 numbers", shapes)
		}
		l.shapes = append(l.shapes, shapes)
	}
	if c := b.Info.Capability; c[0] < LeastCapability {
		return nil, fmt.Errorf("gpu: %s has compute capability %d.%d, and the kernels need %d.0", b.Info.Name, c[0], c[1], LeastCapability)
	}
	if l.m > math.MaxInt32 || l.k > math.MaxInt32 {
		return nil, fmt.Errorf("gpu: %d measurements with %d coordinates are too many: a device indexes 2³¹ − 1 of each", l.m, l.k)
	}
	const most = 65535 // blocks in a grid's second and third dimension
	if len(l.shapes) > most {
		return nil, fmt.Errorf("gpu: a batch has at most %d members, got %d", most, len(l.shapes))
	}
	if max(l.n1, l.n2) > 16*most {
		return nil, fmt.Errorf("gpu: %d × %d matrices are too large: a side has at most %d", l.n1, l.n2, 16*most)
	}

	l.setEntries(rows.Entries())
	l.slabs = (l.k + kernels.Slab - 1) / kernels.Slab
	l.kp = l.slabs * kernels.Slab
	l.shareRows(b.tileRows)
	return l, nil
}

// setEntries sets the format of the entries, and what follows from it.
func (l *layout) setEntries(entries sensing.Entries) {
	l.entries = entries
	bytes := (int64(l.k)*int64(entries.EntryBits()) + 7) / 8
	l.stride = (bytes + 31) / 32 * 32 // whole sectors of the device's memory
	family := "contract_"
	if !l.inMemory {
		family += "generated_"
	}
	l.contractor = kernels.Get(family + string(entries) + "_" + string(l.precision))
	l.stages = kernels.Stages(entries.EntryBits())
}

// LeastCapability is the major compute capability that all kernels run on.
const LeastCapability = 7

// streamOf returns the stream of an ensemble whose rows there are kernels to make.
func streamOf(e sensing.Ensemble) *sensing.Stream {
	var s sensing.Stream
	switch e := e.(type) {
	case sensing.Gaussian[float64]:
		s = e.Stream()
	case sensing.Gaussian[float32]:
		s = e.Stream()
	case sensing.Gaussian[sensing.BF16Entry]:
		s = e.Stream()
	case sensing.Gaussian[sensing.Q8Entry]:
		s = e.Stream()
	case sensing.Rademacher:
		s = e.Stream()
	default:
		return nil
	}
	return &s
}

// family names the kernels of a space, without their arithmetic.
type family struct {
	lifting    string // z from L·Rᵀ
	pulling    string // G·X from g
	transposed string // Gᵀ·X
	sizes      int    // how many of n1 and n2 they take
}

// familyOf returns the kernels of a space, or says that there are none.
func familyOf(space sensing.Space) (family, error) {
	switch space.(type) {
	case sensing.Sym:
		return family{"lift_", "pullback_", "pullback_", 1}, nil
	case sensing.Rect:
		return family{"lift_rect_", "pullback_rect_", "pullback_rect_transposed_", 2}, nil
	}
	return family{}, fmt.Errorf("gpu: there are kernels for symmetric and rectangular matrices only, and the measurements are %s", space.Name())
}

// scheme is a parametrization as the kernels do it.
type scheme struct {
	par         solver.Paired
	left, right int    // the numbers of the factor's matrices that are L and R
	pulls       []pull // make the matrices of the gradient, in their order
}

// pull is a pullback: scale·G·X, or scale·Gᵀ·X.
type pull struct {
	transposed bool
	x          int // the number of the factor's matrix that is X
	scale      float64
}

// schemeOf returns how the kernels do a parametrization, or says that there are none for it.
func schemeOf(p solver.Parametrization) (scheme, error) {
	switch p := p.(type) {
	case solver.PSD:
		return scheme{p, 0, 0, []pull{{x: 0, scale: 1}}}, nil
	case solver.UV:
		return scheme{p, 0, 1, []pull{{x: 1, scale: 0.5}, {transposed: true, x: 0, scale: 0.5}}}, nil
	}
	return scheme{}, fmt.Errorf("gpu: there are no kernels for the parametrization %s: %w", p.Name(), solver.ErrUnsupported)
}

// total is the number of bytes that an engine allocates, and the most that it borrows for a while: L and R of Apply, or X
// and the product of AdjointMul, of at most n2 columns.
func (l *layout) total() float64 {
	var sum float64
	for _, b := range l.buffers() {
		sum += float64(b.bytes)
	}
	n1, n2 := float64(l.n1), float64(l.n2)
	return sum + 8*n2*(2*n1+n2)
}

// buffer is an allocation.
type buffer struct {
	name  string
	bytes int64
	to    func(e *engine) *driver.Pointer
}

// buffers lists what an engine allocates.
func (l *layout) buffers() []buffer {
	members, matrices, m := int64(len(l.shapes)), int64(len(l.pulls)), int64(l.m)
	rows := m
	if !l.inMemory {
		rows = int64(l.tileRows)
	}
	parts := members * int64(l.tileRows)
	if once, _ := l.once(); once {
		parts = max(parts, m)
	}
	gram := int64(0)
	for _, shapes := range l.shapes {
		cols := int64(shapes[0].Cols)
		gram = max(gram, cols*cols)
	}
	list := []buffer{
		{"rows", rows * l.stride, func(e *engine) *driver.Pointer { return &e.rows }},
		{"z", members * int64(l.kp) * 8, func(e *engine) *driver.Pointer { return &e.z }},
		{"g", members * int64(l.kp) * 8, func(e *engine) *driver.Pointer { return &e.g }},
		{"chunks", members * int64(l.chunks()) * int64(l.kp) * 8, func(e *engine) *driver.Pointer { return &e.chunkSums }},
		{"chunks' first rows", int64(len(l.starts)) * 4, func(e *engine) *driver.Pointer { return &e.chunkStarts }},
		{"partials", parts * int64(l.slabs) * 8, func(e *engine) *driver.Pointer { return &e.partials }},
		{"residuals", members * m * 8, func(e *engine) *driver.Pointer { return &e.res }},
		{"weights", members * m * 8, func(e *engine) *driver.Pointer { return &e.weights }},
		{"observations", m * 8, func(e *engine) *driver.Pointer { return &e.y }},
		{"zeros", m * 8, func(e *engine) *driver.Pointer { return &e.zeros }},
		{"levels", int64(len(sensing.Q8Levels)) * 8, func(e *engine) *driver.Pointer { return &e.levels }},
		{"squares", members * 8, func(e *engine) *driver.Pointer { return &e.squares }},
		{"gram", matrices * gram * 8, func(e *engine) *driver.Pointer { return &e.square }},
		{"preconditioning's members", matrices * memberBytes, func(e *engine) *driver.Pointer { return &e.scaled }},
		{"lift's members", members * memberBytes, func(e *engine) *driver.Pointer { return &e.lifts }},
		{"pullback's members", matrices * members * memberBytes, func(e *engine) *driver.Pointer { return &e.pullbacks }},
	}
	for i, shapes := range l.shapes {
		bytes := int64(l.slots) * int64(solver.Numbers(shapes)) * 8
		list = append(list, buffer{"factors", bytes, func(e *engine) *driver.Pointer { return &e.members[i].slots }})
	}
	return list
}
