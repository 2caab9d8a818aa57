//go:build amd64 || arm64

package sensing

//go:generate go -C ../internal/asm run ./philox -out ../../sensing/asm_philox_amd64.s -stubs ../../sensing/asm_philox_amd64.go -pkg sensing
//go:generate go -C ../internal/asm run ./arm64/philox -out ../../sensing/asm_philox_arm64.s -stubs ../../sensing/asm_philox_arm64.go

import "unsafe"

// blockWriter is an assembly routine that writes the words of consecutive blocks, in multiples of step.
type blockWriter struct {
	name  string
	step  int
	write func(dst *uint32, count int, block, row0, row1, stream, key0, key1 uint32)
}

// writeBlocks writes a row's first blocks to dst, 16 bytes each: as many of count as assembly takes in whole
// steps. It returns how many it wrote.
func (s Stream) writeBlocks(row uint64, dst unsafe.Pointer, count int) int {
	done := 0
	for _, w := range blockWriters {
		if n := (count - done) / w.step * w.step; n > 0 {
			at := (*uint32)(unsafe.Add(dst, 16*done))
			w.write(at, n, uint32(done), uint32(row), uint32(row>>32), s.number, s.key[0], s.key[1])
			done += n
		}
	}
	return done
}
