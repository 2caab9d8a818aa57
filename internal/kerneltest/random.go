package kerneltest

import "github.com/matsense/matsense/sensing"

// seed is that of all random numbers here.
const seed = 0x9E3779B97F4A7C15

// random returns n standard normal numbers, other ones for another draw.
func random[T number](n int, draw uint64) []T {
	v := make([]float64, n)
	sensing.NewStream(seed, 1<<20).Normals(draw, v)
	return converted[T](v)
}

// padded returns members × slabs(k)·4096 numbers, of which each member's first k are normal numbers times scale and the
// rest are zero, as z must be.
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

// scaled multiplies numbers by a scale, in their place.
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

// kind says what is out of the ordinary about a case's numbers.
type kind string

const (
	small       kind = "/small"             // so that results are subnormal
	special     kind = "/special"           // zeros of both signs, infinities, NaN, and what overflows and underflows in f32
	allOnes     kind = "/all ones"          // a NaN whose bits are all ones, which contract's partials must not be taken for
	otherLevels kind = "/levels of its own" // a table that is not q8's, so that q8's is not what is in the kernel
)
