package cpu

// columnTilesOf returns no loops for one column: the narrowest tile takes it.
func columnTilesOf(SIMD) columnTiles { return columnTiles{} }

// tilesOf returns the tiles of an instruction set, the narrowest first.
func tilesOf(simd SIMD) []tile {
	if simd == Off {
		return plainTiles
	}
	return []tile{{8, 4, gemm8x4NEON, gemm1x4NEON}, {6, 8, gemm6x8NEON, gemm1x8NEON}}
}
