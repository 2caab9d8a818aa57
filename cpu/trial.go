package cpu

import (
	"context"
	"time"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// GeneratedIsFaster finds out, in about a tenth of a second, whether steps take less time when this ensemble's rows are
// made as they are needed than when they are read from memory. It times a gradient over some of the rows in both storages.
func (b Backend) GeneratedIsFaster(e sensing.Ensemble) bool {
	if rows, ok := e.(sensing.Rows); !ok || rows.Entries().EntryBits() > 8 {
		return false // to make a normal deviate takes many times longer than to read one
	}
	var trials [2]*trial
	for i, storage := range []solver.Storage{solver.Memory, solver.Generated} {
		b.Storage = storage
		t, err := b.newTrial(e, 1)
		if err != nil {
			return false
		}
		trials[i] = t
	}
	for range rounds { // in turn, so that a noisy machine hurts both
		for _, t := range trials {
			t.run()
		}
	}
	return trials[1].best < trials[0].best
}

// Estimate estimates, in a few tenths of a second, how many seconds it takes to make this ensemble's rows, where they are to
// lie in memory, and then to go over them in a step of so many members. It times both on some of the rows, and returns 0
// where that cannot be done.
func (b Backend) Estimate(e sensing.Ensemble, members int) (making, step float64) {
	began := time.Now()
	t, err := b.newTrial(e, members)
	if err != nil {
		return 0, 0
	}
	made := time.Since(began)
	for range rounds {
		t.run()
	}
	each := float64(e.Measurements()) / float64(t.rows)
	return made.Seconds() * each, t.best.Seconds() * each
}

// rounds is how often a trial is run.
const rounds = 3

// trial is a pass over an ensemble's first rows: as many as fill more than caches hold, or fewer where making them takes long.
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

func (b Backend) newTrial(e sensing.Ensemble, members int) (*trial, error) {
	o, err := b.options()
	if err != nil {
		return nil, err
	}
	source, err := rowsOf(e)
	if err != nil {
		return nil, err
	}
	return source.newTrial(o, members)
}

func (s typed[E]) newTrial(o options, members int) (*trial, error) {
	if o.precision == solver.F64 {
		return newTrialIn[E, float64](s.rows, o, members)
	}
	return newTrialIn[E, float32](s.rows, o, members)
}

func newTrialIn[E sensing.Entry, F number](source sensing.RowSource[E], o options, members int) (*trial, error) {
	const mostBytes, mostNormals = 64 << 20, 4 << 20
	k, bits := source.Space().K(), source.Entries().EntryBits()
	count := mostBytes / max(1, k*bits/8) / (1 + members/8)
	if bits > 8 {
		count = min(count, mostNormals/k)
	}
	some := firstRows[E]{source, min(source.Measurements(), max(count, o.workers*leastChunk))}
	r, err := newRows(context.Background(), sensing.RowSource[E](some), o.storage != solver.Generated, o.workers)
	if err != nil {
		return nil, err
	}
	passes := make([]*memberPass[F], members)
	for i := range passes {
		passes[i] = newMemberPass[F](k, o.workers)
	}
	c, y := newContraction[E, F](r, o), make([]float64, some.count)
	return &trial{rows: some.count, pass: func() { c.pass(y, passes) }}, nil
}

// firstRows is an ensemble's first rows.
type firstRows[E sensing.Entry] struct {
	sensing.RowSource[E]
	count int
}

// Measurements implements [sensing.Ensemble].
func (f firstRows[E]) Measurements() int { return f.count }
