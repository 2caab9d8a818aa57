package gpu

import (
	"context"
	"fmt"
	"math"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rankOneOperator is the operator of a [sensing.RankOne], with O(m·n·r) multiply-adds a contraction. With the
// vectors of a tile of measurements as the rows of A and B (A = B for symmetric matrices),
//
//	V = A·L,  W = B·R,  p_i = V_i·W_i,  res_i = p_i − y_i,
//	G·R = 1/m Aᵀ·diag(ψ(res))·W,  Gᵀ·L = 1/m Bᵀ·diag(ψ(res))·V,
//
// If L, R and the sums of G·R and Gᵀ·L fit into the registers of a block, one kernel reads each vector once.
// Otherwise times computes V and W, residuals res, and accumulate adds a tile to the sums of its chunks; the
// columns of all members stand side by side, so each of these reads a vector once for up to 64 columns of a
// batch. In both cases collect adds up the chunks.
type rankOneOperator struct {
	rankOneLayout
	*device
	ensemble *sensing.RankOne

	products, chunkSums       driver.Pointer
	res, weights, zeros, sums driver.Pointer
	lists                     driver.Pointer // of the columns and members of the product at hand

	arranged arrangement // of the last contraction
	losses   losses      // of its parts
}

var _ operator = &rankOneOperator{}

// rankOneLayout describes how vectors, and what is computed from them, lie on a device. It follows from the
// request alone.
type rankOneLayout struct {
	rowStore
	sides     [2]int // numbers of a_i and of b_i: n1 and n2
	symmetric bool   // b_i is a_i
	members   int
	pulls     []int // numbers of rows of the gradient's matrices
	width     int   // columns of all members together, at least leastWidth

	chunks     chunkTable // if vectors are read twice
	onceChunks chunkTable // if vectors are read once
	mostOnce   int        // the most columns of a member whose vectors are read once
	sumNumbers int        // room for the sums of all chunks, of each pull
	mostWork   int        // most normal deviates of a launch
}

// The two sides of a measurement. In a symmetric space both are the left one.
const (
	leftSide = iota
	rightSide
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
	n1, n2 := ensemble.Space().Dims()
	l := rankOneLayout{
		rowStore: rowStore{m: ensemble.Measurements()}, sides: [2]int{n1, n2}, members: len(r.shapes),
	}
	if _, l.symmetric = ensemble.Space().(sensing.Sym); l.m > math.MaxInt32 {
		return nil, fmt.Errorf("gpu: %d measurements are too many: a device indexes 2³¹ − 1 of them", l.m)
	}
	for _, rule := range r.rules {
		rows := n1
		if rule.transposed {
			rows = n2
		}
		l.pulls = append(l.pulls, rows)
	}
	if ensemble.Vectors() == nil {
		stream := ensemble.Stream()
		l.stream = &stream
	}
	l.inMemory = l.stream == nil || r.backend.Storage != solver.Generated
	l.stride = int64(blocks(ensemble.VectorLen(), 4)) * 32 // a multiple of the sectors of the device's memory
	l.chunks.starts = evenChunks(l.m, referenceBlocks/blocks(l.longest(), blockSide), 64)
	l.onceChunks.starts = evenChunks(l.m, referenceBlocks, 32)
	l.count(r)
	l.cut(r.backend)
	return &rankOneOperator{rankOneLayout: l, ensemble: ensemble}, nil
}

// slots is how many times 256 numbers a block has that keeps a number of a vector in each thread.
func (l *rankOneLayout) slots() int {
	slots := blocks(l.sides[leftSide], 256)
	if !l.symmetric {
		slots += blocks(l.sides[rightSide], 256)
	}
	return slots
}

// evenChunks returns the first measurement of each chunk, and m. There are at most so many chunks, with about
// least measurements or more in each, because a chunk's sums are written and read once.
//
// The chunks follow from m and the sides alone. If vectors are read twice, accumulate has for each chunk and
// up to 64 columns as many blocks as the larger side has tiles. If they are read once, a chunk is one block
// for each member. In both cases the blocks are about as many as an H100 or H200 holds.
func evenChunks(m, most, least int) []int {
	const unit = 16 // measurements that accumulate takes at a time
	chunks := min(max(most, 1), blocks(m, least))
	starts := make([]int, chunks+1)
	for i := range starts {
		starts[i] = min(i*blocks(m, unit)/chunks*unit, m)
	}
	return starts
}

// count counts columns and the numbers of all chunks' sums. A member may get a lower factor rank later, with
// which its vectors are read once.
func (l *rankOneLayout) count(r request) {
	rows := 0
	for _, pull := range l.pulls {
		rows += pull
	}
	for _, shapes := range r.shapes {
		cols := r.columns(shapes)
		most := cols // columns with which vectors are read once
		for most > 0 && l.kernelFor(most) == "" {
			most--
		}
		l.mostOnce = max(l.mostOnce, most)
		l.width += cols
		l.sumNumbers += rows * max(l.chunks.count()*cols, l.onceChunks.count()*most)
	}
	l.width = max(l.width, leastWidth)
	l.sumNumbers = max(l.sumNumbers, l.chunks.count()*l.longest()*leastWidth)
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
	if l.tileRows > blockSide && l.tileRows < l.m {
		l.tileRows = l.tileRows / blockSide * blockSide
	}
	if b.tileRows > 0 {
		l.tileRows = min(b.tileRows, l.m)
	}
}

// longest is the number of rows of the larger side.
func (l *rankOneLayout) longest() int { return max(l.sides[leftSide], l.sides[rightSide]) }

// productNumbers is the room for products of the vectors of a tile. Apply may have as many columns as R rows.
func (l *rankOneLayout) productNumbers() int { return max(l.tileRows*2*l.width, 2*l.longest()) }

// mostItems is the most columns and members of a contraction or product.
func (l *rankOneLayout) mostItems() int {
	return max((2+2*len(l.pulls))*l.width+l.members, 2*l.longest()+1)
}

// listBytes implements operator.
func (l *rankOneLayout) listBytes() int64 { return int64(l.mostItems()) * itemBytes }

// buffers implements operator.
func (o *rankOneOperator) buffers() []buffer {
	members, m := int64(o.members), int64(o.m)
	return []buffer{
		o.rowsBuffer("vectors"),
		{"products", int64(o.productNumbers()) * 8, &o.products},
		{"chunks", int64(o.sumNumbers) * 8, &o.chunkSums},
		o.chunks.buffer("chunks' first measurements"),
		o.onceChunks.buffer("other chunks' first measurements"),
		{"residuals", members * m * 8, &o.res},
		{"weights", members * m * 8, &o.weights},
		{"zeros", m * 8, &o.zeros},
		{"squares", members * 8, &o.sums},
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
	for cols := 1; cols <= o.mostOnce; cols++ {
		names = append(names, o.kernelFor(cols))
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
	for _, table := range []chunkTable{o.chunks, o.onceChunks} {
		if err := table.upload(d); err != nil {
			return err
		}
	}
	if !o.inMemory {
		return nil
	}
	each, fill := fillCount, o.generate
	if o.stream == nil {
		each, fill = max(1, int(fillBytes/o.stride)), o.bring
	}
	return o.fillRows(ctx, min(each, max(o.mostWork/int(o.stride/8), 1)), fill)
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

// operand is the side whose vectors are multiplied with the X of a pull: G·X = Aᵀ·diag(res)·(B·X).
func (o *rankOneOperator) operand(transposed bool) int {
	if transposed || o.symmetric {
		return leftSide
	}
	return rightSide
}

// result is the other side, which has the vectors of the sum.
func (o *rankOneOperator) result(transposed bool) int {
	if transposed && !o.symmetric {
		return rightSide
	}
	return leftSide
}

// contract implements operator.
func (o *rankOneOperator) contract(y driver.Pointer, parts []part) error {
	o.losses = lossesOf(parts)
	if err := o.arrange(parts); err != nil {
		return err
	}
	err := o.eachTile(o.arranged.pitch, func(t tile) error {
		for _, g := range o.arranged.groups {
			step := o.twice
			if g.kernel != "" {
				step = o.contractOnce
			}
			if err := step(t, g, y); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, g := range o.arranged.groups {
		for _, to := range g.pulls {
			if err := o.collect(to, g.chunks); err != nil {
				return err
			}
		}
	}
	return nil
}

// twice adds a tile to the sums of a group, and reads its vectors twice.
func (o *rankOneOperator) twice(t tile, g vectorGroup, y driver.Pointer) error {
	if err := o.multiply(t, g); err != nil {
		return err
	}
	if err := o.residuals(t, g, y, o.res, 1/float64(o.m)); err != nil {
		return err
	}
	for _, to := range g.pulls {
		if err := o.accumulate(t, to, g.chunks, g.pitch); err != nil {
			return err
		}
	}
	return nil
}

// multiply computes the products of a tile's vectors with all columns of a group.
func (o *rankOneOperator) multiply(t tile, g vectorGroup) error {
	for side, list := range g.sides {
		if list.width == 0 {
			continue
		}
		if err := o.times(t, side, list, g.pitch); err != nil {
			return err
		}
	}
	return nil
}

// eachTile calls do for each tile of vectors that has room for the products of a vector with pitch columns.
func (o *rankOneOperator) eachTile(pitch int, do func(t tile) error) error {
	rows := o.tileRows
	if pitch > 0 {
		rows = min(rows, o.productNumbers()/pitch)
	}
	return o.inTiles(rows, o.generate, do)
}

// squares implements operator.
func (o *rankOneOperator) squares(dst []float64) error {
	return o.readSquares(dst, o.sums, o.res, o.m, o.losses)
}

// apply implements operator: the residuals against zeros.
func (o *rankOneOperator) apply(p, l, r driver.Pointer, cols int) error {
	if err := o.arrange([]part{{l: l, r: r, cols: cols}}); err != nil {
		return err
	}
	g := o.arranged.groups[0]
	return o.eachTile(g.pitch, func(t tile) error {
		if err := o.multiply(t, g); err != nil {
			return err
		}
		return o.residuals(t, g, o.zeros, p, 0)
	})
}

// adjointMul implements operator: S·X = Aᵀ·diag(w)·(B·X), as many columns at a time as there is room for.
func (o *rankOneOperator) adjointMul(
	dst, w driver.Pointer, trans bool, x driver.Pointer, cols int,
) error {
	from, to := o.operand(trans), o.result(trans)
	most := min(o.sumNumbers/(o.chunks.count()*o.sides[to]), o.productNumbers(), o.mostItems()/2)
	for first := 0; first < cols; first += most {
		width := min(most, cols-first)
		operands, results := make([]item, width), make([]item, width)
		for c := range width {
			at, column := o.products+driver.Pointer(8*c), driver.Pointer(8*(first+c))
			operands[c] = item{a: x + column, cols: cols, dst: at}
			results[c] = item{at, w, cols, dst + column}
		}
		var err error
		if o.lists, err = o.list(encode(append(operands, results...))); err != nil {
			return err
		}
		read, written := columnList{0, width}, vectorPull{to, columnList{width, width}, o.chunkSums, 1}
		err = o.eachTile(width, func(t tile) error {
			if err := o.times(t, from, read, width); err != nil {
				return err
			}
			return o.accumulate(t, written, o.chunks, width)
		})
		if err != nil {
			return err
		}
		if err := o.collect(written, o.chunks); err != nil {
			return err
		}
	}
	return nil
}

// Each function from here on launches one family of kernels. The head of the family's file in kernels/ has
// the equation and the parameters.

// generate makes the vectors of a tile. In a rectangular space b_i follows a_i in the same row of the stream.
func (o *rankOneOperator) generate(t tile) error {
	length := o.sides[leftSide]
	if !o.symmetric {
		length += o.sides[rightSide]
	}
	grid := driver.Dim{blocks(int(o.stride/16), 256), t.count, 1}
	args := []driver.Arg{
		driver.Ptr(t.rows), driver.U64(uint64(t.first)), driver.U32(length), driver.U64(uint64(o.stride)),
	}
	return o.launch("generate_f64", grid, driver.Dim{256, 1, 1}, append(args, keyOf(*o.stream)...)...)
}

// items is the argument of a kernel that reads a list.
func (o *rankOneOperator) items(l columnList) driver.Arg {
	return driver.Ptr(o.lists + driver.Pointer(l.first*itemBytes))
}

// side returns the address of the first number of a tile's first vector on a side.
func (o *rankOneOperator) side(t tile, side int) driver.Pointer {
	if side == rightSide {
		return t.rows + driver.Pointer(8*o.sides[leftSide])
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
		driver.Ptr(o.side(t, side)), o.items(list), driver.U32(t.count), driver.U32(o.sides[side]),
		driver.U64(uint64(o.stride)), driver.U32(list.width), driver.U32(pitch))
}

// residuals computes the residuals res against y, and the weights scale·ψ(res), of a tile's measurements.
func (o *rankOneOperator) residuals(t tile, g vectorGroup, y, res driver.Pointer, scale float64) error {
	return g.losses.each(g.members.width, func(first, count int, l loss) error {
		members := columnList{g.members.first + first, count}
		return o.launch("rank_one_residuals", driver.Dim{blocks(t.count, 32), count, 1},
			driver.Dim{256, 1, 1}, l.with(o.items(members), driver.U32(g.pitch), driver.Ptr(y),
				driver.Ptr(res), driver.Ptr(o.weights), driver.U32(t.first), driver.U32(t.count),
				driver.U32(o.m), driver.F64(scale))...)
	})
}

// accumulate adds the vectors of a tile, times weights and products, to the sums of their chunks.
func (o *rankOneOperator) accumulate(t tile, to vectorPull, chunks chunkTable, pitch int) error {
	wide := tileColumns(to.columns.width)
	first, last := chunks.touched(t)
	grid := driver.Dim{blocks(to.columns.width, wide), blocks(o.sides[to.side], blockSide), last - first + 1}
	return o.launch(fmt.Sprint("rank_one_accumulate_", wide), grid, driver.Dim{16, 16, 1},
		driver.Ptr(o.side(t, to.side)), o.items(to.columns), driver.Ptr(to.sums), driver.Ptr(chunks.at),
		driver.U32(t.first), driver.U32(t.count), driver.U64(uint64(o.stride)), driver.U32(o.sides[to.side]),
		driver.U32(to.columns.width), driver.U32(pitch), driver.U32(first))
}

// contractOnce computes the residuals of a tile, and adds the tile to the sums of a group. It reads the
// vectors once.
func (o *rankOneOperator) contractOnce(t tile, g vectorGroup, y driver.Pointer) error {
	first, last := g.chunks.touched(t)
	args := []driver.Arg{driver.Ptr(t.rows), o.items(g.members), driver.Ptr(y), driver.Ptr(o.res)}
	for side := range len(g.pulls) {
		args = append(args, driver.Ptr(g.sumsOf(side)))
	}
	args = append(args, driver.Ptr(g.chunks.at), driver.U32(t.first), driver.U32(t.count), driver.U32(o.m),
		driver.U64(uint64(o.stride)))
	for side := range len(g.pulls) {
		args = append(args, driver.U32(o.sides[side]))
	}
	args = append(args, driver.U32(g.pulls[0].columns.width), driver.U32(g.members.width), driver.U32(first),
		driver.F64(1/float64(o.m)))
	grid := driver.Dim{g.members.width * (last - first + 1), 1, 1}
	return o.launch(g.kernel, grid, driver.Dim{256, 1, 1}, g.losses.of(0).with(args...)...)
}

// collect adds up the chunks' sums of a pull.
func (o *rankOneOperator) collect(to vectorPull, chunks chunkTable) error {
	grid := driver.Dim{blocks(o.sides[to.side], 8), blocks(to.columns.width, 32), 1}
	return o.launch("rank_one_collect", grid, driver.Dim{32, 8, 1},
		o.items(to.columns), driver.Ptr(to.sums), driver.U32(o.sides[to.side]),
		driver.U32(to.columns.width), driver.U32(chunks.count()), driver.F64(to.scale))
}
