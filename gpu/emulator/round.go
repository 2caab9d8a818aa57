package emulator

import (
	"math"
	"math/big"
)

// The host's own IEEE arithmetic gives results rounded to nearest. For the other directions, the exact result
// is compared with the nearest one: a directed result is the nearest result or its neighbour.

// direction is a rounding mode.
type direction byte

const (
	nearest direction = iota // .rn: to nearest, ties to even
	zero                     // .rz
	down                     // .rm
	up                       // .rp
)

var directions = map[string]direction{"rn": nearest, "rz": zero, "rm": down, "rp": up}

// exactly returns x as a big.Float; at this precision, none of the sums and products made here is rounded.
func exactly(x float64) *big.Float { return new(big.Float).SetPrec(5000).SetFloat64(x) }

// toward returns r, a result rounded to nearest, rounded in direction dir instead. over is the sign of exact
// − r.
func toward(dir direction, r float64, over int, next func(x, to float64) float64) float64 {
	switch {
	case over > 0 && (dir == up || dir == zero && r < 0):
		return next(r, math.Inf(1))
	case over < 0 && (dir == down || dir == zero && r > 0):
		return next(r, math.Inf(-1))
	}
	return r
}

// next32 is math.Nextafter for 32-bit numbers.
func next32(x, to float64) float64 { return float64(math.Nextafter32(float32(x), float32(to))) }

// finite reports whether all numbers are neither infinite nor NaN.
func finite(numbers ...float64) bool {
	for _, x := range numbers {
		if math.IsInf(x, 0) || x != x {
			return false
		}
	}
	return true
}

// sign returns the sign of a − b; b may be infinite.
func sign(a *big.Float, b float64) int {
	if math.IsInf(b, 0) {
		return a.Cmp(new(big.Float).SetInf(b < 0))
	}
	return a.Cmp(exactly(b))
}

// directedFma returns a × b + c rounded in direction dir; r is the same sum rounded to nearest.
func directedFma(dir direction, a, b, c, r float64, next func(x, to float64) float64) float64 {
	if !finite(a, b, c) {
		return r
	}
	exact := exactly(a)
	exact.Mul(exact, exactly(b)).Add(exact, exactly(c))
	if exact.Sign() == 0 {
		// The sum of zeros of opposite signs is −0 when rounded down.
		if dir == down && (c != 0 || math.Signbit(a) != math.Signbit(b) != math.Signbit(c)) {
			return math.Copysign(0, -1)
		}
		return r
	}
	return toward(dir, r, sign(exact, r), next)
}

// directedDiv returns a / b rounded in direction dir; r is the quotient rounded to nearest.
func directedDiv(dir direction, a, b, r float64, next func(x, to float64) float64) float64 {
	if !finite(a, b) || a == 0 || b == 0 {
		return r
	}
	if math.IsInf(r, 1) {
		return toward(dir, r, -1, next)
	}
	if math.IsInf(r, -1) {
		return toward(dir, r, 1, next)
	}
	// a/b − r has the sign of (a − r × b) / b.
	product := exactly(r)
	product.Mul(product, exactly(b))
	over := exactly(a).Cmp(product)
	if b < 0 {
		over = -over
	}
	return toward(dir, r, over, next)
}

// directedRoot returns the square root of a rounded in direction dir; r is the root rounded to nearest.
func directedRoot(dir direction, a, r float64, next func(x, to float64) float64) float64 {
	if !finite(a) || a <= 0 {
		return r
	}
	square := exactly(r)
	square.Mul(square, square)
	return toward(dir, r, exactly(a).Cmp(square), next)
}

// narrow rounds a 64-bit number to 32 bits.
func narrow(dir direction, x float64) float32 {
	r := float32(x)
	if dir == nearest || !finite(x) {
		return r
	}
	over := 0
	switch {
	case x > float64(r):
		over = 1
	case x < float64(r):
		over = -1
	}
	return float32(toward(dir, float64(r), over, next32))
}

// fma32 is a × b + c, rounded once. The product of two 32-bit numbers is exact in 64 bits. The last bit of
// the sum is set so that it shows whether the sum lost anything; the second rounding then sees it (rounding
// to odd).
func fma32(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	s := p + float64(c)
	if s-s != 0 {
		return float32(s)
	}
	t := s - p
	lost := (p - (s - t)) + (float64(c) - t)
	if bits := math.Float64bits(s); lost != 0 && bits&1 == 0 {
		if (lost > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}
