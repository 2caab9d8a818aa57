package cpu

//go:generate go -C ../internal/asm run ./batch -out ../../cpu/batch_amd64.s -stubs ../../cpu/batch_amd64.go -pkg cpu

import "github.com/matsense/matsense/sensing"

// The tiles of each instruction set, the widest first.
var (
	doubleTiles = map[SIMD][]batchTile[float64]{
		AVX512: {
			{width: 24, rows: 8, loop: tile8x24DoubleAVX512},
			{width: 16, rows: 8, loop: tile8x16DoubleAVX512},
			{width: 8, rows: 8, loop: tile8x8DoubleAVX512},
		},
		AVX2: {
			{width: 8, rows: 6, loop: tile6x8DoubleAVX2, four: tile4x8DoubleAVX2},
			{width: 4, rows: 8, loop: tile8x4DoubleAVX2},
		},
	}
	singleTiles = map[SIMD][]batchTile[float32]{
		AVX512: {
			{width: 48, rows: 8, loop: tile8x48SingleAVX512},
			{width: 32, rows: 8, loop: tile8x32SingleAVX512},
			{width: 16, rows: 8, loop: tile8x16SingleAVX512},
		},
		AVX2: {
			{width: 16, rows: 6, loop: tile6x16SingleAVX2, four: tile4x16SingleAVX2},
			{width: 8, rows: 8, loop: tile8x8SingleAVX2},
		},
	}
)

// decoders has the loops that decode entries, by an entry's zero value.
var decoders = map[any]map[SIMD]decoderPair{
	float64(0): {
		AVX512: {decodeF64DoubleAVX512, decodeF64SingleAVX512},
		AVX2:   {decodeF64DoubleAVX2, decodeF64SingleAVX2},
	},
	float32(0): {
		AVX512: {decodeF32DoubleAVX512, decodeF32SingleAVX512},
		AVX2:   {decodeF32DoubleAVX2, decodeF32SingleAVX2},
	},
	sensing.BF16Entry(0): {
		AVX512: {decodeBF16DoubleAVX512, decodeBF16SingleAVX512},
		AVX2:   {decodeBF16DoubleAVX2, decodeBF16SingleAVX2},
	},
	sensing.Q8Entry(0): {
		AVX512: {decodeQ8DoubleAVX512, decodeQ8SingleAVX512},
		AVX2:   {decodeQ8DoubleAVX2, decodeQ8SingleAVX2},
	},
}

// decoderPair is the loop that decodes entries in both arithmetics.
type decoderPair struct {
	double blockDecoder[float64]
	single blockDecoder[float32]
}

// newBatchKernel returns the batch kernel of an entry type for the given instruction set.
func newBatchKernel[E sensing.Entry, F number](simd SIMD) batchKernel[F] {
	decode := decoders[*new(E)][simd]
	var k batchKernel[F]
	switch k := any(&k).(type) {
	case *batchKernel[float64]:
		k.tiles, k.decode = doubleTiles[simd], decode.double
	case *batchKernel[float32]:
		k.tiles, k.decode = singleTiles[simd], decode.single
	}
	if k.decode == nil {
		return batchKernel[F]{}
	}
	return k
}
