package cpu

import (
	"context"
	"time"

	"github.com/matsense/matsense/sensing"
)

// GeneratedIsFaster finds out, in about a tenth of a second, whether steps take less time when this ensemble's rows are
// made as they are needed than when they are read from memory. It times a gradient over some of the rows in both storages.
func (b Backend) GeneratedIsFaster(e sensing.Ensemble) bool {
	o, err := b.options()
	if err != nil {
		return false
	}
	if _, brought := e.(sensing.RowsInMemory[float64]); brought {
		return false
	}
	switch source := e.(type) {
	case sensing.RowSource[sensing.Q8Entry]:
		return generatedIsFaster(source, o)
	case sensing.RowSource[sensing.SignWord]:
		return generatedIsFaster(source, o)
	}
	return false // to make a normal deviate takes many times longer than to read one
}

func generatedIsFaster[E sensing.Entry](source sensing.RowSource[E], o options) bool {
	if o.precision == F64 {
		return raceStorages[E, float64](source, o)
	}
	return raceStorages[E, float32](source, o)
}

// raceStorages times passes over the first rows, more of them than caches hold where there are so many, in turn.
func raceStorages[E sensing.Entry, F number](source sensing.RowSource[E], o options) bool {
	const bytes, rounds = 64 << 20, 3
	space := source.Space()
	row := max(1, space.K()*source.Entries().EntryBits()/8)
	some := firstRows[E]{source, min(source.Measurements(), max(1, bytes/row))}
	shares := []*share[F]{newShare[F](space.K(), o.workers)}
	y := make([]float64, some.count)
	var times [2]time.Duration // the least
	var storages [2]contraction[E, F]
	for i := range storages {
		r, err := newRows(context.Background(), sensing.RowSource[E](some), i == 0, o.workers)
		if err != nil {
			return false
		}
		storages[i] = newContraction[E, F](r, o)
	}
	for range rounds {
		for i := range storages {
			began := time.Now()
			storages[i].pass(y, shares)
			if took := time.Since(began); times[i] == 0 || took < times[i] {
				times[i] = took
			}
		}
	}
	return times[1] < times[0]
}

// firstRows is an ensemble's first rows.
type firstRows[E sensing.Entry] struct {
	sensing.RowSource[E]
	count int
}

// Measurements implements [sensing.Ensemble].
func (f firstRows[E]) Measurements() int { return f.count }
