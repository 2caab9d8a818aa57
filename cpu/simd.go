package cpu

import (
	"fmt"
	"os"

	"github.com/matsense/matsense/internal/simd"
)

// SIMD names the instruction set of the loops over entries. It changes the time, but no bit of the result.
type SIMD string

// The choices.
const (
	Auto   SIMD = "auto"   // the best set that this machine has
	AVX512 SIMD = "avx512" // with BW, DQ, VL and VBMI: Intel from Ice Lake on, AMD from Zen 4 on
	AVX2   SIMD = "avx2"   // with FMA and BMI2: Intel from Haswell on, AMD from Zen on
	NEON   SIMD = "neon"   // every 64-bit ARM: Apple, Graviton, Grace
	Off    SIMD = "off"    // plain Go
)

// resolve returns the instruction set to use. Auto and "" become the environment's choice or the machine's
// best.
func (s SIMD) resolve() (SIMD, error) {
	if s == "" || s == Auto {
		if s = SIMD(os.Getenv(simd.Variable)); s == "" || s == Auto {
			return available()[0], nil
		}
	}
	for _, have := range available() {
		if s == have {
			return s, nil
		}
	}
	switch s {
	case AVX512, AVX2, NEON:
		return "", fmt.Errorf("cpu: this machine does not have the instructions that simd %s needs; "+
			"it has %s", s, available()[0])
	}
	return "", fmt.Errorf("cpu: simd must be auto, avx512, avx2, neon or off, got %q", s)
}
