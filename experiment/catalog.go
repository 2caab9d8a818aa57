package experiment

import (
	"slices"

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
		all = append(all, Entry{"method", m.name, m.about, m.source})
	}
	for _, p := range parametrizations {
		all = append(all, Entry{"parametrization", p.Name(), p.about, p.source})
	}
	for _, e := range ensembles {
		all = append(all, Entry{"ensemble", e.name, e.about, e.source})
	}
	return append(all, Entry{"ensemble", dense, "your own matrices, with --matrices and --observations", ""})
}

// method is an update rule that a configuration can name.
type method struct {
	name, about, source string
	damped              bool // it has the setting lambda
	make                func(c *Config) solver.Method
}

var methods = []method{
	{"gd", "U ← U − μ∇f(U): gradient descent", "Stöger and Soltanolkotabi, arXiv 2106.15013", false,
		func(c *Config) solver.Method { return solver.GradientDescent{StepSize: c.Step} }},
	{"scaled-gd", "U ← U − μ∇f(U)(UᵀU)⁻¹: ScaledGD, for factor rank r* and starts near the truth", "Tong, Ma and Chi, arXiv 2005.08898", false,
		func(c *Config) solver.Method { return solver.ScaledGradientDescent{StepSize: c.Step} }},
	{"scaled-gd-lambda", "U ← U − μ∇f(U)(UᵀU + λI)⁻¹: ScaledGD(λ), for small starts of any factor rank", "Xu, Shen, Chi and Ma, arXiv 2302.01186", true,
		func(c *Config) solver.Method {
			return solver.ScaledGradientDescent{StepSize: c.Step, Lambda: c.Lambda}
		}},
	{"prec-gd", "scaled-gd-lambda with λ = 2·√f(U): PrecGD", "Zhang, Fattahi and Zhang, NeurIPS 2021", false,
		func(c *Config) solver.Method { return solver.PreconditionedGradientDescent{StepSize: c.Step} }},
}

// methodNames lists the names of all methods.
func methodNames() (names []string) {
	for _, m := range methods {
		names = append(names, m.name)
	}
	return names
}

// usesMethod returns the method of a configuration that was found valid.
func (c *Config) usesMethod() *method {
	return &methods[slices.IndexFunc(methods, func(m method) bool { return m.name == c.Method })]
}

func (c *Config) method() solver.Method { return c.usesMethod().make(c) }

// parametrization is a way to make a matrix that a configuration can name.
type parametrization struct {
	solver.Parametrization
	about, source string
}

var parametrizations = []parametrization{
	{solver.PSD{}, "UUᵀ: symmetric positive semidefinite matrices", "Burer and Monteiro, Mathematical Programming 95 (2003)"},
	{solver.Asymmetric{}, "UVᵀ: matrices of any shape, without a balancing term", "Soltanolkotabi, Stöger and Xie, arXiv 2303.14244"},
}

// parametrizationNames lists the names of all parametrizations.
func parametrizationNames() (names []string) {
	for _, p := range parametrizations {
		names = append(names, p.Name())
	}
	return names
}

// parametrization returns that of a configuration that was found valid.
func (c *Config) parametrization() solver.Parametrization {
	i := slices.IndexFunc(parametrizations, func(p parametrization) bool { return p.Name() == c.Parametrization })
	return parametrizations[i].Parametrization
}

// ensemble is a law of measurements that a configuration can name.
type ensemble struct {
	name, about, source string
	make                func(c *Config) (sensing.Ensemble, error)
}

// isotropic is where ensembles with E⟨A, Z⟩² = ‖Z‖_F² were shown to be nearly isometries on matrices of low rank.
const isotropic = "Recht, Fazel and Parrilo, SIAM Review 52 (2010)"

// dense is what a user's own matrices are called.
const dense = "dense"

var ensembles = []ensemble{
	{"gaussian", "independent N(0, 1) entries, in one of four number formats", isotropic, func(c *Config) (sensing.Ensemble, error) {
		return sensing.NewGaussian(c.space(), c.Measurements, sensing.Entries(c.Entries), c.Seed)
	}},
	{"rademacher", "independent signs, one bit an entry", isotropic, func(c *Config) (sensing.Ensemble, error) {
		return sensing.NewRademacher(c.space(), c.Measurements, c.Seed)
	}},
}

// ensembleNames lists the names of all ensembles that can be drawn.
func ensembleNames() (names []string) {
	for _, e := range ensembles {
		names = append(names, e.name)
	}
	return names
}

// ensemble makes the ensemble of a configuration that was found valid.
func (c *Config) ensemble() (sensing.Ensemble, error) {
	i := slices.IndexFunc(ensembles, func(e ensemble) bool { return e.name == c.Ensemble })
	return ensembles[i].make(c)
}
