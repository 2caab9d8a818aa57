//go:build !amd64 && !arm64

package cpu

// pauliLoopsOf returns the loops in plain Go.
func pauliLoopsOf(SIMD) pauliLoops { return plainPauliLoops }
