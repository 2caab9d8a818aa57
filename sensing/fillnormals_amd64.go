package sensing

import (
	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/internal/simd"
)

// normalSteps are the blocks that a turn of each instruction set's loops takes.
const (
	normalStepAVX512 = 16
	normalStepAVX2   = 8
)

// normalSteps are those that this machine can run and the environment allows, the best first.
func normalSteps() (have []int) {
	if simd.Allowed("avx512") && cpu.X86.HasAVX512F {
		have = append(have, normalStepAVX512)
	}
	if simd.Allowed("avx2") && cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		have = append(have, normalStepAVX2)
	}
	return append(have, 0)
}

// normalWords writes the words of count blocks of a row, the first one's number given.
func (s Stream) normalWords(row uint64, first uint32, dst *uint32, count int) {
	low, high := uint32(row), uint32(row>>32)
	if normalStep == normalStepAVX512 {
		philoxAVX512(dst, count, first, low, high, s.number, s.key[0], s.key[1])
		return
	}
	philoxAVX2(dst, count, first, low, high, s.number, s.key[0], s.key[1])
}

// writeNormals writes the pairs of deviates of count blocks, whose words are given. The functions are called
// by their names, because arguments of a function in a variable would be allocated.
func writeNormals[E normalEntry](dst *E, words *uint32, count int) {
	wide := normalStep == normalStepAVX512
	switch dst := any(dst).(type) {
	case *float64:
		if wide {
			normalsF64AVX512(dst, words, count)
			return
		}
		normalsF64AVX2(dst, words, count)
	case *float32:
		if wide {
			normalsF32AVX512(dst, words, count)
			return
		}
		normalsF32AVX2(dst, words, count)
	case *BF16Entry:
		if wide {
			normalsBF16AVX512((*uint16)(dst), words, count)
			return
		}
		normalsBF16AVX2((*uint16)(dst), words, count)
	}
}
