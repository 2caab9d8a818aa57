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

// Usagef is the UsageError with one problem. The names of packages that errors begin with are left out.
func Usagef(format string, args ...any) error {
	return &UsageError{[]string{packageNames.Replace(fmt.Sprintf(format, args...))}}
}

// packageNames removes the names of packages from errors that stand behind the name of a setting or file.
var packageNames = strings.NewReplacer(": sensing: ", ": ", ": solver: ", ": ", ": npy: ", ": ")

// Mistakes collects what is wrong with a configuration.
type Mistakes struct {
	c        *Config
	problems []string
}

// Bad notes a mistake in a setting.
func (m *Mistakes) Bad(key, format string, args ...any) {
	m.problems = append(m.problems, Located(m.c.At(key), key, fmt.Sprintf(format, args...)))
}

// Located puts the place of a mistake before its sentence. If the place ends with the setting's key and the
// sentence begins with it, the key is said once: "--n goes from 1 …".
func Located(place, key, sentence string) string {
	if rest, named := strings.CutPrefix(sentence, key+" "); named && strings.HasSuffix(place, key) {
		return place + " " + rest
	}
	return place + ": " + sentence
}

// isAt says whether a mistake is at a place.
func isAt(mistake, place string) bool {
	return strings.HasPrefix(mistake, place+": ") || strings.HasPrefix(mistake, place+" ")
}

// OneOf notes a mistake if a setting's value is not one of the allowed words.
func (m *Mistakes) OneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		m.Bad(key, "must be %s, got %q", orList(allowed), value)
	}
}

// Finite notes a mistake if a number is not finite, or if ok is false; must says in words what ok tests.
func (m *Mistakes) Finite(key string, x float64, ok bool, must string) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		m.Bad(key, "%s must be %s and finite, got %v", key, must, x)
	} else if !ok {
		m.Bad(key, "%s must be %s, got %v", key, must, x)
	}
}

// err is the UsageError of all mistakes, and nil if there is none.
func (m *Mistakes) err() error {
	if len(m.problems) == 0 {
		return nil
	}
	return &UsageError{m.problems}
}

// orList writes words as alternatives.
func orList(words []string) string { return listOf(words, "or") }

// listOf writes words as a list whose last two are joined by a word.
func listOf(words []string, last string) string {
	end := len(words) - 1
	if end < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:end], ", ") + " " + last + " " + words[end]
}
