package kerneltest

import "github.com/matsense/matsense/sensing"

// seed is the seed of all random numbers in this package.
const seed = 0x9E3779B97F4A7C15

// random returns n standard normal numbers, different for each draw.
func random[T number](n int, draw uint64) []T {
	v := make([]float64, n)
	sensing.NewStream(seed, 1<<20).Normals(draw, v)
	return converted[T](v)
}

// padded returns members × slabs(k)·4096 numbers. Each member's first k are normal numbers times scale; the
// rest are zero, as z requires.
func padded[T number](members, k int, scale float64) []T {
	kp := slabs(k) * slab
	out := make([]T, members*kp)
	v := make([]float64, k)
	for b := range members {
		sensing.NewStream(seed, 1<<20).Normals(uint64(b), v)
		for j, x := range v {
			out[b*kp+j] = T(x * scale)
		}
	}
	return out
}

// scaled multiplies numbers by a scale, in place.
func scaled[T number](v []T, scale T) []T {
	for i := range v {
		v[i] *= scale
	}
	return v
}

// tiny times a normal number is subnormal in T.
func tiny[T number]() float64 {
	if sizeOf[T]() == 4 {
		return 0x1p-133
	}
	return 0x1p-1032
}

// kind says what is special about a case's numbers.
type kind string

const (
	small kind = "/small" // results are subnormal
	// ±0, infinities, NaN, and numbers that overflow or underflow in f32
	special kind = "/special"
	// a NaN whose bits are all ones, which contract must not mistake for a missing partial
	allOnes kind = "/all ones"
	// subnormal residuals, and one of 0, whose weights are those of l1
	l1 kind = "/l1"
	// infinities and NaN, with the weights of Huber's loss
	huber kind = "/huber"
	// a table other than q8's, so that a kernel cannot have q8's built in
	otherLevels kind = "/levels of its own"
)
