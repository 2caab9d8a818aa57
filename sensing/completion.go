package sensing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
)

// Completion is the ensemble of matrix completion: each measurement is one entry of the unknown matrix, times
// the square root of the number of coordinates,
//
//	⟨A_k, Z⟩ = √K·z_c = Unit(i, j)·Z_ij,    Unit(i, j) = √K, or √(2K) off the diagonal of Sym,
//
// for the coordinate c of position (i, j). Over all coordinates E⟨A, Z⟩² = ‖Z‖_F², as for Gaussian
// measurements, so that a step size means the same for both. Let Ω be the observed positions, with both
// (i, j) and (j, i) if the matrix is symmetric, and p = m/K. The objective is
//
//	f(U) = 1/(4p)·Σ_{(i,j) ∈ Ω} ((UUᵀ)_ij − M*_ij)²
//
// No position is observed twice. Positions are drawn when they are first asked for, and then take 8 bytes
// each. (Candès and Recht, Exact matrix completion via convex optimization, Foundations of Computational
// Mathematics 9 (2009).)
type Completion struct {
	base
	name      string
	positions func() (rows, cols []int32)
}

var _ Ensemble = &Completion{}

const (
	// MaxSide bounds the sides of matrices that are measured without rows of entries.
	MaxSide = 1 << 24
	// MaxReLUSide bounds the sides of matrices if every entry of the truth has to be computed.
	MaxReLUSide = 1 << 15
	// MaxObserved bounds the number of observed entries.
	MaxObserved = math.MaxInt32 / 2
)

// NewCompletion returns the ensemble that observes m of the K coordinates; all sets of m coordinates are
// equally likely. It draws the first m different coordinates of a stream, or, if K − m is smaller, the K − m
// coordinates to leave out. The probability of each coordinate is exact up to a relative error of K·2⁻⁶⁴.
func NewCompletion(s Space, m int, seed uint64) (*Completion, error) {
	b, err := newCompletionBase(s, m)
	if err != nil {
		return nil, err
	}
	draw := func() (rows, cols []int32) {
		k := s.K()
		coordinates := distinct(NewStream(seed, EntriesStream), uint64(k), min(m, k-m))
		if m > k-m {
			coordinates = complement(coordinates, uint64(k))
		}
		return positions(s, coordinates)
	}
	return &Completion{b, "completion", sync.OnceValues(draw)}, nil
}

// known returns a function that returns given positions, in the place of one that draws them.
func known(rows, cols []int32) func() (r, c []int32) {
	return func() ([]int32, []int32) { return rows, cols }
}

// NewReLUCompletion returns the ensemble that observes all entries of a truth that are at least a threshold,
// in units of the root mean square of all entries: with threshold 0 those that are not negative. The observed
// positions depend on the unknown. (Liu, Wang, Huang, Qu and Balzano, Symmetric Matrix Completion with ReLU
// Sampling, ICML 2024, arXiv 2406.05822.) The truth's entries are computed in a fixed order, so that the
// positions are the same on every machine.
func NewReLUCompletion(s Space, t *Truth, threshold float64) (*Completion, error) {
	m, err := ReLUMeasurements(s, t, threshold)
	if err != nil {
		return nil, err
	}
	b, err := newCompletionBase(s, m)
	if err != nil {
		return nil, err
	}
	rows, cols := make([]int32, 0, m), make([]int32, 0, m)
	least := t.threshold(s, threshold)
	t.eachEntry(s, func(i, j int, v float64) {
		if v >= least {
			rows, cols = append(rows, int32(i)), append(cols, int32(j))
		}
	})
	return &Completion{b, "relu-completion", known(rows, cols)}, nil
}

// ReLUMeasurements returns how many entries of a truth [NewReLUCompletion] observes.
func ReLUMeasurements(s Space, t *Truth, threshold float64) (m int, err error) {
	n1, n2 := s.Dims()
	if t1, t2 := t.Dims(); t1 != n1 || t2 != n2 {
		return 0, fmt.Errorf("sensing: the truth is %d × %d and the measurements are %d × %d", t1, t2, n1, n2)
	}
	if max(n1, n2) > MaxReLUSide {
		return 0, fmt.Errorf("sensing: a %d × %d truth has too many entries to compute: sides go up to %d",
			n1, n2, MaxReLUSide)
	}
	least := t.threshold(s, threshold)
	t.eachEntry(s, func(_, _ int, v float64) {
		if v >= least {
			m++
		}
	})
	return m, nil
}

// threshold returns a threshold in units of M*'s entries, from one in units of their root mean square.
func (t *Truth) threshold(s Space, of float64) float64 {
	if of == 0 {
		return 0
	}
	_, symmetric := s.(Sym)
	squares := 0.0
	t.eachEntry(s, func(i, j int, v float64) {
		square := float64(v * v) // not fused: the same bits on every machine
		if symmetric && i != j {
			square *= 2
		}
		squares += square
	})
	n1, n2 := t.Dims()
	return float64(of * math.Sqrt(squares/(float64(n1)*float64(n2))))
}

// Repeated is the error for a position that is given twice, by triplets First and Second.
type Repeated struct {
	Row, Col      int
	First, Second int
}

func (r *Repeated) Error() string {
	return fmt.Sprintf("sensing: the entry (%d, %d) is given twice, by triplets %d and %d",
		r.Row, r.Col, r.First, r.Second)
}

// CompletionOf returns the ensemble of given positions, in any order, and the observations y_k = Unit·value
// for the entries' given values. In a symmetric space (i, j) and (j, i) are the same position; both may be
// given if their values are equal. Any other position that is given twice is an error, a [Repeated].
func CompletionOf(s Space, rows, cols []int32, values []float64) (*Completion, []float64, error) {
	if len(cols) != len(rows) || len(values) != len(rows) {
		return nil, nil, fmt.Errorf("sensing: %d rows, %d columns and %d values are not triplets",
			len(rows), len(cols), len(values))
	}
	b, err := newBaseUpTo(MaxSide, s, len(rows))
	if err != nil {
		return nil, nil, err
	}
	c := &Completion{base: b, name: "completion"}
	order, err := c.sorted(rows, cols, values)
	if err != nil {
		return nil, nil, err
	}
	if c.base, err = newCompletionBase(s, len(order)); err != nil {
		return nil, nil, err
	}
	sortedRows, sortedCols := make([]int32, len(order)), make([]int32, len(order))
	y := make([]float64, len(order))
	for k, at := range order {
		i, j := c.upper(rows[at], cols[at])
		sortedRows[k], sortedCols[k] = i, j
		y[k] = c.Unit(int(i), int(j)) * values[at]
	}
	c.positions = known(sortedRows, sortedCols)
	return c, y, nil
}

// sorted checks triplets and returns their indices sorted by position, with each position once.
func (c *Completion) sorted(rows, cols []int32, values []float64) ([]int32, error) {
	n1, n2 := c.space.Dims()
	order := make([]int32, len(rows))
	for at := range order {
		order[at] = int32(at)
		if i, j := int(rows[at]), int(cols[at]); i < 0 || i >= n1 || j < 0 || j >= n2 {
			return nil, fmt.Errorf("sensing: triplet %d is the entry (%d, %d), and the matrix is %d × %d",
				at, i, j, n1, n2)
		}
	}
	position := func(at int32) (int32, int32) { return c.upper(rows[at], cols[at]) }
	order = byRow(order, n1, func(at int32) int32 { i, _ := position(at); return i })
	for from := 0; from < len(order); { // sort each row by columns; repetitions keep the order given
		row, _ := position(order[from])
		to := from + 1
		for ; to < len(order); to++ {
			if i, _ := position(order[to]); i != row {
				break
			}
		}
		slices.SortStableFunc(order[from:to], func(a, b int32) int {
			_, aj := position(a)
			_, bj := position(b)
			return cmp.Compare(aj, bj)
		})
		from = to
	}
	var repeated *Repeated
	order = slices.CompactFunc(order, func(later, before int32) bool {
		li, lj := position(later)
		if bi, bj := position(before); li != bi || lj != bj {
			return false
		}
		mirrored := rows[later] != rows[before]
		if repeated == nil && !(mirrored && values[later] == values[before]) {
			repeated = &Repeated{int(rows[later]), int(cols[later]), int(before), int(later)}
		}
		return true
	})
	if repeated != nil {
		return nil, repeated
	}
	return order, nil
}

// byRow returns triplets' indices sorted by row. Within a row they keep their order.
func byRow(places []int32, rows int, row func(at int32) int32) []int32 {
	begin := make([]int, rows+1)
	for _, at := range places {
		begin[row(at)+1]++
	}
	for i := range rows {
		begin[i+1] += begin[i]
	}
	out := make([]int32, len(places))
	for _, at := range places {
		out[begin[row(at)]] = at
		begin[row(at)]++
	}
	return out
}

// upper returns the representative of a position: in a symmetric space, the position on or above the
// diagonal.
func (c *Completion) upper(i, j int32) (int32, int32) {
	if _, symmetric := c.space.(Sym); symmetric && i > j {
		return j, i
	}
	return i, j
}

// Name implements [Ensemble].
func (c *Completion) Name() string { return c.name }

// Positions returns the row and the column of each measurement's entry, sorted by row and then by column. For
// symmetric matrices they lie on or above the diagonal. The caller must not change them.
func (c *Completion) Positions() (rows, cols []int32) { return c.positions() }

// Unit returns the factor √K or √(2K) by which the entry (i, j) is multiplied to give a measurement.
func (c *Completion) Unit(i, j int) float64 {
	k := float64(c.space.K())
	if _, symmetric := c.space.(Sym); symmetric && i != j {
		return math.Sqrt(2 * k)
	}
	return math.Sqrt(k)
}

func newCompletionBase(s Space, m int) (base, error) {
	b, err := newBaseUpTo(MaxSide, s, m)
	switch {
	case err != nil:
		return b, err
	case m > s.K():
		n1, n2 := s.Dims()
		return b, fmt.Errorf("sensing: %d entries of a %d × %d matrix cannot be observed: it has %d",
			m, n1, n2, s.K())
	case m > MaxObserved:
		return b, fmt.Errorf("sensing: at most %d entries can be observed, got %d", MaxObserved, m)
	}
	return b, nil
}

// complement returns the numbers below k that are not in some, which is in ascending order.
func complement(some []uint64, k uint64) []uint64 {
	rest := make([]uint64, 0, k-uint64(len(some)))
	from := uint64(0)
	for _, next := range append(some, k) {
		for ; from < next; from++ {
			rest = append(rest, from)
		}
		from = next + 1
	}
	return rest
}

// positions returns the rows and columns of coordinates in ascending order.
func positions(s Space, coordinates []uint64) (rows, cols []int32) {
	n1, n2 := s.Dims()
	_, symmetric := s.(Sym)
	rows, cols = make([]int32, len(coordinates)), make([]int32, len(coordinates))
	at := 0
	first, begin := 0, uint64(0) // the row's first column, and its coordinate
	for i := range n1 {
		if symmetric {
			first = i
		}
		end := begin + uint64(n2-first)
		for ; at < len(coordinates) && coordinates[at] < end; at++ {
			rows[at], cols[at] = int32(i), int32(uint64(first)+coordinates[at]-begin)
		}
		begin = end
	}
	return rows, cols
}
