package sensing

//go:generate go run q8_generate.go

import (
	"fmt"
	"math"
	"unsafe"
)

// Gaussian is the Gaussian ensemble: the K entries of each a_i are independent N(0, 1) numbers, rounded to
// the format E. In a symmetric space the diagonal elements of A_i are N(0, 1) and the others N(0, 1/2), so
// that E⟨A_i, Z⟩² = ‖Z‖_F².
//
// Rows of f64, f32 and bf16 with the same seed are one draw, rounded to nearest, ties to even (bf16 from
// f32). q8 is another draw: byte j of a row's random words, in little-endian order, is the number of entry
// j's level. The variance of the [Q8Levels] is 1 + 8.7·10⁻⁵.
type Gaussian[E float64 | float32 | BF16Entry | Q8Entry] struct {
	base
	stream Stream
}

var (
	_ RowSource[float64]   = Gaussian[float64]{}
	_ RowSource[float32]   = Gaussian[float32]{}
	_ RowSource[BF16Entry] = Gaussian[BF16Entry]{}
	_ RowSource[Q8Entry]   = Gaussian[Q8Entry]{}
)

// NewGaussian returns the Gaussian ensemble of m measurements in a space: a Gaussian of the type that matches
// the entries' format.
func NewGaussian(s Space, m int, entries Entries, seed uint64) (Ensemble, error) {
	b, err := newBase(s, m)
	if err != nil {
		return nil, err
	}
	stream := NewStream(seed, EntriesStream)
	switch entries {
	case F64:
		return Gaussian[float64]{b, stream}, nil
	case F32:
		return Gaussian[float32]{b, stream}, nil
	case BF16:
		return Gaussian[BF16Entry]{b, stream}, nil
	case Q8:
		return Gaussian[Q8Entry]{b, stream}, nil
	}
	return nil, fmt.Errorf("sensing: gaussian entries are f64, f32, bf16 or q8, got %q", entries)
}

// Name implements [Ensemble].
func (Gaussian[E]) Name() string { return "gaussian" }

// Entries implements [Ensemble].
func (Gaussian[E]) Entries() Entries {
	switch any(*new(E)).(type) {
	case float64:
		return F64
	case float32:
		return F32
	case BF16Entry:
		return BF16
	default:
		return Q8
	}
}

// Stream returns the source of the entries' random words, so that a device can make the rows itself.
func (g Gaussian[E]) Stream() Stream { return g.stream }

// Row implements [RowSource].
func (g Gaussian[E]) Row(i int, dst []E) {
	row := uint64(i)
	switch dst := any(dst).(type) {
	case []float64:
		fillNormals(g.stream, row, dst)
	case []float32:
		fillNormals(g.stream, row, dst)
	case []BF16Entry:
		fillNormals(g.stream, row, dst)
	case []Q8Entry:
		fillQ8(g.stream, row, dst)
	}
}

// normalEntry is an entry that is a normal deviate, rounded.
type normalEntry interface{ float64 | float32 | BF16Entry }

// eachNormal is [fillNormals] in plain Go, deviate by deviate.
func eachNormal[E normalEntry](s Stream, row uint64, dst []E) {
	for b := uint32(0); len(dst) > 0; b++ {
		x, y := s.normals(row, b)
		dst[0] = roundNormal[E](x)
		if len(dst) == 1 {
			return
		}
		dst[1] = roundNormal[E](y)
		dst = dst[2:]
	}
}

// roundNormal rounds a deviate to the nearest entry, ties to even (bf16 by way of f32).
func roundNormal[E normalEntry](x float64) E {
	switch any(*new(E)).(type) {
	case float32:
		return E(float32(x))
	case BF16Entry:
		return E(roundBF16(float32(x)))
	default:
		return E(x)
	}
}

// fillQ8 fills dst with the bytes of a row, sixteen for each block.
func fillQ8(s Stream, row uint64, dst []Q8Entry) {
	done := s.writeBlocks(row, unsafe.Pointer(unsafe.SliceData(dst)), len(dst)/16)
	dst = dst[16*done:]
	for b := uint32(done); len(dst) > 0; b++ {
		x := s.Block(row, b)
		if len(dst) >= 16 {
			d := (*[16]Q8Entry)(dst)
			for w, v := range x {
				d[4*w], d[4*w+1] = Q8Entry(v), Q8Entry(v>>8)
				d[4*w+2], d[4*w+3] = Q8Entry(v>>16), Q8Entry(v>>24)
			}
			dst = dst[16:]
			continue
		}
		for j := range dst {
			dst[j] = Q8Entry(x[j/4] >> (8 * (j % 4)))
		}
		return
	}
}

// roundBF16 rounds a finite float32 to the nearest bfloat16, ties to even.
func roundBF16(x float32) BF16Entry {
	b := math.Float32bits(x)
	return BF16Entry((b + 0x7FFF + b>>16&1) >> 16)
}

// Float64 returns the entry's value.
func (e BF16Entry) Float64() float64 { return float64(math.Float32frombits(uint32(e) << 16)) }

// Float64 returns the entry's value, [Q8Levels][e].
func (e Q8Entry) Float64() float64 { return Q8Levels[e] }
