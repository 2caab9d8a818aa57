package cpu

import "github.com/matsense/matsense/sensing"

// fewRowsAssembly has the loops of fewRows for the formats whose speed memory bounds.
var fewRowsAssembly = map[any]struct {
	count int
	vectors
}{
	float64(0): {2, vectors{
		vector[float64]{dot: dot2F64DoubleNEON, add: add2F64DoubleNEON},
		vector[float32]{dot: dot2F64SingleNEON, add: add2F64SingleNEON},
	}},
	float32(0): {4, vectors{
		vector[float64]{dot: dot4F32DoubleNEON, add: add4F32DoubleNEON},
		vector[float32]{dot: dot4F32SingleNEON, add: add4F32SingleNEON},
	}},
}

// newFewRows returns the kernel of an entry type for the given instruction set, if there is one.
func newFewRows[E sensing.Entry, F number](simd SIMD) (few fewRows[E, F]) {
	v, ok := fewRowsAssembly[*new(E)]
	if simd == Off || !ok {
		return few
	}
	few.count = v.count
	few.use(v.vectors, endingsNEON)
	return few
}
