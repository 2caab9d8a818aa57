package cpu

//go:generate go -C ../internal/asm run ./arm64/hadamard -out ../../cpu/hadamard_arm64.s -stubs ../../cpu/hadamard_arm64.go

// pauliLoopsOf returns the loops of an instruction set. NEON takes rows one by one, as plain Go does.
func pauliLoopsOf(simd SIMD) pauliLoops {
	if simd == Off {
		return plainPauliLoops
	}
	return pauliLoops{transform: orTransform(4, transformNEON)}
}
