package cpu

//go:generate go -C ../internal/asm run ./hadamard -out ../../cpu/hadamard_amd64.s -stubs ../../cpu/hadamard_amd64.go -pkg cpu

// transformOf returns the Walsh–Hadamard transform of an instruction set.
func transformOf(simd SIMD) func(v []float64) {
	switch simd {
	case AVX512:
		return orTransform(8, transformAVX512)
	case AVX2:
		return orTransform(4, transformAVX2)
	}
	return transform
}

// orTransform returns assembly for vectors that fill a register, and plain Go for shorter ones.
func orTransform(lanes int, assembly func(v []float64)) func(v []float64) {
	return func(v []float64) {
		if len(v) < lanes {
			transform(v)
			return
		}
		assembly(v)
	}
}
