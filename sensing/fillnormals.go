//go:build amd64 || arm64

package sensing

//go:generate go -C ../internal/asm run ./normal -out ../../sensing/asm_normal_amd64.s -stubs ../../sensing/asm_normal_amd64.go -pkg sensing
//go:generate go -C ../internal/asm run ./arm64/normal -out ../../sensing/asm_normal_arm64.s -stubs ../../sensing/asm_normal_arm64.go

// normalStep is the step of the best instruction set in use, or 0 for plain Go.
var normalStep = normalSteps()[0]

// mostNormalStep is the longest step of an instruction set.
const mostNormalStep = 16

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
	var padded [2 * mostNormalStep]E
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
