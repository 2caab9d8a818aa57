package cpu

import "math"

// pauliLoopsOf returns the loops of an instruction set. NEON takes factors of any width by columns.
func pauliLoopsOf(simd SIMD) pauliLoops {
	if simd == Off {
		return plainPauliLoops
	}
	return pauliLoops{
		transform: orTransform(4, transformNEON),
		columns:   math.MaxInt, columnDots: columnDotsNEON, columnAdds: columnAddsNEON,
	}
}
