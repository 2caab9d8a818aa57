package cpu

//go:generate go -C ../internal/asm run ./product -out ../../cpu/product_amd64.s -stubs ../../cpu/product_amd64.go -pkg cpu

// tilesOf returns the tiles of the given instructions, the narrowest first.
func tilesOf(simd SIMD) []tile {
	switch simd {
	case AVX512:
		return []tile{
			{8, 4, product8x4AVX2, product1x4AVX2}, // every machine with AVX-512 has it
			{8, 8, product8x8AVX512, product1x8AVX512},
			{8, 16, product8x16AVX512, product1x16AVX512},
			{8, 24, product8x24AVX512, product1x24AVX512},
		}
	case AVX2:
		return []tile{
			{8, 4, product8x4AVX2, product1x4AVX2},
			{4, 8, product4x8AVX2, product1x8AVX2},
			{4, 12, product4x12AVX2, product1x12AVX2},
		}
	}
	return plainTiles
}
