package gpu

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// mixedOperator is the operator of rows in mixed precision, whose mathematics docs/precision.md has. Each
// member has an anchor z₀, whose residuals and gradient are known in f64. At any other z it takes the
// difference δ = z − z₀, formed in f64, in units of a power of 2, and computes
//
//	res = res₀ + A δ,   g = g₀ + 1/m · Aᵀ(A δ).
//
// The single operator does A δ and the sums of Aᵀ(A δ) over chunks: it contracts δ as a z whose observations
// are zeros. The double operator does everything else, and contracts members in f64 if they have no anchor or
// are too far from theirs. The two share the rows and the memory between them, and take turns.
//
// The host decides whether an anchor is renewed, so it waits for the device once in each contraction.
type mixedOperator struct {
	single, double *rowOperator // on several cards those of the first
	*device
	members, pulls int
	known          bool // the truth is an anchor

	cards *spreadRows    // the operator in f64 on several cards; nil on one
	chain chain          // of the first of several cards
	dots  driver.Pointer // on several cards: what single computes for the rows of all

	truth   anchor
	own     []anchor  // of each member
	inUse   []*anchor // truth, one of own, or nil
	changed []bool    // the last contraction of a member has renewed its anchor
	again   bool      // the last contraction failed, and the next one does it again
	near    []int     // of a contraction: the parts that have an anchor
	numbers []float64 // of a contraction: what measure has measured

	parts, res, measured driver.Pointer
}

// anchor is the memory of an anchor: K, K and m numbers in f64.
type anchor struct{ z, g, res driver.Pointer }

var (
	_ anchored  = &mixedOperator{}
	_ projector = &mixedOperator{}
)

// The rule by which anchors are renewed is that of the CPU.
const (
	singleRounding = 0x1p-25 // the root mean square of one rounding's relative error
	tolerance      = 5e-7    // of the gradient: half of its largest relative error
	// mixedRows is the most rows of a chunk in single precision. The chunks are added up in f64.
	mixedRows = 256
	// dotChain is the number of additions in a chain that has the error of a dot product over 32 slabs:
	// chains of 16 and of 8 partial sums, and two trees of five levels, each of which counts as a chain of
	// two.
	dotChain = 16 + 9 + 2*10
	// distanceSegment is the number of coordinates of a block of anchor_distance.
	distanceSegment = 8192
)

// planMixed plans the operator of rows in mixed precision.
func planMixed(r request) (operator, error) {
	if r.needs.Draws || r.needs.Values {
		// Such steps use no anchors, but measuring a loss would renew them, and a resumed run measures losses
		// at other steps.
		return nil, errors.New("gpu: methods that step without the full gradient compute in f64, " +
			"not in mixed precision")
	}
	if r.loss != squaredLoss { // the gradient is not affine in Z, as anchors need it to be
		return nil, errors.New("gpu: gradients of other losses than the squared one are computed in f64 or " +
			"f32, not in mixed precision")
	}
	var shares [2][]*rowOperator // of each card, in single precision and in f64
	var cards *spreadRows
	for i, precision := range []solver.Precision{solver.F32, solver.F64} {
		r.backend.Precision = precision
		o, err := planRows(r)
		if err != nil {
			return nil, err
		}
		if s, several := o.(*spreadRows); several {
			shares[i], cards = s.shares, s
			continue
		}
		shares[i] = []*rowOperator{o.(*rowOperator)}
	}
	for _, single := range shares[0] {
		single.longest = mixedRows
		single.shareRows(r.backend.tileRows)
		single.shareLists(r.backend.tileRows)
	}
	for _, double := range shares[1] {
		double.alone = true
	}
	o := newMixed(shares[0][0], shares[1][0])
	o.cards = cards
	if cards != nil {
		for i, c := range cards.others {
			c.mixed = &mixedCard{single: shares[0][i+1]}
		}
	}
	return o, nil
}

func newMixed(single, double *rowOperator) *mixedOperator {
	return &mixedOperator{
		single: single, double: double, members: double.members, pulls: double.matrices,
		own: make([]anchor, double.members), inUse: make([]*anchor, double.members),
		changed: make([]bool, double.members),
	}
}

// separate has the buffers that the two operators do not share.
var separate = []string{"z", "chunks' first rows", "chunks of groups", "residuals"}

// buffers implements operator.
func (o *mixedOperator) buffers() []buffer {
	list := sharedBuffers(o.single, o.double)
	k, m, members := int64(o.double.k), int64(o.double.all), int64(o.members)
	if o.cards != nil {
		list = append(list, o.cards.exchange()...)
		list = append(list, o.chain.buffers(o.single)...)
		list = append(list, buffer{"products of all rows", members * m * 8, &o.dots})
	}
	list = append(list,
		buffer{"parts of distances", members * int64(o.segments()) * 8, &o.parts},
		buffer{"measures of anchors", int64(len(o.measures(o.members))) * 8, &o.measured},
		buffer{"residuals of all", members * m * 8, &o.res})
	for i := range o.members + 1 {
		a := &o.truth
		if i < o.members {
			a = &o.own[i]
		}
		list = append(list, buffer{"anchor", k * 8, &a.z}, buffer{"anchor's gradient", k * 8, &a.g},
			buffer{"anchor's residuals", m * 8, &a.res})
	}
	return list
}

// listBytes implements operator: the lists of double, and one of anchors and one of matrices, twice each.
func (o *mixedOperator) listBytes() int64 {
	anchors := int64(len(difference{}.words()) * 8)
	matrices := int64(2 * o.pulls * len(rowsToSquare{}.words()) * 8)
	return o.double.listBytes() + 2*int64(o.members)*(anchors+matrices+listAlignment)
}

// smaller implements operator.
func (o *mixedOperator) smaller() (all []alternative) {
	if o.cards != nil {
		return nil
	}
	double := o.double.smaller()
	for i, a := range o.single.smaller() {
		all = append(all, alternative{
			a.name, newMixed(a.operator.(*rowOperator), double[i].operator.(*rowOperator)),
		})
	}
	return all
}

// kernels implements operator.
func (o *mixedOperator) kernels() []string {
	return slices.Concat(o.single.kernels(), o.double.kernels(), []string{
		"anchor_distance", "anchor_subtract", "anchor_sum", "anchor_residuals", "row_squares",
	})
}

// fill implements operator.
func (o *mixedOperator) fill(ctx context.Context, d *device) error {
	o.device = d
	if o.cards == nil {
		return fillShared(ctx, d, o.single, o.double)
	}
	if err := o.cards.prepareOthers(ctx); err != nil {
		return err
	}
	if err := fillShared(ctx, d, o.single, o.double); err != nil {
		return err
	}
	return o.chain.prepare(o.single, o.double)
}

// turn lets one of the two operators use what they share: generated rows that the other has made are gone.
func (o *mixedOperator) turn(to *rowOperator) *rowOperator {
	to.made = tile{}
	return to
}

// contract implements operator. A part without an anchor, or too far from its own, renews it.
func (o *mixedOperator) contract(y driver.Pointer, parts []part) error {
	o.near = o.near[:0]
	for at, p := range parts {
		o.changed[p.member] = o.changed[p.member] && o.again
		if o.inUse[p.member] != nil {
			o.near = append(o.near, at)
		}
	}
	o.again = true
	if len(o.near) > 0 {
		if err := o.contractNear(parts); err != nil {
			return err
		}
	}
	for at, p := range parts {
		if near := slices.Index(o.near, at); near >= 0 && !o.lost(near, p) {
			continue
		}
		if err := o.anchor(y, p); err != nil {
			return err
		}
		size := int64(o.double.all) * 8
		if err := o.Copy(o.res+driver.Pointer(int64(at)*size), o.doubleResiduals(), size); err != nil {
			return err
		}
		o.changed[p.member] = true
	}
	o.again = false
	return nil
}

// contractNear contracts the parts that have an anchor, by their differences from it, and measures what says
// whether their anchors are near enough.
func (o *mixedOperator) contractNear(parts []part) error {
	near := make([]part, len(o.near))
	list := make([]difference, len(o.near))
	m := int64(o.double.all)
	dots := o.single.res
	if o.cards != nil {
		dots = o.dots
	}
	for i, at := range o.near {
		near[i] = parts[at]
		a := o.inUse[parts[at].member]
		chunk := int64(o.single.chunks.count()) * int64(o.single.kp) * 4
		list[i] = difference{
			z: o.double.z + o.double.offset(solver.F64, i), z0: a.z,
			delta: o.single.z + o.single.offset(solver.F32, i),
			scale: o.measured + driver.Pointer(16*i), parts: o.parts + driver.Pointer(8*i*o.segments()),
			chunks: o.single.chunkSums + driver.Pointer(int64(i)*chunk),
			g0:     a.g, g: o.double.g + o.double.offset(solver.F64, i),
			dots: dots + driver.Pointer(int64(i)*m*8),
			res0: a.res, res: o.res + driver.Pointer(int64(at)*m*8),
		}
	}
	if err := o.double.liftAll(solver.F64, near); err != nil {
		return err
	}
	if err := o.subtract(list); err != nil {
		return err
	}
	if err := o.contractDifferences(list); err != nil {
		return err
	}
	if err := o.double.pullAll(solver.F64, near); err != nil {
		return err
	}
	return o.measure(near)
}

// contractDifferences makes g and the residuals of a list, whose differences from anchors are there.
func (o *mixedOperator) contractDifferences(list []difference) error {
	if o.cards != nil {
		return o.contractOnCards(list)
	}
	single := o.turn(o.single)
	if _, err := single.contractChunks(single.zeros, len(list)); err != nil {
		return err
	}
	if err := o.addSums(list); err != nil {
		return err
	}
	return o.addResiduals(list)
}

// anchor implements anchored: the part is contracted in f64.
func (o *mixedOperator) anchor(y driver.Pointer, p part) error {
	a := &o.own[p.member]
	if err := o.put(a, y, p); err != nil {
		return err
	}
	o.inUse[p.member] = a
	return nil
}

// anchorAll implements anchored.
func (o *mixedOperator) anchorAll(y, l, r driver.Pointer, cols int) error {
	if err := o.put(&o.truth, y, part{l: l, r: r, cols: cols}); err != nil {
		return err
	}
	o.known = true
	for i := range o.inUse {
		o.inUse[i] = &o.truth
	}
	return nil
}

// put makes a the anchor at a part.
func (o *mixedOperator) put(a *anchor, y driver.Pointer, p part) error {
	if err := o.inDouble().contract(y, []part{p}); err != nil {
		return err
	}
	if o.cards != nil {
		if err := o.cards.gatherResiduals(1); err != nil {
			return err
		}
	}
	k, m := int64(o.double.k)*8, int64(o.double.all)*8
	return errors.Join(o.Copy(a.z, o.double.z, k), o.Copy(a.g, o.double.g, k),
		o.Copy(a.res, o.doubleResiduals(), m))
}

// doubleResiduals has the residuals of all rows of the last contraction in f64.
func (o *mixedOperator) doubleResiduals() driver.Pointer {
	if o.cards != nil {
		return o.cards.gathered
	}
	return o.double.res
}

// reset implements anchored.
func (o *mixedOperator) reset(member int) {
	o.inUse[member], o.changed[member] = nil, false
	if o.known {
		o.inUse[member] = &o.truth
	}
}

// renewed implements anchored.
func (o *mixedOperator) renewed(member int) bool { return o.changed[member] }

// lost reports whether ε·ρ(X) > τ·‖G·X‖_F for one of the pulls of a part with an anchor, near-th of them.
// cpu/anchor.go derives the rule. If a number is not finite, the gradient has no precision to lose, and lost
// is false.
func (o *mixedOperator) lost(near int, p part) bool {
	ratio := float64(o.double.k) / float64(o.double.all)
	longest := o.single.longestChunk()
	if o.cards != nil {
		for _, c := range o.cards.others {
			longest = max(longest, c.mixed.single.longestChunk())
		}
	}
	chains := float64(dotChain+blocks(o.single.slabs, 32)+longest) / 2
	change := o.numbers[2*near]
	coordinates := singleRounding * change * (math.Sqrt(ratio*(chains+1)) + math.Sqrt(1+ratio))
	numbers := o.numbers[2*len(o.near)+near*o.pulls*(o.double.n1+o.double.n2):]
	for _, pull := range p.pulls {
		rows := o.double.n2
		if pull.transposed {
			rows = o.double.n1
		}
		var row, sum float64
		for i, square := range numbers[:o.double.n1+o.double.n2] {
			if i < rows {
				row = max(row, square)
			} else {
				sum += square
			}
		}
		numbers = numbers[o.double.n1+o.double.n2:]
		if coordinates*math.Sqrt(row)*pull.scale > tolerance*math.Sqrt(sum) {
			return true
		}
	}
	return false
}

// squares implements operator.
func (o *mixedOperator) squares(dst []float64) error {
	return o.readSquares(dst, o.double.sums, o.res, o.double.all, squaredLoss)
}

// apply implements operator.
func (o *mixedOperator) apply(p, l, r driver.Pointer, cols int) error {
	return o.inDouble().apply(p, l, r, cols)
}

// adjointMul implements operator.
func (o *mixedOperator) adjointMul(
	dst, w driver.Pointer, trans bool, x driver.Pointer, cols int,
) error {
	return o.inDouble().adjointMul(dst, w, trans, x, cols)
}

// projectedSquares implements projector.
func (o *mixedOperator) projectedSquares(b, c multiplier, sums driver.Pointer) (float64, error) {
	return o.inDouble().(projector).projectedSquares(b, c, sums)
}
