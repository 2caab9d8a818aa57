package sensing

import (
	"math"
	"math/big"
)

// The functions below do IEEE double-precision operations with exact numbers, each rounded once to 53 bits,
// ties to even. No compiler can fuse them or extend their precision. Results stay clear of the subnormal
// range.

func exact(x float64) *big.Float { return new(big.Float).SetPrec(wide).SetFloat64(x) }

// wide is a number of bits that holds every product and sum exactly before it is rounded, which exactly
// checks.
const wide = 1024

func exactly(z *big.Float) *big.Float {
	if z.Acc() != big.Exact {
		panic("the reference's intermediate is not exact")
	}
	return z
}

func rounded(z *big.Float) float64 {
	v, acc := new(big.Float).SetPrec(53).SetMode(big.ToNearestEven).Set(z).Float64()
	if acc != big.Exact {
		panic("the reference's result is out of the range of float64")
	}
	return v
}

func ieeeMul(x, y float64) float64 {
	return rounded(exactly(new(big.Float).SetPrec(wide).Mul(exact(x), exact(y))))
}

func ieeeAdd(x, y float64) float64 {
	return rounded(exactly(new(big.Float).SetPrec(wide).Add(exact(x), exact(y))))
}

func ieeeSub(x, y float64) float64 { return ieeeAdd(x, -y) }

// ieeeDiv relies on big.Float, whose quotient is rounded correctly to the receiver's precision.
func ieeeDiv(x, y float64) float64 {
	return rounded(new(big.Float).SetPrec(53).Quo(exact(x), exact(y)))
}

// ieeeSqrt rounds a root of wide precision. The root of a 53-bit number is never a tie, because the square of
// a tie has 107 bits, and it is farther from the nearest tie than the error of wide bits.
func ieeeSqrt(x float64) float64 { return rounded(new(big.Float).SetPrec(wide).Sqrt(exact(x))) }

func ieeeFMA(x, y, z float64) float64 {
	product := exactly(new(big.Float).SetPrec(wide).Mul(exact(x), exact(y)))
	return rounded(exactly(new(big.Float).SetPrec(wide).Add(product, exact(z))))
}

// nearest returns the double nearest to a/b.
func nearest(a, b int64) float64 {
	v, _ := big.NewRat(a, b).Float64()
	return v
}

// decimal returns the double nearest to a number written in decimal.
func decimal(s string) float64 {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	v, _ := r.Float64()
	return v
}

var (
	refLn2    = decimal("0.693147180559945309417232121458176568075500134360255254120680009")
	refHalfPi = decimal("1.570796326794896619231321691639751442098584699687552910487472296")
)

// refNormalPair is normalPair, from its documentation, in the arithmetic above.
func refNormalPair(a, b uint64) (x, y float64) {
	u := ieeeMul(ieeeAdd(float64(a>>12), 0.5), 0x1p-52)
	rho := ieeeSqrt(ieeeMul(-2, refLog(u)))
	const low52 = 1<<52 - 1
	t := ieeeSub(ieeeMul(ieeeAdd(float64(b>>10&low52), 0.5), 0x1p-52), 0.5)
	sin, cos := refSincos(t)
	switch b >> 62 { // (cos, sin) of θ + q·π/2
	case 0:
		x, y = cos, sin
	case 1:
		x, y = -sin, cos
	case 2:
		x, y = -cos, -sin
	case 3:
		x, y = sin, -cos
	}
	return ieeeMul(rho, x), ieeeMul(rho, y)
}

// refLog is e·ln 2 + 2 artanh((f−1)/(f+1)) for u = 2^e·f, f in [√½, √2), with the series up to s²³/23.
func refLog(u float64) float64 {
	f, e := math.Frexp(u) // f in [½, 1)
	if square := exactly(new(big.Float).SetPrec(wide).Mul(exact(f), exact(f))); square.Cmp(exact(0.5)) < 0 {
		f, e = 2*f, e-1
	}
	s := ieeeDiv(ieeeSub(f, 1), ieeeAdd(f, 1))
	z := ieeeMul(s, s)
	p := nearest(1, 23)
	for k := int64(21); k >= 3; k -= 2 {
		p = ieeeFMA(p, z, nearest(1, k))
	}
	p = ieeeMul(p, z)
	s2 := ieeeMul(2, s)
	return ieeeFMA(float64(e), refLn2, ieeeFMA(p, s2, s2))
}

// refSincos is the Taylor series in x = (π/2)·t up to x¹⁷/17! and x¹⁸/18!.
func refSincos(t float64) (sin, cos float64) {
	x := ieeeMul(t, refHalfPi)
	z := ieeeMul(x, x)
	s := taylor(17)
	for k := int64(15); k >= 3; k -= 2 {
		s = ieeeFMA(s, z, taylor(k))
	}
	c := taylor(18)
	for k := int64(16); k >= 2; k -= 2 {
		c = ieeeFMA(c, z, taylor(k))
	}
	return ieeeFMA(ieeeMul(s, z), x, x), ieeeFMA(c, z, 1)
}

// taylor returns ±1/k!, negative where ⌊k/2⌋ is odd.
func taylor(k int64) float64 {
	factorial := int64(1)
	for i := int64(2); i <= k; i++ {
		factorial *= i
	}
	if k/2%2 == 1 {
		return nearest(-1, factorial)
	}
	return nearest(1, factorial)
}
