package sensing

import "github.com/matsense/matsense/internal/simd"

// normalSteps are the blocks that a turn of NEON's loops takes, if the environment allows them, and 0 for
// plain Go.
func normalSteps() []int {
	if !simd.Allowed("neon") {
		return []int{0}
	}
	return []int{8, 0}
}

// normalWords writes the words of count blocks of a row, the first one's number given.
func (s Stream) normalWords(row uint64, first uint32, dst *uint32, count int) {
	philoxNEON(dst, count, first, uint32(row), uint32(row>>32), s.number, s.key[0], s.key[1])
}

// writeNormals writes the pairs of deviates of count blocks, whose words are given.
func writeNormals[E normalEntry](dst *E, words *uint32, count int) {
	switch dst := any(dst).(type) {
	case *float64:
		normalsF64NEON(dst, words, count)
	case *float32:
		normalsF32NEON(dst, words, count)
	case *BF16Entry:
		normalsBF16NEON((*uint16)(dst), words, count)
	}
}
