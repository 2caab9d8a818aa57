package gpu

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/solver"
)

// loss is a [solver.Loss] as kernels take it, by two parameters:
//
//	ψ(x) = x,   2ρ(x) = x²                           for |x| ≤ threshold
//	ψ(x) = ±level,   2ρ(x) = level·(2|x| − threshold)   otherwise, with the sign of x
//
// A kernel that makes weights of residuals computes ψ between the two, and sum_squares computes 2ρ. All
// comparisons with an infinite threshold are false, so the squared loss has the bits of a kernel without
// them. With the threshold 0, every residual but 0 has the weight of its sign, also a subnormal one.
type loss struct{ threshold, level float64 }

// squaredLoss is the squared loss, and what a kernel takes for weights that are no residuals.
var squaredLoss = loss{threshold: math.Inf(1)}

// newLoss returns a loss as kernels take it, or an error if they cannot.
func newLoss(l solver.Loss) (loss, error) {
	if solver.IsSquared(l) {
		return squaredLoss, nil
	}
	switch l := l.(type) {
	case solver.L1:
		return loss{0, 1}, nil
	case solver.Huber:
		return loss{l.Threshold, l.Threshold}, nil
	}
	return loss{}, fmt.Errorf("gpu: there are no kernels for the loss %s: %w",
		l.Name(), solver.ErrUnsupported)
}

// with appends the parameters to a kernel's other arguments.
func (l loss) with(args ...driver.Arg) []driver.Arg {
	return append(args, driver.F64(l.threshold), driver.F64(l.level))
}
