package experiment

import (
	"github.com/matsense/matsense/sensing"
)

// checkPauli wants qubits, as many words as there are, and symmetric matrices, and settles what Pauli words leave no choice of.
func (c *Config) checkPauli(m *mistakes) {
	sym, symmetric := c.space().(sensing.Sym)
	if !symmetric {
		m.bad("parametrization", "Pauli words measure symmetric matrices: they go with parametrization psd or indefinite, not %s", c.Parametrization)
		return
	}
	c.checkStructured(m)
	switch n := c.N; {
	case n < 1 || n > c.mostSide(): // said elsewhere
	case n < 2 || n&(n-1) != 0:
		m.bad("n", "with ensemble pauli n is 2 to the power of the number of qubits, such as 32 or 64, got %d", n)
	case !c.given("measurements"):
		c.Measurements = min(c.Measurements, sym.K())
	case c.Measurements > sym.K():
		m.bad("measurements", "there are n(n+1)/2 = %d different real Pauli words, and measurements is %d", sym.K(), c.Measurements)
	}
}
