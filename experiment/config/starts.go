package config

import (
	"slices"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// start is where a run can begin, by a name; any other init names a file.
type start struct {
	entry
	// sized: alpha is its size. Where it is not random, nothing else of it is.
	sized bool
	// random: it has a part that is drawn, by start-seed.
	random bool
	// mayVanish: alpha may be 0.
	mayVanish bool
	// check finds mistakes in a configuration that names it; nil where there is nothing to say.
	check func(c *Config, m *mistakes)
	make  func(c *Config, truth *sensing.Truth) (solver.Start, error)
}

const (
	random       = "random"
	spectral     = "spectral"
	reluSpectral = "relu-spectral"
	planted      = "saddle"
	ones         = "ones"
)

var starts = []start{
	{entry: entry{random, "U₀ = α·G, G_ij independent N(0, 1/r), and each other matrix of the factor alike", "Stöger and Soltanolkotabi, arXiv 2106.15013"},
		sized: true, random: true,
		make: func(c *Config, _ *sensing.Truth) (solver.Start, error) {
			return solver.Random{Alpha: c.Alpha, Seed: c.StartSeed}, nil
		}},
	{entry: entry{spectral, "the top r pairs of the spectral estimate 1/m Σ y_i A_i", "Keshavan, Montanari and Oh, arXiv 0901.3150"},
		check: (*Config).checkSpectral,
		make:  func(*Config, *sensing.Truth) (solver.Start, error) { return solver.Spectral{}, nil }},
	{entry: entry{reluSpectral, "the r pairs after the first, for entries that are seen where they are not negative", "after Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822"},
		check: (*Config).checkReLUSpectral,
		make:  func(*Config, *sensing.Truth) (solver.Start, error) { return solver.Spectral{Skip: 1}, nil }},
	{entry: entry{planted, "r of the truth's columns, the smallest: a strict saddle point; plus α·G", "Hsieh, Karimi, Krause and Mertikopoulos, arXiv 2311.02374"},
		sized: true, random: true, mayVanish: true, check: (*Config).checkPlanted, make: (*Config).plantedStart},
	{entry: entry{ones, "α in every element: u₀ = v₀ = α·1, for vectors", "Vaškevičius, Kanade and Rebeschini, arXiv 1909.05122"},
		sized: true, check: (*Config).checkOnes,
		make: func(c *Config, _ *sensing.Truth) (solver.Start, error) { return solver.Ones{Alpha: c.Alpha}, nil }},
}

// startNamed is the start that init names; nil where it names a file.
func startNamed(init string) *start {
	if i := slices.IndexFunc(starts, func(s start) bool { return s.name == init }); i >= 0 {
		return &starts[i]
	}
	return nil
}

// IsStartFile says whether a value of init names a file.
func IsStartFile(init string) bool { return startNamed(init) == nil }

// IsRandomStart says whether a start has a part that is drawn.
func IsRandomStart(init string) bool {
	s := startNamed(init)
	return s != nil && s.random
}

// checkStart checks the start and its settings, of which those that do not apply become zero, and fills in its seed.
func (c *Config) checkStart(m *mistakes) {
	if c.Init == "" {
		m.bad("init", "init must be %s or a .npy file, got nothing", orList(namesOf(starts)))
	}
	s := startNamed(c.Init)
	if s != nil && s.check != nil {
		s.check(c, m)
	}
	// A resolved configuration says 0 where a setting does not apply.
	if s == nil || !s.sized {
		if c.Given("alpha") && c.Alpha != 0 {
			m.bad("alpha", "alpha is the size of a random start, and init is %q", c.Init)
		}
		c.Alpha = 0
	} else if s.mayVanish {
		m.finite("alpha", c.Alpha, c.Alpha >= 0, "zero or positive")
	} else {
		m.finite("alpha", c.Alpha, c.Alpha > 0, "positive")
	}
	switch {
	case s != nil && s.random:
		if !c.Given("start-seed") {
			c.StartSeed = c.Seed
		}
	case c.Given("start-seed") && c.StartSeed != 0:
		m.bad("start-seed", "start-seed is for a random start, and init is %q", c.Init)
	default:
		c.StartSeed = 0
	}
}

// checkSpectral refuses parametrizations whose factors no pairs of the spectral estimate make.
func (c *Config) checkSpectral(m *mistakes) {
	if c.deep() || c.isSparse() {
		m.bad("init", "a spectral start is defined for UUᵀ, UVᵀ and UUᵀ − VVᵀ, not for parametrization %s", c.Parametrization)
	}
}

// checkReLUSpectral refuses other measurements than it is made for.
func (c *Config) checkReLUSpectral(m *mistakes) {
	c.checkSpectral(m)
	if c.ensembleName() != "relu-completion" && c.Triplets == "" {
		m.bad("init", "relu-spectral is a start for entries that are seen where they are not negative: ensemble relu-completion, or triplets")
	}
}

// checkOnes wants a start from equal elements for vectors alone.
func (c *Config) checkOnes(m *mistakes) {
	if !c.isSparse() {
		m.bad("init", "init ones is for the vectors of parametrization sparse: a matrix of equal elements would stay one of rank 1")
	}
}

// checkPlanted wants a saddle to miss a column of the truth.
func (c *Config) checkPlanted(m *mistakes) {
	switch {
	case c.Parametrization != solver.PSD{}.Name() && c.Parametrization != solver.UV{}.Name():
		m.bad("init", "a saddle is made for parametrization psd or uv, not %s", c.Parametrization)
	case c.HasUserData() && c.Truth == "":
		m.bad("init", "a saddle is made of the truth's columns, and own data has none: add truth")
	case !c.HasUserData() && c.Rank < 2:
		m.bad("init", "a saddle misses a column of the truth and has another: it needs rank 2 or more, got %d", c.Rank)
	case !c.HasUserData() && c.FactorRank >= c.Rank:
		m.bad("init", "a saddle misses a column of the truth: it needs a factor-rank below rank, which is %d, got %d", c.Rank, c.FactorRank)
	}
}

// plantedStart makes the start at a saddle point.
func (c *Config) plantedStart(truth *sensing.Truth) (solver.Start, error) {
	if c.FactorRank >= truth.Rank() {
		return nil, Usagef("%s: a saddle misses a column of the truth: it needs a factor-rank below rank, which is %d, got %d",
			c.At("init"), truth.Rank(), c.FactorRank)
	}
	return solver.Saddle{Truth: truth, Alpha: c.Alpha, Seed: c.StartSeed}, nil
}

// StartFile returns the file that the start is read from, or "".
func (c *Config) StartFile() string {
	if !IsStartFile(c.Init) {
		return ""
	}
	return c.Init
}

// SpectralPairs is how many pairs of the spectral estimate a run asks for at most.
func (c *Config) SpectralPairs() int {
	pairs := max(c.Rank, 1)
	if c.Init == spectral || c.Init == reluSpectral {
		pairs = max(pairs, c.FactorRank+1)
	}
	return pairs
}

// NewStart makes the start, or reads it. Mistakes in the file are the user's.
func (c *Config) NewStart(truth *sensing.Truth) (solver.Start, error) {
	if s := startNamed(c.Init); s != nil {
		return s.make(c, truth)
	}
	var start solver.Factor
	for _, f := range []DataFile{{"init", &c.Init}, {"init-right", &c.InitRight}} {
		if *f.Path == "" {
			continue
		}
		for _, path := range c.pathsOf(f) {
			u, err := npy.LoadMatrix(path)
			if err != nil {
				return nil, Usagef("%s: %v", c.At(f.Key), err)
			}
			if !(solver.Factor{u}).Finite() {
				return nil, Usagef("%s: %s has elements that are NaN or infinite", c.At(f.Key), path)
			}
			start = append(start, u)
		}
	}
	return solver.Given{Start: start}, nil
}
