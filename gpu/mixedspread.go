package gpu

import (
	"context"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// This file does mixed precision on several cards. The first card has the anchors. Each card contracts its
// rows in single precision. The sum over the chunks is one chain in f64, on one card as on several: a card
// goes on with the sum of the cards before it.

// chain has what a card needs to add its chunks to a sum: a list for each chunk, and the unit 1.
type chain struct{ lists, unit driver.Pointer }

// buffers lists the memory that a chain takes.
func (c *chain) buffers(single *rowOperator) []buffer {
	entries := int64(single.chunks.count() * single.members)
	return []buffer{
		{"lists of chunks", entries * int64(len(difference{}.words())*8), &c.lists},
		{"a unit", 16, &c.unit},
	}
}

// prepare uploads the lists: of each chunk an entry for each member, whose sum is at g.
func (c *chain) prepare(single, double *rowOperator) error {
	var list []difference
	count := single.chunks.count()
	for chunk := range count {
		for i := range single.members {
			sums := int64(i*count+chunk) * int64(single.kp) * 4
			g := double.g + double.offset(solver.F64, i)
			list = append(list, difference{
				chunks: single.chunkSums + driver.Pointer(sums), scale: c.unit, g0: g, g: g,
			})
		}
	}
	if err := single.Upload(c.unit, bytesOfNumbers([]float64{0, 1})); err != nil {
		return err
	}
	return single.Upload(c.lists, encode(list))
}

// add adds the chunks to the sums of so many members, one after another: anchor_sum with one chunk adds it to
// g0.
func (c *chain) add(single *rowOperator, members int) error {
	size := single.members * len(difference{}.words()) * 8
	for chunk := range single.chunks.count() {
		err := single.launch("anchor_sum", driver.Dim{blocks(single.k, 256), members, 1},
			driver.Dim{256, 1, 1}, driver.Ptr(c.lists+driver.Pointer(chunk*size)), driver.U32(single.k),
			driver.U32(single.kp), driver.U32(1), driver.F64(1))
		if err != nil {
			return err
		}
	}
	return nil
}

// mixedCard is what mixed precision needs on a card besides what f64 takes.
type mixedCard struct {
	single *rowOperator // shares the rows and the memory between them with the card's operator in f64
	chain  chain
}

// buffers lists the memory of a card, with that of its operator in f64.
func (c *mixedCard) buffers(double *rowOperator) []buffer {
	return append(sharedBuffers(c.single, double), c.chain.buffers(c.single)...)
}

// fill makes the rows of a card.
func (c *mixedCard) fill(ctx context.Context, d *device, double *rowOperator) error {
	if err := fillShared(ctx, d, c.single, double); err != nil {
		return err
	}
	return c.chain.prepare(c.single, double)
}

// sharedBuffers lists the buffers of two operators that share rows and the memory between them.
func sharedBuffers(single, double *rowOperator) []buffer {
	list := single.buffers()
	for i, other := range double.buffers() {
		if slices.Contains(separate, other.name) {
			list = append(list, other)
			continue
		}
		list[i].bytes = max(list[i].bytes, other.bytes)
	}
	return list
}

// fillShared makes the rows of two operators that share them.
func fillShared(ctx context.Context, d *device, single, double *rowOperator) error {
	shared := single.buffers()
	for i, b := range double.buffers() {
		if !slices.Contains(separate, b.name) {
			*b.at = *shared[i].at
		}
	}
	if err := single.fill(ctx, d); err != nil {
		return err
	}
	notice := d.notice
	d.notice = nil // single has told it
	defer func() { d.notice = notice }()
	return double.prepare(d)
}

// contractOnCards makes g and the residuals of a list, whose differences from anchors are on the first card.
func (o *mixedOperator) contractOnCards(list []difference) error {
	members := len(list)
	if err := o.cards.sendTo(func(c *otherCard) driver.Pointer { return c.mixed.single.z }, o.single.z,
		int64(o.single.offset(solver.F32, members))); err != nil {
		return err
	}
	contract := func(s *rowOperator) error {
		s.made = tile{}
		_, err := s.contractChunks(s.zeros, members)
		return err
	}
	err := o.cards.onAll(func(c *otherCard) error { return contract(c.mixed.single) },
		func(*rowOperator) error { return contract(o.single) })
	if err != nil {
		return err
	}
	if err := o.chainOnCards(members); err != nil {
		return err
	}
	units := make([]float64, 2*members)
	if err := o.downloadNumbers(units, o.measured); err != nil {
		return err
	}
	for i, d := range list {
		if err := o.combine(d.g, d.g, d.g, o.factor(), 0, o.double.k); err != nil {
			return err
		}
		if err := o.combine(d.g, d.g0, d.g, 1, units[2*i+1], o.double.k); err != nil {
			return err
		}
	}
	err = o.cards.gather(o.dots, members, func(c *otherCard) *rowOperator { return c.mixed.single }, o.single)
	if err != nil {
		return err
	}
	return o.addResiduals(list)
}

// chainOnCards makes the sums over the chunks of all cards, in g on the first card.
func (o *mixedOperator) chainOnCards(members int) error {
	size := int64(o.double.offset(solver.F64, members))
	if err := o.Fill(o.double.g, 0, size); err != nil {
		return err
	}
	if err := o.chain.add(o.single, members); err != nil {
		return err
	}
	before, sum := o.device, o.double.g
	for _, c := range o.cards.others {
		err := o.cards.carry(c.device, before, driver.Piece{Dst: c.share.g, Src: sum, Size: size})
		if err != nil {
			return err
		}
		err = c.device.pass(func() error { return c.mixed.chain.add(c.mixed.single, members) })
		if err != nil {
			return err
		}
		before, sum = c.device, c.share.g
	}
	return o.cards.carry(o.device, before, driver.Piece{Dst: o.double.g, Src: sum, Size: size})
}

// inDouble lets the operator in f64 use what it shares with that in single precision: generated rows that the
// other has made are gone, on all cards.
func (o *mixedOperator) inDouble() operator {
	o.turn(o.double)
	if o.cards == nil {
		return o.double
	}
	for _, c := range o.cards.others {
		c.share.made = tile{}
	}
	return o.cards
}
