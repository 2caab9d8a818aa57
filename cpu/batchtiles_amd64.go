package cpu

import (
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// avx2Decoders has the loops that decode entries, by an entry's zero value. Signs have another order of sums.
var avx2Decoders = map[any]decoderPair{
	float64(0):           {decodeF64DoubleAVX2, decodeF64SingleAVX2},
	float32(0):           {decodeF32DoubleAVX2, decodeF32SingleAVX2},
	sensing.BF16Entry(0): {decodeBF16DoubleAVX2, decodeBF16SingleAVX2},
	sensing.Q8Entry(0):   {decodeQ8Double, decodeQ8Single},
}

// decoderPair is the loop that decodes entries in both arithmetics.
type decoderPair struct {
	double blockDecoder[float64]
	single blockDecoder[float32]
}

// newBatchKernel returns the batch kernel of an entry type for the given instruction set. AVX-512 has none,
// since its loops for four members are as fast up to 48 members.
func newBatchKernel[E sensing.Entry, F number](simd SIMD) (k batchKernel[F]) {
	decode, ok := avx2Decoders[*new(E)]
	if simd != AVX2 || !ok {
		return k
	}
	switch k := any(&k).(type) {
	case *batchKernel[float64]:
		*k = batchKernel[float64]{8, tile6x8DoubleAVX2, tile4x8DoubleAVX2, decode.double, fetch}
	case *batchKernel[float32]:
		*k = batchKernel[float32]{16, tile6x16SingleAVX2, tile4x16SingleAVX2, decode.single, fetch}
	}
	return k
}

// decodeQ8Single is the blockDecoder of q8 entries in f32.
func decodeQ8Single(numbers *float32, stride int, rows *[blockRows][]byte, from, to int) {
	all := unsafe.Slice(numbers, (blockRows-1)*stride+to-from)
	for j, row := range rows {
		decodeQ8AVX2(&all[j*stride], &row[from], to-from)
	}
}

// decodeQ8Double is the blockDecoder of q8 entries in f64.
func decodeQ8Double(numbers *float64, stride int, rows *[blockRows][]byte, from, to int) {
	var singles [blockRows * batchStrip]float32
	decodeQ8Single(&singles[0], batchStrip, rows, from, to)
	var decoded block[float32]
	for j := range decoded {
		decoded[j] = singles[j*batchStrip:][:batchStrip]
	}
	decodeF32DoubleAVX2(numbers, stride, rawRows(&decoded), 0, to-from)
}
