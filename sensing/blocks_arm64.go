package sensing

//go:generate go -C ../internal/asm run ./arm64/philox -out ../../sensing/philox_arm64.s -stubs ../../sensing/philox_arm64.go

import "github.com/matsense/matsense/internal/simd"

// blockWriters are those that the environment allows.
var blockWriters = func() []blockWriter {
	if !simd.Allowed("neon") {
		return nil
	}
	return []blockWriter{{"NEON", 8, philoxNEON}}
}()
