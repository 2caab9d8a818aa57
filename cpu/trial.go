package cpu

import (
	"context"
	"time"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// GeneratedIsFaster reports whether steps take less time if the rows of this ensemble are generated when
// needed than if they are read from memory. It times a gradient over some of the rows in both storages, in
// about a tenth of a second.
func (b Backend) GeneratedIsFaster(e sensing.Ensemble) bool {
	if rows, ok := e.(sensing.Rows); !ok || rows.Entries().EntryBits() > 8 {
		return false // generating a normal deviate takes many times longer than reading one
	}
	var trials [2]*trial
	for i, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		b.Storage = storage
		t, err := b.newTrial(context.Background(), e, 1)
		if err != nil {
			return false
		}
		trials[i] = t
	}
	for range rounds { // alternating, so that other load on the machine slows both
		for _, t := range trials {
			t.run()
		}
	}
	return trials[1].best < trials[0].best
}

// Estimate estimates the seconds that it takes to make the rows of this ensemble, if they are stored in
// memory, and then to take one step with so many members. It times both on some of the rows, in a few tenths
// of a second, and returns 0 if it cannot or if ctx is done before. If rows are as long as for n = 2000, it
// takes some seconds.
func (b Backend) Estimate(ctx context.Context, e sensing.Ensemble, members int) (making, step float64) {
	began := time.Now()
	t, err := b.newTrial(ctx, e, members)
	if err != nil {
		return 0, 0
	}
	made := time.Since(began)
	for range rounds {
		if t.run(); ctx.Err() != nil {
			return 0, 0
		}
	}
	each := float64(e.Measurements()) / float64(t.rows)
	return made.Seconds() * each, t.best.Seconds() * each
}

// rounds is how often a trial runs.
const rounds = 3

// trial is a pass over the first rows of an ensemble: more than caches hold, or fewer if making them takes
// long.
type trial struct {
	rows int
	pass func()
	best time.Duration // the least so far
}

func (t *trial) run() {
	began := time.Now()
	t.pass()
	if took := time.Since(began); t.best == 0 || took < t.best {
		t.best = took
	}
}

func (b Backend) newTrial(ctx context.Context, e sensing.Ensemble, members int) (*trial, error) {
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	o.stop = &interruption{ctx.Err}
	source, err := rowsOf(e)
	if err != nil {
		return nil, err
	}
	return source.newTrial(ctx, o, members)
}

func (s typed[E]) newTrial(ctx context.Context, o options, members int) (*trial, error) {
	if o.precision == solver.F64 {
		return newTrialIn[E, float64](ctx, s.rows, o, members)
	}
	return newTrialIn[E, float32](ctx, s.rows, o, members)
}

func newTrialIn[E sensing.Entry, F number](
	ctx context.Context, source sensing.RowSource[E], o options, members int,
) (*trial, error) {
	const mostBytes, mostNormals = 64 << 20, 4 << 20
	k, bits := source.Space().K(), source.Entries().EntryBits()
	count := mostBytes / max(1, k*bits/8) / (1 + members/8)
	if bits > 8 {
		count = min(count, mostNormals/k)
	}
	var some sensing.RowSource[E] = firstRows[E]{
		source, min(source.Measurements(), max(count, o.workers*leastChunk)),
	}
	r, err := newRows(ctx, some, o.storage != solver.Generated, o.workers)
	if err != nil {
		return nil, err
	}
	r.stop = o.stop
	passes := make([]*memberPass[F], members)
	for i := range passes {
		passes[i] = newMemberPass[F](k, o.workers)
	}
	c, y := newContraction[E, F](r, o), make([]float64, some.Measurements())
	c.arrange(passes)
	return &trial{rows: some.Measurements(), pass: func() { _ = c.pass(y) }}, nil
}

// firstRows is the first count rows of an ensemble.
type firstRows[E sensing.Entry] struct {
	sensing.RowSource[E]
	count int
}

// Measurements implements [sensing.Ensemble].
func (f firstRows[E]) Measurements() int { return f.count }
