package experiment

// checkGame wants a game that has an equilibrium, and fills in what was not said of it.
func (c *Config) checkGame(m *mistakes) {
	fill := func(key string, value *float64, by float64) {
		if !c.given(key) && *value == 0 {
			*value = by
		}
	}
	fill("adversary-step", &c.Adversary, c.Step)
	fill("adversary-weight", &c.ShiftCost, 2)
	fill("adversary-radius", &c.ShiftBound, 1)
	if c.given("adversary-step") {
		m.finite("adversary-step", c.Adversary, c.Adversary > 0, "positive")
	}
	m.finite("adversary-weight", c.ShiftCost, c.ShiftCost > 1, "more than 1, or the adversary has no best shift")
	m.finite("adversary-radius", c.ShiftBound, c.ShiftBound > 0, "positive")
}
