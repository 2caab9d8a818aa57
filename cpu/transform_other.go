//go:build !amd64 && !arm64

package cpu

// transformOf returns the Walsh–Hadamard transform in plain Go.
func transformOf(SIMD) func(v []float64) { return transform }
