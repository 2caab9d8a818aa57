package experiment

import (
	"slices"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Entry is something that a configuration can name.
type Entry struct {
	// Kind is method, parametrization, ensemble or start.
	Kind string
	// Name is what flags and files call it.
	Name string
	// About says in a line what it is.
	About string
	// Source is where it comes from.
	Source string
}

// Catalog lists every method, parametrization, ensemble and start.
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
	all = append(all, Entry{"ensemble", dense, "your own matrices, with --matrices and --observations", ""})
	for _, s := range starts {
		all = append(all, Entry{"start", s.Name(), s.about, s.source})
	}
	return all
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
	// near: it needs a factor with no more columns than the truth's rank, and a start of the truth's size.
	near bool
}

var methods = []method{
	{entry{"gd", "U ← U − μ∇f(U): gradient descent", "Stöger and Soltanolkotabi, arXiv 2106.15013"}, own{},
		func(c *Config) solver.Method { return solver.GD{StepSize: c.Step} }, false},
	{entry{"scaled-gd", "U ← U − μ∇f(U)(UᵀU)⁻¹: ScaledGD, for factor rank r* and starts near the truth", "Tong, Ma and Chi, arXiv 2005.08898"}, own{},
		func(c *Config) solver.Method { return solver.ScaledGradientDescent{StepSize: c.Step} }, true},
	{entry{"scaled-gd-lambda", "U ← U − μ∇f(U)(UᵀU + λI)⁻¹: ScaledGD(λ), for small starts of any factor rank", "Xu, Shen, Chi and Ma, arXiv 2302.01186"},
		own{[]string{"lambda"}, (*Config).checkLambda},
		func(c *Config) solver.Method {
			return solver.ScaledGradientDescent{StepSize: c.Step, Lambda: c.Lambda}
		}, false},
	{entry{"prec-gd", "scaled-gd-lambda with λ = 2·√f(U): PrecGD", "Zhang, Fattahi and Zhang, NeurIPS 2021"}, own{},
		func(c *Config) solver.Method { return solver.PrecGD{StepSize: c.Step} }, false},
	{entry{"momentum", "V ← βV − μ∇f(U), U ← U + V: the heavy ball", "Polyak, USSR Computational Mathematics and Mathematical Physics 4 (1964)"},
		own{[]string{"momentum"}, (*Config).checkMomentum},
		func(c *Config) solver.Method { return solver.Momentum{StepSize: c.Step, Momentum: c.Momentum} }, false},
	{entry{"sgd", "gradient descent on mini-batches, drawn anew for each step", "Ma, Bassily and Belkin, arXiv 1712.06559"},
		own{[]string{"batch-size", "method-seed"}, (*Config).checkBatches},
		func(c *Config) solver.Method {
			return solver.SGD{StepSize: c.Step, Batch: c.batches()}
		}, false},
	{entry{"rgd", "U ← U − μB, UBᵀ + BUᵀ the projection of ∂f/∂Z: Riemannian gradient descent on matrices of rank r", "Vandereycken, SIAM Journal on Optimization 23 (2013)"},
		own{},
		func(c *Config) solver.Method { return solver.RGD{StepSize: c.Step} }, true},
	{entry{"rsgd", "rgd on mini-batches", "Hsieh, Karimi, Krause and Mertikopoulos, arXiv 2311.02374"},
		own{[]string{"batch-size", "method-seed"}, (*Config).checkBatches},
		func(c *Config) solver.Method { return solver.RSGD{StepSize: c.Step, Batch: c.batches()} }, true},
	{entry{"label-noise-gd", "U ← U − μ∇f(U) with the observations y ± σ, signs drawn for every step: drifts to flat solutions", "Gatmiry et al., arXiv 2306.13239"},
		own{[]string{"label-noise", "method-seed"}, (*Config).checkLabelNoise},
		func(c *Config) solver.Method {
			return solver.LabelNoiseGD{StepSize: c.Step, Noise: c.LabelNoise, Seed: c.MethodSeed}
		}, false},
	{entry{"zeroth-order", "descent along central differences of f in random directions: only values of f are used", "after Yu, Wang, Huang, Lei and Lee, arXiv 2406.19617"},
		own{[]string{"directions", "radius", "evaluation-noise", "method-seed"}, (*Config).checkZerothOrder},
		func(c *Config) solver.Method {
			return solver.ZerothOrder{StepSize: c.Step, Directions: c.Directions, Radius: c.Radius, Noise: c.ValueNoise, Seed: c.MethodSeed}
		}, false},
	{entry{"rgda", "Riemannian gradient descent-ascent, against an adversary who shifts the observations", "Cai, Jordan, Lin, Oikonomou and Vlatakis-Gkaragkounis, arXiv 2306.16617"},
		own{[]string{"adversary-step", "adversary-weight", "adversary-radius"}, (*Config).checkGame},
		func(c *Config) solver.Method {
			return solver.RGDA{StepSize: c.Step, AdversaryStep: c.Adversary, Weight: c.ShiftCost, Radius: c.ShiftBound}
		}, true},
}

func (c *Config) method() solver.Method { return find(methods, c.Method).make(c) }

// NeedsNearStart says whether the method's steps are only defined near the truth and for no more columns than its rank, and the run begins
// elsewhere.
func (c *Config) NeedsNearStart() bool {
	tall := c.Rank > 0 && c.FactorRank > c.Rank
	return find(methods, c.Method).near && (tall || c.Init == random && c.Alpha < 0.1)
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
		func(*Config) solver.Parametrization { return solver.UV{} }},
	{entry{"deep", "W_L⋯W_2·W_1: products of depth L, with the flatness of f as a metric", "Gatmiry et al., arXiv 2306.13239"},
		own{[]string{"n2", "truth-right", "depth"}, (*Config).checkDeep}, true,
		func(c *Config) solver.Parametrization { return solver.Deep{Depth: c.Depth} }},
	{entry{"indefinite", "UUᵀ − VVᵀ: symmetric matrices with eigenvalues of both signs", overIndex},
		own{[]string{"negative", "truth-right", "init-right"}, (*Config).checkIndefinite}, false,
		func(*Config) solver.Parametrization { return solver.Indefinite{} }},
	{entry{"sparse", "u∘u − v∘v: sparse vectors", "Vaškevičius, Kanade and Rebeschini, arXiv 1909.05122; " + overIndex},
		own{[]string{"sparsity", "n2", "init-right"}, (*Config).checkSparse}, true,
		func(*Config) solver.Parametrization { return solver.Sparse{} }},
}

// overIndex is where single index models were solved with more parameters than they have.
const overIndex = "Fan, Yang and Yu, arXiv 2007.08322"

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
	{entry{"completion", "m different entries of the matrix, any with the same probability, times √K; one's own with --triplets",
		"Candès and Recht, Foundations of Computational Mathematics 9 (2009)"}, own{nil, (*Config).checkCompletion},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewCompletion(c.space(), c.Measurements, c.Seed)
		}},
	{entry{"relu-completion", "the entries of the matrix that are not negative, all of them, times √K", "Liu, Wang, Huang, Qu and Balzano, arXiv 2406.05822"},
		own{nil, (*Config).checkReLU},
		func(c *Config) (sensing.Ensemble, error) {
			truth, err := c.truth()
			if err != nil {
				return nil, err
			}
			return sensing.NewReLUCompletion(c.space(), truth)
		}},
	{entry{"pauli", "different real Pauli words on log₂n qubits: quantum state tomography; one's own with --paulis", "Gross, Liu, Flammia, Becker and Eisert, arXiv 0909.3304"},
		own{check: (*Config).checkPauli},
		func(c *Config) (sensing.Ensemble, error) {
			return sensing.NewPauli(c.N, c.Measurements, c.Seed)
		}},
	{entry{singleIndex, "y = h(⟨X, M*⟩) with a link h, through the average of y·X over m Gaussian X", overIndex},
		own{[]string{"link", "link-scale", "truncation"}, (*Config).checkSingleIndex},
		func(c *Config) (sensing.Ensemble, error) { return c.singleIndex().Ensemble() }},
	{entry{"rank-one", "a aᵀ, or a bᵀ, of Gaussian vectors: phase retrieval, quadratic and bilinear sensing; one's own with --vectors", "Chen, Chi and Goldsmith, arXiv 1310.0807"},
		own{nil, (*Config).checkRankOne}, makeRankOne},
	{entry{multiIndex, "T(q(z)) of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: for spectral estimators of the directions w", "Kovačević, Zhang and Mondelli, arXiv 2502.01583"},
		own{[]string{"link", "preprocessing"}, (*Config).checkMultiIndex}, makeRankOne},
}

// settingsOfLaws are the keys of settings that only some ensembles have a use for.
func settingsOfLaws() (keys []string) {
	for _, e := range ensembles {
		for _, key := range e.settings {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
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
				m.bad(key, "%s is for %s %s, and this is %s", key, kind, orList(users), chosen)
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
	m.bad("method", "method %s goes with parametrization %s, not %s: %v", c.Method, orList(suited), c.Parametrization, why)
}
