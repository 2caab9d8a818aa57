package gpu

import (
	"cmp"
	"encoding/binary"
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
	lists   driver.Pointer            // listRoom bytes for lists of products
	used    int64                     // bytes of them with a list
	listed  map[string]driver.Pointer // the lists there, by their contents
	scratch driver.Pointer            // sums of segments and of tiles
	room    int64                     // bytes of scratch
}

const (
	listRoom   = 256 << 10
	mostListed = 512 // products or pairs of a list: four such lists fit in listRoom
	// Sizes of the heads of multiply_nn and difference.
	tileSide, slabSide         = 32, 512
	productBytes               = 13 * 8
	leastSegment, partedBlocks = 512, 1024
)

// algebraKernels are the kernels that this file launches.
var algebraKernels = []string{
	"multiply_nn", "multiply_nt", "multiply_tn", "multiply_tt", "multiply_sum",
	"difference", "difference_sum", "sum_squares",
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

// differenceBytes is the memory for the sums of the tiles of an n1 × n2 difference.
func differenceBytes(n1, n2 int) int64 {
	return int64(blocks(n1, tileSide)) * int64(blocks(n2, slabSide)) * 8
}

// algebraBuffers lists the memory of algebra. Scratch has room for the Gram matrices of factors and for a
// difference of the space's matrices; other products may need more.
func (e *engine) algebraBuffers() []buffer {
	room := differenceBytes(e.n1, e.n2) + 8
	for _, shapes := range e.shapes {
		for _, s := range shapes {
			room = max(room, partBytes(s.Cols, s.Cols, s.Rows))
		}
	}
	e.algebra.room = room
	return []buffer{
		{"lists of products", listRoom, &e.algebra.lists},
		{"sums of products", room, &e.algebra.scratch},
	}
}

// The matrices of NewMatrix that metrics may use: so many columns of n1 + n2 numbers for each of the truth's
// columns and two more, and as many r × r* matrices for each member.
const metricColumns, metricSquares = 12, 8

// metricBytes is the memory that matrices of NewMatrix are expected to take.
func (e *engine) metricBytes() float64 {
	columns := float64(e.truthRank + 2)
	sum := metricColumns * columns * float64(e.n1+e.n2)
	for _, shapes := range e.shapes {
		sum += metricSquares * columns * float64(shapes[0].Cols)
	}
	return 8 * sum
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

// words are the multiplication as kernels read it.
func (m multiplication) words() []uint64 {
	return []uint64{
		uint64(m.a.at), uint64(m.b.at), uint64(m.dst.at), uint64(m.parts),
		uint64(m.a.lead), uint64(m.b.lead), uint64(m.dst.lead),
		uint64(m.rows), uint64(m.cols), uint64(m.depth), uint64(m.segment),
		math.Float64bits(m.alpha), math.Float64bits(m.beta),
	}
}

// listOf returns the address of a list with these words on the device. A list that has been uploaded is there
// until the room for lists is full.
func (e *engine) listOf(words []uint64) (driver.Pointer, error) {
	data := make([]byte, 0, 8*len(words))
	for _, w := range words {
		data = binary.LittleEndian.AppendUint64(data, w)
	}
	a := &e.algebra
	if at, there := a.listed[string(data)]; there {
		return at, nil
	}
	if a.listed == nil || a.used+int64(len(data)) > listRoom {
		a.listed, a.used = map[string]driver.Pointer{}, 0
	}
	at := a.lists + driver.Pointer(a.used)
	if err := e.device.Upload(at, data); err != nil {
		a.listed = nil
		return 0, err
	}
	a.listed[string(data)] = at
	a.used += int64(len(data))
	return at, nil
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
		m.parts = e.algebra.scratch + driver.Pointer(used)
		list, used = append(list, m), used+need
	}
	return e.multiply(list)
}

// multiply does the multiplications of a list, whose parts have memory.
func (e *engine) multiply(list []multiplication) error {
	slices.SortStableFunc(list, func(a, b multiplication) int { return cmp.Compare(a.kernel, b.kernel) })
	var words []uint64
	for _, m := range list {
		words = append(words, m.words()...)
	}
	at, err := e.listOf(words)
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
			driver.Ptr(at+driver.Pointer(from*productBytes)), driver.U32(segments))
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

// Norms implements [solver.AlgebraEngine].
func (e *engine) Norms(dst []float64, matrices ...solver.Matrix) error {
	if err := e.needScratch(int64(8 * len(matrices))); err != nil {
		return err
	}
	sums := e.algebra.scratch
	for i, m := range matrices {
		a := onDevice(m)
		if err := e.device.sumSquares(sums+driver.Pointer(8*i), a.at, a.rows*a.cols, 1); err != nil {
			return err
		}
	}
	return e.device.downloadNumbers(dst, sums)
}

// Differences implements [solver.AlgebraEngine]. Of a symmetric difference, the device computes half.
func (e *engine) Differences(dst []float64, pairs ...solver.Pair) error {
	for len(pairs) > 0 {
		count, used := 0, int64(0) // the pairs that fit
		for count < min(len(pairs), mostListed) {
			rows, cols := extent(pairs[count])
			need := differenceBytes(rows, cols) + 8
			if count > 0 && used+need > e.algebra.room {
				break
			}
			count, used = count+1, used+need
		}
		if err := e.needScratch(used); err != nil {
			return err
		}
		if err := e.differences(dst[:count], pairs[:count]); err != nil {
			return err
		}
		dst, pairs = dst[count:], pairs[count:]
	}
	return nil
}

// extent returns the rows and columns of a pair's difference.
func extent(p solver.Pair) (rows, cols int) { return onDevice(p.L).rows, onDevice(p.R).rows }

// differences does pairs whose sums fit in scratch.
func (e *engine) differences(dst []float64, pairs []solver.Pair) error {
	sums := e.algebra.scratch
	parts := sums + driver.Pointer(8*len(pairs))
	var words []uint64
	grid := driver.Dim{1, 1, len(pairs)}
	for _, p := range pairs {
		l, r, x, y := onDevice(p.L), onDevice(p.R), onDevice(p.X), onDevice(p.Y)
		var symmetric uint64
		if l == r && x == y {
			symmetric = 1
		}
		for _, at := range []driver.Pointer{l.at, r.at, x.at, y.at, parts} {
			words = append(words, uint64(at))
		}
		for _, size := range []int{l.lead, r.lead, x.lead, y.lead, l.cols, x.cols, l.rows, r.rows} {
			words = append(words, uint64(size))
		}
		words = append(words, symmetric)
		grid[0], grid[1] = max(grid[0], blocks(l.rows, tileSide)), max(grid[1], blocks(r.rows, slabSide))
		parts += driver.Pointer(differenceBytes(l.rows, r.rows))
	}
	at, err := e.listOf(words)
	if err != nil {
		return err
	}
	if err := e.device.launch("difference", grid, driver.Dim{16, 16, 1}, driver.Ptr(at)); err != nil {
		return err
	}
	err = e.device.launch("difference_sum", driver.Dim{len(pairs), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(at), driver.Ptr(sums))
	if err != nil {
		return err
	}
	return e.device.downloadNumbers(dst, sums)
}
