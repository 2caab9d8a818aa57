package cpu

// columnTilesOf returns the loops for one column of an instruction set.
func columnTilesOf(simd SIMD) columnTiles {
	if simd == Off {
		return columnTiles{}
	}
	return columnTiles{columnTile{48, column48AcrossAVX2}, columnTile{24, column24AlongAVX2}}
}

// tilesOf returns the tiles of an instruction set, the narrowest first.
func tilesOf(simd SIMD) []tile {
	switch simd {
	case AVX512:
		return []tile{
			{8, 4, gemm8x4AVX2, gemm1x4AVX2}, // every machine with AVX-512 has AVX2
			{8, 8, gemm8x8AVX512, gemm1x8AVX512},
			{8, 16, gemm8x16AVX512, gemm1x16AVX512},
			{8, 24, gemm8x24AVX512, gemm1x24AVX512},
		}
	case AVX2:
		return []tile{
			{8, 4, gemm8x4AVX2, gemm1x4AVX2},
			{4, 8, gemm4x8AVX2, gemm1x8AVX2},
			{4, 12, gemm4x12AVX2, gemm1x12AVX2},
		}
	}
	return plainTiles
}
