package cpu

//go:generate go -C ../internal/asm run ./sparse -out ../../cpu/sparse_amd64.s -stubs ../../cpu/sparse_amd64.go -pkg cpu

// sparseOf returns the loops over observed entries of an instruction set.
func sparseOf(simd SIMD) sparse {
	switch simd {
	case AVX512:
		return sparse{residualsAVX512, weightedAVX512, dotsAVX512, scatterAVX512}
	case AVX2:
		return sparse{residualsAVX2, weightedAVX2, dotsAVX2, scatterAVX2}
	}
	return plainSparse
}
