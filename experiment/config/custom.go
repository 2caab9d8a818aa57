package config

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/matsense/matsense/solver"
)

// Program takes a step of method custom, as [solver.Custom] says.
type Program func(m *solver.Member, iteration int) error

// SetProgram makes a program take the steps. Without one, [Config.Check] refuses method custom.
func (c *Config) SetProgram(p Program) { c.program = p }

// Program returns the program that takes the steps; nil if there is none.
func (c *Config) Program() Program { return c.program }

// ResumeCall returns the call in Python that goes on with the run in a directory whose steps a program takes.
func (c *Config) ResumeCall(dir string) string {
	return fmt.Sprintf("p.solve(%s, out=%q, resume=True)", cmp.Or(c.CustomName, "my_step"), dir)
}

// custom makes the method.
func (c *Config) custom() solver.Method {
	return solver.Custom{Slots: c.CustomSlots, Program: c.program}
}

const (
	maxCustomName  = 80 // characters, which fit into a title
	maxCustomSlots = 64 // more than any optimizer keeps, and few enough for a checkpoint
)

// checkCustom refuses a step size, which the program has for itself, and names that are no words of a title.
func (c *Config) checkCustom(m *Mistakes) {
	c.refuseStep(m, "the function that takes the steps of method custom has its own step size: set it there")
	if utf8.RuneCountInString(c.CustomName) > maxCustomName ||
		strings.ContainsFunc(c.CustomName, func(r rune) bool { return !unicode.IsPrint(r) }) {
		m.Bad("custom-name", "custom-name is a line of at most %d characters, got %q", maxCustomName,
			c.CustomName)
	}
	if c.CustomSlots < 0 || c.CustomSlots > maxCustomSlots {
		m.Bad("custom-slots", "custom-slots goes from 0 to %d, got %d", maxCustomSlots, c.CustomSlots)
	}
}

// checkProgram refuses a method whose steps a program takes if there is no program.
func (c *Config) checkProgram(m *Mistakes) {
	if c.IsProgrammed() && c.program == nil {
		m.Bad("method", "method %s is for steps that your own program takes: run it from Python by "+
			"Problem.solve, or from another client of matsense serve (docs/protocol.md)", c.Method)
	}
}

// adviseCustom says which steps suit the data: no setting can change those of the program.
func (c *Config) adviseCustom(f Facts, a *Advice) {
	if f.Status != solver.Diverged || a.Settings["alpha"] != nil {
		return
	}
	suited, words := c.gradientStep(f)
	a.Say("for steps along the gradient a step size of at most %s suits the data, %s", brief2(suited), words)
}
