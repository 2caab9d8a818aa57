package cpu

//go:generate go -C asm run . -out ../contract_amd64.s -stubs ../contract_amd64.go -pkg cpu

import (
	"math"

	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/sensing"
)

// available lists what this machine has, the best first.
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

// newKernel returns the kernel of an entry type that uses the given instructions, which must be available.
func newKernel[E sensing.Entry, F number](simd SIMD) kernel[E, F] {
	var v any
	switch any(*new(E)).(type) {
	case float64:
		v = map[SIMD]vector[float64]{AVX512: {16, dotF64AVX512, addF64AVX512}, AVX2: {8, dotF64AVX2, addF64AVX2}}
	case float32:
		v = map[SIMD]vector[float64]{AVX512: {16, dotF32AVX512, addF32AVX512}, AVX2: {8, dotF32AVX2, addF32AVX2}}
	case sensing.BF16Entry:
		v = map[SIMD]vector[float64]{AVX512: {16, dotBF16AVX512, addBF16AVX512}, AVX2: {8, dotBF16AVX2, addBF16AVX2}}
	case sensing.Q8Entry:
		v = map[SIMD]vector[float64]{AVX512: {64, dotQ8AVX512, addQ8AVX512}, AVX2: {8, dotQ8AVX2, addQ8AVX2}}
	case sensing.SignWord:
		v = map[SIMD]vector[float64]{AVX512: {64, dotSignsAVX512, addSignsAVX512}, AVX2: {8, dotSignsAVX2, addSignsAVX2}}
	}
	variants, _ := v.(map[SIMD]vector[F])
	return kernel[E, F]{variants[simd]}
}

// The tables of q8's levels that the assembly reads.
var (
	q8Levels = sensing.Q8Levels
	q8Planes = planes()
)

// planes returns the bytes of the upper half of the levels as singles, the lowest bytes first.
func planes() (planes [4][128]byte) {
	for k := range 128 {
		for p := range planes {
			planes[p][k] = byte(math.Float32bits(float32(q8Levels[128+k])) >> (8 * p))
		}
	}
	return planes
}
