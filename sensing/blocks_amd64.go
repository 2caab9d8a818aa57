package sensing

import (
	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/internal/simd"
)

// blockWriters are those that this machine can run and the environment allows, the fastest first.
var blockWriters = func() (have []blockWriter) {
	if simd.Allowed("avx512") && cpu.X86.HasAVX512F {
		have = append(have, blockWriter{"AVX-512", 16, philoxAVX512})
	}
	if simd.Allowed("avx2") && cpu.X86.HasAVX2 {
		have = append(have, blockWriter{"AVX2", 4, philoxAVX2})
	}
	return have
}()
