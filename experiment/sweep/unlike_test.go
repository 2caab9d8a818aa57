package sweep

import (
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
