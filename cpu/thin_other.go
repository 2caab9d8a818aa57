//go:build !amd64 && !arm64

package cpu

// thinOf returns the loops in plain Go.
func thinOf(SIMD) ([]thinTile, packLoop) { return plainThin, packPlain }
