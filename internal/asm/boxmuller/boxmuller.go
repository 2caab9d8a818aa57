// Package boxmuller has the numbers of the normal deviates in sensing/normal.go, which the generators for
// amd64 and arm64 share.
package boxmuller

// The words that have the bits of a double's fraction, its sign, and √½.
const (
	Fraction = 1<<52 - 1
	Sign     = 1 << 63
	RootHalf = 0x3FE6A09E667F3BCD
)

// The coefficients of the series, in the order in which they are summed up.
var (
	Logarithm = []float64{
		1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5,
		1.0 / 3,
	}
	Sine = []float64{
		1.0 / 355687428096000, -1.0 / 1307674368000, 1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880,
		-1.0 / 5040, 1.0 / 120, -1.0 / 6,
	}
	Cosine = []float64{
		-1.0 / 6402373705728000, 1.0 / 20922789888000, -1.0 / 87178291200, 1.0 / 479001600, -1.0 / 3628800,
		1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5,
	}
)
