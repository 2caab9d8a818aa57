package cpu

//go:generate go -C ../internal/asm run ./sums -out ../../cpu/sums_amd64.s -stubs ../../cpu/sums_amd64.go -pkg cpu

// sumsOf returns the sums of an instruction set. Every machine with AVX-512 has AVX2.
func sumsOf[F number](simd SIMD) sums[F] {
	var s any
	switch any(*new(F)).(type) {
	case float64:
		s = sums[float64]{foldDoubleAVX2, plusDoubleAVX2}
	case float32:
		s = sums[float32]{foldSingleAVX2, plusSingleAVX2}
	}
	if simd == Off {
		s = sums[F]{}
	}
	return s.(sums[F])
}
