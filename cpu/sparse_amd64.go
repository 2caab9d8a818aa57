package cpu

// narrowResiduals are the residuals of single widths, for AVX2, which every machine with AVX-512 has.
var narrowResiduals = []residualsLoop{
	residuals1AVX2, residuals2AVX2, residuals3AVX2, residuals4AVX2, residuals5AVX2, residuals6AVX2,
	residuals7AVX2, residuals8AVX2, residuals9AVX2, residuals10AVX2, residuals11AVX2, residuals12AVX2,
	residuals13AVX2, residuals14AVX2, residuals15AVX2, residuals16AVX2,
}

// sparseOf returns the loops over observed entries of an instruction set.
func sparseOf(simd SIMD) sparse {
	switch simd {
	case AVX512:
		return sparse{residualsAVX512, narrowResiduals, weightedAVX512, dotsAVX512, scatterAVX512}
	case AVX2:
		return sparse{residualsAVX2, narrowResiduals, weightedAVX2, dotsAVX2, scatterAVX2}
	}
	return plainSparse
}
