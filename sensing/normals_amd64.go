package sensing

//go:generate go -C ../internal/asm run ./normal -out ../../sensing/normal_amd64.s -stubs ../../sensing/normal_amd64.go -pkg sensing

import (
	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/internal/simd"
)

// normalSteps are the blocks that a turn of each instruction set's loops takes.
const (
	normalStepAVX512 = 16
	normalStepAVX2   = 8
)

// normalStep is the step of the best instruction set in use, or 0 for plain Go.
var normalStep = normalSteps()[0]

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

// normalChunk is how many blocks have their words in memory at a time, a multiple of every step. They stay in
// the first cache.
const normalChunk = 128

// fillNormals fills dst with the first deviates of a row. The words of a chunk of blocks come first, then
// their pairs of deviates. Blocks that are not a whole step of the loops are padded.
func fillNormals[E normalEntry](s Stream, row uint64, dst []E) {
	step := normalStep
	if step == 0 {
		eachNormal(s, row, dst)
		return
	}
	var words [4 * normalChunk]uint32
	var padded [2 * normalStepAVX512]E
	for first := 0; len(dst) > 0; first += normalChunk {
		need := min((len(dst)+1)/2, normalChunk)
		count := (need + step - 1) / step * step
		s.normalWords(row, uint32(first), &words[0], count)
		whole := min(count, len(dst)/2) / step * step
		if whole > 0 {
			writeNormals(&dst[0], &words[0], whole)
			dst = dst[2*whole:]
		}
		if whole < count {
			writeNormals(&padded[0], &words[4*whole], step)
			dst = dst[copy(dst, padded[:2*step]):]
		}
	}
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
