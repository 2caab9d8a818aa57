package gpu

import (
	"fmt"
	"math"
	"slices"

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
//
// The zero value is the squared loss, and what a kernel takes for weights that are no residuals.
type loss struct{ threshold, level float64 }

// squaredLoss is the squared loss.
var squaredLoss loss

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

// newLosses returns different losses as kernels take them, in the order in which they are first named.
func newLosses(all []solver.Loss) (losses losses, err error) {
	for _, l := range all {
		made, err := newLoss(l)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(losses, made) {
			losses = append(losses, made)
		}
	}
	return losses, nil
}

// losses are the losses of the parts of a contraction, in their order. The engine puts parts with one loss
// next to each other, because a launch has one loss. A part without a loss here has the squared one.
type losses []loss

// lossesOf returns the losses of parts.
func lossesOf(parts []part) losses {
	all := make(losses, len(parts))
	for i, p := range parts {
		all[i] = p.loss
	}
	return all
}

// squared says whether there is no other loss than the squared one.
func (s losses) squared() bool {
	return !slices.ContainsFunc(s, func(l loss) bool { return l != squaredLoss })
}

// of returns the loss of a part.
func (s losses) of(part int) loss {
	if part < len(s) {
		return s[part]
	}
	return squaredLoss
}

// alike counts the successive parts from the first on, at most so many, that have its loss.
func (s losses) alike(first, most int) int {
	n := 1
	for n < most && s.of(first+n) == s.of(first) {
		n++
	}
	return n
}

// each calls do for the successive parts that have one loss, of count parts.
func (s losses) each(count int, do func(first, count int, l loss) error) error {
	for first := 0; first < count; {
		n := s.alike(first, count-first)
		if err := do(first, n, s.of(first)); err != nil {
			return err
		}
		first += n
	}
	return nil
}

// with appends the parameters to a kernel's other arguments.
func (l loss) with(args ...driver.Arg) []driver.Arg {
	if l == squaredLoss {
		l.threshold = math.Inf(1)
	}
	return append(args, driver.F64(l.threshold), driver.F64(l.level))
}
