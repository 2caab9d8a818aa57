package config

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// TestPauliSettings: mistakes with Pauli words are told where they were made, and what is left out is filled
// in.
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
			key := strings.TrimRight(strings.TrimPrefix(strings.Fields(p)[0], "--"), ":")
			keys = append(keys, key)
		}
		if !slices.Equal(keys, c.want) {
			t.Errorf("%s: %q, want %q", c.settings, problems, c.want)
		}
	}
	for settings, want := range map[string]int{"n=64 rank=1": 640, "n=32 rank=2": 528,
		"n=32 rank=2 measurements=7": 7} {
		config := configOf(t, append(strings.Fields(settings), "ensemble=pauli", "precision=auto")...)
		if err := config.Validate(); err != nil {
			t.Fatal(err)
		}
		if config.Measurements != want || config.Precision != "f64" || config.Entries != "" {
			t.Errorf("%s: %d measurements of entries %q in %s", settings, config.Measurements, config.Entries,
				config.Precision)
		}
	}
}

// TestRankOneConfig: the step is shorter where f curves more, nothing of rows is taken, and everything else
// stays a choice.
func TestRankOneConfig(t *testing.T) {
	for _, c := range []struct {
		settings []string
		step     float64
	}{
		{[]string{"ensemble=rank-one", "rank=1"}, 0.25 / 3},
		{[]string{"ensemble=rank-one", "rank=3"}, 0.05},
		{[]string{"ensemble=rank-one", "rank=3", "step=0.1"}, 0.1},
		{[]string{"ensemble=rank-one", "parametrization=uv", "n2=30"}, 0.25},
		{[]string{"rank=3"}, 0.25},
		{[]string{"ensemble=rank-one", "rank=3", "method=polyak-gd"}, 0.2},
		{[]string{"ensemble=rank-one", "rank=3", "method=adam"}, 0.001},
		{[]string{"ensemble=rank-one", "spectrum=4,2"}, 0.25 / 14},
		{[]string{"ensemble=rank-one", "spectrum=4,2", "method=scaled-gd"}, 0.25 / 3.5},
	} {
		cfg := configOf(t, c.settings...)
		if err := cfg.Validate(); err != nil || math.Abs(cfg.Step-c.step) > 1e-15 {
			t.Errorf("%q: step %v, want %v; %v", c.settings, cfg.Step, c.step, err)
		}
		again := cfg // a resolved configuration is one
		if err := again.Validate(); err != nil || again.Step != cfg.Step || again.Entries != cfg.Entries {
			t.Errorf("%q again: %+v, %v", c.settings, again, err)
		}
	}
}

// TestMultiIndexConfig fills in what a link fixes, and refuses what has no meaning.
func TestMultiIndexConfig(t *testing.T) {
	for _, c := range []struct {
		settings      []string
		rank          int
		link, process string
	}{
		{[]string{"observation=multi-index"}, 1, "norm", "optimal"},
		{[]string{"observation=multi-index", "link=norm", "rank=4", "preprocessing=none"}, 4, "norm", "none"},
		{[]string{"observation=multi-index", "link=product"}, 2, "product", "optimal"},
		{[]string{"observation=multi-index", "link=quadratic", "kappa=10"}, 3, "quadratic", "optimal"},
		{[]string{"observation=multi-index", "link=quadratic", "spectrum=1,0.5"}, 2, "quadratic", "optimal"},
	} {
		cfg := configOf(t, c.settings...)
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		if cfg.Rank != c.rank || cfg.FactorRank != c.rank || cfg.Link != c.link ||
			cfg.Preprocessing != c.process || cfg.Iterations != 0 ||
			cfg.Init != "spectral" || cfg.Measurements != 10*cfg.N*c.rank {
			t.Errorf("%q: %+v", c.settings, cfg)
		}
	}
}

// TestVectorMistakes names each.
func TestVectorMistakes(t *testing.T) {
	for _, c := range []struct {
		settings []string
		want     string
	}{
		{[]string{"ensemble=rank-one", "entries=f32"},
			"entries is for ensemble gaussian or rademacher, and this is rank-one"},
		{[]string{"ensemble=rank-one", "precision=mixed"},
			`rank-one measurements are computed in f64, got "mixed"`},
		{[]string{"ensemble=rank-one", "link=norm"},
			"link is for observation single-index or multi-index, and this is linear"},
		{[]string{"preprocessing=trim"}, "preprocessing is for observation multi-index, and this is linear"},
		{[]string{"observation=multi-index", "link=cube"},
			`must be norm, quadratic, product or sign-product, got "cube"`},
		{[]string{"observation=multi-index", "preprocessing=clip"},
			`must be none, trim or optimal, got "clip"`},
		{[]string{"observation=multi-index", "link=product", "rank=3"},
			"the link product has 2 indices, got rank 3"},
		{[]string{"observation=multi-index", "rank=2", "kappa=2"}, "directions are orthonormal"},
		{[]string{"observation=multi-index", "link=quadratic", "kappa=11"}, "at most 100 times the least"},
		{[]string{"observation=multi-index", "link=quadratic", "spectrum=1,0.002"},
			"at most 100 times the least"},
		{[]string{"observation=multi-index", "iterations=10"}, "take ensemble rank-one"},
		{[]string{"observation=multi-index", "parametrization=uv"}, "with parametrization psd"},
		{[]string{"observation=multi-index", "method=gd"},
			"no method can descend: it goes with method none, not gd"},
		{[]string{"observation=multi-index", "ensemble=gaussian"},
			"observation multi-index goes with ensemble rank-one, not gaussian"},
		{[]string{"observation=single-index", "entries=f64"},
			"entries does not apply to observation single-index"},
		{[]string{"ensemble=single-index"}, "use --observation single-index"},
		{[]string{"ensemble=multi-index"}, "use --observation multi-index"},
		{[]string{"observation=cubic"}, `must be linear, single-index or multi-index, got "cubic"`},
	} {
		cfg := configOf(t, c.settings...)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.settings, err, c.want)
		}
	}
}
