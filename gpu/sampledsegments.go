package gpu

import (
	"context"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
)

// segmented is a sparse matrix on the host, in the layout that the kernels sampled_… read. A row is cut into
// segments of at most kernels.SampledSegment entries, so that warps have shares of about the same size
// however uneven the rows are. Rows of one segment come first, in order; then the longer rows. The layout
// follows from the positions alone, never from the device.
type segmented struct {
	columns []uint32 // of each entry
	entries []uint32 // the measurement of each entry, plus onDiagonal
	begin   []uint32 // the first entry of each segment, and the end of the last
	rows    []uint32 // of each segment
	firsts  []uint32 // of each longer row, and the end: its first segment among those of longer rows
	whole   int      // segments that are a whole row
}

// onDiagonal marks the entries that are on the diagonal of a symmetric matrix.
const onDiagonal = 1 << 31

// segment lays out the matrix with n rows whose entries have the rows and columns of one or two lists, in the
// order of measurements. The second list has the other sides of a symmetric matrix; an entry on its diagonal
// is in both lists and taken once. The order of measurements is by rows and then columns of the first list,
// so the columns of every row come out ascending.
func segment(n int, lists ...[2][]int32) *segmented {
	symmetric := len(lists) == 2
	each := func(do func(entry, row, col int32)) {
		for k := range lists[0][0] {
			for l, list := range lists {
				if row, col := list[0][k], list[1][k]; l == 0 || row != col {
					do(int32(k), row, col)
				}
			}
		}
	}
	counts := make([]uint32, n)
	each(func(_, row, _ int32) { counts[row]++ })
	s := &segmented{begin: []uint32{0}, firsts: []uint32{0}}
	next := make([]uint32, n) // the place of each row's next entry
	total := uint32(0)
	for _, long := range []bool{false, true} {
		for row, count := range counts {
			if count > kernels.SampledSegment != long {
				continue
			}
			next[row] = total
			for first := true; first || count > 0; first = false {
				size := min(count, kernels.SampledSegment)
				count, total = count-size, total+size
				s.begin, s.rows = append(s.begin, total), append(s.rows, uint32(row))
			}
			if long {
				s.firsts = append(s.firsts, uint32(len(s.rows)-s.whole))
			} else {
				s.whole++
			}
		}
	}
	s.columns, s.entries = make([]uint32, total), make([]uint32, total)
	each(func(entry, row, col int32) {
		at := next[row]
		next[row]++
		s.columns[at], s.entries[at] = uint32(col), uint32(entry)
		if symmetric && row == col {
			s.entries[at] |= onDiagonal
		}
	})
	return s
}

// segmentBounds are the most of everything that a matrix in segments can have. They follow from the numbers
// of its rows and entries alone, so that memory is planned without positions.
type segmentBounds struct {
	entries  int
	segments int
	parts    int // segments of longer rows
	long     int // longer rows
}

// boundSegments returns the bounds of a matrix. A longer row has more than S = kernels.SampledSegment
// entries, and ⌈c/S⌉ ≤ (c + S − 1)/S segments if it has c of them.
func boundSegments(rows, entries int) segmentBounds {
	const most = kernels.SampledSegment
	long := min(rows, entries/(most+1))
	return segmentBounds{entries, rows + entries/most, (entries + long*(most-1)) / most, long}
}

// side is a sparse matrix in segments on the device.
type side struct {
	bounds                                        segmentBounds
	count                                         int // entries
	segments, whole, long                         int // of the matrix; known after fill
	columns, entries, begin, rows, firsts, values driver.Pointer
}

// parts is the number of segments of longer rows.
func (s *side) parts() int { return s.segments - s.whole }

// buffers lists the memory of a side.
func (s *side) buffers(name string) []buffer {
	b := s.bounds
	return []buffer{
		{"columns of " + name, int64(b.entries) * 4, &s.columns},
		{"measurements of " + name, int64(b.entries) * 4, &s.entries},
		{"values of " + name, int64(b.entries) * 8, &s.values},
		{"segments of " + name, int64(b.segments+1) * 4, &s.begin},
		{"segments' rows of " + name, int64(b.segments) * 4, &s.rows},
		{"long rows of " + name, int64(b.long+1) * 4, &s.firsts},
	}
}

// upload copies a matrix to the device.
func (s *side) upload(ctx context.Context, d *device, m *segmented) error {
	s.count, s.segments, s.whole, s.long = len(m.columns), len(m.rows), m.whole, len(m.firsts)-1
	for _, list := range []struct {
		at      driver.Pointer
		numbers []uint32
	}{
		{s.columns, m.columns}, {s.entries, m.entries},
		{s.begin, m.begin}, {s.rows, m.rows}, {s.firsts, m.firsts},
	} {
		const most = 1 << 22 // numbers at a time
		for first := 0; first < len(list.numbers); first += most {
			if err := ctx.Err(); err != nil {
				return err
			}
			piece := bytesOfWords(list.numbers[first:min(first+most, len(list.numbers))])
			if err := d.Upload(list.at+driver.Pointer(4*first), piece); err != nil {
				return err
			}
		}
	}
	return nil
}
