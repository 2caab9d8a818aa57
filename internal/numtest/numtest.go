// Package numtest has helpers for the numerical tests of several packages.
package numtest

import (
	"encoding/binary"
	"math"
)

// Encode returns numbers in the bytes of NumPy's dtype descr: <f8, >f8, <f4 or >f4.
func Encode(descr string, numbers []float64) []byte {
	var out []byte
	for _, v := range numbers {
		switch descr {
		case "<f8":
			out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
		case ">f8":
			out = binary.BigEndian.AppendUint64(out, math.Float64bits(v))
		case "<f4":
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(float32(v)))
		case ">f4":
			out = binary.BigEndian.AppendUint32(out, math.Float32bits(float32(v)))
		default:
			panic("numtest: unknown dtype " + descr)
		}
	}
	return out
}

// SameBits reports whether two vectors are equal to the bit: zeros of different signs differ, and NaNs are
// equal if their bits are.
func SameBits(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
			return false
		}
	}
	return true
}
