package config

import (
	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Start is a way to begin a run that a configuration can name; any other init names a file.
type Start struct {
	Entry
	// Sized: alpha is its size. If it is not random either, alpha is all that there is to choose.
	Sized bool
	// Random: it has a part that is drawn, by start-seed.
	Random bool
	// MayVanish: alpha may be 0.
	MayVanish bool
	// Unnamed: captions give alpha and leave out the name.
	Unnamed bool
	// Pairs is how many pairs of the spectral estimate it needs; nil if it needs none.
	Pairs func(c *Config) int
	// Make makes the start of a configuration that was found valid, near a truth that may be nil.
	Make func(c *Config, truth *sensing.Truth) (solver.Start, error)
}

// The starts' names.
const (
	random       = "random"
	spectral     = "spectral"
	reluSpectral = "relu-spectral"
	planted      = "saddle"
	ones         = "ones"
)

// starts are all starts, as matsense list shows them.
var starts []Start

func init() {
	starts = []Start{
		{
			Entry: Entry{
				Name:       random,
				About:      "U₀ = α·G, G_ij independent N(0, 1/r), and each other matrix of the factor alike",
				References: []Reference{stoeger2021},
				Settings:   []string{"alpha-right"},
				Check:      (*Config).checkRandom,
			},
			Sized: true, Random: true, Unnamed: true,
			Make: func(c *Config, _ *sensing.Truth) (solver.Start, error) {
				return solver.Random{Alpha: c.Alpha, AlphaRight: c.AlphaRight, Seed: c.StartSeed}, nil
			},
		},
		{
			Entry: Entry{
				Name:       spectral,
				About:      "the top r pairs of the spectral estimate 1/m Σ y_i A_i",
				References: []Reference{keshavan2010},
				Settings:   []string{"start-imbalance"},
				Check: func(c *Config, m *Mistakes) {
					c.checkSpectral(m)
					c.checkStartImbalance(m)
				},
			},
			Pairs: func(c *Config) int { return c.FactorRank + 1 },
			Make: func(c *Config, _ *sensing.Truth) (solver.Start, error) {
				return solver.Spectral{Imbalance: c.StartImbalance}, nil
			},
		},
		{
			Entry: Entry{
				Name:       reluSpectral,
				About:      "the r pairs after the first, for entries that are seen where they are not negative",
				References: []Reference{liu2024},
				After:      true,
				Check:      (*Config).checkReLUSpectral,
			},
			Pairs: func(c *Config) int { return c.FactorRank + 1 },
			Make: func(*Config, *sensing.Truth) (solver.Start, error) {
				return solver.Spectral{Skip: 1}, nil
			},
		},
		{
			Entry: Entry{
				Name:       planted,
				About:      "r of the truth's columns, the smallest: a strict saddle point; plus α·G",
				References: []Reference{hsieh2023},
				Check:      (*Config).checkPlanted,
			},
			Sized: true, Random: true, MayVanish: true,
			Make: (*Config).plantedStart,
		},
		{
			Entry: Entry{
				Name:       ones,
				About:      "α in every element: u₀ = v₀ = α·1, for vectors",
				References: []Reference{vaskevicius2019},
				Check:      (*Config).checkOnes,
			},
			Sized: true, Unnamed: true,
			Make: func(c *Config, _ *sensing.Truth) (solver.Start, error) {
				return solver.Ones{Alpha: c.Alpha}, nil
			},
		},
	}
}

// ChosenStart returns the start that the configuration names; false if init is a file.
func (c *Config) ChosenStart() (Start, bool) {
	if s := find(starts, c.Init); s != nil {
		return *s, true
	}
	return Start{}, false
}

// IsStartFile says whether a value of init names a file.
func IsStartFile(init string) bool { return find(starts, init) == nil }

// IsRandomStart says whether a start has a part that is drawn.
func IsRandomStart(init string) bool {
	s := find(starts, init)
	return s != nil && s.Random
}

// fillStart gives some methods a spectral start, where there is one: none has nothing else, and a method for
// starts near the truth takes it unless the user gives a random start its size or seed. (A resolved
// configuration says 0 where they do not apply.)
func (c *Config) fillStart() {
	if !c.ChosenParametrization().Spectral || c.Given("init") {
		return
	}
	drawn := c.Given("alpha") && c.Alpha != 0 || c.Given("alpha-right") && c.AlphaRight != 0 ||
		c.Given("start-seed") && c.StartSeed != 0
	switch {
	case c.EstimatesOnly():
		c.Init = spectral
	case c.StartsAtEstimate() && !drawn && c.nearInit() != "":
		c.Init = c.nearInit()
	case c.Init == spectral || c.Init == reluSpectral: // of another method, before
		its := Default()
		c.Init = its.Init
		if !c.Given("alpha") {
			c.Alpha = its.Alpha
		}
	}
}

// nearInit is the start near the truth; "" if there is none. The spectral estimate of a positive semidefinite
// truth leaves no pairs for V of UUᵀ − VVᵀ.
func (c *Config) nearInit() string {
	switch {
	case c.Parametrization == (solver.Indefinite{}).Name():
		return ""
	case c.ensemble().Name == reluCompletion:
		return reluSpectral
	}
	return spectral
}

// HasRandomStart says whether the start has a part that is drawn, before [Config.Validate] has filled in the
// start of the method.
func (c *Config) HasRandomStart() bool {
	filled := *c
	filled.fillStart()
	return IsRandomStart(filled.Init)
}

// checkStart checks the start and its settings, of which those that do not apply become zero, and fills in
// its seed.
func (c *Config) checkStart(m *Mistakes) {
	if c.Init == "" {
		m.Bad("init", "init must be %s or a .npy file, got nothing", orList(namesOf(starts)))
	}
	s := find(starts, c.Init)
	if s == nil {
		refuseOthers(c, m, "start", starts, nil, "a file")
	}
	checkMember(c, m, "start", starts, c.Init)
	// A resolved configuration says 0 where a setting does not apply.
	if s == nil || !s.Sized {
		if c.Given("alpha") && c.Alpha != 0 {
			m.Bad("alpha", "alpha is the size of a random start, and init is %q", c.Init)
		}
		c.Alpha = 0
	} else if s.MayVanish {
		m.Finite("alpha", c.Alpha, c.Alpha >= 0, "zero or positive")
	} else {
		m.Finite("alpha", c.Alpha, c.Alpha > 0, "positive")
	}
	switch {
	case s != nil && s.Random:
		if !c.Given("start-seed") {
			c.StartSeed = c.Seed
		}
	case c.Given("start-seed") && c.StartSeed != 0:
		m.Bad("start-seed", "start-seed is for a random start, and init is %q", c.Init)
	default:
		c.StartSeed = 0
	}
}

// checkRandom wants a size of V₀ for the parametrization that has U and V apart.
func (c *Config) checkRandom(m *Mistakes) {
	m.Finite("alpha-right", c.AlphaRight, c.AlphaRight >= 0, "zero or positive")
	if uv := (solver.UV{}).Name(); c.AlphaRight != 0 && c.Parametrization != uv {
		m.Bad("alpha-right", "alpha-right is the size of V₀ with parametrization %s, not %s", uv,
			c.Parametrization)
	}
}

// checkSpectral refuses parametrizations whose factors no pairs of the spectral estimate make.
func (c *Config) checkSpectral(m *Mistakes) {
	if !c.ChosenParametrization().Spectral {
		m.Bad("init", "a spectral start is defined for UUᵀ, UVᵀ and UUᵀ − VVᵀ, not for parametrization %s",
			c.Parametrization)
	}
}

// checkStartImbalance wants a ratio for the parametrization that has U and V apart.
func (c *Config) checkStartImbalance(m *Mistakes) {
	m.Finite("start-imbalance", c.StartImbalance, c.StartImbalance >= 0, "zero or positive")
	if uv := (solver.UV{}).Name(); c.StartImbalance != 0 && c.Parametrization != uv {
		m.Bad("start-imbalance", "start-imbalance makes U₀ and V₀ of different sizes with parametrization %s, "+
			"not %s", uv, c.Parametrization)
	}
}

// checkReLUSpectral refuses other measurements than it is made for.
func (c *Config) checkReLUSpectral(m *Mistakes) {
	c.checkSpectral(m)
	if c.ensemble().Name != reluCompletion && c.Triplets == "" {
		m.Bad("init", "relu-spectral is a start for entries that are seen where they are not negative: "+
			"ensemble relu-completion, or triplets")
	}
}

// checkOnes wants a start from equal elements for vectors alone.
func (c *Config) checkOnes(m *Mistakes) {
	if !c.ChosenParametrization().Vector {
		m.Bad("init", "init ones is for the vectors of parametrization sparse: a matrix of equal elements "+
			"would stay one of rank 1")
	}
}

// checkPlanted wants a saddle to miss a column of the truth.
func (c *Config) checkPlanted(m *Mistakes) {
	switch {
	case c.Parametrization != solver.PSD{}.Name() && c.Parametrization != solver.UV{}.Name():
		m.Bad("init", "a saddle is made for parametrization psd or uv, not %s", c.Parametrization)
	case c.HasUserData() && c.Truth == "":
		m.Bad("init", "a saddle is made of the truth's columns, and user data has none: add truth")
	case !c.HasUserData() && c.Rank < 2:
		m.Bad("init", "a saddle misses a column of the truth and has another: it needs rank 2 or more, got "+
			"%d", c.Rank)
	case !c.HasUserData() && c.FactorRank >= c.Rank:
		m.Bad("init", "a saddle misses a column of the truth: it needs a factor-rank below rank, which is "+
			"%d, got %d", c.Rank, c.FactorRank)
	}
}

// plantedStart makes the start at a saddle point.
func (c *Config) plantedStart(truth *sensing.Truth) (solver.Start, error) {
	if c.FactorRank >= truth.Rank() {
		return nil, Usagef("%s: a saddle misses a column of the truth: it needs a factor-rank below rank, "+
			"which is %d, got %d",
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
	if s := find(starts, c.Init); s != nil && s.Pairs != nil {
		pairs = max(pairs, s.Pairs(c))
	}
	return pairs
}

// NewStart makes the start, or reads it. Mistakes in the file are the user's.
func (c *Config) NewStart(truth *sensing.Truth) (solver.Start, error) {
	if s := find(starts, c.Init); s != nil {
		return s.Make(c, truth)
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
