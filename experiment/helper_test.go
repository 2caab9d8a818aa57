package experiment

import (
	"errors"
	"strings"
	"testing"

	"github.com/matsense/matsense/experiment/config"
)

// configOf returns the default configuration with settings given as "key=value".
func configOf(t *testing.T, settings ...string) config.Config {
	t.Helper()
	c := config.Default()
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		f, known := c.Field(key)
		if !known {
			t.Fatalf("no setting %q", key)
		}
		if err := f.Set(value, "--"+key); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// problemsOf returns the problems of an error, which must be a UsageError with one line for each.
func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var usage *config.UsageError
	if !errors.As(err, &usage) || len(usage.Problems) == 0 {
		t.Fatalf("not a usage error with problems: %v", err)
	}
	for _, p := range usage.Problems {
		if p == "" || strings.ContainsAny(p, "\n\r") {
			t.Errorf("a problem that is not one line: %q", p)
		}
	}
	return usage.Problems
}
