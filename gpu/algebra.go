package gpu

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// matrix is a solver.Matrix on the device: row-major f64, with lead numbers from a row to the next.
type matrix struct {
	at               driver.Pointer
	rows, cols, lead int
}

// Dims implements solver.Matrix.
func (m matrix) Dims() (rows, cols int) { return m.rows, m.cols }

// whole returns the matrix without gaps at an address.
func whole(at driver.Pointer, rows, cols int) matrix { return matrix{at, rows, cols, cols} }

// algebra is the memory on the device that products of matrices need beside the matrices.
type algebra struct {
	scratch driver.Pointer // sums of segments
	room    int64          // bytes of scratch
}

const (
	mostListed          = 512 // products of a list: four such lists fit in listRoom
	multiplicationBytes = 13 * 8
	tileSide            = 32 // rows and columns of a block of multiply_nn
	// A product is cut into segments of at least leastSegment, for about partedBlocks blocks.
	leastSegment, partedBlocks = 512, 1024
)

// algebraKernels are the kernels of [solver.AlgebraEngine].
var algebraKernels = []string{
	"multiply_nn", "multiply_nt", "multiply_tn", "multiply_tt", "multiply_sum", "normalize",
}

// segmentOf returns the length of the segments that a product's chains are cut into: segments are cut if the
// tiles of the product do not fill a large device. The length follows from the product's shape alone.
func segmentOf(rows, cols, depth int) int {
	most := max(partedBlocks/(blocks(rows, tileSide)*blocks(cols, tileSide)), 1)
	return blocks(blocks(depth, min(blocks(depth, leastSegment), most)), 16) * 16
}

// partBytes is the memory for the sums of a product's segments: 8 MiB at most.
func partBytes(rows, cols, depth int) int64 {
	if segments := blocks(depth, segmentOf(rows, cols, depth)); segments > 1 {
		return int64(segments) * int64(rows) * int64(cols) * 8
	}
	return 0
}

// mostPartBytes bounds partBytes of all products with so many numbers and such depth, at most.
func mostPartBytes(numbers, depth int64) int64 {
	if depth <= leastSegment {
		return 0
	}
	segments := (depth + leastSegment - 1) / leastSegment
	return 8 * min(segments*numbers, partedBlocks*tileSide*tileSide)
}

// algebraBuffers lists the memory of algebra. Scratch has room for the Gram matrices of factors, and for
// every operation of metrics if the batch has metrics on the device.
func (e *engine) algebraBuffers() []buffer {
	room := int64(8)
	for _, shapes := range e.shapes {
		for _, s := range shapes {
			room = max(room, partBytes(s.Cols, s.Cols, s.Rows))
		}
	}
	if e.metrics.Width > 0 {
		rows, width := int64(e.n1)+int64(e.n2), int64(e.metrics.Width)
		columns := int64(e.metrics.Columns)
		dots := blocks(int(rows*columns), dotSegment) + blocks(int(width*width), dotSegment)
		room = max(room, int64(8*len(e.shapes)*dots),
			mostPartBytes(width*max(width, columns), rows), mostPartBytes(rows*columns, width))
	}
	e.algebra.room = room
	return []buffer{
		{"sums of products", room, &e.algebra.scratch},
	}
}

// onDevice returns a matrix of this engine: all of them are on the device.
func onDevice(m solver.Matrix) matrix { return m.(matrix) }

// NewMatrix implements [solver.AlgebraEngine].
func (e *engine) NewMatrix(rows, cols int) (solver.Matrix, error) {
	size := int64(rows) * int64(cols) * 8
	at, err := e.device.Alloc(size)
	if err != nil {
		return nil, fmt.Errorf("gpu: allocate a %d × %d matrix: %w", rows, cols, err)
	}
	e.taken = append(e.taken, at)
	return whole(at, rows, cols), e.device.Fill(at, 0, size)
}

// FreeMatrix implements [solver.AlgebraEngine].
func (e *engine) FreeMatrix(m solver.Matrix) error {
	i := slices.Index(e.taken, onDevice(m).at)
	if i < 0 {
		return fmt.Errorf("gpu: free a matrix that NewMatrix did not make")
	}
	at := e.taken[i]
	e.taken = slices.Delete(e.taken, i, i+1)
	return e.device.Free(at)
}

// View implements [solver.AlgebraEngine].
func (*engine) View(m solver.Matrix, i0, i1, j0, j1 int) solver.Matrix {
	a := onDevice(m)
	return matrix{a.at + driver.Pointer(8*(i0*a.lead+j0)), i1 - i0, j1 - j0, a.lead}
}

// SetMatrix implements [solver.AlgebraEngine].
func (e *engine) SetMatrix(m solver.Matrix, a *mat.Dense) error {
	dst := onDevice(m)
	if dst.lead == dst.cols {
		return e.device.Upload(dst.at, bytesOf(a))
	}
	for i := range dst.rows {
		row := e.View(dst, i, i+1, 0, dst.cols).(matrix)
		if err := e.device.Upload(row.at, bytesOfNumbers(a.RawRowView(i))); err != nil {
			return err
		}
	}
	return nil
}

// GetMatrix implements [solver.AlgebraEngine]. It copies what lies between the rows as well.
func (e *engine) GetMatrix(a *mat.Dense, m solver.Matrix) error {
	src := onDevice(m)
	if src.lead == src.cols {
		return e.device.download(src.at, a)
	}
	all := make([]float64, (src.rows-1)*src.lead+src.cols)
	if err := e.device.downloadNumbers(all, src.at); err != nil {
		return err
	}
	for i := range src.rows {
		a.SetRow(i, all[i*src.lead:][:src.cols])
	}
	return nil
}

// Thin implements [solver.AlgebraEngine].
func (e *engine) Thin(member int) (l, r solver.Matrix, err error) {
	if err := e.settle(member); err != nil {
		return nil, nil, err
	}
	p, err := e.part(member)
	return whole(p.l, e.n1, p.cols), whole(p.r, e.n2, p.cols), err
}

// multiplication is a product in a list on the device.
type multiplication struct {
	kernel            string
	dst, a, b         matrix
	rows, cols, depth int
	segment           int
	parts             driver.Pointer // sums of the segments, if there are several
	alpha, beta       float64
}

// multiplicationOf returns the multiplication of a product, without memory for parts.
func multiplicationOf(p solver.Product) multiplication {
	m := multiplication{
		kernel: "multiply_" + layout(p.TransA) + layout(p.TransB),
		dst:    onDevice(p.Dst), a: onDevice(p.A), b: onDevice(p.B), alpha: p.Alpha, beta: p.Beta,
	}
	m.rows, m.cols, m.depth = m.dst.rows, m.dst.cols, m.a.cols
	if p.TransA {
		m.depth = m.a.rows
	}
	m.segment = segmentOf(m.rows, m.cols, m.depth)
	return m
}

// layout is an operand's letter in the name of a kernel.
func layout(transposed bool) string {
	if transposed {
		return "t"
	}
	return "n"
}

func (m multiplication) segments() int { return blocks(m.depth, m.segment) }

func (m multiplication) words() []uint64 {
	return []uint64{
		uint64(m.a.at), uint64(m.b.at), uint64(m.dst.at), uint64(m.parts),
		uint64(m.a.lead), uint64(m.b.lead), uint64(m.dst.lead),
		uint64(m.rows), uint64(m.cols), uint64(m.depth), uint64(m.segment),
		math.Float64bits(m.alpha), math.Float64bits(m.beta),
	}
}

// needScratch makes scratch larger, if it has too little room.
func (e *engine) needScratch(bytes int64) error {
	a := &e.algebra
	if bytes <= a.room {
		return nil
	}
	at, err := e.device.Alloc(bytes)
	if err != nil {
		return fmt.Errorf("gpu: allocate %d bytes for sums of products: %w", bytes, err)
	}
	old := a.scratch
	e.taken[slices.Index(e.taken, old)] = at
	a.scratch, a.room = at, bytes
	return e.device.Free(old)
}

// Multiply implements [solver.AlgebraEngine]: one launch for each pair of layouts.
func (e *engine) Multiply(products ...solver.Product) error {
	return e.device.pass(func() error { return e.multiplyAll(products) })
}

// multiplyAll does products in as few lists as memory allows. Operations on slots call it in place of Multiply,
// since they are not interrupted.
func (e *engine) multiplyAll(products []solver.Product) error {
	var list []multiplication
	var used int64
	for _, p := range products {
		m := multiplicationOf(p)
		need := partBytes(m.rows, m.cols, m.depth)
		if len(list) == mostListed || len(list) > 0 && used+need > e.algebra.room {
			if err := e.multiply(list); err != nil {
				return err
			}
			list, used = nil, 0
		}
		if err := e.needScratch(used + need); err != nil {
			return err
		}
		if need > 0 { // a list without parts is the same whatever comes before it
			m.parts = e.algebra.scratch + driver.Pointer(used)
		}
		list, used = append(list, m), used+need
	}
	return e.multiply(list)
}

// multiply does the multiplications of a list, whose parts have memory.
func (e *engine) multiply(list []multiplication) error {
	if len(list) == 0 {
		return nil
	}
	slices.SortStableFunc(list, func(a, b multiplication) int { return cmp.Compare(a.kernel, b.kernel) })
	at, err := e.device.list(encode(list))
	if err != nil {
		return err
	}
	parted, numbers := false, 0
	for from := 0; from < len(list); {
		// The entries from here on that one launch takes.
		rows, cols, segments, to := 0, 0, 0, from
		for ; to < len(list) && list[to].kernel == list[from].kernel; to++ {
			m := list[to]
			most := max(segments, m.segments())
			if most*(to-from+1) > mostBlocks {
				break
			}
			rows, cols, segments = max(rows, m.rows), max(cols, m.cols), most
			if m.segments() > 1 {
				parted, numbers = true, max(numbers, m.rows*m.cols)
			}
		}
		grid := driver.Dim{blocks(rows, tileSide), blocks(cols, tileSide), segments * (to - from)}
		err := e.device.launch(list[from].kernel, grid, driver.Dim{16, 16, 1},
			driver.Ptr(at+driver.Pointer(from*multiplicationBytes)), driver.U32(segments))
		if err != nil {
			return err
		}
		from = to
	}
	if !parted {
		return nil
	}
	return e.device.launch("multiply_sum", driver.Dim{blocks(numbers, 256), len(list), 1},
		driver.Dim{256, 1, 1}, driver.Ptr(at))
}

// CopyMatrix implements [solver.AlgebraEngine].
func (e *engine) CopyMatrix(dst, src solver.Matrix) error {
	to, from := onDevice(dst), onDevice(src)
	return e.device.combine(to.at, from.at, from.at, 1, 0, to.rows*to.cols)
}

// Dots implements [solver.AlgebraEngine]. The device sums the products of each segment, and the host adds the
// segments in order.
func (e *engine) Dots(dst []float64, pairs ...[2]solver.Matrix) error {
	var counts []int // of the pairs' segments
	total := 0
	for _, p := range pairs {
		a := onDevice(p[0])
		counts = append(counts, blocks(a.rows*a.cols, dotSegment))
		total += counts[len(counts)-1]
	}
	if err := e.needScratch(int64(8 * total)); err != nil {
		return err
	}
	at := e.algebra.scratch
	for i, p := range pairs {
		a, b := onDevice(p[0]), onDevice(p[1])
		if err := e.device.dot(at, a.at, b.at, a.rows*a.cols); err != nil {
			return err
		}
		at += driver.Pointer(8 * counts[i])
	}
	parts := make([]float64, total)
	if err := e.device.downloadNumbers(parts, e.algebra.scratch); err != nil {
		return err
	}
	for i, count := range counts {
		dst[i] = 0
		for _, part := range parts[:count] {
			dst[i] += part
		}
		parts = parts[count:]
	}
	return nil
}
