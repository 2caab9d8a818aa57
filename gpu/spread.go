package gpu

import (
	"context"
	"errors"
	"fmt"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// spreadRows is the operator of rows that several cards share. Each card has whole parts of sum_chunks, so g
// is the sum of the cards' sums, in the same order as on one card. lift and pullback run on the first card.
// In a step z goes from the first card to the others, and their sums come back; both go through the host, K
// numbers each. Every card has its work in its queue before the host waits for one.
type spreadRows struct {
	shares []*rowOperator // of each card, the first one's first
	others []*otherCard   // all cards but the first
	m      int

	arrived  driver.Pointer // on the first card: each member's g of each card
	gathered driver.Pointer // on the first card: the residuals of all rows
	told     bool           // the others have their observations
	host     []byte         // what goes from one card to another
}

// otherCard is a card that holds some of the rows and does nothing else.
type otherCard struct {
	Card
	share  *rowOperator
	device *device // nil before connect and after close
	taken  []driver.Pointer
	y      driver.Pointer // the observations of the card's rows
}

// spread plans the operator of rows on all cards of a backend. l is the layout without chunks.
func spread(r request, l rowLayout, ensemble sensing.Rows) (operator, error) {
	l.cards = 1 + len(r.backend.Others)
	if l.cards > chunkParts || chunkParts%l.cards != 0 {
		return nil, fmt.Errorf("gpu: rows can be shared by 2, 4 or 8 GPUs, got %d: %w", l.cards,
			solver.ErrUnsupported)
	}
	if r.needs.Draws {
		return nil, fmt.Errorf("gpu: mini-batches run on one GPU, name one device: %w", solver.ErrUnsupported)
	}
	if _, layered := r.par.(solver.Layered); layered {
		return nil, fmt.Errorf("gpu: the parametrization %s runs on one GPU, name one device: %w",
			r.par.Name(), solver.ErrUnsupported)
	}
	chunks := len(chunkStarts(l.all, l.slabs)) - 1
	if chunks < l.cards {
		return nil, fmt.Errorf("gpu: %d rows of %d coordinates are %d chunks, too few for %d GPUs: "+
			"name fewer devices: %w", l.all, l.k, chunks, l.cards, solver.ErrUnsupported)
	}
	s := &spreadRows{m: l.all}
	for card := range l.cards {
		mine := l
		mine.card = card
		if card > 0 {
			mine.setDevice(r.backend.Others[card-1].Info)
			mine.setEntries(l.entries) // whose kernel depends on the device
		}
		mine.shareRows(r.backend.tileRows)
		mine.shareLists(r.backend.tileRows)
		share := &rowOperator{rowLayout: mine, ensemble: ensemble}
		s.shares = append(s.shares, share)
		if card > 0 {
			s.others = append(s.others, &otherCard{Card: r.backend.Others[card-1], share: share})
		}
	}
	return s, nil
}

// buffers implements operator: those of the first card.
func (s *spreadRows) buffers() []buffer {
	first := s.shares[0]
	members := int64(first.members)
	return append(first.buffers(),
		buffer{"sums of cards", members * int64(len(s.shares)) * int64(first.kp) * 8, &s.arrived},
		buffer{"residuals of all rows", members * int64(s.m) * 8, &s.gathered})
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
	return append(c.share.buffers(), buffer{"observations", int64(c.share.m) * 8, &c.y})
}

// bytes is the memory that the card needs, the card-th of the others.
func (s *spreadRows) bytes(card int) (sum float64) {
	for _, b := range s.others[card].buffers() {
		sum += float64(b.bytes)
	}
	return sum
}

// connect opens the others. Their work is interrupted as that of the first card is.
func (s *spreadRows) connect(first *device) error {
	interrupted := func() error {
		if first.interrupted == nil {
			return nil
		}
		return first.interrupted()
	}
	for _, c := range s.others {
		if name := s.shares[0].info.Name; name != c.Info.Name {
			first.tell(fmt.Sprintf("%s and %s share the rows evenly: the slower one bounds each step", name,
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
		c.device = &device{Device: opened, notice: first.notice, interrupted: interrupted}
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
	for _, name := range c.share.kernels() {
		if c.device.kernels[name] != nil {
			continue
		}
		k, err := c.device.Load(name, kernels.Get(name).Text)
		if err != nil {
			return fmt.Errorf("gpu: load %s on device %d: %w", name, info.Index, err)
		}
		c.device.kernels[name] = k
	}
	return c.device.pass(func() error { return c.share.fill(ctx, c.device) })
}

// fill implements operator.
func (s *spreadRows) fill(ctx context.Context, d *device) error {
	for card, c := range s.others {
		if err := c.prepare(ctx, s.bytes(card)); err != nil {
			return err
		}
	}
	return s.shares[0].fill(ctx, d)
}

// exchanged is the host's place for so many bytes on their way. A copy is done with it when its call returns,
// so all copies use the same place.
func (s *spreadRows) exchanged(size int) []byte {
	if size > len(s.host) {
		s.host = make([]byte, size)
	}
	return s.host[:size]
}

// send copies numbers from the first card to the same place of each other card: of count numbers for each
// member, those from the first row of a card on.
func (s *spreadRows) send(to func(c *otherCard) driver.Pointer, from driver.Pointer) error {
	first := s.shares[0]
	for _, c := range s.others {
		data := s.exchanged(8 * c.share.m)
		if err := first.Download(data, from+driver.Pointer(8*c.share.begin)); err != nil {
			return err
		}
		if err := c.device.Upload(to(c), data); err != nil {
			return err
		}
	}
	return nil
}

// sendZ copies z of so many members from the first card to the others.
func (s *spreadRows) sendZ(precision solver.Precision, members int) error {
	first := s.shares[0]
	data := s.exchanged(int(first.offset(precision, members)))
	if err := first.Download(data, first.z); err != nil {
		return err
	}
	for _, c := range s.others {
		if err := c.device.Upload(c.share.z, data); err != nil {
			return err
		}
	}
	return nil
}

// sum adds the cards' g, in the order of sum_chunks: the sum of a card is one chunk.
func (s *spreadRows) sum(precision solver.Precision, members int) error {
	first, cards := s.shares[0], len(s.shares)
	size := int64(first.offset(precision, 1))
	at := func(member, card int) driver.Pointer {
		return s.arrived + driver.Pointer(int64(member*cards+card)*size)
	}
	for b := range members {
		if err := first.Copy(at(b, 0), first.g+first.offset(precision, b), size); err != nil {
			return err
		}
	}
	data := s.exchanged(members * int(size))
	for i, c := range s.others {
		if err := c.device.Download(data, c.share.g); err != nil {
			return err
		}
		for b := range members {
			if err := first.Upload(at(b, i+1), data[int64(b)*size:][:size]); err != nil {
				return err
			}
		}
	}
	return first.sumOf(precision, members, s.arrived, 0, cards, cards)
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

// squares implements operator. The residuals of all rows come together on the first card, so that they are
// added as on one card.
func (s *spreadRows) squares(dst []float64) error {
	first := s.shares[0]
	at := func(member int, o *rowOperator) driver.Pointer {
		return s.gathered + driver.Pointer(8*(member*s.m+o.begin))
	}
	for b := range dst {
		from := first.res + driver.Pointer(8*b*first.m)
		if err := first.Copy(at(b, first), from, int64(8*first.m)); err != nil {
			return err
		}
	}
	for _, c := range s.others {
		m := c.share.m
		data := s.exchanged(8 * m * len(dst))
		if err := c.device.Download(data, c.share.res); err != nil {
			return err
		}
		for b := range dst {
			if err := first.Upload(at(b, c.share), data[8*b*m:][:8*m]); err != nil {
				return err
			}
		}
	}
	return first.readSquares(dst, first.sums, s.gathered, s.m)
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
		data := s.exchanged(8 * c.share.m)
		if err := c.device.Download(data, c.share.res); err != nil {
			return err
		}
		if err := first.Upload(p+driver.Pointer(8*c.share.begin), data); err != nil {
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
