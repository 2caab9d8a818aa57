package kerneltest

import (
	"encoding/binary"
	"math"
)

// number is the arithmetic of a kernel, called T in its head.
type number interface{ float32 | float64 }

// fma returns x·y + z, rounded once.
func fma[T number](x, y, z T) T {
	switch any(x).(type) {
	case float32:
		return T(fma32(float32(x), float32(y), float32(z)))
	default:
		return T(math.FMA(float64(x), float64(y), float64(z)))
	}
}

// fma32 returns x·y + z, rounded once. The product is exact in double precision. If the sum is not exact, it
// is rounded to odd: to the neighbour whose last bit is set. The second rounding, to single precision, then
// gives the same result as a single rounding, because double precision has more than two bits beyond twice
// those of single precision (Boldo and Melquiond, 2008).
func fma32(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := float64(p + c)
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	// Knuth's two-sum: s + rest is p + c.
	b := float64(s - p)
	rest := float64(p-float64(s-b)) + float64(c-b)
	if rest != 0 && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, math.Copysign(math.Inf(1), rest))
	}
	return float32(s)
}

// acrossLanes adds up 32 lanes, 16 apart first, then 8, 4, 2, 1.
func acrossLanes[T number](lanes []T) T {
	v := [32]T(lanes)
	for apart := 16; apart > 0; apart /= 2 {
		for l := range apart {
			v[l] += v[l+apart]
		}
	}
	return v[0]
}

// acrossBlock adds up 256 threads: the lanes of each warp, then the eight warps from the first on.
func acrossBlock[T number](threads *[256]T) T {
	var sum T
	for w := 0; w < 256; w += 32 {
		part := acrossLanes(threads[w : w+32])
		if w == 0 {
			sum = part
		} else {
			sum += part
		}
	}
	return sum
}

// converted rounds numbers to T.
func converted[T number](v []float64) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}

// bitsOf returns a number's bits.
func bitsOf[T number](v T) uint64 {
	if single, is := any(v).(float32); is {
		return uint64(math.Float32bits(single))
	}
	return math.Float64bits(float64(v))
}

// fromBits is the inverse of bitsOf.
func fromBits[T number](b uint64) T {
	var v T
	switch p := any(&v).(type) {
	case *float32:
		*p = math.Float32frombits(uint32(b))
	case *float64:
		*p = math.Float64frombits(b)
	}
	return v
}

// sizeOf returns a number's size in bytes.
func sizeOf[T number]() int {
	if _, single := any(*new(T)).(float32); single {
		return 4
	}
	return 8
}

func encode[T number](v []T) []byte {
	var out []byte
	for _, x := range v {
		if sizeOf[T]() == 4 {
			out = binary.LittleEndian.AppendUint32(out, uint32(bitsOf(x)))
		} else {
			out = binary.LittleEndian.AppendUint64(out, bitsOf(x))
		}
	}
	return out
}

func decode[T number](b []byte) []T {
	size := sizeOf[T]()
	out := make([]T, len(b)/size)
	for i := range out {
		if size == 4 {
			out[i] = fromBits[T](uint64(binary.LittleEndian.Uint32(b[4*i:])))
		} else {
			out[i] = fromBits[T](binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
	return out
}

// poison fills outputs before a launch: a NaN as f64, f32 and bf16, with bits that no arithmetic gives.
const poison = 0xFFFCFFFCFFFCFFFC

// poisoned returns n numbers of poison.
func poisoned[T number](n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = fromBits[T](poison)
	}
	return out
}
