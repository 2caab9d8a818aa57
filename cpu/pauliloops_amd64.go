package cpu

// mostColumns is the most columns with which two blocks of rows, of L and R, stay in a core's first cache: 16
// KB. Wider factors take less time row by row.
const mostColumns = 32

// pauliLoopsOf returns the loops of an instruction set.
func pauliLoopsOf(simd SIMD) pauliLoops {
	loops := pauliLoops{dots: rowDotsAVX2, adds: rowAddsAVX2, columns: mostColumns}
	switch simd {
	case AVX512: // it has AVX2, too
		loops.transform = orTransform(8, transformAVX512)
		loops.columnDots, loops.columnAdds = columnDotsAVX512, columnAddsAVX512
	case AVX2:
		loops.transform = orTransform(4, transformAVX2)
		loops.columnDots, loops.columnAdds = columnDotsAVX2, columnAddsAVX2
	default:
		return plainPauliLoops
	}
	return loops
}
