package cpu

import (
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// batchEntries has what depends on the entries, by an entry's zero value. Signs have another order of sums.
var batchEntries = map[any]map[SIMD]batchEntry{
	float64(0): {
		AVX512: {decodeF64DoubleAVX512, decodeF64SingleAVX512, 24},
		AVX2:   {decodeF64DoubleAVX2, decodeF64SingleAVX2, 8},
	},
	float32(0): {
		AVX512: {decodeF32DoubleAVX512, decodeF32SingleAVX512, 24},
		AVX2:   {decodeF32DoubleAVX2, decodeF32SingleAVX2, 8},
	},
	sensing.BF16Entry(0): {
		AVX512: {decodeBF16DoubleAVX512, decodeBF16SingleAVX512, 32},
		AVX2:   {decodeBF16DoubleAVX2, decodeBF16SingleAVX2, 8},
	},
	sensing.Q8Entry(0): {
		AVX512: {decodeQ8DoubleAVX512, decodeQ8SingleAVX512, 8},
		AVX2:   {decodeQ8Double, decodeQ8Single, 16},
	},
}

// batchEntry is the loops that decode entries, and the least members of a group. Measurements found these.
type batchEntry struct {
	double blockDecoder[float64]
	single blockDecoder[float32]
	least  int
}

// newBatchKernel returns the batch kernel of an entry type for the given instruction set.
func newBatchKernel[E sensing.Entry, F number](simd SIMD) (k batchKernel[F]) {
	e, ok := batchEntries[*new(E)][simd]
	if !ok {
		return k
	}
	k.least, k.registerBytes, k.panelRows, k.tileRows, k.tileRegisters = e.least, 32, 24, 3, 3
	if simd == AVX512 {
		k.registerBytes, k.panelRows, k.tileRows, k.tileRegisters = 64, 16, 4, 6
	}
	k.fetch = fetch
	switch k := any(&k).(type) {
	case *batchKernel[float64]:
		if k.decode, k.dots, k.adds = e.double, dotsDoubleAVX2, addsDoubleAVX2; simd == AVX512 {
			k.dots, k.adds = dotsDoubleAVX512, addsDoubleAVX512
		}
	case *batchKernel[float32]:
		if k.decode, k.dots, k.adds = e.single, dotsSingleAVX2, addsSingleAVX2; simd == AVX512 {
			k.dots, k.adds = dotsSingleAVX512, addsSingleAVX512
		}
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
	const length = stripBytes / 8
	var singles [blockRows * length]float32
	decodeQ8Single(&singles[0], length, rows, from, to)
	var decoded block[float32]
	for j := range decoded {
		decoded[j] = singles[j*length:][:length]
	}
	decodeF32DoubleAVX2(numbers, stride, rawRows(&decoded), 0, to-from)
}
