package main

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/matsense/matsense/sensing"
)

// The problem's constants, besides its sizes. With this size of iterates UUᵀ and the truth contribute alike
// to the residuals, so that an error in either is visible.
const (
	entriesSeed = 1
	truthSeed   = 1
	startSize   = 0.3
)

// ensembleKey is what an ensemble depends on in this program.
type ensembleKey struct {
	entries sensing.Entries
	n, m    int
}

func (k ensembleKey) ensemble() (sensing.Ensemble, error) {
	if k.entries == sensing.Signs {
		return sensing.NewRademacher(sensing.Sym{N: k.n}, k.m, entriesSeed)
	}
	return sensing.NewGaussian(sensing.Sym{N: k.n}, k.m, k.entries, entriesSeed)
}

// rowsInMemory is a source with all its rows. A backend reads these rows in place, as it reads user data, so
// that engines of several arithmetics share them.
type rowsInMemory[E sensing.Entry] struct {
	sensing.RowSource[E]
	rows   []E
	length int // of a row
}

// Rows implements [sensing.RowsInMemory].
func (r rowsInMemory[E]) Rows() []E { return r.rows }

// Row implements [sensing.RowSource].
func (r rowsInMemory[E]) Row(i int, dst []E) { copy(dst, r.rows[i*r.length:(i+1)*r.length]) }

// inMemory makes all rows of an ensemble and keeps them in memory.
func inMemory(e sensing.Ensemble) sensing.Ensemble {
	switch e := e.(type) {
	case sensing.RowSource[float64]:
		return makeRows(e)
	case sensing.RowSource[float32]:
		return makeRows(e)
	case sensing.RowSource[sensing.BF16Entry]:
		return makeRows(e)
	case sensing.RowSource[sensing.Q8Entry]:
		return makeRows(e)
	case sensing.RowSource[sensing.SignWord]:
		return makeRows(e)
	}
	return e
}

func makeRows[E sensing.Entry](source sensing.RowSource[E]) rowsInMemory[E] {
	m, length := source.Measurements(), sensing.RowLen[E](source.Space().K())
	r := rowsInMemory[E]{source, make([]E, m*length), length}
	var wait sync.WaitGroup
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < m; i = int(next.Add(1)) - 1 {
				source.Row(i, r.rows[i*length:(i+1)*length])
			}
		})
	}
	wait.Wait()
	return r
}

// decode appends the rows i with from ≤ i < to as numbers, in svec coordinates.
func decode(numbers []float64, e sensing.Ensemble, from, to int) ([]float64, error) {
	if from < 0 || to <= from || to > e.Measurements() {
		return numbers, fmt.Errorf("rows go from 0 to %d, got %d to %d", e.Measurements(), from, to)
	}
	switch e := e.(type) {
	case sensing.RowSource[float64]:
		return decodeRows(numbers, e, from, to, float[float64]), nil
	case sensing.RowSource[float32]:
		return decodeRows(numbers, e, from, to, float[float32]), nil
	case sensing.RowSource[sensing.BF16Entry]:
		return decodeRows(numbers, e, from, to, number[sensing.BF16Entry]), nil
	case sensing.RowSource[sensing.Q8Entry]:
		return decodeRows(numbers, e, from, to, number[sensing.Q8Entry]), nil
	case sensing.RowSource[sensing.SignWord]:
		return decodeRows(numbers, e, from, to, sign), nil
	}
	return numbers, fmt.Errorf("the %s ensemble has no rows", e.Name())
}

// float returns entry k of a row of f32 or f64.
func float[E float32 | float64](row []E, k int) float64 { return float64(row[k]) }

// number returns entry k of a row of bf16 or q8.
func number[E interface{ Float64() float64 }](row []E, k int) float64 { return row[k].Float64() }

// sign returns entry k of a row of signs: bit 0 is +1, bit 1 is −1.
func sign(row []sensing.SignWord, k int) float64 { return 1 - 2*float64(row[k/32]>>(k%32)&1) }

// decodeRows appends the rows i with from ≤ i < to; value returns entry k of a row.
func decodeRows[E sensing.Entry](
	numbers []float64, source sensing.RowSource[E], from, to int, value func(row []E, k int) float64,
) []float64 {
	count := source.Space().K()
	row := make([]E, sensing.RowLen[E](count))
	numbers = slices.Grow(numbers, (to-from)*count)
	for i := from; i < to; i++ {
		source.Row(i, row)
		for k := range count {
			numbers = append(numbers, value(row, k))
		}
	}
	return numbers
}
