package cpu

//go:generate go -C ../internal/asm run ./contract -out ../../cpu/contract_amd64.s -stubs ../../cpu/contract_amd64.go -pkg cpu

import (
	"math"

	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/sensing"
)

// available lists the instruction sets that this machine has, the best first.
func available() []SIMD {
	var have []SIMD
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VBMI {
		have = append(have, AVX512)
	}
	if x.HasAVX2 && x.HasFMA {
		have = append(have, AVX2)
	}
	return append(have, Off)
}

// vectors is the assembly in both arithmetics.
type vectors struct {
	double vector[float64]
	single vector[float32]
}

// assembly has the vectors of each entry type, by the type's zero value.
var assembly = map[any]map[SIMD]vectors{
	float64(0): {
		AVX512: {
			vector[float64]{dotF64DoubleAVX512, addF64DoubleAVX512, dotsF64DoubleAVX512, addsF64DoubleAVX512},
			vector[float32]{dotF64SingleAVX512, addF64SingleAVX512, dotsF64SingleAVX512, addsF64SingleAVX512},
		},
		AVX2: {
			vector[float64]{dotF64DoubleAVX2, addF64DoubleAVX2, dotsF64DoubleAVX2, addsF64DoubleAVX2},
			vector[float32]{dotF64SingleAVX2, addF64SingleAVX2, dotsF64SingleAVX2, addsF64SingleAVX2},
		},
	},
	float32(0): {
		AVX512: {
			vector[float64]{dotF32DoubleAVX512, addF32DoubleAVX512, dotsF32DoubleAVX512, addsF32DoubleAVX512},
			vector[float32]{dotF32SingleAVX512, addF32SingleAVX512, dotsF32SingleAVX512, addsF32SingleAVX512},
		},
		AVX2: {
			vector[float64]{dotF32DoubleAVX2, addF32DoubleAVX2, dotsF32DoubleAVX2, addsF32DoubleAVX2},
			vector[float32]{dotF32SingleAVX2, addF32SingleAVX2, dotsF32SingleAVX2, addsF32SingleAVX2},
		},
	},
	sensing.BF16Entry(0): {
		AVX512: {
			vector[float64]{
				dotBF16DoubleAVX512, addBF16DoubleAVX512, dotsBF16DoubleAVX512, addsBF16DoubleAVX512,
			},
			vector[float32]{
				dotBF16SingleAVX512, addBF16SingleAVX512, dotsBF16SingleAVX512, addsBF16SingleAVX512,
			},
		},
		AVX2: {
			vector[float64]{dotBF16DoubleAVX2, addBF16DoubleAVX2, dotsBF16DoubleAVX2, addsBF16DoubleAVX2},
			vector[float32]{dotBF16SingleAVX2, addBF16SingleAVX2, dotsBF16SingleAVX2, addsBF16SingleAVX2},
		},
	},
	sensing.Q8Entry(0): {
		AVX512: {
			vector[float64]{dotQ8DoubleAVX512, addQ8DoubleAVX512, dotsQ8DoubleAVX512, addsQ8DoubleAVX512},
			vector[float32]{dotQ8SingleAVX512, addQ8SingleAVX512, dotsQ8SingleAVX512, addsQ8SingleAVX512},
		},
		AVX2: {
			vector[float64]{dotQ8DoubleAVX2, addQ8DoubleAVX2, dotsQ8DoubleAVX2, addsQ8DoubleAVX2},
			vector[float32]{dotQ8SingleAVX2, addQ8SingleAVX2, dotsQ8SingleAVX2, addsQ8SingleAVX2},
		},
	},
	sensing.SignWord(0): {
		AVX512: {
			vector[float64]{dot: dotSignsDoubleAVX512, add: addSignsDoubleAVX512},
			vector[float32]{dot: dotSignsSingleAVX512, add: addSignsSingleAVX512},
		},
		AVX2: {
			vector[float64]{dot: dotSignsDoubleAVX2, add: addSignsDoubleAVX2},
			vector[float32]{dot: dotSignsSingleAVX2, add: addSignsSingleAVX2},
		},
	},
}

// newKernel returns the kernel of an entry type for the given instruction set, which must be available.
func newKernel[E sensing.Entry, F number](simd SIMD) kernel[E, F] {
	v := assembly[*new(E)][simd]
	switch k := any(new(kernel[E, F])).(type) {
	case *kernel[E, float64]:
		k.vector, k.sums = v.double, sumsOf[float64](simd)
		return any(*k).(kernel[E, F])
	case *kernel[E, float32]:
		k.vector, k.sums = v.single, sumsOf[float32](simd)
		return any(*k).(kernel[E, F])
	}
	panic("cpu: unknown arithmetic")
}

// The tables of q8 levels that the assembly reads.
var (
	q8Levels  = sensing.Q8Levels
	q8Singles = singles()
	q8Planes  = planes()
)

func singles() (singles [256]float32) {
	for k, v := range q8Levels {
		singles[k] = float32(v)
	}
	return singles
}

// planes returns the bytes of the upper half of the levels, as singles, by significance, the lowest first.
func planes() (planes [4][128]byte) {
	for k := range 128 {
		for p := range planes {
			planes[p][k] = byte(math.Float32bits(q8Singles[128+k]) >> (8 * p))
		}
	}
	return planes
}
