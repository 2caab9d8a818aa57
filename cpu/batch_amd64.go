package cpu

import (
	"math"

	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/sensing"
)

// batchEntries has what depends on the entries, by an entry's zero value. Signs have another order of sums.
// Measurements on Zen 4 and Zen 5 found the least members of a group.
var batchEntries = map[any]map[SIMD]batchEntry{
	float64(0): {
		AVX512: {decodeF64DoubleAVX512, decodeF64SingleAVX512, 24, never},
		AVX2:   {decodeF64DoubleAVX2, decodeF64SingleAVX2, 12, 12},
	},
	float32(0): {
		AVX512: {decodeF32DoubleAVX512, decodeF32SingleAVX512, 24, never},
		AVX2:   {decodeF32DoubleAVX2, decodeF32SingleAVX2, 12, 12},
	},
	sensing.BF16Entry(0): {
		AVX512: {decodeBF16DoubleAVX512, decodeBF16SingleAVX512, 32, never},
		AVX2:   {decodeBF16DoubleAVX2, decodeBF16SingleAVX2, 8, 8},
	},
	sensing.Q8Entry(0): {
		AVX512: {decodeQ8DoubleAVX512, decodeQ8SingleAVX512, 8, 16},
		AVX2:   {decodeQ8DoubleAVX2, decodeQ8SingleAVX2, 16, 16},
	},
}

const never = math.MaxInt // the least members of a group where no group is faster

// batchEntry is the loops that decode entries, and the least members of a group: on most processors, and on
// those that halve the registers of AVX-512.
type batchEntry struct {
	double        decoder[float64]
	single        decoder[float32]
	least, halved int
}

// halvesRegisters says whether the processor takes a register of 512 bits in two halves, as Zen 4 does. Its
// multiply-adds then take so long that a group's fewer loads gain nothing. Zen 4 is the processor that
// converts to bf16 in AVX-512 and lacks the later AVX-VNNI, besides Intel's rare Cooper Lake.
var halvesRegisters = cpu.X86.HasAVX512BF16 && !cpu.X86.HasAVXVNNI

// newBatchKernel returns the batch kernel of an entry type for the given instruction set.
func newBatchKernel[E sensing.Entry, F number](simd SIMD) (k batchKernel[F]) {
	e, ok := batchEntries[*new(E)][simd]
	if !ok {
		return k
	}
	if k.least = e.least; halvesRegisters {
		k.least = e.halved
	}
	k.registerBytes, k.panelRows, k.tileRows, k.tileRegisters = 32, 24, 3, 3
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
