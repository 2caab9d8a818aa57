package cpu

//go:generate go -C ../internal/asm run ./arm64/hadamard -out ../../cpu/hadamard_arm64.s -stubs ../../cpu/hadamard_arm64.go

// transformOf returns the Walsh–Hadamard transform of an instruction set.
func transformOf(simd SIMD) func(v []float64) {
	if simd == Off {
		return transform
	}
	return func(v []float64) {
		if len(v) < 4 {
			transform(v)
			return
		}
		transformNEON(v)
	}
}
