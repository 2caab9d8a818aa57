package sensing

import "math"

// normalPair turns two uniform 64-bit words into two independent standard normal deviates (Box and Muller,
// 1958):
//
//	u = (⌊a/2¹²⌋ + ½)/2⁵²  in (0, 1),  ρ = √(−2 ln u),  θ = (π/2)·(q + t),
//
// with q the top two bits of b and t = (the next 52 bits of b + ½)/2⁵² − ½. The results are ρ·cos θ and ρ·sin
// θ, so |deviate| ≤ √(106 ln 2) < 8.6. Every operation is an IEEE add, multiply, divide, square root or
// explicit fused multiply-add, which gives the same bits on every machine. Products whose sum Go might fuse
// are wrapped in float64(). The assembly that internal/asm/normal writes does the same operations on several
// pairs at once.
func normalPair(a, b uint64) (float64, float64) {
	u := (float64(a>>12) + 0.5) * 0x1p-52
	rho := math.Sqrt(-2 * logUnit(u))
	t := (float64(b<<2>>12)+0.5)*0x1p-52 - 0.5
	sin, cos := sincosEighth(t)

	// Turn (cos, sin) by q quarters: an odd q swaps them, q = 1 and 2 change the cosine's sign, and q = 2 and
	// 3 the sine's. The processor would mispredict a branch here most of the time.
	q := b >> 62
	x, y := math.Float64bits(cos), math.Float64bits(sin)
	swap := (x ^ y) & -(q & 1)
	x ^= swap ^ (q^q>>1)&1<<63
	y ^= swap ^ q>>1<<63
	return float64(rho * math.Float64frombits(x)), float64(rho * math.Float64frombits(y))
}

// logUnit returns ln u for u in (0, 1), to about 1 unit in the last place. With u = 2^e·f, f in [√½, √2), it
// is e·ln 2 + 2 artanh((f−1)/(f+1)). The series of artanh in s² ≤ 0.0295 ends before the first term below
// 2⁻⁵⁵.
func logUnit(u float64) float64 {
	const rootHalf = 0x3FE6A09E667F3BCD // the bits of √½
	bits := math.Float64bits(u)
	e := int64(bits-rootHalf) >> 52
	f := math.Float64frombits(bits - uint64(e)<<52)
	s := (f - 1) / (f + 1)
	z := float64(s * s)
	p := 1.0 / 23
	p = math.FMA(p, z, 1.0/21)
	p = math.FMA(p, z, 1.0/19)
	p = math.FMA(p, z, 1.0/17)
	p = math.FMA(p, z, 1.0/15)
	p = math.FMA(p, z, 1.0/13)
	p = math.FMA(p, z, 1.0/11)
	p = math.FMA(p, z, 1.0/9)
	p = math.FMA(p, z, 1.0/7)
	p = math.FMA(p, z, 1.0/5)
	p = math.FMA(p, z, 1.0/3)
	p = float64(p * z)
	s2 := 2 * s
	return math.FMA(float64(e), math.Ln2, math.FMA(p, s2, s2))
}

// sincosEighth returns the sine and the cosine of (π/2)·t for |t| ≤ ½, by the Taylor series in x² ≤ π²/16,
// which end before the first terms below 2⁻⁵⁵.
func sincosEighth(t float64) (sin, cos float64) {
	x := float64(t * (math.Pi / 2))
	z := float64(x * x)
	s := 1.0 / 355687428096000 // 1/17!
	s = math.FMA(s, z, -1.0/1307674368000)
	s = math.FMA(s, z, 1.0/6227020800)
	s = math.FMA(s, z, -1.0/39916800)
	s = math.FMA(s, z, 1.0/362880)
	s = math.FMA(s, z, -1.0/5040)
	s = math.FMA(s, z, 1.0/120)
	s = math.FMA(s, z, -1.0/6)
	c := -1.0 / 6402373705728000 // 1/18!
	c = math.FMA(c, z, 1.0/20922789888000)
	c = math.FMA(c, z, -1.0/87178291200)
	c = math.FMA(c, z, 1.0/479001600)
	c = math.FMA(c, z, -1.0/3628800)
	c = math.FMA(c, z, 1.0/40320)
	c = math.FMA(c, z, -1.0/720)
	c = math.FMA(c, z, 1.0/24)
	c = math.FMA(c, z, -0.5)
	return math.FMA(float64(s*z), x, x), math.FMA(c, z, 1)
}
