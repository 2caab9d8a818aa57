package cpu

import "github.com/matsense/matsense/sensing"

// available lists the instruction sets that this machine has, the best first. NEON is part of every arm64.
func available() []SIMD { return []SIMD{NEON, Off} }

// assembly has the vectors of each entry type, by the type's zero value.
var assembly = map[any]vectors{
	float64(0): {
		vector[float64]{dotF64DoubleNEON, addF64DoubleNEON, dotsF64DoubleNEON, addsF64DoubleNEON},
		vector[float32]{dotF64SingleNEON, addF64SingleNEON, dotsF64SingleNEON, addsF64SingleNEON},
	},
	float32(0): {
		vector[float64]{dotF32DoubleNEON, addF32DoubleNEON, dotsF32DoubleNEON, addsF32DoubleNEON},
		vector[float32]{dotF32SingleNEON, addF32SingleNEON, dotsF32SingleNEON, addsF32SingleNEON},
	},
	sensing.BF16Entry(0): {
		vector[float64]{dotBF16DoubleNEON, addBF16DoubleNEON, dotsBF16DoubleNEON, addsBF16DoubleNEON},
		vector[float32]{dotBF16SingleNEON, addBF16SingleNEON, dotsBF16SingleNEON, addsBF16SingleNEON},
	},
	sensing.SignWord(0): {
		vector[float64]{dot: dotSignsDoubleNEON, add: addSignsDoubleNEON},
		vector[float32]{dot: dotSignsSingleNEON, add: addSignsSingleNEON},
	},
}

// newKernel returns the kernel of an entry type for the given instruction set, which must be available.
func newKernel[E sensing.Entry, F number](simd SIMD) (k kernel[E, F]) {
	if simd == Off {
		return k
	}
	v := assembly[*new(E)]
	if _, q8 := any(*new(E)).(sensing.Q8Entry); q8 {
		k.decode, v = decodeQ8SingleNEON, assembly[float32(0)]
	}
	k.use(v, endingsNEON)
	return k
}

var endingsNEON = endings{
	ending[float64]{foldDoubleNEON, plusDoubleNEON}, ending[float32]{foldSingleNEON, plusSingleNEON},
}
