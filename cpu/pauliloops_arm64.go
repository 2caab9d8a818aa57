package cpu

// pauliLoopsOf returns the loops of an instruction set. NEON takes rows one by one, as plain Go does.
func pauliLoopsOf(simd SIMD) pauliLoops {
	if simd == Off {
		return plainPauliLoops
	}
	return pauliLoops{transform: orTransform(4, transformNEON)}
}
