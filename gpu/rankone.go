package gpu

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rankOneOperator is the operator of a [sensing.RankOne], with O(m·n·r) multiply-adds a contraction. With the
// vectors of a tile of measurements as the rows of A and B (A = B for symmetric matrices),
//
//	V = A·L,  W = B·R,  p_i = V_i·W_i,  res_i = p_i − y_i,
//	G·R = 1/m Aᵀ·diag(res)·W,  Gᵀ·L = 1/m Bᵀ·diag(res)·V,
//
// times computes V and W, residuals res, and accumulate adds a tile to the sums of its chunks, which collect
// adds up. The columns of all members stand side by side, so each of these reads a vector once for a whole
// batch of up to 64 columns.
type rankOneOperator struct {
	rankOneLayout
	*device
	ensemble *sensing.RankOne

	vectors, products, chunkSums, chunkStarts driver.Pointer
	res, weights, zeros, sums, lists          driver.Pointer

	made     tile        // the tile of generated vectors in memory; its count is 0 if there is none
	arranged arrangement // of the last contraction, if the lists still have it
}

var _ operator = &rankOneOperator{}

// rankOneLayout describes how vectors, and what is computed from them, lie on a device. It follows from the
// request alone.
type rankOneLayout struct {
	m         int
	sides     [2]int // numbers of a_i and of b_i: n1 and n2
	symmetric bool   // b_i is a_i
	members   int
	pulls     []int           // numbers of rows of the gradient's matrices
	width     int             // columns of all members together, at least leastWidth
	inMemory  bool            // all vectors are in memory; otherwise they are made tile by tile
	stream    *sensing.Stream // stream of the vectors; nil if they are user data

	stride   int64 // bytes from a measurement's numbers to the next's
	starts   []int // the first measurement of each chunk, and m
	tileRows int   // measurements of a tile
	mostWork int   // most normal deviates of a launch
}

// The two sides of a measurement. In a symmetric space both are the left one.
const (
	left = iota
	right
)

const (
	// leastWidth is the least number of columns for which there is room, so that a product with many columns
	// need not read all vectors for each of them.
	leastWidth = 16
	// mostTileRows is the largest number of measurements of a tile. It keeps the products of a tile small
	// beside the vectors, and its blocks of 64 rows fill every device.
	mostTileRows = 1 << 15
	// blockSide is the side of a tile of numbers in a block of times and accumulate.
	blockSide = 64
)

// planRankOne plans the operator of rank-one measurements.
func planRankOne(r request) (operator, error) {
	ensemble := r.ensemble.(*sensing.RankOne)
	if p := r.backend.Precision; p != "" && p != solver.F64 {
		return nil, fmt.Errorf("gpu: rank-one measurements have kernels in f64 arithmetic only, not in %s: %w",
			p, solver.ErrUnsupported)
	}
	n1, n2 := ensemble.Space().Dims()
	l := rankOneLayout{m: ensemble.Measurements(), sides: [2]int{n1, n2}, members: len(r.shapes)}
	if _, l.symmetric = ensemble.Space().(sensing.Sym); l.m > math.MaxInt32 {
		return nil, fmt.Errorf("gpu: %d measurements are too many: a device indexes 2³¹ − 1 of them", l.m)
	}
	if l.members > mostBlocks {
		return nil, fmt.Errorf("gpu: a batch has at most %d members, got %d", mostBlocks, l.members)
	}
	for _, rule := range r.rules {
		rows := n1
		if rule.transposed {
			rows = n2
		}
		l.pulls = append(l.pulls, rows)
	}
	for _, shapes := range r.shapes {
		l.width += columnsOf(r.par, shapes)
	}
	l.width = max(l.width, leastWidth)
	if ensemble.Vectors() == nil {
		stream := ensemble.Stream()
		l.stream = &stream
	}
	l.inMemory = l.stream == nil || r.backend.Storage != solver.Generated
	l.stride = int64(blocks(ensemble.VectorLen(), 4)) * 32 // a multiple of the sectors of the device's memory
	l.starts = vectorChunks(l.m, max(n1, n2))
	l.cut(r.backend)
	return &rankOneOperator{rankOneLayout: l, ensemble: ensemble}, nil
}

// columnsOf is the largest number of columns that L and R of a factor have: those of U and V in UVᵀ, and of
// all matrices together in parametrizations that may join them.
func columnsOf(par solver.Parametrization, shapes []solver.Shape) int {
	if _, apart := par.(solver.UV); apart {
		return shapes[0].Cols
	}
	cols := 0
	for _, s := range shapes {
		cols += s.Cols
	}
	return cols
}

// vectorChunks returns the first measurement of each chunk, and m. The blocks of accumulate over all chunks
// are about as many as an H100 or H200 holds for up to 64 columns. A chunk has at least 64 measurements: its
// sums are written and read once.
func vectorChunks(m, side int) []int {
	const unit = 16 // measurements that accumulate takes at a time
	chunks := min(max(referenceBlocks/blocks(side, blockSide), 1), blocks(m, 64))
	starts := make([]int, chunks+1)
	for i := range starts {
		starts[i] = min(i*blocks(m, unit)/chunks*unit, m)
	}
	return starts
}

// cut sets the number of measurements of a tile.
func (l *rankOneLayout) cut(b Backend) {
	each := float64(2 * l.width * 8)
	l.tileRows, l.mostWork = min(mostTileRows, l.m), math.MaxInt
	if !l.inMemory {
		each += float64(l.stride)
		l.tileRows = min(l.tileRows, max(l.m/rowsShare, blockSide))
	}
	if b.Info.Watchdog {
		l.mostWork = launchNormals
		work := float64(l.stride/8) * float64(blocks(l.width, blockSide)*blockSide)
		l.tileRows = min(l.tileRows, int(max(launchWork/work, 1)))
		if !l.inMemory {
			l.tileRows = min(l.tileRows, max(launchNormals/int(l.stride/8), 1))
		}
	}
	room := max(float64(b.Info.Memory)/memoryShare, float64(b.Info.L2)/4)
	l.tileRows = min(l.tileRows, int(max(room/each, 1)))
	if l.tileRows > blockSide {
		l.tileRows = l.tileRows / blockSide * blockSide
	}
	if b.tileRows > 0 {
		l.tileRows = min(b.tileRows, l.m)
	}
}

// chunks returns how many chunks there are.
func (l *rankOneLayout) chunks() int { return len(l.starts) - 1 }

// longest is the number of rows of the larger side.
func (l *rankOneLayout) longest() int { return max(l.sides[left], l.sides[right]) }

// productNumbers is the room for products of the vectors of a tile. Apply may have as many columns as R rows.
func (l *rankOneLayout) productNumbers() int { return max(l.tileRows*2*l.width, 2*l.longest()) }

// sumNumbers is the room for the sums of all chunks, of each pull.
func (l *rankOneLayout) sumNumbers() int {
	rows := l.longest() // of AdjointMul
	for _, pull := range l.pulls {
		rows += pull
	}
	return l.chunks() * l.width * max(rows-l.longest(), l.longest())
}

// listed is the room for the lists of columns and members.
func (l *rankOneLayout) listed() int {
	return max((2+2*len(l.pulls))*l.width+l.members, 2*l.longest()+1)
}

// buffers implements operator.
func (o *rankOneOperator) buffers() []buffer {
	members, m, vectors := int64(o.members), int64(o.m), int64(o.m)
	if !o.inMemory {
		vectors = int64(o.tileRows)
	}
	return []buffer{
		{"vectors", vectors * o.stride, &o.vectors},
		{"products", int64(o.productNumbers()) * 8, &o.products},
		{"chunks", int64(o.sumNumbers()) * 8, &o.chunkSums},
		{"chunks' first measurements", int64(len(o.starts)) * 4, &o.chunkStarts},
		{"residuals", members * m * 8, &o.res},
		{"weights", members * m * 8, &o.weights},
		{"zeros", m * 8, &o.zeros},
		{"squares", members * 8, &o.sums},
		{"lists of columns", int64(o.listed()) * memberBytes, &o.lists},
	}
}

// smaller implements operator: drawn vectors may be generated.
func (o *rankOneOperator) smaller() []alternative {
	if !o.inMemory || o.stream == nil {
		return nil
	}
	l := o.rankOneLayout
	l.inMemory = false
	l.tileRows = min(l.tileRows, max(l.m/rowsShare, blockSide))
	return []alternative{{"generated vectors", &rankOneOperator{rankOneLayout: l}}}
}

// kernels implements operator.
func (o *rankOneOperator) kernels() []string {
	names := []string{
		"sum_squares", "rank_one_times_16", "rank_one_times_64", "rank_one_residuals",
		"rank_one_accumulate_16", "rank_one_accumulate_64", "rank_one_collect",
	}
	if o.stream != nil {
		names = append(names, "generate_f64")
	}
	return names
}

// fill implements operator: it uploads the chunks, and makes or copies the vectors that lie in memory.
func (o *rankOneOperator) fill(ctx context.Context, d *device) error {
	o.device = d
	if err := d.Fill(o.zeros, 0, int64(o.m)*8); err != nil {
		return err
	}
	var starts []byte
	for _, first := range o.starts {
		starts = binary.LittleEndian.AppendUint32(starts, uint32(first))
	}
	if err := d.Upload(o.chunkStarts, starts); err != nil {
		return err
	}
	if !o.inMemory {
		return nil
	}
	each, fill := 1<<12, o.generate // vectors at a time; between them ctx is checked
	if o.stream == nil {
		each, fill = max(1, int(16<<20/o.stride)), o.bring
	}
	each = min(each, max(o.mostWork/int(o.stride/8), 1))
	for first := 0; first < o.m; first += each {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fill(tile{first, min(each, o.m-first), o.at(first)}); err != nil {
			return err
		}
	}
	return nil
}

// at returns the address of a measurement's numbers, all of which are in memory.
func (o *rankOneOperator) at(measurement int) driver.Pointer {
	return o.vectors + driver.Pointer(int64(measurement)*o.stride)
}

// bring copies a tile of the user's vectors from the host.
func (o *rankOneOperator) bring(t tile) error {
	v := make([]float64, o.ensemble.VectorLen())
	piece := make([]byte, int64(t.count)*o.stride) // padding stays 0
	for i := range t.count {
		o.ensemble.Vector(t.first+i, v)
		copy(piece[int64(i)*o.stride:], bytesOfNumbers(v))
	}
	return o.Upload(t.rows, piece)
}

// arrangement says where the operands and results of a contraction lie: the lists that are on the device, and
// the parts that they were made for.
type arrangement struct {
	parts   []part
	sides   [2]columnList // the columns with which the vectors of each side are multiplied
	members driver.Pointer
	pulls   []columnList
	pitch   int // columns of both sides
}

// columnList is a list of columns on the device.
type columnList struct {
	at    driver.Pointer
	width int
}

// arrange writes the lists of a contraction of parts, unless the device still has them. A matrix with which
// vectors are multiplied for two purposes is listed once.
func (o *rankOneOperator) arrange(parts []part) error {
	if slices.EqualFunc(o.arranged.parts, parts, samePart) {
		return nil
	}
	o.arranged.parts = nil
	type matrix struct {
		side int
		x    driver.Pointer
		cols int
	}
	var operands [2][]product
	listed := map[matrix]int{}
	list := func(side int, x driver.Pointer, cols int) (first int) {
		if o.symmetric {
			side = left
		}
		first, ok := listed[matrix{side, x, cols}]
		if !ok {
			first = len(operands[side])
			listed[matrix{side, x, cols}] = first
			operands[side] = append(operands[side], columns(x, 0, cols)...)
		}
		return first
	}
	each := func(do func(side int, x driver.Pointer, cols int)) {
		for _, p := range parts {
			do(left, p.l, p.cols)
			do(right, p.r, p.cols)
			for _, to := range p.pulls {
				do(o.operand(to.transposed), to.x, p.cols)
			}
		}
	}
	each(func(side int, x driver.Pointer, cols int) { list(side, x, cols) })
	a := arrangement{pitch: len(operands[left]) + len(operands[right])}
	productOf := func(side int, x driver.Pointer, cols int) driver.Pointer {
		first := list(side, x, cols)
		if side == right && !o.symmetric {
			first += len(operands[left])
		}
		return o.products + driver.Pointer(8*first)
	}
	var all []product
	put := func(entries []product) driver.Pointer {
		at := o.lists + driver.Pointer(len(all)*memberBytes)
		all = append(all, entries...)
		return at
	}
	next := o.products
	for side, entries := range operands {
		for c := range entries {
			entries[c].dst = next
			next += 8
		}
		a.sides[side] = columnList{put(entries), len(entries)}
	}
	var members []product
	pulls := make([][]product, len(parts[0].pulls))
	for b, p := range parts {
		members = append(members,
			product{productOf(left, p.l, p.cols), productOf(right, p.r, p.cols), p.cols, 0})
		for number, to := range p.pulls {
			entries := columns(to.dst, o.weights+driver.Pointer(8*b*o.m), p.cols)
			for c := range entries {
				entries[c].dst = entries[c].a
				entries[c].a = productOf(o.operand(to.transposed), to.x, p.cols) + driver.Pointer(8*c)
			}
			pulls[number] = append(pulls[number], entries...)
		}
	}
	a.members = put(members)
	for _, entries := range pulls {
		a.pulls = append(a.pulls, columnList{put(entries), len(entries)})
	}
	if len(all) > o.listed() {
		return fmt.Errorf("gpu: a contraction has %d columns and members, and there is room for %d",
			len(all), o.listed())
	}
	if err := o.Upload(o.lists, encode(all)); err != nil {
		return err
	}
	a.parts = slices.Clone(parts)
	for i, p := range a.parts {
		a.parts[i].pulls = slices.Clone(p.pulls)
	}
	o.arranged = a
	return nil
}

// samePart says whether two parts have the same operands and results.
func samePart(p, q part) bool {
	return p.l == q.l && p.r == q.r && p.cols == q.cols && slices.Equal(p.pulls, q.pulls)
}

// columns lists the columns of a row-major matrix, with weights.
func columns(x, weights driver.Pointer, cols int) (list []product) {
	for c := range cols {
		list = append(list, product{a: x + driver.Pointer(8*c), b: weights, cols: cols})
	}
	return list
}

// operand is the side whose vectors are multiplied with the X of a pull: G·X = Aᵀ·diag(res)·(B·X).
func (o *rankOneOperator) operand(transposed bool) int {
	if transposed || o.symmetric {
		return left
	}
	return right
}

// result is the other side, which has the vectors of the sum.
func (o *rankOneOperator) result(transposed bool) int {
	if transposed && !o.symmetric {
		return right
	}
	return left
}

// contract implements operator.
func (o *rankOneOperator) contract(y driver.Pointer, parts []part) error {
	if err := o.arrange(parts); err != nil {
		return err
	}
	a := &o.arranged
	sums := make([]driver.Pointer, len(a.pulls))
	at := o.chunkSums
	for b, list := range a.pulls {
		sums[b] = at
		at += driver.Pointer(8 * o.chunks() * o.sides[o.result(parts[0].pulls[b].transposed)] * list.width)
	}
	err := o.eachTile(a.pitch, func(t tile) error {
		if err := o.multiply(t, a); err != nil {
			return err
		}
		if err := o.residuals(t, a, y, o.res, 1/float64(o.m)); err != nil {
			return err
		}
		for b, list := range a.pulls {
			side := o.result(parts[0].pulls[b].transposed)
			if err := o.accumulate(t, side, list, a.pitch, sums[b]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for b, list := range a.pulls {
		to := parts[0].pulls[b]
		if err := o.collect(o.result(to.transposed), list, sums[b], to.scale); err != nil {
			return err
		}
	}
	return nil
}

// multiply computes the products of a tile's vectors with all columns.
func (o *rankOneOperator) multiply(t tile, a *arrangement) error {
	for side, list := range a.sides {
		if list.width == 0 {
			continue
		}
		if err := o.times(t, side, list, a.pitch); err != nil {
			return err
		}
	}
	return nil
}

// eachTile calls do for each tile of vectors that has room for the products of a vector with pitch columns.
// It first makes tiles that are not in memory.
func (o *rankOneOperator) eachTile(pitch int, do func(t tile) error) error {
	rows := min(o.tileRows, o.productNumbers()/pitch)
	for first := 0; first < o.m; first += rows {
		t := tile{first, min(rows, o.m-first), o.vectors}
		if o.inMemory {
			t.rows = o.at(first)
		} else if t != o.made {
			o.made = tile{}
			if err := o.generate(t); err != nil {
				return err
			}
			o.made = t
		}
		if err := do(t); err != nil {
			return err
		}
	}
	return nil
}

// squares implements operator.
func (o *rankOneOperator) squares(dst []float64) error {
	if err := o.sumSquares(o.sums, o.res, o.m, len(dst)); err != nil {
		return err
	}
	return o.downloadNumbers(dst, o.sums)
}

// apply implements operator: the residuals against zeros.
func (o *rankOneOperator) apply(p, l, r driver.Pointer, cols int) error {
	if err := o.arrange([]part{{l: l, r: r, cols: cols}}); err != nil {
		return err
	}
	a := &o.arranged
	return o.eachTile(a.pitch, func(t tile) error {
		if err := o.multiply(t, a); err != nil {
			return err
		}
		return o.residuals(t, a, o.zeros, p, 0)
	})
}

// adjointMul implements operator: S·X = Aᵀ·diag(w)·(B·X), as many columns at a time as there is room for.
func (o *rankOneOperator) adjointMul(
	dst, w driver.Pointer, trans bool, x driver.Pointer, cols int,
) error {
	o.arranged.parts = nil // the lists are used here
	from, to := o.operand(trans), o.result(trans)
	operands, results := columns(x, 0, cols), columns(dst, w, cols)
	most := min(o.sumNumbers()/(o.chunks()*o.sides[to]), o.productNumbers(), o.listed()/2)
	for first := 0; first < cols; first += most {
		width := min(most, cols-first)
		list := slices.Clone(operands[first : first+width])
		list = append(list, results[first:first+width]...)
		for c := range width {
			at := o.products + driver.Pointer(8*c)
			list[c].dst = at
			list[width+c].a, list[width+c].dst = at, list[width+c].a
		}
		if err := o.Upload(o.lists, encode(list)); err != nil {
			return err
		}
		read := columnList{o.lists, width}
		written := columnList{o.lists + driver.Pointer(width*memberBytes), width}
		err := o.eachTile(width, func(t tile) error {
			if err := o.times(t, from, read, width); err != nil {
				return err
			}
			return o.accumulate(t, to, written, width, o.chunkSums)
		})
		if err != nil {
			return err
		}
		if err := o.collect(to, written, o.chunkSums, 1); err != nil {
			return err
		}
	}
	return nil
}

// Each function from here on launches one family of kernels. The head of the family's file in kernels/ has
// the equation and the parameters.

// generate makes the vectors of a tile. In a rectangular space b_i follows a_i in the same row of the stream.
func (o *rankOneOperator) generate(t tile) error {
	length := o.sides[left]
	if !o.symmetric {
		length += o.sides[right]
	}
	grid := driver.Dim{blocks(int(o.stride/16), 256), t.count, 1}
	key, number := o.stream.Key()
	return o.launch("generate_f64", grid, driver.Dim{256, 1, 1},
		driver.Ptr(t.rows), driver.U64(uint64(t.first)), driver.U32(length), driver.U64(uint64(o.stride)),
		driver.U32(int(key[0])), driver.U32(int(key[1])), driver.U32(int(number)))
}

// side returns the address of the first number of a tile's first vector on a side.
func (o *rankOneOperator) side(t tile, side int) driver.Pointer {
	if side == right {
		return t.rows + driver.Pointer(8*o.sides[left])
	}
	return t.rows
}

// tileColumns is the number of columns of a block of times and accumulate.
func tileColumns(width int) int {
	if width <= 16 {
		return 16
	}
	return 64
}

// times multiplies the vectors of a tile with the columns of a list.
func (o *rankOneOperator) times(t tile, side int, list columnList, pitch int) error {
	wide := tileColumns(list.width)
	grid := driver.Dim{blocks(list.width, wide), blocks(t.count, blockSide), 1}
	return o.launch(fmt.Sprint("rank_one_times_", wide), grid, driver.Dim{16, 16, 1},
		driver.Ptr(o.side(t, side)), driver.Ptr(list.at), driver.U32(t.count), driver.U32(o.sides[side]),
		driver.U64(uint64(o.stride)), driver.U32(list.width), driver.U32(pitch))
}

// residuals computes the residuals res against y, and the weights scale·res, of a tile's measurements.
func (o *rankOneOperator) residuals(t tile, a *arrangement, y, res driver.Pointer, scale float64) error {
	grid := driver.Dim{blocks(t.count, 32), len(a.parts), 1}
	return o.launch("rank_one_residuals", grid, driver.Dim{256, 1, 1},
		driver.Ptr(a.members), driver.U32(a.pitch), driver.Ptr(y), driver.Ptr(res), driver.Ptr(o.weights),
		driver.U32(t.first), driver.U32(t.count), driver.U32(o.m), driver.F64(scale))
}

// accumulate adds the vectors of a tile, times weights and products, to the sums of their chunks.
func (o *rankOneOperator) accumulate(
	t tile, side int, list columnList, pitch int, sums driver.Pointer,
) error {
	wide := tileColumns(list.width)
	from, to := chunkIn(o.starts, t.first), chunkIn(o.starts, t.first+t.count-1)
	grid := driver.Dim{blocks(list.width, wide), blocks(o.sides[side], blockSide), to - from + 1}
	return o.launch(fmt.Sprint("rank_one_accumulate_", wide), grid, driver.Dim{16, 16, 1},
		driver.Ptr(o.side(t, side)), driver.Ptr(list.at), driver.Ptr(sums), driver.Ptr(o.chunkStarts),
		driver.U32(t.first), driver.U32(t.count), driver.U64(uint64(o.stride)), driver.U32(o.sides[side]),
		driver.U32(list.width), driver.U32(pitch), driver.U32(from))
}

// collect adds up the chunks' sums, times scale.
func (o *rankOneOperator) collect(side int, list columnList, sums driver.Pointer, scale float64) error {
	grid := driver.Dim{blocks(o.sides[side], 8), blocks(list.width, 32), 1}
	return o.launch("rank_one_collect", grid, driver.Dim{32, 8, 1},
		driver.Ptr(list.at), driver.Ptr(sums), driver.U32(o.sides[side]), driver.U32(list.width),
		driver.U32(o.chunks()), driver.F64(scale))
}
