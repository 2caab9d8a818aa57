//go:build !amd64 && !arm64

package cpu

// tilesOf returns the tiles in plain Go.
func tilesOf(SIMD) []tile { return plainTiles }
