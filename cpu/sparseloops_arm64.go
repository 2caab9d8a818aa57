package cpu

//go:generate go -C ../internal/asm run ./arm64/sparse -out ../../cpu/sparse_arm64.s -stubs ../../cpu/sparse_arm64.go

// sparseOf returns the loops over observed entries of an instruction set.
func sparseOf(simd SIMD) sparse {
	if simd == Off {
		return plainSparse
	}
	return sparse{
		residuals: residualsNEON, weighted: weightedNEON, dots: dotsNEON, scatter: scatterNEON,
	}
}
