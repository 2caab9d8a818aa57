// Package simd says which instruction sets the assembly may use.
package simd

import "os"

// Variable is the environment variable that chooses the instruction set: avx512, avx2, neon or off. It is for
// tests and measurements: a machine with AVX-512 then works like one without.
const Variable = "MATSENSE_SIMD"

// Allowed returns whether the environment leaves an instruction set to use, avx512, avx2 or neon: a choice
// allows itself and what is older.
func Allowed(set string) bool {
	switch os.Getenv(Variable) {
	case "off":
		return false
	case "avx2":
		return set == "avx2"
	}
	return true
}
