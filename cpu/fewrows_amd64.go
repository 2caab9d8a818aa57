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
func newFewRows[E sensing.Entry, F number](simd SIMD) fewRows[E, F] {
	few := fewRowsAssembly[*new(E)]
	v, ok := few.sets[simd]
	if !ok {
		return fewRows[E, F]{}
	}
	k := kernel[E, F]{sums: sumsOf[F](simd)}
	switch to := any(&k.vector).(type) {
	case *vector[float64]:
		*to = v.double
	case *vector[float32]:
		*to = v.single
	}
	return fewRows[E, F]{few.count, k}
}
