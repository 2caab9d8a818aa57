package cpu

// pauliLoopsOf returns the loops of an instruction set.
func pauliLoopsOf(simd SIMD) pauliLoops {
	switch simd {
	case AVX512:
		return pauliLoops{orTransform(8, transformAVX512), rowDotsAVX2, rowAddsAVX2} // it has AVX2, too
	case AVX2:
		return pauliLoops{orTransform(4, transformAVX2), rowDotsAVX2, rowAddsAVX2}
	}
	return plainPauliLoops
}
