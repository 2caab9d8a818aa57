package gpu

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// spreadRows is the operator of rows that several cards share. Each card has whole parts of sum_chunks, and
// so one or two subtrees of its tree. g is the sum of the subtrees' sums, in the same order as on one card.
// lift and pullback run on the first card. In a step z goes from the first card to the others, and the sums
// come back, K numbers each, and the host waits for neither.
type spreadRows struct {
	shares   []*rowOperator // of each card, the first one's first
	others   []*otherCard   // all cards but the first
	m        int
	borrowed float64 // the most bytes that a projection borrows on each card

	leaf   int              // parts of the smallest subtree
	zeroed solver.Precision // the arithmetic for which arrived has its zeros; empty for none

	arrived  driver.Pointer // on the first card: each member's sums of subtrees, each followed by zeros
	gathered driver.Pointer // on the first card: the residuals of all rows
	told     bool           // the others have their observations
	byHost   bool           // the devices cannot copy from each other
	host     []byte         // what goes from one card to another by the host
}

var (
	_ drawing   = &spreadRows{}
	_ projector = &spreadRows{}
)

// otherCard is a card that holds some of the rows and does nothing else.
type otherCard struct {
	Card
	share  *rowOperator
	device *device // nil before connect and after close
	taken  []driver.Pointer
	y      driver.Pointer // the observations of the card's rows
	mixed  *mixedCard     // in mixed precision; otherwise nil

	lends        int            // the most drawn rows that are copied to the first card at one time
	list, listed driver.Pointer // the numbers of some of these rows, and the rows
}

// cards is the operator of an engine's rows on several cards; nil if there is one card.
func (e *engine) cards() *spreadRows {
	switch o := e.operator.(type) {
	case *spreadRows:
		return o
	case *mixedOperator:
		return o.cards
	}
	return nil
}

// spread plans the operator of rows on all cards of a backend. l is the layout without chunks.
func spread(r request, l rowLayout, ensemble sensing.Rows) (operator, error) {
	l.cards = 1 + len(r.backend.Others)
	if useful := Sharing(l.cards); useful < l.cards {
		return nil, &solver.Unsupported{
			What:    NoFaster(l.cards),
			Instead: fmt.Sprintf("name %d devices", useful),
		}
	}
	if chunks := len(chunkStarts(l.all, l.slabs)) - 1; chunks*(chunkParts/l.cards) < chunkParts {
		return nil, &solver.Unsupported{
			What:    fmt.Sprintf("%d rows are too few for %d devices to share", l.all, l.cards),
			Instead: "name fewer devices",
		}
	}
	s := &spreadRows{m: l.all, borrowed: r.projectionBytes(), leaf: chunkParts}
	lends := 0
	for card := range l.cards {
		mine := l
		mine.card = card
		if card > 0 {
			mine.setDevice(r.backend.Others[card-1].Info)
			mine.setEntries(l.entries) // whose kernel depends on the device
			mine.draws = false         // the first card contracts draws
		}
		mine.shareRows(r.backend.tileRows)
		mine.shareLists(r.backend.tileRows)
		share := &rowOperator{rowLayout: mine, ensemble: ensemble}
		s.shares = append(s.shares, share)
		for _, t := range mine.chunks.trees {
			s.leaf = min(s.leaf, t.parts)
		}
		if l.draws && l.stream == nil {
			lends = s.shares[0].listRows
		}
		if card > 0 {
			s.others = append(s.others, &otherCard{
				Card: r.backend.Others[card-1], share: share, lends: lends,
			})
		}
	}
	return s, nil
}

// NoFaster says why only some of so many devices share rows ([Sharing]).
func NoFaster(devices int) string {
	return fmt.Sprintf("%d devices share the rows no faster than %d, because each has whole eighths of the "+
		"rows", devices, Sharing(devices))
}

// buffers implements operator: those of the first card.
func (s *spreadRows) buffers() []buffer { return append(s.shares[0].buffers(), s.exchange()...) }

// exchange lists the memory of the first card for what the others send.
func (s *spreadRows) exchange() []buffer {
	first := s.shares[0]
	members := int64(first.members)
	return []buffer{
		{"sums of cards", members * int64(chunkParts/s.leaf) * int64(first.kp) * 8, &s.arrived},
		{"residuals of all rows", members * int64(s.m) * 8, &s.gathered},
	}
}

// listBytes implements operator.
func (s *spreadRows) listBytes() int64 { return s.shares[0].listBytes() }

// smaller implements operator.
func (s *spreadRows) smaller() (all []alternative) {
	for _, a := range s.shares[0].smaller() {
		other := *s
		other.shares = append([]*rowOperator{a.operator.(*rowOperator)}, s.shares[1:]...)
		all = append(all, alternative{a.name, &other})
	}
	return all
}

// kernels implements operator.
func (s *spreadRows) kernels() []string { return s.shares[0].kernels() }

// buffers lists the allocations on the card.
func (c *otherCard) buffers() []buffer {
	list := c.share.buffers()
	if c.mixed != nil {
		list = c.mixed.buffers(c.share)
	}
	list = append(list, buffer{"observations", int64(c.share.m) * 8, &c.y})
	if rows := int64(c.lends); rows > 0 {
		list = append(list, buffer{"list of drawn rows", rows * 4, &c.list},
			buffer{"drawn rows", rows * c.share.stride, &c.listed})
	}
	return list
}

// kernels names the kernels that the card launches.
func (c *otherCard) kernels() []string {
	list := c.share.kernels()
	if c.lends > 0 {
		list = append(list, "gather_rows")
	}
	if c.mixed != nil {
		list = append(append(list, "anchor_sum"), c.mixed.single.kernels()...)
	}
	return list
}

// bytes is the memory that the card needs, the card-th of the others.
func (s *spreadRows) bytes(card int) (sum float64) {
	for _, b := range s.others[card].buffers() {
		sum += float64(b.bytes)
	}
	return sum + s.borrowed
}

// connect opens the others.
func (s *spreadRows) connect(first *device) error {
	for _, c := range s.others {
		if name := s.shares[0].info.Name; name != c.Info.Name {
			first.tell(fmt.Sprintf("%s and %s share the rows: the slower one bounds each step", name,
				c.Info.Name))
		}
		if major := c.Info.Capability[0]; major < LeastCapability {
			return fmt.Errorf("gpu: %s has compute capability %d.%d, and the kernels need %d.0",
				c.Info.Name, major, c.Info.Capability[1], LeastCapability)
		}
		opened, err := c.Connect()
		if err != nil {
			return fmt.Errorf("gpu: open %s, device %d: %w", c.Info.Name, c.Info.Index, err)
		}
		c.device = &device{Device: opened, notice: first.notice, interrupted: first.interrupted}
		if first.graphs != nil {
			c.device.replay()
		}
		first.others = append(first.others, c.device)
	}
	return nil
}

// close closes the others. It closes all of them, whatever one says.
func (s *spreadRows) close() (err error) {
	for _, c := range s.others {
		if c.device == nil {
			continue
		}
		for _, p := range c.taken {
			if err = errors.Join(err, c.device.Free(p)); err != nil {
				break // a lost device frees nothing
			}
		}
		err = errors.Join(err, c.device.Close())
		c.device = nil
	}
	return err
}

// prepare allocates a card's memory, loads its kernels and makes its rows.
func (c *otherCard) prepare(ctx context.Context, need float64) error {
	info, err := c.device.Info()
	if err != nil {
		return err
	}
	if free := float64(info.Free); need > free {
		return fmt.Errorf("gpu: %.3g GB are needed and %.3g GB are free on %s, device %d: %w",
			need/1e9, free/1e9, info.Name, info.Index, driver.ErrMemory)
	}
	for _, b := range c.buffers() {
		p, err := c.device.Alloc(b.bytes)
		if err != nil {
			return fmt.Errorf("gpu: allocate %s on device %d: %w", b.name, info.Index, err)
		}
		*b.at = p
		c.taken = append(c.taken, p)
	}
	c.device.kernels = map[string]driver.Kernel{}
	for _, name := range c.kernels() {
		if c.device.kernels[name] != nil {
			continue
		}
		k, err := c.device.Load(name, kernels.Get(name).Text)
		if err != nil {
			return fmt.Errorf("gpu: load %s on device %d: %w", name, info.Index, err)
		}
		c.device.kernels[name] = k
	}
	return c.device.pass(func() error {
		if c.mixed != nil {
			return c.mixed.fill(ctx, c.device, c.share)
		}
		return c.share.fill(ctx, c.device)
	})
}

// fill implements operator.
func (s *spreadRows) fill(ctx context.Context, d *device) error {
	if err := s.prepareOthers(ctx); err != nil {
		return err
	}
	return s.shares[0].fill(ctx, d)
}

// prepareOthers prepares all cards but the first.
func (s *spreadRows) prepareOthers(ctx context.Context) error {
	for card, c := range s.others {
		if err := c.prepare(ctx, s.bytes(card)); err != nil {
			return err
		}
	}
	return nil
}

// carry copies pieces from one card to another: without the host, if the two can do that.
func (s *spreadRows) carry(to, from *device, pieces ...driver.Piece) error {
	if !s.byHost {
		err := copyPeer(to.Device, from.Device, pieces)
		if !errors.Is(err, driver.ErrPeer) {
			return err
		}
		s.byHost = true
		s.shares[0].tell(fmt.Sprintf("copies between devices pass through the host, which waits for them: %v",
			err))
	}
	for _, p := range pieces {
		if p.Size > int64(len(s.host)) {
			s.host = make([]byte, p.Size)
		}
		data := s.host[:p.Size]
		if err := from.Download(data, p.Src); err != nil {
			return err
		}
		if err := to.Upload(p.Dst, data); err != nil {
			return err
		}
	}
	return nil
}

// copyPeer copies pieces from one device to another. The error wraps [driver.ErrPeer] if they cannot.
func copyPeer(to, from driver.Device, pieces []driver.Piece) error {
	source, ok := from.(driver.PeerDevice)
	target, also := to.(driver.PeerDevice)
	if !ok || !also {
		return driver.ErrPeer
	}
	peer, err := source.Peer()
	if err != nil {
		return err
	}
	return target.CopyFrom(peer, pieces...)
}

// send copies numbers from the first card to the same place of each other card: of count numbers for each
// member, those from the first row of a card on.
func (s *spreadRows) send(to func(c *otherCard) driver.Pointer, from driver.Pointer) error {
	for _, c := range s.others {
		err := s.carry(c.device, s.shares[0].device,
			driver.Piece{Dst: to(c), Src: from + driver.Pointer(8*c.share.begin), Size: int64(8 * c.share.m)})
		if err != nil {
			return err
		}
	}
	return nil
}

// sendZ copies z of so many members from the first card to the others.
func (s *spreadRows) sendZ(precision solver.Precision, members int) error {
	first := s.shares[0]
	return s.sendTo(func(c *otherCard) driver.Pointer { return c.share.z }, first.z,
		int64(first.offset(precision, members)))
}

// sendTo copies so many bytes from the first card to each other one.
func (s *spreadRows) sendTo(to func(c *otherCard) driver.Pointer, from driver.Pointer, size int64) error {
	for _, c := range s.others {
		err := s.carry(c.device, s.shares[0].device, driver.Piece{Dst: to(c), Src: from, Size: size})
		if err != nil {
			return err
		}
	}
	return nil
}

// sum adds the sums of all cards' subtrees in the order of sum_chunks: each takes the place of the first leaf
// below it, and the other leaves are zero. A leaf is one chunk.
func (s *spreadRows) sum(precision solver.Precision, members int) error {
	first, leaves := s.shares[0], chunkParts/s.leaf
	size := int64(first.offset(precision, 1))
	if s.zeroed != precision { // the place of a sum depends on the precision
		s.zeroed = ""
		err := first.Fill(s.arrived, 0, int64(first.members)*int64(leaves)*int64(first.kp)*8)
		if err != nil {
			return err
		}
		s.zeroed = precision
	}
	// pieces are the sums of a card, from their place in g to that among the sums of all cards.
	pieces := func(o *rowOperator) (list []driver.Piece) {
		for i, t := range o.chunks.trees {
			for b := range members {
				list = append(list, driver.Piece{
					Dst: s.arrived + first.offset(precision, b*leaves+t.part/s.leaf),
					Src: o.g + first.offset(precision, i*members+b), Size: size,
				})
			}
		}
		return list
	}
	for _, p := range pieces(first) {
		if err := first.Copy(p.Dst, p.Src, p.Size); err != nil {
			return err
		}
	}
	for _, c := range s.others {
		if err := s.carry(first.device, c.device, pieces(c.share)...); err != nil {
			return err
		}
	}
	return first.sumOf(precision, members, first.g, s.arrived, 0, leaves, leaves)
}

// onAll does the same on every card: on the others first, so that all of them work while the host waits.
func (s *spreadRows) onAll(others func(c *otherCard) error, first func(o *rowOperator) error) error {
	for _, c := range s.others {
		if err := c.device.pass(func() error { return others(c) }); err != nil {
			return err
		}
	}
	return first(s.shares[0])
}

// contract implements operator.
func (s *spreadRows) contract(y driver.Pointer, parts []part) error {
	first := s.shares[0]
	if !s.told {
		if err := s.send(func(c *otherCard) driver.Pointer { return c.y }, y); err != nil {
			return err
		}
		s.told = true
	}
	if err := first.liftAll(first.precision, parts); err != nil {
		return err
	}
	if err := s.sendZ(first.precision, len(parts)); err != nil {
		return err
	}
	err := s.onAll(
		func(c *otherCard) error { return c.share.contractAll(c.y, len(parts)) },
		func(o *rowOperator) error { return o.contractAll(y, len(parts)) })
	if err != nil {
		return err
	}
	if err := s.sum(first.precision, len(parts)); err != nil {
		return err
	}
	return first.pullAll(first.precision, parts)
}

// takes implements drawing.
func (s *spreadRows) takes(count int) bool { return s.shares[0].takes(count) }

// contractDrawn implements drawing. The first card contracts a list of rows alone: such a list has few of
// them.
func (s *spreadRows) contractDrawn(y driver.Pointer, d draw, p part) error {
	first := s.shares[0]
	if d.list != 0 {
		return first.contractListed(y, d, p, func(t *tile) error { return s.bringListed(t, d) })
	}
	if d.shift != 0 {
		if err := first.combine(first.targets, y, d.shift, 1, 1, s.m); err != nil {
			return err
		}
		y = first.targets
		s.told = false // the others get these, and then the observations again
		defer func() { s.told = false }()
	}
	return s.contract(y, []part{p})
}

// bringListed makes a tile of a list's rows on the first card. It makes those anew that a device can make:
// this takes less time than copies from card to card.
func (s *spreadRows) bringListed(t *tile, d draw) error {
	first := s.shares[0]
	if s.others[0].lends == 0 {
		return first.bringListed(t, d.list)
	}
	rows := d.rows[t.first : t.first+t.count]
	held := func(o *rowOperator) (from, to int) { // rows are in ascending order
		from, _ = slices.BinarySearch(rows, o.begin)
		to, _ = slices.BinarySearch(rows, o.begin+o.m)
		return from, to
	}
	for _, c := range s.others {
		if from, to := held(c.share); from < to {
			if err := c.gather(rows[from:to]); err != nil {
				return err
			}
		}
	}
	if _, to := held(first); to > 0 {
		if err := first.gatherRows(t.rows, d.list+driver.Pointer(4*t.first), to); err != nil {
			return err
		}
	}
	for _, c := range s.others {
		from, to := held(c.share)
		if from == to {
			continue
		}
		err := s.carry(first.device, c.device, driver.Piece{
			Dst: t.rows + driver.Pointer(int64(from)*first.stride), Src: c.listed,
			Size: int64(to-from) * first.stride,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// gather copies rows of the card to one place.
func (c *otherCard) gather(rows []int) error {
	if err := c.device.Upload(c.list, bytesOfWords(rows)); err != nil {
		return err
	}
	return c.device.pass(func() error { return c.share.gatherRows(c.listed, c.list, len(rows)) })
}

// projectedSquares implements projector. The cards take turns, so that the host adds the sums of all rows in
// order.
func (s *spreadRows) projectedSquares(b, c multiplier, sums driver.Pointer) (sum float64, err error) {
	first := s.shares[0]
	if err := first.addProjected(&sum, b, c, sums); err != nil {
		return 0, err
	}
	for _, other := range s.others {
		if err := other.addProjected(&sum, first, b, c); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

// addProjected adds ‖BᵀA_iC‖_F² of each row of the card to sum. B and C are on the first card.
func (c *otherCard) addProjected(sum *float64, first *rowOperator, left, right multiplier) (err error) {
	bring := func(x *multiplier, rows int) error {
		if x.at == 0 {
			return nil
		}
		data := make([]byte, 8*rows*x.cols)
		if err := first.Download(data, x.at); err != nil {
			return err
		}
		at, err := c.device.Alloc(int64(len(data)))
		if err != nil {
			return err
		}
		x.at = at
		return c.device.Upload(at, data)
	}
	before := [2]driver.Pointer{left.at, right.at}
	defer func() {
		for i, x := range []multiplier{left, right} {
			if x.at != before[i] {
				c.device.giveBack(x.at, &err)
			}
		}
	}()
	if err := bring(&left, c.share.n1); err != nil {
		return err
	}
	if err := bring(&right, c.share.n2); err != nil {
		return err
	}
	sums, err := c.device.Alloc(8 * projectionSums(left.cols, right.cols))
	if err != nil {
		return err
	}
	defer c.device.giveBack(sums, &err)
	return c.device.pass(func() error { return c.share.addProjected(sum, left, right, sums) })
}

// squares implements operator. The residuals of all rows come together on the first card, so that they are
// added as on one card.
func (s *spreadRows) squares(dst []float64) error {
	first := s.shares[0]
	if err := s.gatherResiduals(len(dst)); err != nil {
		return err
	}
	return first.readSquares(dst, first.sums, s.gathered, s.m, first.loss)
}

// gatherResiduals brings the residuals of all rows together on the first card.
func (s *spreadRows) gatherResiduals(members int) error {
	return s.gather(s.gathered, members, func(c *otherCard) *rowOperator { return c.share }, s.shares[0])
}

// gather brings the residuals that an operator of each card has together on the first card.
func (s *spreadRows) gather(
	to driver.Pointer, members int, of func(c *otherCard) *rowOperator, first *rowOperator,
) error {
	at := func(member int, o *rowOperator) driver.Pointer {
		return to + driver.Pointer(8*(member*s.m+o.begin))
	}
	for b := range members {
		from := first.res + driver.Pointer(8*b*first.m)
		if err := first.Copy(at(b, first), from, int64(8*first.m)); err != nil {
			return err
		}
	}
	for _, c := range s.others {
		o := of(c)
		var pieces []driver.Piece
		for b := range members {
			pieces = append(pieces, driver.Piece{
				Dst: at(b, o), Src: o.res + driver.Pointer(8*b*o.m), Size: int64(8 * o.m),
			})
		}
		if err := s.carry(first.device, c.device, pieces...); err != nil {
			return err
		}
	}
	return nil
}

// apply implements operator. The other cards' values take the place of their residuals on the way.
func (s *spreadRows) apply(p, l, r driver.Pointer, cols int) error {
	first := s.shares[0]
	if err := first.liftAll(solver.F64, []part{{l: l, r: r, cols: cols}}); err != nil {
		return err
	}
	if err := s.sendZ(solver.F64, 1); err != nil {
		return err
	}
	err := s.onAll(
		func(c *otherCard) error { return c.share.measure(c.share.res) },
		func(o *rowOperator) error { return o.measure(p) })
	if err != nil {
		return err
	}
	for _, c := range s.others {
		err := s.carry(first.device, c.device, driver.Piece{
			Dst: p + driver.Pointer(8*c.share.begin), Src: c.share.res, Size: int64(8 * c.share.m),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// adjointMul implements operator. The other cards' weights take the place of their residuals.
func (s *spreadRows) adjointMul(
	dst, w driver.Pointer, trans bool, x driver.Pointer, cols int,
) error {
	err := s.send(func(c *otherCard) driver.Pointer { return c.share.res }, w)
	if err != nil {
		return err
	}
	err = s.onAll(
		func(c *otherCard) error { return c.share.weighted(c.share.res) },
		func(o *rowOperator) error { return o.weighted(w) })
	if err != nil {
		return err
	}
	if err := s.sum(solver.F64, 1); err != nil {
		return err
	}
	return s.shares[0].pullAll(solver.F64, []part{{cols: cols, pulls: []pull{{trans, x, 1, dst}}}})
}
