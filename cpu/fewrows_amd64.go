package cpu

import "github.com/matsense/matsense/sensing"

// fewRowsAssembly has the loops of fewRows for the formats whose speed memory bounds. The parts' sizes are
// those that were fastest.
var fewRowsAssembly = map[any]struct {
	count int
	sets  map[SIMD]vectors
}{
	float64(0): {2, map[SIMD]vectors{
		AVX512: {
			vector[float64]{dot: dot2F64DoubleAVX512, add: add2F64DoubleAVX512},
			vector[float32]{dot: dot2F64SingleAVX512, add: add2F64SingleAVX512},
		},
		AVX2: {
			vector[float64]{dot: dot2F64DoubleAVX2, add: add2F64DoubleAVX2},
			vector[float32]{dot: dot2F64SingleAVX2, add: add2F64SingleAVX2},
		},
	}},
	float32(0): {4, map[SIMD]vectors{
		AVX512: {
			vector[float64]{dot: dot4F32DoubleAVX512, add: add4F32DoubleAVX512},
			vector[float32]{dot: dot4F32SingleAVX512, add: add4F32SingleAVX512},
		},
		AVX2: {
			vector[float64]{dot: dot4F32DoubleAVX2, add: add4F32DoubleAVX2},
			vector[float32]{dot: dot4F32SingleAVX2, add: add4F32SingleAVX2},
		},
	}},
}

// newFewRows returns the kernel of an entry type for the given instruction set, if there is one.
func newFewRows[E sensing.Entry, F number](simd SIMD) (few fewRows[E, F]) {
	of := fewRowsAssembly[*new(E)]
	if v, ok := of.sets[simd]; ok {
		few.count = of.count
		few.use(v, endingsAVX2)
	}
	return few
}
