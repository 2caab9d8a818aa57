package sweep

import (
	"fmt"
	"slices"
	"testing"
)

// TestUnlike: methods for starts near the truth have a start and a number of columns of their own, which a
// sweep over methods tells, unless the user has set them.
func TestUnlike(t *testing.T) {
	const base = "base: {rank: 2, measurements: 400, iterations: 3"
	for _, c := range []struct {
		text string
		want []string
	}{
		{base + "}\naxes:\n  - method: [gd, scaled-gd]\n  - n: [20, 30]\n", []string{"factor-rank", "init"}},
		{base + "}\naxes:\n  - {method: [gd, rgd], step: [0.25, 0.5]}\n", []string{"factor-rank", "init"}},
		{base + ", init: spectral}\naxes:\n  - method: [gd, scaled-gd]\n", []string{"factor-rank"}},
		{base + ", factor-rank: 2}\naxes:\n  - method: [gd, scaled-gd]\n", []string{"init"}},
		{base + ", factor-rank: 2}\naxes:\n  - method: [gd, scaled-gd]\n  - alpha: [1e-3, 1]\n", nil},
		{base + "}\naxes:\n  - {method: [gd, rgd], init: [spectral, random], factor-rank: [2, 2]}\n", nil},
		{base + "}\naxes:\n  - method: [gd, momentum]\n  - n: [20, 30]\n", nil},
		{base + "}\naxes:\n  - n: [20, 30]\n", nil},
		{base + "}\naxes:\n  - {method: [gd, momentum], n: [20, 30]}\n", nil},
	} {
		p, err := NewPlan(t.Context(), mustParse(t, c.text), Options{}, aHost())
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Unlike(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.text, got, c.want)
		}
	}
}

// TestStartSeedsOfMethods: methods that start near the truth have no replicas of their start, unless the size
// of a random start is given. Symptom: start-seeds gave them the small random start from which they diverge.
func TestStartSeedsOfMethods(t *testing.T) {
	for text, want := range map[string][]string{
		"base: {n: 20, rank: 2}\naxes: [{method: [gd, rgd]}]\nstart-seeds: 2\n": {
			"gd random 1", "gd random 1001", "rgd spectral 0",
		},
		"base: {n: 20, rank: 2, alpha: 0.5}\naxes: [{method: [gd, rgd]}]\nstart-seeds: 2\n": {
			"gd random 1", "gd random 1001", "rgd random 1", "rgd random 1001",
		},
		"base: {n: 20, rank: 2, method: rgd}\naxes: [{alpha: [0.5, 1]}]\nstart-seeds: 1\n": {
			"rgd random 1", "rgd random 1",
		},
	} {
		runs, err := mustParse(t, text).Runs()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range runs {
			got = append(got, fmt.Sprintf("%s %s %d", r.Config.Method, r.Config.Init, r.Config.StartSeed))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
