package cpu

// sparseOf returns the loops over observed entries of an instruction set.
func sparseOf(simd SIMD) sparse {
	if simd == Off {
		return plainSparse
	}
	return sparse{
		residuals: residualsNEON, weighted: weightedNEON, dots: dotsNEON, scatter: scatterNEON,
	}
}
