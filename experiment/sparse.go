package experiment

import (
	"math"

	"github.com/matsense/matsense/solver"
)

// isSparse says whether the unknown is a vector.
func (c *Config) isSparse() bool { return c.Parametrization == solver.Sparse{}.Name() }

// checkSparse fills in the sizes of a vector: one column, as the truth and the factors have. Where nobody says more there are 4·s·ln n
// measurements for s elements that are not zero, a few times as many as it takes to find them, and of a single index model 100 times
// s·ln n samples.
func (c *Config) checkSparse(m *mistakes) {
	one := func(key string, value *int) {
		if !c.given(key) {
			*value = 1
		} else if *value != 1 && (*value != 0 || !c.ownData()) {
			m.bad(key, "%s is 1 with parametrization sparse, whose unknown is a vector, got %d", key, *value)
		}
	}
	one("n2", &c.N2)
	if !c.given("rank") {
		c.Rank = 1
	}
	one("factor-rank", &c.FactorRank)
	if !c.given("init") {
		c.Init = ones
	}
	if (c.InitRight == "") != (c.startFile() == "") {
		m.bad("init", "a start from files needs both init, u₀, and init-right, v₀, with parametrization sparse")
	}
	if c.ownData() {
		if c.Sparsity != 0 {
			m.bad("sparsity", "sparsity is for a truth that is drawn, not for own data")
		}
		return
	}
	if !c.given("sparsity") {
		c.Sparsity = 3
	}
	if c.Sparsity < 1 || c.Sparsity > c.N && c.N >= 1 {
		m.bad("sparsity", "sparsity goes from 1 to n = %d, got %d", c.N, c.Sparsity)
	} else if c.Measurements == 0 && !c.given("measurements") && c.N >= 1 {
		each := 4.0
		if c.Ensemble == singleIndex {
			each = 100
		}
		c.Measurements = int(math.Ceil(each * float64(c.Sparsity) * math.Log(float64(max(c.N, 2)))))
	}
}
