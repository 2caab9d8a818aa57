package kerneltest

import "math"

// loss is what a kernel does with residuals: ψ(x) = x for |x| ≤ threshold, and otherwise level with the sign
// of x.
type loss struct {
	name             string
	threshold, level float64
}

var (
	squaredLoss = loss{"squared", math.Inf(1), 0}
	l1Loss      = loss{"l1", 0, 1}
	huberLoss   = loss{"huber", 0.5, 0.5}
	// unlike has another level than threshold, so that a kernel cannot take one for the other.
	unlike = loss{"unlike", 0.25, 3}

	losses = []loss{squaredLoss, l1Loss, huberLoss, unlike}
)

// psi returns ψ(x). That of NaN is NaN.
func (l loss) psi(x float64) float64 {
	if math.Abs(x) > l.threshold {
		return math.Copysign(l.level, x)
	}
	return x
}

// addTwiceRho returns sum + 2ρ(x) as sum_squares computes it.
func (l loss) addTwiceRho(x, sum float64) float64 {
	if size := math.Abs(x); size > l.threshold {
		return math.FMA(l.level, math.FMA(2, size, -l.threshold), sum)
	}
	return math.FMA(x, x, sum)
}

// with appends the parameters to a kernel's other arguments.
func (l loss) with(args ...any) []any { return append(args, l.threshold, l.level) }

// loss returns the loss of a case.
func (k kind) loss() loss {
	switch k {
	case l1:
		return l1Loss
	case huber:
		return huberLoss
	}
	return squaredLoss
}

// few are numbers on either side of the kinks, and those beside which a comparison or a product goes wrong:
// zeros, subnormal numbers, infinities and NaN.
var few = []float64{
	0, math.Copysign(0, -1), 0x1p-1074, -0x1p-1060, 0.25, -0.25, 0.5, -0.5, math.Nextafter(0.5, 1),
	math.Nextafter(-0.25, -1), math.Inf(1), math.Inf(-1), math.NaN(), -7,
}
