package cpu

import (
	"math"

	"github.com/matsense/matsense/sensing"
)

// q8Planes has the bytes of the levels from 128 on, as bf16 numbers, for assembly: the lower ones, then the
// upper ones.
var q8Planes = func() (planes [2][128]byte) {
	for k := range planes[0] {
		bits := math.Float32bits(float32(sensing.Q8Levels[128+k]))
		planes[0][k], planes[1][k] = byte(bits>>16), byte(bits>>24)
	}
	return planes
}()
