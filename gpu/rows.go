package gpu

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// rowOperator is the operator of every ensemble with rows of entries. A contraction has three operations:
// lift takes L·Rᵀ to coordinates z, contract goes over the rows and makes the coordinates g of G, and
// pullback does G·R and Gᵀ·L.
type rowOperator struct {
	rowLayout
	*device
	ensemble sensing.Rows
	groups   int // groups of blocks in one launch of contract; 0 if contract is three steps

	batchGroups  int    // the same for contract_batch
	tensorGroups [2]int // the same for the forms of contract_tensor

	z, g, chunkSums, partials, rings  driver.Pointer
	batchChunks                       driver.Pointer // the chunks of each group of contract_batch
	res, weights, zeros, levels, sums driver.Pointer
	targets, listed                   driver.Pointer    // of draws
	tensorRings, tensorChunks         [2]driver.Pointer // of the forms of contract_tensor

	losses  losses         // of the parts of the last contraction
	passing driver.Pointer // rows that contract_long keeps for two steps

	padded solver.Precision // the arithmetic for which z has zeros past its last coordinate; empty for none
}

var (
	_ drawing   = &rowOperator{}
	_ measuring = &rowOperator{}
)

// rowLayout describes how rows, and what is computed from them, lie on a device. It follows from the request
// alone.
type rowLayout struct {
	rowStore
	all         int // rows of the problem: m, and those on other cards
	card, cards int // the number of this card, from 0, among those that share the rows
	info        driver.Info
	family      // of the space
	n1, n2      int
	k           int
	members     int
	alone       bool // a contraction has one member: in f64 in mixed precision
	matrices    int  // that a contraction pulls for each member
	lifted      int  // most matrices that are lifted together
	draws       bool
	asSmall     bool // take the small form of contract_batch on any device, to measure it
	entries     sensing.Entries
	precision   solver.Precision

	longest  int // most rows of a chunk; 0 for no bound
	slab     int // coordinates of a slab
	slabs    int // number of slabs
	kp       int // coordinates, rounded up to a multiple of kernels.Slab
	chunks   chunkTable
	listRows int     // rows of a tile of listed rows
	mostWork float64 // most entries or multiply-adds of a launch, if a watchdog stops long ones

	contractor  kernels.Kernel // does contract in one launch
	own         int            // slabs of a block: several in contract_long, one in contract
	stages      int            // its dynamic shared memory
	stagesAhead int            // stages of rows, or pairs of pieces, that are on their way from memory
}

// planRows plans the operator of an ensemble with rows of entries.
func planRows(r request) (operator, error) {
	ensemble := r.ensemble.(sensing.Rows)
	space := ensemble.Space()
	l := rowLayout{
		rowStore:  rowStore{m: ensemble.Measurements(), stream: streamOf(ensemble)},
		precision: r.backend.Precision, k: space.K(), members: len(r.shapes),
		all: ensemble.Measurements(), cards: 1,
		matrices: len(r.rules), lifted: len(r.shapes), draws: r.needs.Draws,
	}
	l.setDevice(r.backend.Info)
	if r.needs.Values {
		l.lifted = max(l.lifted, pointsAtOnce)
	}
	l.n1, l.n2 = space.Dims()
	var err error
	if l.family, err = familyOf(space); err != nil {
		return nil, err
	}
	if l.precision == "" {
		l.precision = solver.F64
	}
	if l.precision != solver.F64 && l.precision != solver.F32 {
		return nil, fmt.Errorf("gpu: the arithmetic is f64, mixed or f32, got %q", l.precision)
	}
	if max(l.n1, l.n2) > 16*mostBlocks {
		return nil, fmt.Errorf("gpu: %d × %d matrices are too large: a side has at most %d",
			l.n1, l.n2, 16*mostBlocks)
	}
	l.inMemory = l.stream == nil || r.backend.Storage != solver.Generated
	if l.m > math.MaxInt32 || l.k > math.MaxInt32 {
		return nil, fmt.Errorf("gpu: %d measurements with %d coordinates are too many: "+
			"a device indexes 2³¹ − 1 of each", l.m, l.k)
	}
	l.setSlabs(cmp.Or(r.backend.slots, referenceBlocks))
	l.setEntries(ensemble.Entries())
	if len(r.backend.Others) > 0 {
		return spread(r, l, ensemble)
	}
	l.shareRows(r.backend.tileRows)
	l.shareLists(r.backend.tileRows)
	return &rowOperator{rowLayout: l, ensemble: ensemble}, nil
}

// setDevice sets the device, and what a launch may take there.
func (l *rowLayout) setDevice(info driver.Info) {
	l.info, l.mostWork = info, math.Inf(1)
	if info.Watchdog {
		l.mostWork = launchWork
	}
}

// setEntries sets the format of the entries, and everything that follows from it.
func (l *rowLayout) setEntries(entries sensing.Entries) {
	l.entries = entries
	size := (int64(l.k)*int64(entries.EntryBits()) + 7) / 8
	l.stride = (size + 31) / 32 * 32 // a multiple of the sectors of the device's memory
	l.setContractor()
}

// streamOf returns the stream of an ensemble, if there are kernels that make its rows.
func streamOf(e sensing.Rows) *sensing.Stream {
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

// family has the names of a space's kernels, without their arithmetic.
type family struct {
	lifting    string // z from L·Rᵀ
	pulling    string // G·X from g
	transposed string // Gᵀ·X
	sizes      int    // number of sizes that they take: n1, or n1 and n2
}

// familyOf returns the kernels of a space, or an error if there are none.
func familyOf(space sensing.Space) (family, error) {
	switch space.(type) {
	case sensing.Sym:
		return family{"lift_", "pullback_", "pullback_", 1}, nil
	case sensing.Rect:
		return family{"lift_rect_", "pullback_rect_", "pullback_rect_transposed_", 2}, nil
	}
	return family{}, fmt.Errorf("gpu: there are kernels for symmetric and rectangular matrices only, "+
		"and the measurements are %s", space.Name())
}

// numberBytes is the size of one number of the arithmetic.
func numberBytes(p solver.Precision) int64 {
	if p == solver.F32 {
		return 4
	}
	return 8
}

// buffers implements operator.
func (o *rowOperator) buffers() []buffer {
	members, m := int64(o.members), int64(o.m)
	listed, chunks := m, o.chunks.count() // of a contraction: a draw may have more than the card has
	if o.draws {
		listed, chunks = int64(o.all), max(chunks, o.listedChunks())
	}
	lifted := int64(o.lifted)
	parts := lifted * int64(o.tileRows)
	contracted := int64(o.contracted())
	// The bytes of a coordinate's sums. adjointMul sums one member in f64, whatever the arithmetic is.
	sums := max(contracted*numberBytes(o.precision), 8)
	if o.draws {
		parts = max(parts, int64(o.listRows))
	}
	if once, _ := o.once(); once {
		parts = max(parts, m)
	}
	rings, batchChunks := int64(0), int64(0)
	if k := o.batchKernel(); o.together() {
		rings, batchChunks = o.ringBytes(k), o.planBytes(k)
	}
	var tensorRings, tensorChunks [2]int64
	for form, k := range o.tensorKernels() {
		tensorRings[form], tensorChunks[form] = o.ringBytes(k), o.planBytes(k)
	}
	return append([]buffer{
		o.rowsBuffer("rows"),
		{"z", lifted * int64(o.kp) * 8, &o.z},
		{"g", members * int64(max(len(o.chunks.trees), 1)) * int64(o.kp) * 8, &o.g},
		{"chunks", sums * int64(chunks) * int64(o.kp), &o.chunkSums},
		o.chunks.buffer("chunks' first rows"),
		{"partials", parts * int64(o.slabs) * 8, &o.partials},
		{"rows of contract_long", o.passingBytes(), &o.passing},
		{"rings of parts", rings, &o.rings},
		{"chunks of groups", batchChunks, &o.batchChunks},
		{"rings of parts of products", tensorRings[0], &o.tensorRings[0]},
		{"chunks of groups with products", tensorChunks[0], &o.tensorChunks[0]},
		{"rings of parts of wide products", tensorRings[wideForm], &o.tensorRings[wideForm]},
		{"chunks of groups with wide products", tensorChunks[wideForm], &o.tensorChunks[wideForm]},
		{"residuals", contracted * listed * 8, &o.res},
		{"weights", lifted * listed * 8, &o.weights},
		{"zeros", m * 8, &o.zeros},
		{"levels", int64(len(sensing.Q8Levels)) * 8, &o.levels},
		{"squares", members * 8, &o.sums},
	}, o.drawBuffers()...)
}

// contracted is the most members of a contraction.
func (l *rowLayout) contracted() int {
	if l.alone {
		return 1
	}
	return l.members
}

// listBytes implements operator: lists of members, those of a gradient of all members, of a gradient of each
// one alone, and of points; the chunks of a draw; and as much again.
func (l *rowLayout) listBytes() int64 {
	bytes := int64(2*l.members*(1+l.matrices)+l.lifted) * itemBytes
	if l.draws {
		bytes += int64(blocks(l.listedChunks()+1, 8)) * listAlignment
	}
	return 2 * bytes
}

// smaller implements operator: generated rows, and shorter entries if the device makes them.
func (o *rowOperator) smaller() (all []alternative) {
	if !o.inMemory || o.stream == nil {
		return nil
	}
	add := func(name string, inMemory bool, entries sensing.Entries) {
		l := o.rowLayout
		l.inMemory = inMemory
		l.setEntries(entries)
		l.shareRows(0)
		l.shareLists(0)
		all = append(all, alternative{name, &rowOperator{rowLayout: l}})
	}
	add("generated rows", false, o.entries)
	for _, entries := range []sensing.Entries{sensing.BF16, sensing.Q8} {
		if entries.EntryBits() < o.entries.EntryBits() {
			add(string(entries)+" entries", true, entries)
		}
	}
	return all
}

// kernels implements operator.
func (o *rowOperator) kernels() []string {
	entries := string(o.entries)
	names := []string{"sum_squares"}
	for _, p := range []string{string(solver.F64), string(o.precision)} {
		names = append(names, o.lifting+p, o.pulling+p, o.transposed+p, "residuals_"+p, "sum_chunks_"+p,
			"dots_"+entries+"_"+p, "accumulate_"+entries+"_"+p)
	}
	if o.stream != nil {
		names = append(names, "generate_"+entries)
	}
	if o.sizes == 2 { // rectangular matrices
		names = append(names, "projected_squares_"+entries)
	}
	if once, _ := o.once(); once {
		names = append(names, o.contractor.Name)
	}
	if o.together() {
		names = append(names, o.batcher())
	}
	for _, k := range o.tensorKernels() {
		names = append(names, k.name, "tensor_order")
	}
	return append(names, o.drawKernels()...)
}

// fill implements operator: it makes or copies the rows that lie in memory.
func (o *rowOperator) fill(ctx context.Context, d *device) error {
	if err := o.prepare(d); err != nil {
		return err
	}
	switch {
	case !o.inMemory:
		return nil
	case o.stream == nil:
		return o.bring(ctx)
	}
	return o.generateAll(ctx)
}

// prepare uploads the tables, and counts the groups of blocks that the device has room for.
func (o *rowOperator) prepare(d *device) error {
	o.device = d
	if err := d.Fill(o.zeros, 0, int64(o.m)*8); err != nil {
		return err
	}
	if err := o.chunks.upload(d); err != nil {
		return err
	}
	if err := d.Upload(o.levels, bytesOfNumbers(sensing.Q8Levels[:])); err != nil {
		return err
	}
	if err := o.countGroups(); err != nil {
		return err
	}
	if err := o.countBatchGroups(); err != nil {
		return err
	}
	return o.countTensorGroups()
}

// countGroups sets the number of groups of blocks in one launch of contract, or tells the user why contract
// is not one launch.
func (o *rowOperator) countGroups() error {
	once, fault := o.once()
	if !once {
		if fault != "" {
			o.tell(fmt.Sprintf("contract is done in three steps on %s, "+
				"which give the same bits and read each row twice: %s", o.info.Name, fault))
		}
		return nil
	}
	resident, err := o.device.kernels[o.contractor.Name].Resident(256, o.stages)
	if err != nil {
		return fmt.Errorf("gpu: %s: %w", o.contractor.Name, err)
	}
	o.groups = min(resident/o.groupBlocks(), o.chunks.count())
	if o.own > 1 {
		o.groups = min(o.groups, o.longGroups())
	}
	return nil
}

// generateAll makes all rows on the device.
func (o *rowOperator) generateAll(ctx context.Context) error {
	most := fillCount
	if o.info.Watchdog {
		most = min(max(launchNormals/o.k, 1), most)
	}
	return o.fillRows(ctx, most, o.generate)
}

// bring copies the rows of an ensemble from the host.
func (o *rowOperator) bring(ctx context.Context) error {
	order := binary.LittleEndian
	switch s := o.ensemble.(type) {
	case sensing.RowSource[float64]:
		return bring(ctx, o, s, func(dst []byte, v float64) { order.PutUint64(dst, math.Float64bits(v)) })
	case sensing.RowSource[float32]:
		return bring(ctx, o, s, func(dst []byte, v float32) { order.PutUint32(dst, math.Float32bits(v)) })
	case sensing.RowSource[sensing.BF16Entry]:
		return bring(ctx, o, s, func(dst []byte, v sensing.BF16Entry) { order.PutUint16(dst, uint16(v)) })
	case sensing.RowSource[sensing.Q8Entry]:
		return bring(ctx, o, s, func(dst []byte, v sensing.Q8Entry) { dst[0] = byte(v) })
	case sensing.RowSource[sensing.SignWord]:
		return bring(ctx, o, s, func(dst []byte, v sensing.SignWord) { order.PutUint32(dst, uint32(v)) })
	}
	return fmt.Errorf("gpu: the %s ensemble is not a source of rows", o.ensemble.Name())
}

// bring copies rows in pieces of some megabytes. put writes one entry.
func bring[E sensing.Entry](
	ctx context.Context, o *rowOperator, s sensing.RowSource[E], put func(dst []byte, v E),
) error {
	row := make([]E, sensing.RowLen[E](o.k))
	size := binary.Size(row[0])
	rows := max(1, int(fillBytes/o.stride))
	piece := make([]byte, int64(rows)*o.stride) // padding stays 0
	return o.fillRows(ctx, rows, func(t tile) error {
		for i := range t.count {
			s.Row(t.first+i, row)
			dst := piece[int64(i)*o.stride:]
			for j, v := range row {
				put(dst[j*size:], v)
			}
		}
		return o.Upload(t.rows, piece[:int64(t.count)*o.stride])
	})
}

// contract implements operator: lift, contract, pullback.
func (o *rowOperator) contract(y driver.Pointer, parts []part) error {
	o.losses = lossesOf(parts)
	if err := o.liftAll(o.precision, parts); err != nil {
		return err
	}
	if err := o.contractAll(y, len(parts)); err != nil {
		return err
	}
	return o.pullAll(o.precision, parts)
}

// liftAll computes z of each part.
func (o *rowOperator) liftAll(precision solver.Precision, parts []part) error {
	if o.padded != precision { // the place of a part's coordinates depends on the precision
		o.padded = ""
		if err := o.Fill(o.z, 0, int64(o.lifted)*int64(o.kp)*8); err != nil {
			return err
		}
		o.padded = precision
	}
	var list []item
	cols := 0
	for at, p := range parts {
		list = append(list, item{p.l, p.r, p.cols, o.z + o.offset(precision, at)})
		cols = max(cols, p.cols)
	}
	at, err := o.list(encode(list))
	if err != nil {
		return err
	}
	return o.lift(precision, at, len(parts), cols)
}

// pullAll computes the pulls of each part from g.
func (o *rowOperator) pullAll(precision solver.Precision, parts []part) error {
	for b, p := range parts[0].pulls {
		var list []item
		cols := 0
		for at, q := range parts {
			list = append(list, item{o.g + o.offset(precision, at), q.pulls[b].x, q.cols, q.pulls[b].dst})
			cols = max(cols, q.cols)
		}
		at, err := o.list(encode(list))
		if err != nil {
			return err
		}
		if err := o.pullback(precision, p.transposed, p.scale, at, len(parts), cols); err != nil {
			return err
		}
	}
	return nil
}

// offset returns the bytes from z and g to the coordinates of a part.
func (o *rowOperator) offset(precision solver.Precision, part int) driver.Pointer {
	return driver.Pointer(int64(part) * int64(o.kp) * numberBytes(precision))
}

// contractAll computes res and g of the members whose coordinates z holds.
func (o *rowOperator) contractAll(y driver.Pointer, members int) error {
	sums, err := o.contractChunks(y, members)
	if err != nil {
		return err
	}
	return o.sumChunks(o.precision, members, o.chunks, sums)
}

// contractChunks computes res and sums of chunks of rows, and says which sums these are.
func (o *rowOperator) contractChunks(y driver.Pointer, members int) (sumRange, error) {
	each := o.chunks.each()
	if members == 1 {
		if done, err := o.contractOnce(y); done || err != nil {
			return each, err
		}
		return each, o.contractInTiles(y, members)
	}
	if done, err := o.contractTensor(y, members); done || err != nil {
		return o.batchSums(), err
	}
	if done, err := o.contractTogether(y, members); done || err != nil {
		return o.batchSums(), err
	}
	return each, o.contractInTiles(y, members)
}

// contractOnce contracts one member in one launch. It returns false if the device does not hold all blocks of
// a launch at one time, even with one group of blocks.
func (o *rowOperator) contractOnce(y driver.Pointer) (done bool, err error) {
	return o.inGroups(o.groups, func(groups int) error {
		o.groups = groups
		return nil
	}, "contract is done in three steps, which give the same bits and read each row twice",
		func() error { return o.launchContract(y, o.groups) })
}

// inGroups makes a cooperative launch of so many groups of blocks. If the device refuses it, set halves the
// groups for this launch and for later ones: another process may have its share of the multiprocessors. The
// user is told. If the device refuses one group too, there are 0 groups and done is false, and instead says
// what is done then.
func (o *rowOperator) inGroups(
	groups int, set func(groups int) error, instead string, launch func() error,
) (done bool, err error) {
	asked := groups
	for groups > 0 {
		if err = launch(); !errors.Is(err, driver.ErrCooperative) {
			break
		}
		groups /= 2
		if failed := set(groups); failed != nil {
			return false, failed
		}
	}
	switch {
	case asked == groups:
	case groups > 0:
		o.tell(fmt.Sprintf("%s has room for %d of %d groups of blocks: contract takes longer",
			o.info.Name, groups, asked))
	default:
		o.tell(fmt.Sprintf("%s: %v", instead, err))
		err = nil
	}
	return groups > 0, err
}

// contractInTiles contracts members in three steps, tile by tile.
func (o *rowOperator) contractInTiles(y driver.Pointer, members int) error {
	return o.eachTile(func(t tile) error {
		if err := o.dots(o.precision, t, members); err != nil {
			return err
		}
		if err := o.residuals(o.precision, t, members, y, o.res, 1/float64(o.all), o.losses); err != nil {
			return err
		}
		return o.accumulate(o.precision, t, members, o.weights, o.chunks)
	})
}

// eachTile calls do for each tile of rows.
func (o *rowOperator) eachTile(do func(t tile) error) error {
	return o.inTiles(o.tileRows, o.generate, do)
}

// squares implements operator.
func (o *rowOperator) squares(dst []float64) error {
	return o.readSquares(dst, o.sums, o.res, o.m, o.losses)
}

// apply implements operator: lift, and the residuals against zeros.
func (o *rowOperator) apply(p, l, r driver.Pointer, cols int) error {
	if err := o.liftAll(solver.F64, []part{{l: l, r: r, cols: cols}}); err != nil {
		return err
	}
	return o.measure(p)
}

// measure does p_i = a_i·z for the rows of this device.
func (o *rowOperator) measure(p driver.Pointer) error {
	return o.eachTile(func(t tile) error {
		if err := o.dots(solver.F64, t, 1); err != nil {
			return err
		}
		return o.residuals(solver.F64, t, 1, o.zeros, p, 0, nil)
	})
}

// residualsOf implements measuring. It reads each row once for up to four matrices.
func (o *rowOperator) residualsOf(res, y driver.Pointer, l, r []driver.Pointer, cols int) error {
	parts := make([]part, len(l))
	for j := range parts {
		parts[j] = part{l: l[j], r: r[j], cols: cols}
	}
	if err := o.liftAll(solver.F64, parts); err != nil {
		return err
	}
	return o.eachTile(func(t tile) error {
		if err := o.dots(solver.F64, t, len(parts)); err != nil {
			return err
		}
		return o.residuals(solver.F64, t, len(parts), y, res, 0, nil)
	})
}

// adjointMul implements operator: it sums the rows with the weights w, and pulls back.
func (o *rowOperator) adjointMul(
	dst, w driver.Pointer, trans bool, x driver.Pointer, cols int,
) error {
	if err := o.weighted(w); err != nil {
		return err
	}
	return o.pullAll(solver.F64, []part{{cols: cols, pulls: []pull{{trans, x, 1, dst}}}})
}

// weighted does g = Σ_i w_i a_i for the rows of this device.
func (o *rowOperator) weighted(w driver.Pointer) error {
	err := o.eachTile(func(t tile) error { return o.accumulate(solver.F64, t, 1, w, o.chunks) })
	if err != nil {
		return err
	}
	return o.sumChunks(solver.F64, 1, o.chunks, o.chunks.each())
}

// Each function from here on launches one family of kernels. The head of the family's file in kernels/ has
// the equation and the parameters.

// lift does z = svec(L·Rᵀ), or vec(L·Rᵀ), for each member of a list on the device. cols is the largest number
// of columns.
func (o *rowOperator) lift(precision solver.Precision, list driver.Pointer, members, cols int) error {
	grid := driver.Dim{blocks(o.n2, 16), blocks(o.n1, 16)}
	return o.inPieces(members, cols, func(first, count int) error {
		grid[2] = count
		return o.launch(o.lifting+string(precision), grid, driver.Dim{16, 16, 1},
			o.sized(list+driver.Pointer(first*itemBytes))...)
	})
}

// pullback does dst = scale·G·X, or scale·Gᵀ·X, for each member of a list on the device. cols is the largest
// number of columns.
func (o *rowOperator) pullback(
	precision solver.Precision, transposed bool, scale float64, list driver.Pointer, members, cols int,
) error {
	name, rows := o.pulling, o.n1
	if transposed {
		name, rows = o.transposed, o.n2
	}
	grid := driver.Dim{blocks(cols, 16), blocks(rows, 16)}
	return o.inPieces(members, cols, func(first, count int) error {
		grid[2] = count
		return o.launch(name+string(precision), grid, driver.Dim{16, 16, 1},
			append(o.sized(list+driver.Pointer(first*itemBytes)), driver.F64(scale))...)
	})
}

// inPieces launches a product of n1 × n2 matrices with cols columns: for all members together, or for some at
// a time if a watchdog stops long launches. It never cuts the product of one member: at n = r = 4000 that
// takes 64·10⁹ multiply-adds.
func (o *rowOperator) inPieces(members, cols int, launch func(first, count int) error) error {
	each := float64(o.n1) * float64(o.n2) * float64(cols)
	most := int(max(min(o.mostWork/each, float64(members)), 1))
	for first := 0; first < members; first += most {
		if err := launch(first, min(most, members-first)); err != nil {
			return err
		}
	}
	return nil
}

// sized returns the arguments of lift and pullback that say which members and which sizes: a list of members,
// and the sizes of the space's matrices.
func (o *rowOperator) sized(list driver.Pointer) []driver.Arg {
	return []driver.Arg{driver.Ptr(list), driver.U32(o.n1), driver.U32(o.n2)}[:1+o.sizes]
}

// generate makes the rows of a tile.
func (o *rowOperator) generate(t tile) error {
	grid := driver.Dim{blocks(int(o.stride/o.unit()), 256), t.count, 1}
	args := []driver.Arg{
		driver.Ptr(t.rows), driver.U64(uint64(t.first)), driver.U32(o.k), driver.U64(uint64(o.stride)),
	}
	return o.launch("generate_"+string(o.entries), grid, driver.Dim{256, 1, 1},
		append(args, keyOf(*o.stream)...)...)
}

// unit is how many bytes of a row one thread generates.
func (l *rowLayout) unit() int64 {
	if bits := l.entries.EntryBits(); bits >= 16 {
		return int64(2 * bits / 8)
	}
	return 16
}

// launchContract computes partials, res and chunks of the member whose z is the first, in one launch with
// groups groups of blocks.
func (o *rowOperator) launchContract(y driver.Pointer, groups int) error {
	size := int64(o.m) * int64(o.slabs) * numberBytes(o.precision)
	if err := o.Fill(o.partials, 0xff, size); err != nil {
		return err
	}
	partials := o.from(o.partials, int64(o.slabs)*numberBytes(o.precision))
	args := []driver.Arg{driver.Ptr(o.z), driver.Ptr(partials), driver.Ptr(o.from(y, 8)),
		driver.Ptr(o.from(o.res, 8)), driver.Ptr(o.chunkSums), driver.Ptr(o.levels)}
	args = append(o.rowArgs(args), driver.U32(o.k), driver.U32(o.slabs), driver.U32(o.slab))
	switch {
	case o.own > 1 && !o.inMemory:
		args = append(args, driver.U32(o.own), driver.Ptr(o.passing), driver.U32(int(o.stride)))
	case o.own > 1:
		args = append(args, driver.U32(o.own), driver.U32(o.stagesAhead))
	case o.asynchronous():
		args = append(args, driver.U32(o.stagesAhead))
	}
	args = append(args, driver.Ptr(o.chunks.at), driver.U32(o.chunks.count()), driver.F64(1/float64(o.all)))
	return o.run(driver.Launch{
		Kernel: o.device.kernels[o.contractor.Name], Grid: driver.Dim{o.groupBlocks() * groups, 1, 1},
		Block: driver.Dim{256, 1, 1}, Shared: o.stages, Cooperative: true, Args: o.losses.of(0).with(args...),
	})
}

// rowArgs adds to the arguments of contract and contract_batch between them those that say where the rows
// are, or how they are generated.
func (o *rowOperator) rowArgs(args []driver.Arg) []driver.Arg {
	if !o.inMemory {
		return append(args, keyOf(*o.stream)...)
	}
	rows := driver.Ptr(o.from(o.rows, o.stride))
	return append([]driver.Arg{rows}, append(args, driver.U32(int(o.stride)))...)
}

// dots computes each slab's part of the dot products of a tile's rows with each member's z.
func (o *rowOperator) dots(precision solver.Precision, t tile, members int) error {
	grid := driver.Dim{o.slabs, blocks(t.count, 4), blocks(members, 4)}
	return o.launch("dots_"+string(o.entries)+"_"+string(precision), grid, driver.Dim{256, 1, 1},
		driver.Ptr(t.rows), driver.Ptr(o.z), driver.Ptr(o.partials), driver.Ptr(o.levels),
		driver.U32(t.count), driver.U64(uint64(o.stride)), driver.U32(o.k), driver.U32(o.slabs),
		driver.U32(o.slab), driver.U32(members))
}

// residuals computes the residuals res against y, and the weights scale·ψ(res), of a tile's rows.
func (o *rowOperator) residuals(
	precision solver.Precision, t tile, members int, y, res driver.Pointer, scale float64, of losses,
) error {
	size := numberBytes(precision)
	return of.each(members, func(first, count int, l loss) error {
		// parts of dot products lie member after member, and so do residuals and weights
		at := func(p driver.Pointer, each int64) driver.Pointer {
			return p + driver.Pointer(int64(first)*each)
		}
		return o.launch("residuals_"+string(precision), driver.Dim{blocks(t.count, 8), count, 1},
			driver.Dim{256, 1, 1},
			l.with(driver.Ptr(at(o.partials, int64(t.count)*int64(o.slabs)*size)), driver.Ptr(o.from(y, 8)),
				driver.Ptr(at(o.from(res, 8), int64(o.m)*8)),
				driver.Ptr(at(o.from(o.weights, size), int64(o.m)*size)), driver.U32(o.slabs),
				driver.U32(t.first), driver.U32(t.count), driver.U32(o.m), driver.F64(scale))...)
	})
}

// accumulate adds a tile's rows, times weights, to the sums of their chunks.
func (o *rowOperator) accumulate(
	precision solver.Precision, t tile, members int, weights driver.Pointer, chunks chunkTable,
) error {
	first, last := chunks.touched(t)
	grid := driver.Dim{blocks(o.k, 1024), last - first + 1, blocks(members, 4)}
	return o.launch("accumulate_"+string(o.entries)+"_"+string(precision), grid, driver.Dim{256, 1, 1},
		driver.Ptr(t.rows), driver.Ptr(o.from(weights, numberBytes(precision))),
		driver.Ptr(o.chunkSums), driver.Ptr(o.levels),
		driver.U32(t.first), driver.U32(t.count), driver.U64(uint64(o.stride)), driver.U32(o.k),
		driver.U32(o.kp), driver.U32(members), driver.U32(o.m), driver.Ptr(chunks.at), driver.U32(first),
		driver.U32(chunks.count()))
}

// from returns the address that row 0 would have, if the device had all rows and the first one that it has is
// at p. Kernels count rows among all rows.
func (s *rowStore) from(p driver.Pointer, size int64) driver.Pointer {
	return p - driver.Pointer(int64(s.begin)*size)
}

// sumChunks computes g, the sum of the chunks, for each member, from sums of some chunks. If a card has
// several subtrees of the sum, g has the sum of each, for all members one after another.
func (o *rowOperator) sumChunks(
	precision solver.Precision, members int, chunks chunkTable, sums sumRange,
) error {
	if len(chunks.trees) < 2 {
		return o.sumOf(precision, members, o.g, o.chunkSums, sums.before, sums.count, sums.all)
	}
	for i, t := range chunks.trees {
		first, count := t.first, t.chunks
		if sums.all != chunks.all() { // a sum for each part
			first, count = t.part, t.parts
		}
		for b := range members { // whose sums lie between those of other subtrees
			to := o.g + o.offset(precision, i*members+b)
			from := o.chunkSums + o.offset(precision, b*sums.count+first-sums.before)
			if err := o.sumOf(precision, 1, to, from, first, count, sums.all); err != nil {
				return err
			}
		}
	}
	return nil
}

// sumOf computes the sum of those of all chunks that are at sums, for each member: count chunks, and before
// of them are not there.
func (o *rowOperator) sumOf(
	precision solver.Precision, members int, to, sums driver.Pointer, before, count, all int,
) error {
	grid := driver.Dim{blocks(o.k, 256), members, 1}
	return o.launch("sum_chunks_"+string(precision), grid, driver.Dim{256, 1, 1}, driver.Ptr(sums),
		driver.Ptr(to), driver.U32(o.k), driver.U32(o.kp), driver.U32(all), driver.U32(before),
		driver.U32(count))
}
