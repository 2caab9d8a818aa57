package gpu

import (
	"context"
	"fmt"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// sampledOperator is the operator of a [sensing.Completion], in O(m·r). With e_ij = (LRᵀ)_ij − M_ij at the
// observed positions Ω and zero elsewhere, and p = m/K,
//
//	G = e/p,   Σ_k res_k² = K·Σ_{(i,j) ∈ Ω} e_ij².
//
// Row i of G·R is 1/p·Σ_j e_ij r_j: a kernel sampled_… goes along the entries of row i, reads each r_j once,
// and uses it for e_ij and for the sum. A symmetric matrix has each entry in two rows. Gᵀ·L is the same along
// columns. A factor with more columns than the widest of these kernels takes, and every factor with another
// loss than the squared one, is done in two steps: residuals in the order of measurements, and the products
// of ψ of them.
type sampledOperator struct {
	*device
	ensemble  *sensing.Completion
	symmetric bool
	m         int
	k         float64
	members   int
	pulls     int    // of a part
	cols      int    // most columns that one kernel reads once
	room      int    // most numbers in the segments of longer rows, of one member
	losses    losses // that members may have

	rows    side // the unknown matrix; both triangles if it is symmetric
	columns side // its transpose; unused if it is symmetric

	res, partials, squareParts, sums driver.Pointer

	observed   driver.Pointer // the observations that the sides have values of; 0 if none
	squareSums []squareSum    // of the last contraction
}

var _ operator = &sampledOperator{}

// squareSum has members whose sums of squares are unit times the sum of count numbers each.
type squareSum struct {
	parts []int
	at    driver.Pointer
	count int
	unit  float64
}

// planSampled plans the operator of observed entries.
func planSampled(r request) (operator, error) {
	e := r.ensemble.(*sensing.Completion)
	o := &sampledOperator{
		ensemble: e, m: e.Measurements(), k: float64(e.Space().K()),
		members: len(r.shapes), pulls: len(r.rules), losses: r.losses,
	}
	for _, shapes := range r.shapes {
		o.cols = max(o.cols, min(r.columns(shapes), kernels.SampledWidths[len(kernels.SampledWidths)-1]))
	}
	n1, n2 := e.Space().Dims()
	switch e.Space().(type) {
	case sensing.Sym:
		o.symmetric = true
		o.rows.bounds = boundSegments(n1, 2*o.m)
	case sensing.Rect:
		o.rows.bounds, o.columns.bounds = boundSegments(n1, o.m), boundSegments(n2, o.m)
	default:
		_, err := familyOf(e.Space())
		return nil, err
	}
	o.room = max(o.rows.bounds.parts, o.columns.bounds.parts) * o.cols
	return o, nil
}

// mostParts is the most numbers that a member's sum of squares is the sum of.
func (o *sampledOperator) mostParts() int {
	return max(o.rows.bounds.segments, o.columns.bounds.segments, blocks(o.m, dotSegment))
}

// buffers implements operator.
func (o *sampledOperator) buffers() []buffer {
	list := o.rows.buffers("rows")
	if !o.symmetric {
		list = append(list, o.columns.buffers("columns")...)
	}
	members := int64(o.members)
	return append(list,
		buffer{"residuals", int64(o.m) * 8, &o.res},
		buffer{"parts of long rows", members * int64(o.room) * 8, &o.partials},
		buffer{"parts of squares", members * int64(o.mostParts()) * 8, &o.squareParts},
		buffer{"squares", members * int64(blocks(o.mostParts(), dotSegment)) * 8, &o.sums})
}

// listBytes implements operator: the members of each pull.
func (o *sampledOperator) listBytes() int64 { return int64(o.members) * int64(o.pulls) * itemBytes }

// smaller implements operator: entries take little memory, and there is no form of them that takes less.
func (*sampledOperator) smaller() []alternative { return nil }

// kernels implements operator. Kernels for more columns than any member has are not among them.
func (o *sampledOperator) kernels() []string {
	names := []string{
		"sampled_values", "sampled_apply", "sampled_multiply", "sampled_segments", "sampled_sum",
	}
	if !o.losses.squared() {
		names = append(names, "sum_squares")
	}
	if !slices.Contains(o.losses, squaredLoss) {
		return names
	}
	for _, width := range kernels.SampledWidths {
		names = append(names, fmt.Sprint("sampled_", width))
		if width >= o.cols {
			break
		}
	}
	return names
}

// fill implements operator: it lays out the entries on the host, and copies them to the device.
func (o *sampledOperator) fill(ctx context.Context, d *device) error {
	o.device = d
	rows, cols := o.ensemble.Positions()
	n1, n2 := o.ensemble.Space().Dims()
	if o.symmetric {
		return o.rows.upload(ctx, d, segment(n1, [2][]int32{rows, cols}, [2][]int32{cols, rows}))
	}
	if err := o.rows.upload(ctx, d, segment(n1, [2][]int32{rows, cols})); err != nil {
		return err
	}
	return o.columns.upload(ctx, d, segment(n2, [2][]int32{cols, rows}))
}

// of returns the side whose rows G·X, or Gᵀ·X, goes along.
func (o *sampledOperator) of(transposed bool) *side {
	if transposed && !o.symmetric {
		return &o.columns
	}
	return &o.rows
}

// observe makes the values of the sides from the observations, which are the same in every contraction.
func (o *sampledOperator) observe(y driver.Pointer) error {
	if o.observed == y {
		return nil
	}
	sides := []*side{&o.rows}
	if !o.symmetric {
		sides = append(sides, &o.columns)
	}
	for _, s := range sides {
		if err := o.values(s, y); err != nil {
			return err
		}
	}
	o.observed = y
	return nil
}

// fused returns, for a pull, L and R such that one kernel makes the residuals of ⟨l_i, r_j⟩ and multiplies
// them by R. It returns false if no kernel does both.
func (o *sampledOperator) fused(p part, to pull) (l, r driver.Pointer, ok bool) {
	switch {
	case p.cols > o.cols || p.loss != squaredLoss:
		return 0, 0, false
	case to.x == p.r && (o.symmetric || !to.transposed):
		return p.l, p.r, true
	case to.x == p.l && (o.symmetric || to.transposed):
		return p.r, p.l, true
	}
	return 0, 0, false
}

// sampledGroup has the parts that one kernel contracts in one launch for each pull.
type sampledGroup struct {
	width int // of the kernel; 0 if there is none
	parts []int
	cols  int // of the widest part
}

// groups divides parts by the kernels that contract them. Parts without a kernel are alone.
func (o *sampledOperator) groups(parts []part) (all []sampledGroup) {
	for _, width := range kernels.SampledWidths {
		g := sampledGroup{width: width}
		for at, p := range parts {
			if o.width(p) == width {
				g.parts, g.cols = append(g.parts, at), max(g.cols, p.cols)
			}
		}
		if g.parts != nil {
			all = append(all, g)
		}
	}
	for at, p := range parts {
		if o.width(p) == 0 {
			all = append(all, sampledGroup{parts: []int{at}})
		}
	}
	return all
}

// width returns the width of the kernel that contracts a part, or 0 if there is none.
func (o *sampledOperator) width(p part) int {
	for _, to := range p.pulls {
		if _, _, ok := o.fused(p, to); !ok {
			return 0
		}
	}
	if len(p.pulls) == 0 {
		return 0
	}
	at, _ := slices.BinarySearch(kernels.SampledWidths, p.cols)
	return kernels.SampledWidths[at]
}

// contract implements operator.
func (o *sampledOperator) contract(y driver.Pointer, parts []part) error {
	if err := o.observe(y); err != nil {
		return err
	}
	groups := o.groups(parts)
	var items []item
	for _, g := range groups {
		if g.width == 0 {
			continue
		}
		for b := range parts[0].pulls {
			for _, at := range g.parts {
				l, r, _ := o.fused(parts[at], parts[at].pulls[b])
				items = append(items, item{l, r, parts[at].cols, parts[at].pulls[b].dst})
			}
		}
	}
	list, err := o.list(encode(items))
	if err != nil {
		return err
	}
	o.squareSums = o.squareSums[:0]
	next := o.squareParts
	for _, g := range groups {
		s := squareSum{parts: g.parts, at: next}
		if g.width == 0 {
			s.count, s.unit = blocks(o.m, dotSegment), 1
			err = o.contractInSteps(y, parts[g.parts[0]], next)
		} else {
			s.count, s.unit = o.of(parts[0].pulls[0].transposed).segments, o.k
			for b, to := range parts[0].pulls {
				squares := next
				if b > 0 {
					squares = 0
				}
				if err = o.contractOnce(g, list, squares, to); err != nil {
					break
				}
				list += driver.Pointer(len(g.parts) * itemBytes)
			}
		}
		if err != nil {
			return err
		}
		o.squareSums = append(o.squareSums, s)
		next += driver.Pointer(8 * len(g.parts) * o.mostParts())
	}
	return nil
}

// contractInSteps contracts a part in any way: residuals, and their products.
func (o *sampledOperator) contractInSteps(y driver.Pointer, p part, squares driver.Pointer) error {
	if err := o.measure(o.res, p.l, p.r, p.cols, y); err != nil {
		return err
	}
	if err := o.sumResiduals(squares, p.loss); err != nil {
		return err
	}
	for _, to := range p.pulls {
		scale := to.scale / float64(o.m)
		if err := o.multiply(to.dst, o.res, o.of(to.transposed), to.x, p.cols, scale, p.loss); err != nil {
			return err
		}
	}
	return nil
}

// sumResiduals sums 2ρ of each segment of the residuals, as many as dot has. The squared loss has dot's bits.
func (o *sampledOperator) sumResiduals(sums driver.Pointer, l loss) error {
	if l == squaredLoss {
		return o.dot(sums, o.res, o.res, o.m)
	}
	if whole := o.m / dotSegment; whole > 0 {
		if err := o.sumSquares(sums, o.res, dotSegment, whole, l); err != nil {
			return err
		}
	}
	rest := o.m % dotSegment
	if rest == 0 {
		return nil
	}
	offset := driver.Pointer(8 * (o.m - rest))
	return o.sumSquares(sums+offset/dotSegment, o.res+offset, rest, 1, l)
}

// squares implements operator.
func (o *sampledOperator) squares(dst []float64) error {
	sums, total := o.sums, 0
	for _, s := range o.squareSums {
		if err := o.sum(sums, s.at, s.count, len(s.parts)); err != nil {
			return err
		}
		count := len(s.parts) * blocks(s.count, dotSegment)
		sums, total = sums+driver.Pointer(8*count), total+count
	}
	numbers := make([]float64, total)
	if err := o.downloadNumbers(numbers, o.sums); err != nil {
		return err
	}
	for _, s := range o.squareSums {
		for _, at := range s.parts {
			dst[at] = 0
			for range blocks(s.count, dotSegment) {
				dst[at] += numbers[0]
				numbers = numbers[1:]
			}
			dst[at] *= s.unit
		}
	}
	return nil
}

// apply implements operator.
func (o *sampledOperator) apply(p, l, r driver.Pointer, cols int) error {
	return o.measure(p, l, r, cols, 0)
}

// adjointMul implements operator.
func (o *sampledOperator) adjointMul(dst, w driver.Pointer, trans bool, x driver.Pointer, cols int) error {
	return o.multiply(dst, w, o.of(trans), x, cols, 1, squaredLoss)
}

// multiply does dst = scale·S·X for S = Σ_k ψ(w_k) A_k on a side, as many columns at a time as there is room
// for in the segments of longer rows.
func (o *sampledOperator) multiply(
	dst, w driver.Pointer, s *side, x driver.Pointer, cols int, scale float64, l loss,
) error {
	most := min(cols, 32*mostBlocks)
	if s.long > 0 {
		most = min(most, o.members*o.room/s.parts())
	}
	for first := 0; first < cols; first += most {
		width, offset := min(most, cols-first), driver.Pointer(8*first)
		if err := o.multiplySome(dst+offset, w, s, x+offset, cols, width, scale, l); err != nil {
			return err
		}
	}
	return nil
}

// Each function from here on launches kernels of one family. The head of the family's file in kernels/ has
// the equation and the parameters.

// lanes is the number of lanes of a warp that share an entry.
func lanes(cols int) int {
	at, _ := slices.BinarySearch(kernels.SampledWidths, min(cols, 32))
	return kernels.SampledWidths[at]
}

// units returns the factors √K or √(2K) of measurements on and off the diagonal.
func (o *sampledOperator) units() (on, off float64) {
	return o.ensemble.Unit(0, 0), o.ensemble.Unit(0, 1)
}

// values makes the observed numbers of the matrix from the observations.
func (o *sampledOperator) values(s *side, y driver.Pointer) error {
	on, off := o.units()
	return o.launch("sampled_values", driver.Dim{blocks(s.count, 256), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(y), driver.Ptr(s.entries), driver.Ptr(s.values), driver.U32(s.count), driver.F64(on),
		driver.F64(off))
}

// contractOnce does dst = scale·e/p·R for the members of a group, whose L, R and dst are in a list, and
// stores their sums of squares, one for each segment, unless squares is 0.
func (o *sampledOperator) contractOnce(g sampledGroup, list, squares driver.Pointer, to pull) error {
	s := o.of(to.transposed)
	grid, block := driver.Dim{blocks(s.segments, 8), 1, len(g.parts)}, driver.Dim{256, 1, 1}
	if g.width > 256 { // the warps of a block share a segment
		grid[0], block[0] = s.segments, 32*blocks(g.cols, 256)
	}
	room, scale := s.parts()*g.cols, to.scale*(o.k/float64(o.m))
	err := o.launch(fmt.Sprint("sampled_", g.width), grid, block,
		driver.Ptr(list), driver.Ptr(s.begin), driver.Ptr(s.rows), driver.Ptr(s.columns),
		driver.Ptr(s.values), driver.Ptr(squares), driver.Ptr(o.partials), driver.U32(s.segments),
		driver.U32(s.whole), driver.U64(uint64(room)), driver.F64(scale))
	if err != nil || s.long == 0 {
		return err
	}
	return o.addSegments(s, g.cols, len(g.parts), scale, driver.Ptr(list), driver.Ptr(0), driver.U32(0),
		driver.U32(0), driver.U64(uint64(room)))
}

// addSegments adds the segments of longer rows. The arguments are the members, dst, stride, width and room of
// the kernel, and cols is the largest width.
func (o *sampledOperator) addSegments(
	s *side, cols, members int, scale float64, list, dst, stride, width, room driver.Arg,
) error {
	rows := s.rows + driver.Pointer(4*s.whole)
	return o.launch("sampled_segments", driver.Dim{blocks(s.long, 8), blocks(cols, 32), members},
		driver.Dim{256, 1, 1}, list, dst, stride, width, driver.Ptr(o.partials), room, driver.Ptr(s.firsts),
		driver.Ptr(rows), driver.U32(s.long), driver.F64(scale))
}

// measure does p_k = ⟨A_k, L·Rᵀ⟩ − y_k, without y_k if y is 0.
func (o *sampledOperator) measure(p, l, r driver.Pointer, cols int, y driver.Pointer) error {
	s, upper := &o.rows, 0
	if o.symmetric {
		upper = 1
	}
	on, off := o.units()
	return o.launch("sampled_apply", driver.Dim{blocks(s.segments, 8), 1, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(l), driver.Ptr(r), driver.Ptr(p), driver.Ptr(y), driver.Ptr(s.begin), driver.Ptr(s.rows),
		driver.Ptr(s.columns), driver.Ptr(s.entries), driver.U32(s.segments), driver.U32(cols),
		driver.U32(lanes(cols)), driver.U32(upper), driver.F64(on), driver.F64(off))
}

// multiplySome does width columns of dst = scale·S·X. A symmetric A_k = Unit·(E_ij + E_ji)/2 has half of its
// weight on either side of the diagonal.
func (o *sampledOperator) multiplySome(
	dst, w driver.Pointer, s *side, x driver.Pointer, stride, width int, scale float64, l loss,
) error {
	on, off := o.units()
	if o.symmetric {
		off /= 2
	}
	err := o.launch("sampled_multiply", driver.Dim{blocks(s.segments, 8), blocks(width, 32), 1},
		driver.Dim{256, 1, 1},
		l.with(driver.Ptr(x), driver.Ptr(dst), driver.Ptr(w), driver.Ptr(s.begin), driver.Ptr(s.rows),
			driver.Ptr(s.columns), driver.Ptr(s.entries), driver.Ptr(o.partials), driver.U32(s.segments),
			driver.U32(s.whole), driver.U32(stride), driver.U32(width), driver.U32(lanes(width)),
			driver.F64(on), driver.F64(off), driver.F64(scale))...)
	if err != nil || s.long == 0 {
		return err
	}
	return o.addSegments(s, width, 1, scale, driver.Ptr(0), driver.Ptr(dst), driver.U32(stride),
		driver.U32(width), driver.U64(0))
}

// sum adds up the segments of each member's count numbers, which lie one member after another.
func (o *sampledOperator) sum(sums, numbers driver.Pointer, count, members int) error {
	return o.launch("sampled_sum", driver.Dim{blocks(count, dotSegment), members, 1}, driver.Dim{256, 1, 1},
		driver.Ptr(numbers), driver.Ptr(sums), driver.U32(count))
}
