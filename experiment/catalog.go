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

// method is an update rule that a configuration can name.
type method struct {
	name, about, source string
	damped              bool // it has the setting lambda
	make                func(c *Config) solver.Method
}

// Name is the method's in flags and files.
func (m method) Name() string { return m.name }

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

// usesMethod returns the method of a configuration that was found valid.
func (c *Config) usesMethod() *method { return find(methods, c.Method) }

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

// parametrization returns that of a configuration that was found valid.
func (c *Config) parametrization() solver.Parametrization {
	return find(parametrizations, c.Parametrization).Parametrization
}

// ensemble is a law of measurements that a configuration can name.
type ensemble struct {
	name, about, source string
	make                func(c *Config) (sensing.Ensemble, error)
}

// Name is the ensemble's in flags and files.
func (e ensemble) Name() string { return e.name }

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

// ensemble makes the ensemble of a configuration that was found valid.
func (c *Config) ensemble() (sensing.Ensemble, error) {
	return find(ensembles, c.Ensemble).make(c)
}
