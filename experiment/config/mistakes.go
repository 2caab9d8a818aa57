package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// UsageError lists what is wrong with what a user asked for.
type UsageError struct{ Problems []string }

func (e *UsageError) Error() string { return strings.Join(e.Problems, "\n") }

// Usagef is the UsageError with one problem.
func Usagef(format string, args ...any) error {
	return &UsageError{[]string{fmt.Sprintf(format, args...)}}
}

// mistakes collects what is wrong with a configuration.
type mistakes struct {
	c        *Config
	problems []string
}

// bad notes a mistake in a setting.
func (m *mistakes) bad(key, format string, args ...any) {
	m.problems = append(m.problems, m.c.At(key)+": "+fmt.Sprintf(format, args...))
}

// oneOf wants a setting to be one of some words.
func (m *mistakes) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		m.bad(key, "must be %s, got %q", orList(allowed), value)
	}
}

// orList writes words as alternatives.
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// finite wants a number to be finite, and what ok says that it is.
func (m *mistakes) finite(key string, x float64, ok bool, must string) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		m.bad(key, "%s must be %s and finite, got %v", key, must, x)
	} else if !ok {
		m.bad(key, "%s must be %s, got %v", key, must, x)
	}
}
