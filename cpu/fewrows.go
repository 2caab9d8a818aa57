package cpu

import (
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// fewRows is a kernel for the first count rows of a block alone. A block of long rows is taken a few rows at
// a time: each part's dot products, then its accumulation, while these rows are in cache. Dot products of
// different rows do not meet, and an accumulation adds the rows in order, so the parts give the bits of the
// whole. The zero value is without such a kernel. Batches have none: their members share the decoding of
// eight rows.
type fewRows[E sensing.Entry, F number] struct {
	count int // divides blockRows
	kernel[E, F]
}

// keptBytes is how many bytes of rows a core's own cache keeps between the two halves of the pass. Such
// caches have 256 KB to 2 MB, which z and the partial sum use as well.
const keptBytes = 512 << 10

// fewRowsOf returns the kernel of an entry type for the given instruction set if eight rows of so many
// elements take more than keptBytes.
func fewRowsOf[E sensing.Entry, F number](simd SIMD, length int) fewRows[E, F] {
	if blockRows*length*int(unsafe.Sizeof(*new(E))) <= keptBytes {
		return fewRows[E, F]{}
	}
	return newFewRows[E, F](simd)
}

// visitFew is visit for a single member, a few rows at a time.
func (w *passing[E, F]) visitFew(worker, partial, first, count int) {
	p := w.passes[0]
	var squares float64
	for at := 0; at < count; at += w.fewRows.count {
		part := min(w.fewRows.count, count-at)
		h := w.loaded(worker, first+at, part)
		h.z[0], h.acc[0] = p.z, p.acc[partial]
		w.fewRows.dot(h, 1)
		squares = p.weigh(squares, &h.c[0], h.p[0][:part], w.y, first+at)
		w.fewRows.add(h, 1)
	}
	p.partialSquares[partial] += squares
}
