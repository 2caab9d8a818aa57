package cpu

// thinOf returns the loops of an instruction set.
func thinOf(simd SIMD) ([]thinTile, packLoop) {
	eight := thinTile{8, []thinLoop{
		thin1x8AVX2, thin2x8AVX2, thin3x8AVX2, thin4x8AVX2, thin5x8AVX2, thin6x8AVX2,
	}}
	sixteen := thinTile{16, []thinLoop{
		thin1x16AVX512, thin2x16AVX512, thin3x16AVX512, thin4x16AVX512, thin5x16AVX512, thin6x16AVX512,
		thin7x16AVX512, thin8x16AVX512, thin9x16AVX512, thin10x16AVX512, thin11x16AVX512, thin12x16AVX512,
	}}
	switch simd {
	case AVX512:
		return []thinTile{sixteen, eight}, transpose8AVX2 // every machine with AVX-512 has AVX2
	case AVX2:
		return []thinTile{eight}, transpose8AVX2
	}
	return plainThin, packPlain
}
