//go:build !amd64 && !arm64

package cpu

// columnTilesOf returns no loops for one column: the narrowest tile takes it.
func columnTilesOf(SIMD) columnTiles { return columnTiles{} }

// tilesOf returns the tiles in plain Go.
func tilesOf(SIMD) []tile { return plainTiles }
