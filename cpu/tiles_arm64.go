package cpu

// tilesOf returns the tiles of an instruction set, the narrowest first.
func tilesOf(SIMD) []tile { return plainTiles }
