package cpu

import "github.com/matsense/matsense/sensing"

// contraction has the walks over rows of entries E in the arithmetic F.
type contraction[E sensing.Entry, F number] struct {
	*rows[E]
	kernel[E, F]
	fewRows         fewRows[E, F] // for rows so long that eight leave the cache
	batch           batchKernel[F]
	workspaces      []*workspace[E, F]      // one for each worker
	batchWorkspaces []*batchWorkspace[E, F] // one for each worker, if there is a group
	onePass         passing[E, F]
	arranged        []*memberPass[F] // the members that take part in a pass
	group           *group[F]        // those of them that are computed together; nil if there are none
	tall            int              // rows of a visit
}

func newContraction[E sensing.Entry, F number](r *rows[E], o options) contraction[E, F] {
	c := contraction[E, F]{
		rows: r, kernel: newKernel[E, F](o.simd), fewRows: fewRowsOf[E, F](o.simd, r.length),
		batch: newBatchKernel[E, F](o.simd), tall: blockRows,
	}
	for range r.workers {
		c.workspaces = append(c.workspaces, newWorkspace[E, F]())
	}
	return c
}

// loaded returns a worker's workspace with count rows in it, starting with row first.
func (c *contraction[E, F]) loaded(worker, first, count int) *workspace[E, F] {
	var rows block[E]
	c.load(worker, first, count, &rows)
	return c.holding(worker, rows)
}

// holding returns a worker's workspace with the given rows in it.
func (c *contraction[E, F]) holding(worker int, rows block[E]) *workspace[E, F] {
	h := c.workspaces[worker]
	h.rows, h.decoded.done = rows, 0
	return h
}

// memberPass is the data of one member of a batch in a pass.
type memberPass[F number] struct {
	z              []F       // coordinates of Z, or of Z − Z₀ with an anchor, in strips: see write
	strip          int       // coordinates of a strip; K if the member goes alone
	apart          int       // from a strip to the next
	g              []float64 // result: coordinates of G, K; of G − G₀ with an anchor
	loss           loss
	squares        float64   // result: Σ 2ρ(res_i), which is Σ res_i² for the squared loss
	res            []float64 // result, if not nil: the m residuals
	from           *anchor   // the anchor; nil if there is none
	unit           float64   // with an anchor: the power of 2 in which z and g fit the range of F
	acc            [][]F     // the partial sums of g, over a chunk each; nil in a group
	partialSquares []float64 // the partial sums of squares
}

// newMemberPass returns a member without z, which comes when passes are arranged.
func newMemberPass[F number](k, workers int) *memberPass[F] {
	return &memberPass[F]{g: make([]float64, k), partialSquares: make([]float64, partialCount(workers))}
}

// write sets z to unit·x.
func (p *memberPass[F]) write(x []float64, unit float64) {
	for from := 0; from < len(x); from += p.strip {
		z := p.z[from/p.strip*p.apart:]
		for k, v := range x[from:min(from+p.strip, len(x))] {
			z[k] = F(v * unit)
		}
	}
}

// partialSums returns k zeros for each partial sum of so many workers.
func partialSums[F number](k, workers int) [][]F {
	acc := make([][]F, partialCount(workers))
	for i := range acc {
		acc[i] = make([]F, k)
	}
	return acc
}

// dots does p_i = a_i·z.
func (c *contraction[E, F]) dots(p []float64, z []F) error {
	return c.dotsOfMany([][]float64{p}, [][]F{z})
}

// dotsOfMany does p[j]_i = a_i·z[j], reading each row once.
func (c *contraction[E, F]) dotsOfMany(p [][]float64, z [][]F) error {
	return c.walkIn(blockRows, len(p), nil, c.m, &dotProducts[E, F]{c, p, z})
}

// combine does g = Σ_i w_i a_i.
func (c *contraction[E, F]) combine(g []float64, w []F) error {
	clear(g)
	return c.walk(&combination[E, F]{c, g, w, partialSums[F](len(g), c.workers)})
}

// pass does p_i = a_i·z, res_i = p_i − y_i, g = 1/m · Σ ψ(res_i) a_i and Σ 2ρ(res_i) for every member of the
// arrangement, reading each row once. With an anchor, which only the squared loss has, it does
// res_i = res₀_i + p_i and g = 1/m · Σ p_i a_i.
func (c *contraction[E, F]) pass(y []float64) error {
	for _, p := range c.arranged {
		clear(p.g)
		p.squares = 0
	}
	c.onePass.contraction, c.onePass.y = c, y
	if c.group == nil {
		return c.walkIn(c.tall, len(c.arranged), nil, c.m, &c.onePass)
	}
	clear(c.group.sums)
	err := c.walkIn(c.tall, len(c.arranged), nil, c.m, &c.onePass)
	c.group.deliver()
	return err
}

// dotProducts is the walk of dotsOfMany.
type dotProducts[E sensing.Entry, F number] struct {
	*contraction[E, F]
	p [][]float64
	z [][]F
}

func (w *dotProducts[E, F]) begin(int) {}

func (w *dotProducts[E, F]) visit(worker, _, first, count int) {
	h := w.loaded(worker, first, count)
	for from := 0; from < len(w.z); {
		members := 1
		if len(w.z)-from >= together {
			members = together
		}
		copy(h.z[:members], w.z[from:])
		w.dot(h, members)
		for i := range members {
			copy(w.p[from+i][first:first+count], h.p[i][:])
		}
		from += members
	}
}

func (w *dotProducts[E, F]) done(int) {}

// combination is the walk of combine.
type combination[E sensing.Entry, F number] struct {
	*contraction[E, F]
	g   []float64
	w   []F
	acc [][]F // partial sums
}

func (w *combination[E, F]) begin(partial int) { clear(w.acc[partial]) }

func (w *combination[E, F]) visit(worker, partial, first, count int) {
	h := w.loaded(worker, first, count)
	c := &h.c[0]
	clear(c[:])
	copy(c[:count], w.w[first:])
	h.acc[0] = w.acc[partial]
	w.add(h, 1)
}

func (w *combination[E, F]) done(partial int) { w.ending.addTo(w.g, w.acc[partial]) }

// passing is the walk of pass.
type passing[E sensing.Entry, F number] struct {
	*contraction[E, F]
	y      []float64
	passes []*memberPass[F] // the members outside the group
}

func (w *passing[E, F]) begin(partial int) {
	for _, p := range w.arranged {
		p.partialSquares[partial] = 0
	}
	for _, p := range w.passes {
		clear(p.acc[partial])
	}
	if w.group != nil {
		w.group.fresh[partial] = true
	}
}

func (w *passing[E, F]) visit(worker, partial, first, count int) {
	switch {
	case w.group != nil:
		w.visitGroup(worker, partial, first, count)
		if len(w.passes) == 0 {
			return
		}
		for b, rows := range w.batchWorkspaces[worker].blocks {
			at := b * blockRows
			w.visitBlock(partial, w.holding(worker, rows), first+at, min(blockRows, count-at))
		}
	case w.fewRows.count > 0 && len(w.passes) == 1:
		w.visitFew(worker, partial, first, count)
	default:
		w.visitBlock(partial, w.loaded(worker, first, count), first, count)
	}
}

// visitBlock does the pass for the members outside the group, on up to eight rows, which h has.
func (w *passing[E, F]) visitBlock(partial int, h *workspace[E, F], first, count int) {
	for rest := w.passes; len(rest) > 0; {
		members := 1
		if len(rest) >= together {
			members = together
		}
		for i, p := range rest[:members] {
			h.z[i], h.acc[i] = p.z, p.acc[partial]
		}
		w.dot(h, members)
		for i, p := range rest[:members] {
			p.partialSquares[partial] += p.weigh(0, &h.c[i], h.p[i][:count], w.y, first)
		}
		w.add(h, members)
		rest = rest[members:]
	}
}

// weigh sets c to the weights in g of the rows of a block, from their dot products, which start with row
// first. The weights past the last row are zero. It returns squares + Σ 2ρ(res).
func (p *memberPass[F]) weigh(
	squares float64, c *[blockRows]F, dots, y []float64, first int,
) float64 {
	clear(c[len(dots):])
	scale := 1 / F(len(y))
	for j, v := range dots {
		var res float64
		if p.from == nil {
			r := F(v) - F(y[first+j])
			res = float64(r)
			c[j] = F(p.loss.psi(res)) * scale
		} else {
			res, c[j] = p.from.res[first+j]+float64(v*p.unit), F(v)*scale
		}
		squares += p.loss.square(res)
		if p.res != nil {
			p.res[first+j] = res
		}
	}
	return squares
}

func (w *passing[E, F]) done(partial int) {
	for _, p := range w.passes {
		w.ending.addTo(p.g, p.acc[partial])
	}
	if w.group != nil {
		w.group.addTo(partial, w.ending)
	}
	for _, p := range w.arranged {
		p.squares += p.partialSquares[partial]
	}
}
