//go:build amd64 || arm64

package cpu

//go:generate go -C ../internal/asm run ./arm64/contract -out ../../cpu/asm_contract_arm64.s -stubs ../../cpu/asm_contract_arm64.go
//go:generate go -C ../internal/asm run ./arm64/gemm -out ../../cpu/asm_gemm_arm64.s -stubs ../../cpu/asm_gemm_arm64.go
//go:generate go -C ../internal/asm run ./arm64/hadamard -out ../../cpu/asm_hadamard_arm64.s -stubs ../../cpu/asm_hadamard_arm64.go
//go:generate go -C ../internal/asm run ./arm64/sparse -out ../../cpu/asm_sparse_arm64.s -stubs ../../cpu/asm_sparse_arm64.go
//go:generate go -C ../internal/asm run ./batch -out ../../cpu/asm_batch_amd64.s -stubs ../../cpu/asm_batch_amd64.go -pkg cpu
//go:generate go -C ../internal/asm run ./contract -out ../../cpu/asm_contract_amd64.s -stubs ../../cpu/asm_contract_amd64.go -pkg cpu
//go:generate go -C ../internal/asm run ./gemm -out ../../cpu/asm_gemm_amd64.s -stubs ../../cpu/asm_gemm_amd64.go -pkg cpu
//go:generate go -C ../internal/asm run ./hadamard -out ../../cpu/asm_hadamard_amd64.s -stubs ../../cpu/asm_hadamard_amd64.go -pkg cpu
//go:generate go -C ../internal/asm run ./sparse -out ../../cpu/asm_sparse_amd64.s -stubs ../../cpu/asm_sparse_amd64.go -pkg cpu
//go:generate go -C ../internal/asm run ./ending -out ../../cpu/asm_ending_amd64.s -stubs ../../cpu/asm_ending_amd64.go -pkg cpu

import (
	"math"

	"github.com/matsense/matsense/sensing"
)

// vectors is the assembly of an entry type in both arithmetics.
type vectors struct {
	double vector[float64]
	single vector[float32]
}

// endings is the assembly that ends sums over rows in both arithmetics.
type endings struct {
	double ending[float64]
	single ending[float32]
}

// use sets the loops of a kernel.
func (k *kernel[E, F]) use(v vectors, e endings) {
	switch k := any(k).(type) {
	case *kernel[E, float64]:
		k.vector, k.ending = v.double, e.double
	case *kernel[E, float32]:
		k.vector, k.ending = v.single, e.single
	}
}

// orTransform returns the assembly of a transform for vectors of so many numbers and more, and plain Go for
// shorter ones.
func orTransform(least int, assembly func(v []float64)) func(v []float64) {
	return func(v []float64) {
		if len(v) < least {
			transform(v)
			return
		}
		assembly(v)
	}
}

// q8Planes has the bytes of the levels from 128 on, as bf16 numbers, for assembly: the lower ones, then the
// upper ones.
var q8Planes = func() (planes [2][128]byte) {
	for k := range planes[0] {
		bits := math.Float32bits(float32(sensing.Q8Levels[128+k]))
		planes[0][k], planes[1][k] = byte(bits>>16), byte(bits>>24)
	}
	return planes
}()
