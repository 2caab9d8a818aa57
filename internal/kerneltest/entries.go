package kerneltest

import (
	"encoding/binary"
	"math"

	"github.com/matsense/matsense/sensing"
)

// formats are the entry formats, called E in the heads.
var formats = []sensing.Entries{sensing.F64, sensing.F32, sensing.BF16, sensing.Q8, sensing.Signs}

// rowBytes is the least stride of rows of k entries, a multiple of 32.
func rowBytes(f sensing.Entries, k int) int { return over(k*f.EntryBits(), 256) * 32 }

// rows are rows of entries as in memory.
type rows struct {
	format           sensing.Entries
	count, k, stride int
	data             []byte
	levels           []float64 // of q8; nil for other formats
}

// newRows returns rows of a stream from row number first on, with gap more bytes between them than necessary,
// and zeros past the k-th entry.
func newRows(f sensing.Entries, s sensing.Stream, first uint64, count, k, gap int) *rows {
	r := &rows{format: f, count: count, k: k, stride: rowBytes(f, k) + gap}
	for i := range count {
		row := make([]byte, r.stride)
		copy(row, generated(f, s, first+uint64(i), k))
		r.data = append(r.data, row...)
	}
	if f == sensing.Q8 {
		r.levels = sensing.Q8Levels[:]
	}
	return r
}

// generated returns the entries of a row of a stream as the head of generate_E defines them, without padding.
func generated(f sensing.Entries, s sensing.Stream, row uint64, k int) []byte {
	var out []byte
	switch f {
	case sensing.Q8, sensing.Signs:
		for b := uint32(0); len(out)*8 < k*f.EntryBits(); b++ {
			for _, word := range s.Block(row, b) {
				out = binary.LittleEndian.AppendUint32(out, word)
			}
		}
		if f == sensing.Q8 {
			return out[:k]
		}
		out = out[:over(k, 8)]
		if k%8 != 0 {
			out[k/8] &= 1<<(k%8) - 1
		}
		return out
	}
	normals := make([]float64, k)
	s.Normals(row, normals)
	for _, x := range normals {
		switch f {
		case sensing.F64:
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(x))
		case sensing.F32:
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(x)))
		case sensing.BF16:
			out = binary.LittleEndian.AppendUint16(out, bf16(float32(x)))
		}
	}
	return out
}

// bf16 rounds a finite number to the nearest bfloat16, ties to even.
func bf16(x float32) uint16 {
	b := math.Float32bits(x)
	upper, rest := uint16(b>>16), b&0xFFFF
	if rest > 0x8000 || rest == 0x8000 && upper&1 == 1 {
		upper++
	}
	return upper
}

// set changes an entry of f64, f32 or bf16.
func (r *rows) set(i, j int, v float64) {
	row := r.data[i*r.stride:]
	switch r.format {
	case sensing.F64:
		binary.LittleEndian.PutUint64(row[8*j:], math.Float64bits(v))
	case sensing.F32:
		binary.LittleEndian.PutUint32(row[4*j:], math.Float32bits(float32(v)))
	case sensing.BF16:
		binary.LittleEndian.PutUint16(row[2*j:], bf16(float32(v)))
	default:
		panic("kerneltest: entries of " + string(r.format) + " are not set one by one")
	}
}

// at returns an entry; in every format the entries are double-precision numbers.
func (r *rows) at(i, j int) float64 {
	row := r.data[i*r.stride:]
	switch r.format {
	case sensing.F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(row[8*j:]))
	case sensing.F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(row[4*j:])))
	case sensing.BF16:
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(row[2*j:])) << 16))
	case sensing.Q8:
		return r.levels[row[j]]
	default:
		if row[j/8]>>(j%8)&1 == 1 {
			return -1
		}
		return 1
	}
}

// otherLevels gives q8 other levels; like its usual levels, they are single-precision numbers.
func (r *rows) otherLevels() {
	r.levels = make([]float64, 256)
	for i, v := range random[float32](256, 9) {
		r.levels[i] = float64(v)
	}
}

// inT returns a row in the arithmetic of a kernel.
func inT[T number](r *rows, i int) []T {
	out := make([]T, r.k)
	for j := range out {
		out[j] = T(r.at(i, j))
	}
	return out
}

// buffer returns the rows as an argument.
func (r *rows) buffer() *buffer { return &buffer{data: r.data} }

// table returns the levels of q8 as an argument, nil for other formats, which do not read it.
func (r *rows) table() any {
	if r.levels == nil {
		return nil
	}
	return input(r.levels)
}

// slab is the most coordinates that a block of dots or contract handles; z, g and chunks are padded to a
// multiple of it.
const slab = 4096

// slabs is the number of slabs of k coordinates.
func slabs(k int) int { return over(k, slab) }
