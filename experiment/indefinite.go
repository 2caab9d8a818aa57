package experiment

// checkIndefinite fills in how many eigenvalues of the truth are negative, and wants what belongs to two factors to be there for
// both.
func (c *Config) checkIndefinite(m *mistakes) {
	if (c.TruthRight == "") != (c.Truth == "") && c.ownData() {
		m.bad("truth", "a truth X S Xᵀ, S = diag(±1), needs both truth, X, and truth-right, X S")
	}
	if (c.InitRight == "") != (c.startFile() == "") {
		m.bad("init", "a start from files needs both init and init-right with parametrization indefinite")
	}
	switch {
	case c.ownData() && c.Negative != 0:
		m.bad("negative", "negative is for a truth that is drawn, not for own data")
	case c.ownData():
	case !c.given("negative"):
		c.Negative = max(c.Rank, 0) / 2
	case c.Negative < 0 || c.Negative > c.Rank:
		m.bad("negative", "of the truth's eigenvalues from 0 to rank = %d are negative, got %d", c.Rank, c.Negative)
	}
}
