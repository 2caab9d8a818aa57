package experiment

import (
	"slices"
	"strings"
	"testing"
)

// TestPauliSettings: mistakes with Pauli words are told where they were made, and what is left out is filled in.
func TestPauliSettings(t *testing.T) {
	for _, c := range []struct {
		settings string
		want     []string // keys
	}{
		{"n=32", nil},
		{"n=2 rank=1", nil},
		{"n=65536 rank=1", nil},
		{"n=1 rank=1", []string{"n"}},
		{"n=30", []string{"n"}},
		{"n=0", []string{"n"}},
		{"n=32 measurements=528", nil},
		{"n=32 measurements=529", []string{"measurements"}},
		{"n=32 entries=f64", []string{"entries"}},
		{"n=32 parametrization=uv", []string{"parametrization"}},
		{"n=32 storage=generated", []string{"storage"}},
		{"n=32 storage=memory precision=f64", nil},
		{"n=32 precision=auto", nil},
		{"n=32 precision=mixed", []string{"precision"}},
		{"n=32 precision=f32", []string{"precision"}},
	} {
		config := configOf(t, append(strings.Fields(c.settings), "ensemble=pauli")...)
		problems := problemsOf(t, config.Validate())
		var keys []string
		for _, p := range problems {
			key, _, _ := strings.Cut(strings.TrimPrefix(p, "--"), ":")
			keys = append(keys, key)
		}
		if !slices.Equal(keys, c.want) {
			t.Errorf("%s: %q, want %q", c.settings, problems, c.want)
		}
	}
	for settings, want := range map[string]int{"n=64 rank=1": 640, "n=32 rank=2": 528, "n=32 rank=2 measurements=7": 7} {
		config := configOf(t, append(strings.Fields(settings), "ensemble=pauli", "precision=auto")...)
		if err := config.Validate(); err != nil {
			t.Fatal(err)
		}
		if config.Measurements != want || config.Precision != "f64" || config.Entries != "" {
			t.Errorf("%s: %d measurements of entries %q in %s", settings, config.Measurements, config.Entries, config.Precision)
		}
	}
}
