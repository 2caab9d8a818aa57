package sensing

import "fmt"

// Ensemble is a set of measurement matrices A_1 … A_m: their number, their space and the law that they are
// drawn by. The package's observation models say how observations follow from ⟨A_i, M*⟩. An Ensemble is a
// short description; an engine chooses what to keep in memory.
//
// How an engine reads an ensemble depends on the ensemble's further methods. If the measurements are rows of
// K entries, the ensemble is a [Rows], and a [RowSource] of exactly one entry type. The other ensembles
// ([Completion], [RankOne], [Pauli]) have a structure, and an engine knows each by its type.
type Ensemble interface {
	// Name is the ensemble's name in flags and files, for example gaussian, completion or dense.
	// `matsense list` names all.
	Name() string
	// Space is the space of the measurement matrices.
	Space() Space
	// Measurements is m.
	Measurements() int
}

// Rows is an ensemble whose measurements are rows of K entries.
type Rows interface {
	Ensemble
	// Entries names the number format in which the entries are defined.
	Entries() Entries
}

// Entries names the number format of an ensemble's entries. The format is part of the problem: the rounded
// entries are the ensemble.
type Entries string

// The formats.
const (
	F64   Entries = "f64"  // IEEE double precision
	F32   Entries = "f32"  // IEEE single precision
	BF16  Entries = "bf16" // the upper half of a single-precision number
	Q8    Entries = "q8"   // 256 levels of the normal distribution at unit variance, each a bf16 number
	Signs Entries = "sign" // ±1
)

// BF16Entry is a bfloat16 number: the upper 16 bits of a float32.
type BF16Entry uint16

// Q8Entry is the number of one of the 256 levels of the normal distribution; [Q8Levels] has their values.
type Q8Entry uint8

// SignWord holds 32 entries of ±1, the first in the least significant bit; a set bit is −1.
type SignWord uint32

// Entry is a Go type of the entries in a row.
type Entry interface {
	float64 | float32 | BF16Entry | Q8Entry | SignWord
}

// RowSource is a Rows whose measurement i is a row a_i of K entries of the type E.
type RowSource[E Entry] interface {
	Rows
	// Row writes row i, 0 ≤ i < m, to dst, whose length must be [RowLen] of K. Any number of goroutines may
	// call it, and every call for the same i gives the same bits.
	Row(i int, dst []E)
}

// RowsInMemory is a RowSource whose rows are in memory already, so that an engine can read them without a
// copy.
type RowsInMemory[E Entry] interface {
	RowSource[E]
	// Rows returns all rows, one after another. The caller must not change them.
	Rows() []E
}

// RowLen returns how many elements E hold a row of k entries: k, or ⌈k/32⌉ for packed signs.
func RowLen[E Entry](k int) int {
	if _, packed := any(*new(E)).(SignWord); packed {
		return (k + 31) / 32
	}
	return k
}

// EntryBits returns how many bits of memory one entry of a format takes.
func (e Entries) EntryBits() int {
	switch e {
	case F64:
		return 64
	case F32:
		return 32
	case BF16:
		return 16
	case Q8:
		return 8
	case Signs:
		return 1
	}
	panic("sensing: unknown entry format " + string(e))
}

// base is what all ensembles have.
type base struct {
	space Space
	m     int
}

func newBase(s Space, m int) (base, error) {
	return newBaseUpTo(MaxRowSide, s, m)
}

func newBaseUpTo(side int, s Space, m int) (base, error) {
	n1, n2 := s.Dims()
	if n1 < 1 || n2 < 1 || n1 > side || n2 > side {
		return base{}, fmt.Errorf("sensing: a %d × %d matrix cannot be measured: sides go from 1 to %d",
			n1, n2, side)
	}
	if m < 1 {
		return base{}, fmt.Errorf("sensing: the number of measurements must be positive, got %d", m)
	}
	return base{s, m}, nil
}

// MaxRowSide bounds the sides of matrices that are measured by rows of entries, so that one Philox row can
// index all their coordinates.
const MaxRowSide = 1 << 16

// Space implements [Ensemble].
func (b base) Space() Space { return b.space }

// Measurements implements [Ensemble].
func (b base) Measurements() int { return b.m }
