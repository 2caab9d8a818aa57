package experiment

import (
	"slices"
	"strings"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Entry is something that a configuration can name.
type Entry struct {
	// Kind is method, parametrization or ensemble.
	Kind string
	// Name is what flags and files call it.
	Name string
	// About says in a line what it is.
	About string
	// Source is where it comes from.
	Source string
}

// Catalog lists every method, parametrization and ensemble.
func Catalog() []Entry {
	var all []Entry
	for _, m := range methods {
		all = append(all, Entry{"method", m.Name(), m.about, m.source})
	}
	for _, p := range parametrizations {
		all = append(all, Entry{"parametrization", p.Name(), p.about, p.source})
	}
	for _, e := range ensembles {
		all = append(all, Entry{"ensemble", e.Name(), e.about, e.source})
	}
	return append(all, Entry{"ensemble", dense, "your own matrices, with --matrices and --observations", ""})
}

// named is what has a name in flags and files.
type named interface{ Name() string }

// namesOf lists the names of all.
func namesOf[T named](all []T) (names []string) {
	for _, x := range all {
		names = append(names, x.Name())
	}
	return names
}

// find returns the one of a name, which is among them.
func find[T named](all []T, name string) *T {
	return &all[slices.IndexFunc(all, func(x T) bool { return x.Name() == name })]
}

// entry is what methods, parametrizations and ensembles have in common.
type entry struct{ name, about, source string }

// Name is the entry's in flags and files.
func (e entry) Name() string { return e.name }

// own are the settings of a configuration that only some entries of a kind have a use for.
type own struct {
	// settings are their keys. Where another entry is chosen they are refused.
	settings []string
	// check finds mistakes in them, and fills in what they are by default; nil where there is nothing to say.
	check func(c *Config, m *mistakes)
}

// method is an update rule that a configuration can name.
type method struct {
	entry
	own
	make func(c *Config) solver.Method
}

var methods = []method{
	{entry{"gd", "U ← U − μ∇f(U): gradient descent", "Stöger and Soltanolkotabi, arXiv 2106.15013"}, own{},
		func(c *Config) solver.Method { return solver.GradientDescent{StepSize: c.Step} }},
	{entry{"scaled-gd", "U ← U − μ∇f(U)(UᵀU)⁻¹: ScaledGD, for factor rank r* and starts near the truth", "Tong, Ma and Chi, arXiv 2005.08898"}, own{},
		func(c *Config) solver.Method { return solver.ScaledGradientDescent{StepSize: c.Step} }},
	{entry{"scaled-gd-lambda", "U ← U − μ∇f(U)(UᵀU + λI)⁻¹: ScaledGD(λ), for small starts of any factor rank", "Xu, Shen, Chi and Ma, arXiv 2302.01186"},
		own{[]string{"lambda"}, (*Config).checkLambda},
		func(c *Config) solver.Method {
			return solver.ScaledGradientDescent{StepSize: c.Step, Lambda: c.Lambda}
		}},
	{entry{"prec-gd", "scaled-gd-lambda with λ = 2·√f(U): PrecGD", "Zhang, Fattahi and Zhang, NeurIPS 2021"}, own{},
		func(c *Config) solver.Method { return solver.PreconditionedGradientDescent{StepSize: c.Step} }},
}

func (c *Config) method() solver.Method { return find(methods, c.Method).make(c) }

// isPartial says whether the method steps without the full gradient.
func (c *Config) isPartial() bool {
	_, partial := c.method().(solver.Partial)
	return partial
}

// parametrization is a way to make a matrix that a configuration can name.
type parametrization struct {
	entry
	own
	// rectangular: the matrix is n × n2, and so is the truth XYᵀ; else it is symmetric.
	rectangular bool
	make        func(c *Config) solver.Parametrization
}

var parametrizations = []parametrization{
	{entry{"psd", "UUᵀ: symmetric positive semidefinite matrices", "Burer and Monteiro, Mathematical Programming 95 (2003)"}, own{}, false,
		func(*Config) solver.Parametrization { return solver.PSD{} }},
	{entry{"uv", "UVᵀ: matrices of any shape, without a balancing term", "Soltanolkotabi, Stöger and Xie, arXiv 2303.14244"},
		own{[]string{"n2", "truth-right", "init-right"}, (*Config).checkSides}, true,
		func(*Config) solver.Parametrization { return solver.Asymmetric{} }},
}

// parametrization returns that of a configuration that was found valid.
func (c *Config) parametrization() solver.Parametrization {
	return find(parametrizations, c.Parametrization).make(c)
}

// ensemble is a law of measurements that a configuration can name.
type ensemble struct {
	entry
	own
	make func(c *Config) (sensing.Ensemble, error)
}

// isotropic is where ensembles with E⟨A, Z⟩² = ‖Z‖_F² were shown to be nearly isometries on matrices of low rank.
const isotropic = "Recht, Fazel and Parrilo, SIAM Review 52 (2010)"

// dense is what a user's own matrices are called.
const dense = "dense"

var ensembles = []ensemble{
	{entry{"gaussian", "independent N(0, 1) entries, in one of four number formats", isotropic}, own{[]string{"entries"}, (*Config).checkEntries},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewGaussian(c.space(), c.Measurements, sensing.Entries(c.Entries), c.Seed)
		}},
	{entry{"rademacher", "independent signs, one bit an entry", isotropic}, own{[]string{"entries"}, (*Config).checkSigns},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewRademacher(c.space(), c.Measurements, c.Seed)
		}},
	{entry{"rank-one", "a aᵀ, or a bᵀ, of Gaussian vectors: phase retrieval, quadratic and bilinear sensing", "Chen, Chi and Goldsmith, arXiv 1310.0807"},
		own{nil, (*Config).checkRankOne}, makeRankOne},
	{entry{"multi-index", "T(q(z)) of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: for spectral estimators of the directions w", "Kovačević, Zhang and Mondelli, arXiv 2502.01583"},
		own{[]string{"link", "preprocessing"}, (*Config).checkMultiIndex}, makeRankOne},
}

// ensemble makes the ensemble of a configuration that was found valid.
func (c *Config) ensemble() (sensing.Ensemble, error) {
	return find(ensembles, c.Ensemble).make(c)
}

// checkOwn refuses settings that the chosen entry of a kind has no use for, and has it check its own.
func checkOwn[T named](c *Config, m *mistakes, kind string, all []T, of func(T) own, chosen string) {
	if !slices.Contains(namesOf(all), chosen) { // said elsewhere
		return
	}
	its := of(*find(all, chosen))
	var told []string
	for _, x := range all {
		for _, key := range of(x).settings {
			if slices.Contains(its.settings, key) || slices.Contains(told, key) {
				continue
			}
			told = append(told, key)
			// A resolved configuration has zero where a setting does not apply.
			if f, _ := c.field(key); !c.given(key) {
				f.value.SetZero()
			} else if !f.value.IsZero() {
				users := namesOf(slices.DeleteFunc(slices.Clone(all), func(x T) bool { return !slices.Contains(of(x).settings, key) }))
				m.bad(key, "%s is for %s %s, and this is %s", key, kind, strings.Join(users, " or "), chosen)
			}
		}
	}
	if its.check != nil {
		its.check(c, m)
	}
}

// checkTogether refuses a method that is not defined for the parametrization, and says which are.
func (c *Config) checkTogether(m *mistakes) {
	if !slices.Contains(namesOf(methods), c.Method) || !slices.Contains(namesOf(parametrizations), c.Parametrization) {
		return
	}
	why := solver.Suits(c.method(), c.parametrization())
	if why == nil {
		return
	}
	var suited []string
	for _, p := range parametrizations {
		if solver.Suits(c.method(), p.make(c)) == nil {
			suited = append(suited, p.name)
		}
	}
	m.bad("method", "method %s goes with parametrization %s, not %s: %v", c.Method, strings.Join(suited, " or "), c.Parametrization, why)
}
