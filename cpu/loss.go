package cpu

import "github.com/matsense/matsense/solver"

// loss is what a contraction does with the residuals, between the dot products and the accumulation. Its zero
// value is the squared loss.
type loss struct {
	other solver.Loss // nil for the squared loss
}

func lossOf(l solver.Loss) loss {
	if solver.IsSquared(l) {
		return loss{}
	}
	return loss{l}
}

// psi returns ψ(res).
func (l loss) psi(res float64) float64 {
	if l.other == nil {
		return res
	}
	return l.other.Psi(res)
}

// square returns 2ρ(res), which is res² for the squared loss.
func (l loss) square(res float64) float64 {
	if l.other == nil {
		return float64(res * res)
	}
	return 2 * l.other.Rho(res)
}

// contractWhole contracts a part with any operator, by apply and adjointMul over all measurements:
// G = 1/m · Σ ψ(res_i) A_i. values is memory for m numbers.
func (l loss) contractWhole(o operator, y []float64, p *part, values []float64) error {
	if err := o.apply(values, p.l, p.r); err != nil {
		return err
	}
	m := float64(len(y))
	p.squares = 0
	for i, v := range values {
		res := v - y[i]
		p.squares += l.square(res)
		values[i] = l.psi(res) / m
	}
	return adjoint(o, p, values)
}
