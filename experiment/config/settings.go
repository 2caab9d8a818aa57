package config

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Setting describes a setting: one of [Config], or one that a member of the catalog declares. A member that
// declares a setting fills in Key, Help and Default; its value is a whole number, a number or a text.
type Setting struct {
	// Key is the setting's flag, and its name in config.yaml.
	Key string
	// Group says what the setting is about: one of [Groups].
	Group string
	// Help says in a line what the setting is.
	Help string
	// Default is the value of a declared setting if nothing is given: an int, a float64 or a string. Of a
	// setting of Config it is a text that says the default, if that depends on other settings.
	Default any
	// Values lists the words that the setting takes; nil if it takes others. Init takes a file as well.
	Values func() []string
	// File: the setting names a file.
	File bool
	// Free: the setting changes no bit of the result, so that a resumed run may change it.
	Free bool

	// unset is the value of a setting of Config that means nothing was given, if that is not zero.
	unset any
	// shared: the setting decides measurements and observations, or how a batch computes.
	shared bool
	// ofMember: the setting is not shared, but a member of a batch is opened for it.
	ofMember bool
	// applies says whether the setting has a meaning with the others; nil if it always has, or only with the
	// members of the catalog that use it.
	applies func(c *Config) bool
	// implied says whether the value follows from the data, so that config.yaml leaves it out; nil if never.
	implied func(c *Config) bool
	// at is where a configuration has the value: a *int, *uint64, *float64 or *string. A declared setting has
	// none: its value lies in Config.declared.
	at func(c *Config) any
}

// The groups of settings.
const (
	problemGroup   = "problem"
	userDataGroup  = "user data"
	factorGroup    = "factor and start"
	methodGroup    = "method"
	measuringGroup = "measuring"
	machineGroup   = "machine"
)

// groupOf is the group of the settings that a family's members declare.
var groupOf = map[string]string{"method": methodGroup, "ensemble": problemGroup, "start": factorGroup}

// Groups lists what settings are about, in the order of the settings.
func Groups() (groups []string) {
	for _, s := range schema().settings {
		if !slices.Contains(groups, s.Group) {
			groups = append(groups, s.Group)
		}
	}
	return groups
}

// Keys lists the settings' names.
func Keys() (keys []string) {
	for _, s := range schema().settings {
		keys = append(keys, s.Key)
	}
	return keys
}

// Users names the members of the catalog that use the setting, if not all of a family do.
func (s *Setting) Users() (names []string) {
	for _, u := range schema().users[s.Key] {
		names = append(names, u.name)
	}
	return names
}

// DefaultText says what the setting is if nothing is given, for people; "" if that is nothing or zero.
func (s *Setting) DefaultText() string {
	if s.Default != nil {
		return fmt.Sprint(s.Default)
	}
	c := Default()
	f := Field{s, &c}
	if f.isZero() {
		return ""
	}
	return f.String()
}

// Usage is the setting's help, with the members that use it and its default.
func (s *Setting) Usage() string {
	var more []string
	if users := s.Users(); len(users) > 0 {
		more = append(more, "for "+listOf(users, "and"))
	}
	if text := s.DefaultText(); text != "" {
		more = append(more, "default "+text)
	}
	switch text := strings.Join(more, "; "); {
	case text == "":
		return s.Help
	case strings.HasSuffix(s.Help, ")") && s.Help[strings.LastIndex(s.Help, "(")-1] == ' ':
		return strings.TrimSuffix(s.Help, ")") + "; " + text + ")" // one pair of parentheses
	default:
		return s.Help + " (" + text + ")"
	}
}

// The words of settings that are no members of the catalog.
var (
	devices       = []string{"auto", "cpu", "cuda", "emulator"} // and those of checkDevice
	storages      = []string{"auto", "memory", "generated"}
	precisions    = []string{"f64", "mixed", "f32", "auto"}
	instructions  = []string{"auto", "avx512", "avx2", "neon", "off"}
	linkScales    = []string{knownScale, unknownScale}
	preprocessing = []string{string(sensing.Plain), string(sensing.Trim), string(sensing.Optimal)}
)

// words are values that do not change.
func words(values []string) func() []string { return func() []string { return values } }

// entryFormats lists the number formats that entries of drawn measurements may have.
func entryFormats() (formats []string) {
	for _, e := range ensembles {
		for _, f := range e.Formats {
			if e.Make != nil && !slices.Contains(formats, string(f)) {
				formats = append(formats, string(f))
			}
		}
	}
	return formats
}

// multiIndexLinks names the links of multi-index models.
func multiIndexLinks() (names []string) {
	for _, l := range sensing.Links() {
		names = append(names, l.Name())
	}
	return names
}

// perSparse is how many measurements there are by default for each s·ln n of a sparse vector.
func perSparse(observation string) float64 { return find(observations, observation).PerSparse }

// namesWhere names the parametrizations with a trait, as alternatives.
func namesWhere(trait func(p Parametrization) bool) string {
	return orList(namesOf(slices.DeleteFunc(slices.Clone(parametrizations),
		func(p Parametrization) bool { return !trait(p) })))
}

// builtinSettings describes the settings of Config. The order is that of flags and of config.yaml, and
// decides fingerprints.
func builtinSettings() []*Setting {
	vectors := namesWhere(func(p Parametrization) bool { return p.Vector })
	rectangles := namesWhere(func(p Parametrization) bool { return p.Rectangular && !p.Vector })
	products := namesWhere(func(p Parametrization) bool { return p.Layers })
	return []*Setting{
		{
			Key: "n", Group: problemGroup, shared: true,
			Help: "size n of the unknown matrix: n × n and symmetric; with parametrization " + rectangles +
				" n × n2; with " + vectors + " a vector of n numbers",
			at: func(c *Config) any { return &c.N },
		}, {
			Key: "n2", Group: problemGroup, shared: true,
			Help: "number n2 of columns of the unknown matrix", Default: "n; 1 for " + vectors,
			at: func(c *Config) any { return &c.N2 },
		}, {
			Key: "rank", Group: problemGroup, shared: true,
			Help: "rank r* of the ground truth M* = XXᵀ or XYᵀ; for user data without a truth, rank of the " +
				"spectral estimate to compare with (0: none)",
			Default: fmt.Sprintf("%d; 1 for %s; the link's number of indices for multi-index", Default().Rank,
				vectors),
			at: func(c *Config) any { return &c.Rank },
		}, {
			Key: "negative", Group: problemGroup, shared: true,
			Help: "number of negative eigenvalues of the truth", Default: "⌊rank/2⌋",
			at: func(c *Config) any { return &c.Negative },
		}, {
			Key: "sparsity", Group: problemGroup, shared: true,
			Help: "number of nonzero elements of the true vector β*, ‖β*‖ = 1", Default: "3",
			at: func(c *Config) any { return &c.Sparsity },
		}, {
			Key: "kappa", Group: problemGroup, shared: true, applies: (*Config).hasKappa,
			Help: "condition number κ of X (and Y), whose spectral norm is 1: that of M* is κ²; with " +
				"parametrization " + vectors + " the largest magnitude over the least",
			at: func(c *Config) any { return &c.Kappa },
		}, {
			Key: "spectrum", Group: problemGroup, shared: true, applies: (*Config).hasSpectrum,
			Help: "singular values of M*, largest first, in the place of kappa: a list such as " +
				"1,0.5,0.1 or 1,0.5,0.001*38 (38 times 0.001), or a law, of which rank says how many: " +
				"power:p, σ_i = i^−p, geometric:q, " +
				"σ_i = q^(i−1), or even:c, evenly from 1 down to 1/c",
			at: func(c *Config) any { return &c.Spectrum },
		}, {
			Key: "singular-vectors", Group: problemGroup, shared: true, Values: sensing.VectorLaws,
			applies: func(c *Config) bool { return c.SingularVectors != "" },
			Help: "law of the truth's singular vectors: uniform, or signs, made of columns of random ±1, so that " +
				"all rows have about the same norm",
			Default: sensing.VectorLaws()[0],
			at:      func(c *Config) any { return &c.SingularVectors },
		}, {
			Key: "measurements", Group: problemGroup, shared: true,
			Help: "number m of measurements (samples, for observation single-index)",
			Default: fmt.Sprintf("10·n·rank; 5·(n + n2)·rank for n × n2; %g·sparsity·ln n for %s, with "+
				"single-index %g·sparsity·ln n", perSparse(linear), vectors, perSparse("single-index")),
			at: func(c *Config) any { return &c.Measurements },
		}, {
			Key: "ensemble", Group: problemGroup, shared: true, Values: drawnEnsembles,
			Help:    "law of the measurements (see matsense list ensembles); user data have their own",
			Default: Default().Ensemble + "; rank-one for multi-index",
			at:      func(c *Config) any { return &c.Ensemble },
		}, {
			Key: "entries", Group: problemGroup, shared: true, Values: entryFormats,
			Help:    "number format that defines the entries of the measurements: " + orList(entryFormats()),
			Default: Default().Entries + "; sign for rademacher",
			at:      func(c *Config) any { return &c.Entries },
		}, {
			Key: "relu-threshold", Group: problemGroup, shared: true,
			Help: "observe the entries of M* that are at least this, in units of the root mean square of " +
				"all its entries",
			Default: "0: those that are not negative",
			at:      func(c *Config) any { return &c.ReLUThreshold },
		}, {
			Key: "observation", Group: problemGroup, shared: true,
			Values: func() []string { return namesOf(observations) },
			Help: "what is observed: linear, ⟨A, M*⟩ plus noise, or another model " +
				"(see matsense list observations)",
			at: func(c *Config) any { return &c.Observation },
		}, {
			Key: "link", Group: problemGroup, shared: true,
			Values: func() []string { return slices.Concat(sensing.SingleIndexLinks(), multiIndexLinks()) },
			Help: "link function: of single-index " + orList(sensing.SingleIndexLinks()) + "; of " +
				"multi-index, with z_j = ⟨a, w_j⟩, norm ‖z‖², quadratic Σ λ_j z_j² with the eigenvalues " +
				"λ_j of M*, product z_1·z_2 or sign-product",
			Default: sensing.SingleIndexLinks()[0] + "; " + multiIndexLinks()[0] + " for multi-index",
			at:      func(c *Config) any { return &c.Link },
		}, {
			Key: "link-scale", Group: problemGroup, shared: true, Values: words(linkScales),
			Help:    "known, or unknown, so that M* is recovered only up to scale",
			Default: knownScale + "; " + unknownScale + " if the scale depends on M*",
			at:      func(c *Config) any { return &c.LinkScale },
		}, {
			Key: "covariates", Group: problemGroup, shared: true, Values: sensing.SingleIndexCovariates,
			applies: func(c *Config) bool { return c.Covariates != "" },
			Help: "law of the independent coordinates of X, of variance 1: gaussian, student (t with 5 degrees of " +
				"freedom) or laplace",
			Default: sensing.SingleIndexCovariates()[0],
			at:      func(c *Config) any { return &c.Covariates },
		}, {
			Key: "truncation", Group: problemGroup, shared: true,
			Help: "clip observations to ±τ, against heavy tails (0: off)",
			at:   func(c *Config) any { return &c.Truncation },
		}, {
			Key: "preprocessing", Group: problemGroup, shared: true, Values: words(preprocessing),
			Help:    "function T in the matrix Σ T(y) a aᵀ: " + orList(preprocessing),
			Default: string(sensing.Optimal),
			at:      func(c *Config) any { return &c.Preprocessing },
		}, {
			Key: "noise", Group: problemGroup, shared: true, applies: (*Config).isDrawn,
			Help: "standard deviation of the noise on the observations",
			at:   func(c *Config) any { return &c.Noise },
		}, {
			Key: "snr", Group: problemGroup, shared: true, unset: math.Inf(1), applies: (*Config).hasSNR,
			Help: "signal-to-noise ratio in dB, in the place of noise: 10·log₁₀(‖A(M*)‖²/(m·σ²)) of the " +
				"drawn measurements, σ the standard deviation of the noise",
			at: func(c *Config) any { return &c.SNR },
		}, {
			Key: "outliers", Group: problemGroup, shared: true, applies: (*Config).hasOutliers,
			Help: "share of the observations that have an outlier, drawn by seed",
			at:   func(c *Config) any { return &c.Outliers },
		}, {
			Key: "outlier-size", Group: problemGroup, shared: true, applies: (*Config).hasOutliers,
			Help:    "standard deviation of an outlier, which is added to the observation",
			Default: fmt.Sprint(defaultOutlierSize),
			at:      func(c *Config) any { return &c.OutlierSize },
		}, {
			Key: "loss", Group: problemGroup, ofMember: true,
			Values:  func() []string { return namesOf(losses) },
			applies: func(c *Config) bool { return c.Loss != "" },
			Help: "loss ρ of the residuals, f = 1/(2m) Σ ρ(res): " + orList(namesOf(losses)) +
				" (see matsense list losses)",
			Default: squared,
			at:      func(c *Config) any { return &c.Loss },
		}, {
			Key: "huber-threshold", Group: problemGroup, ofMember: true,
			Help:    "threshold δ of the loss, in units of the observations",
			Default: fmt.Sprint(defaultThreshold),
			at:      func(c *Config) any { return &c.HuberThreshold },
		}, {
			Key: "hold-out", Group: problemGroup, shared: true, applies: (*Config).mentionsHoldOut,
			Help: "fraction of the measurements to hold out, drawn by seed: they are not fitted, and " +
				"held_out_rmse is the error on them (for ensembles " + listOf(divisibleEnsembles(), "and") +
				" and for user data)",
			at: func(c *Config) any { return &c.HoldOut },
		}, {
			Key: "seed", Group: problemGroup, shared: true,
			Help: "seed of the measurements, truth, noise and choice of what is held out",
			at:   func(c *Config) any { return &c.Seed },
		},

		{
			Key: "matrices", Group: userDataGroup, shared: true, File: true,
			Help: "measurement matrices: a .npy file of shape (m, n, n) or (m, n, n2)",
			at:   func(c *Config) any { return &c.Matrices },
		}, {
			Key: "triplets", Group: userDataGroup, shared: true, File: true,
			Help: "observed entries and their values: a text file with lines row,col,value counted from 0, " +
				"or a Matrix Market .mtx file; .gz as well",
			at: func(c *Config) any { return &c.Triplets },
		}, {
			Key: "triplets-base", Group: userDataGroup, shared: true,
			applies: func(c *Config) bool { return c.Triplets != "" },
			Help:    "number from which the triplets count rows and columns: 0 or 1",
			Default: "0; 1 for .mtx",
			at:      func(c *Config) any { return &c.TripletsBase },
		}, {
			Key: "test-triplets", Group: userDataGroup, shared: true, File: true,
			Help: "entries to hold out and their values, in a file like that of triplets, counted from the " +
				"same number: they are not fitted, and held_out_rmse is the error on them",
			at: func(c *Config) any { return &c.TestTriplets },
		}, {
			Key: "vectors", Group: userDataGroup, shared: true, File: true,
			Help: "vectors a_i of rank-one measurements a aᵀ or a bᵀ: a .npy file of shape (m, n)",
			at:   func(c *Config) any { return &c.Vectors },
		}, {
			Key: "vectors-right", Group: userDataGroup, shared: true, File: true,
			Help: "vectors b_i of rank-one measurements a bᵀ of n × n2 matrices: a .npy file of shape " +
				"(m, n2)",
			at: func(c *Config) any { return &c.VectorsRight },
		}, {
			Key: "paulis", Group: userDataGroup, shared: true, File: true,
			Help: "Pauli words: a text file with one word a line, such as XIZY, or a word and its " +
				"expectation, XIZY,0.53",
			at: func(c *Config) any { return &c.Paulis },
		}, {
			Key: "observations", Group: userDataGroup, shared: true, File: true,
			Help: "observations y_i: a .npy file of shape (m,)",
			at:   func(c *Config) any { return &c.Observations },
		}, {
			Key: "expectations", Group: userDataGroup, shared: true, File: true,
			Help: "expectations of the Pauli words, from -1 to 1, in the place of observations: a .npy " +
				"file of shape (m,)",
			at: func(c *Config) any { return &c.Expectations },
		}, {
			Key: "truth", Group: userDataGroup, shared: true, File: true,
			Help: "ground truth X, of the user's measurements or of drawn ones: a .npy file of shape (n, r*)",
			at:   func(c *Config) any { return &c.Truth },
		}, {
			Key: "truth-right", Group: userDataGroup, shared: true, File: true,
			Help: "right factor of the truth: a .npy file with Y of shape (n2, r*), or with " +
				"parametrization indefinite X·S, S = diag(±1)",
			at: func(c *Config) any { return &c.TruthRight },
		},

		{
			Key: "parametrization", Group: factorGroup, shared: true,
			Values: func() []string { return namesOf(parametrizations) },
			Help: "how factors make the matrix: psd, UUᵀ; uv, UVᵀ; or another " +
				"(see matsense list parametrizations)",
			at: func(c *Config) any { return &c.Parametrization },
		}, {
			Key: "factor-rank", Group: factorGroup, ofMember: true,
			Help: "number r of columns of U (and V); width of the product with parametrization " +
				products,
			Default: "n, or the smaller of n and n2; rank for methods none, " + nearMethods,
			at:      func(c *Config) any { return &c.FactorRank },
		}, {
			Key: "depth", Group: factorGroup, shared: true,
			Help: "number L of matrices in the product W_L⋯W_1", Default: fmt.Sprint(defaultDepth),
			at: func(c *Config) any { return &c.Depth },
		}, {
			Key: "init", Group: factorGroup, Values: func() []string { return namesOf(starts) },
			Help: "start: random, spectral or another (see matsense list starts), or a .npy file with U₀ " +
				"of shape (n, r); with parametrization " + products + " a pattern such as W%d.npy for " +
				"W1.npy, W2.npy, …",
			Default: Default().Init + "; " + ones + " for " + vectors + "; " + spectral +
				" for method none; also for " + nearMethods +
				", if neither alpha, alpha-right nor start-seed is given",
			at: func(c *Config) any { return &c.Init },
		}, {
			Key: "init-right", Group: factorGroup, File: true,
			Help: "right factor of a start from a file: a .npy file with V₀ of shape (n2, r); of shape (n, r) " +
				"with parametrization indefinite or sparse; with polar Θ₀, r × r",
			at: func(c *Config) any { return &c.InitRight },
		}, {
			Key: "alpha", Group: factorGroup, applies: (*Config).hasSizedStart,
			Help: "size α of the start; random: U₀ = α·G, G_ij ~ N(0, 1/r), and likewise V₀ and each W_j; " +
				"saddle: α·G is added; ones: α is each element",
			Default: fmt.Sprintf("%g; %g for parametrization %s", Default().Alpha, defaultLayer, products),
			at:      func(c *Config) any { return &c.Alpha },
		}, {
			Key: "alpha-right", Group: factorGroup,
			applies: func(c *Config) bool { return c.AlphaRight != 0 },
			Help:    "size α of V₀ with parametrization " + solver.UV{}.Name() + " (0: that of U₀)",
			at:      func(c *Config) any { return &c.AlphaRight },
		}, {
			Key: "start-imbalance", Group: factorGroup,
			applies: func(c *Config) bool { return c.StartImbalance != 0 },
			Help: "number c for a spectral start with parametrization " + solver.UV{}.Name() +
				": U₀ is multiplied by it, and V₀ divided (0: neither)",
			at: func(c *Config) any { return &c.StartImbalance },
		}, {
			Key: "start-seed", Group: factorGroup, applies: (*Config).hasRandomStart,
			Help: "seed of G in the start", Default: "seed",
			at: func(c *Config) any { return &c.StartSeed },
		},

		{
			Key: "method", Group: methodGroup, Values: func() []string { return namesOf(methods) },
			Help:    "update rule: gd, scaled-gd, scaled-gd-lambda or another (see matsense list methods)",
			Default: Default().Method + "; none for multi-index",
			at:      func(c *Config) any { return &c.Method },
		}, {
			Key: "step", Group: methodGroup, applies: (*Config).HasStep,
			Help: "step size μ; the largest, if the method has Polyak's step",
			Default: defaultSteps() + "; most are divided by the size of a truth or of observations of yours, " +
				"and all but that of adam by 2 + rank for ensemble rank-one and symmetric matrices",
			at: func(c *Config) any { return &c.Step },
		}, {
			Key: "step-decay", Group: methodGroup, applies: (*Config).decays,
			Help: "law by which all step sizes become smaller (nothing: they stay the same): power:p or" +
				" power:p,c, μ_t = μ/(1 + c·t)^p in step t = 0, 1, …, with p a multiple of 1/8 and c = 1" +
				" unless it is given; or geometric:q, μ_t = μ·q^t",
			at: func(c *Config) any { return &c.StepDecay },
		}, {
			Key: "retraction", Group: methodGroup, applies: (*Config).retracts,
			Values: func() []string { return namesOf(retractions) },
			Help: "how a Riemannian step returns to the manifold: " + orList(namesOf(retractions)) +
				" (see matsense list retractions)",
			Default: retractions[0].Name,
			at:      func(c *Config) any { return &c.Retraction },
		}, {
			Key: "lambda", Group: methodGroup, Help: "damping λ",
			Default: "σ_min(M*) = 1/kappa², of a spectrum without its tail; a tenth of it for opsa",
			at:      func(c *Config) any { return &c.Lambda },
		}, {
			Key: "momentum", Group: methodGroup, Help: "momentum β", Default: "0.9",
			at: func(c *Config) any { return &c.Momentum },
		}, {
			Key: "beta1", Group: methodGroup, Help: "decay β₁ of the mean of the gradients",
			Default: fmt.Sprint(defaultBeta1),
			at:      func(c *Config) any { return &c.Beta1 },
		}, {
			Key: "beta2", Group: methodGroup, Help: "decay β₂ of the mean of the squares of the gradients",
			Default: fmt.Sprint(defaultBeta2),
			at:      func(c *Config) any { return &c.Beta2 },
		}, {
			Key: "epsilon", Group: methodGroup, Default: fmt.Sprint(defaultEpsilon),
			Help: "size ε of the gradients of entries below which steps become shorter",
			at:   func(c *Config) any { return &c.Epsilon },
		}, {
			Key: "optimal-value", Group: methodGroup,
			Help:    "value f* of f in Polyak's step (0 is right for exact observations)",
			Default: "f at the truth of drawn observations, over those that are fitted; 0 for user data",
			implied: func(c *Config) bool { return c.AimsAtTruth() && c.hasErrors() },
			at:      func(c *Config) any { return &c.OptimalValue },
		}, {
			Key: "imbalance-scale", Group: methodGroup, Default: "√σ_min(M*) = 1/kappa",
			Help: "singular values β of U after the step that makes U and V unbalanced",
			at:   func(c *Config) any { return &c.ImbalanceScale },
		}, {
			Key: "imbalance-below", Group: methodGroup, Default: fmt.Sprint(defaultImbalanceBelow),
			Help: "take that step at the first iterate with ‖res‖ of at most this times ‖y‖",
			at:   func(c *Config) any { return &c.ImbalanceBelow },
		}, {
			Key: "inner-tolerance", Group: methodGroup, Default: fmt.Sprint(defaultInnerTolerance),
			Help: "end the conjugate gradients of an iteration when the gradient is this times what it was",
			at:   func(c *Config) any { return &c.InnerTolerance },
		}, {
			Key: "inner-iterations", Group: methodGroup, Default: fmt.Sprint(defaultInnerIterations),
			Help: "largest number of steps of the conjugate gradients in an iteration",
			at:   func(c *Config) any { return &c.InnerIterations },
		}, {
			Key: "batch-size", Group: methodGroup, Help: "number B of measurements drawn for each step",
			Default: "a tenth of all",
			at:      func(c *Config) any { return &c.BatchSize },
		}, {
			Key: "label-noise", Group: methodGroup, Default: "0.1",
			Help: "size σ of the noise ±σ added to the observations for each step",
			at:   func(c *Config) any { return &c.LabelNoise },
		}, {
			Key: "directions", Group: methodGroup,
			Help: "number q of random directions for each step (0: as many as the factor has numbers)",
			at:   func(c *Config) any { return &c.Directions },
		}, {
			Key: "radius", Group: methodGroup, Default: fmt.Sprint(defaultRadius),
			Help: "distance δ from the iterate at which f is evaluated in each direction",
			at:   func(c *Config) any { return &c.Radius },
		}, {
			Key: "evaluation-noise", Group: methodGroup,
			Help: "standard deviation of the noise on the values of f that the method gets",
			at:   func(c *Config) any { return &c.EvaluationNoise },
		}, {
			Key: "bootstrap-steps", Group: methodGroup, Default: fmt.Sprint(defaultBootstrap),
			Help: "number b of steps before the first Newton step, which takes b times as many directions",
			at:   func(c *Config) any { return &c.BootstrapSteps },
		}, {
			Key: "hessian-radius", Group: methodGroup, Default: fmt.Sprint(defaultHessianRadius),
			Help: "distance η for the differences of f that estimate its Hessian",
			at:   func(c *Config) any { return &c.HessianRadius },
		}, {
			Key: "least-curvature", Group: methodGroup, Default: fmt.Sprint(defaultLeastCurvature),
			Help: "raise the eigenvalues of the estimated Hessian to at least this",
			at:   func(c *Config) any { return &c.LeastCurvature },
		}, {
			Key: "adversary-step", Group: methodGroup, Default: "step",
			Help: "step size η of the adversary, who shifts the observations",
			at:   func(c *Config) any { return &c.AdversaryStep },
		}, {
			Key: "adversary-weight", Group: methodGroup, Default: "2",
			Help: "weight λ > 1 of the cost of the adversary's shifts",
			at:   func(c *Config) any { return &c.AdversaryWeight },
		}, {
			Key: "adversary-radius", Group: methodGroup, Default: "1",
			Help: "largest root mean square ρ of the adversary's shifts",
			at:   func(c *Config) any { return &c.AdversaryRadius },
		}, {
			Key: "magnitude-step", Group: methodGroup,
			Default: "2, less with few measurements for the factor rank",
			Help:    "step size ν of the magnitudes Θ",
			at:      func(c *Config) any { return &c.MagnitudeStep },
		}, {
			Key: "method-seed", Group: methodGroup, Default: "seed",
			Help: "seed of the random numbers that the method draws",
			at:   func(c *Config) any { return &c.MethodSeed },
		}, {
			Key: "custom-name", Group: methodGroup, Free: true,
			Help: "name of the function that takes the steps, for titles",
			at:   func(c *Config) any { return &c.CustomName },
		}, {
			Key: "custom-slots", Group: methodGroup,
			Help: "number of arrays of the factor's size that the function keeps from step to step",
			at:   func(c *Config) any { return &c.CustomSlots },
		}, {
			Key: "iterations", Group: methodGroup, applies: (*Config).takesSteps,
			Help: "largest number of steps",
			at:   func(c *Config) any { return &c.Iterations },
		}, {
			Key: "target-loss", Group: methodGroup, applies: (*Config).takesSteps,
			Help: "stop when the train loss is at most this (0: never)",
			at:   func(c *Config) any { return &c.TargetLoss },
		}, {
			Key: "patience", Group: methodGroup, applies: (*Config).comparesIterates,
			Help: "stop when the held-out RMSE, or without held-out data the test error, has not fallen " +
				"for this many steps (0: never)",
			at: func(c *Config) any { return &c.Patience },
		}, {
			Key: "keep", Group: methodGroup, applies: (*Config).comparesIterates,
			Values: words([]string{keepLast, keepBest}),
			Help: "which iterate is the result: last, or best, the measured one with the least held-out " +
				"RMSE, or without held-out data the least test error",
			at: func(c *Config) any { return &c.Keep },
		},

		{
			Key: "measure-every", Group: measuringGroup,
			Help: "number of steps from one measurement of the metrics to the next",
			at:   func(c *Config) any { return &c.MeasureEvery },
		}, {
			Key: "singular-values", Group: measuringGroup, Values: words([]string{"auto", "all"}),
			Help: "how many of the factor's singular values to measure, the largest ones; all copies the " +
				"factor to the host at each measurement; auto: r* + 1, or 10 if r* is not known",
			at: func(c *Config) any { return &c.SingularValues },
		}, {
			Key: "alignment-margin", Group: measuringGroup,
			Help: "phase I ends when the angle exceeds that of the spectral estimate by at most this " +
				"fraction, and --alignment-sine holds as well",
			at: func(c *Config) any { return &c.AlignmentMargin },
		}, {
			Key: "alignment-sine", Group: measuringGroup,
			Help: "phase I ends when the spectral angle is at most this, and --alignment-margin holds " +
				"as well",
			at: func(c *Config) any { return &c.AlignmentSine },
		}, {
			Key: "signal-fraction", Group: measuringGroup,
			Help: "phase II ends when the signal reaches this fraction of σ_min(X)", Default: "1/√10",
			at: func(c *Config) any { return &c.SignalFraction },
		}, {
			Key: "floor-factor", Group: measuringGroup,
			Help: "the floor begins when the test error stays within this factor of its minimum",
			at:   func(c *Config) any { return &c.FloorFactor },
		},

		{
			Key: "device", Group: machineGroup, shared: true, Values: words(devices),
			Help: "where to run: auto (the cpu or a GPU, by estimated time), cpu, cuda, cuda:N for GPU " +
				"number N counted from 0, cuda:0,1 for several GPUs, cuda:all, " +
				"emulator, or emulator:2",
			at: func(c *Config) any { return &c.Device },
		}, {
			Key: "storage", Group: machineGroup, shared: true, Free: true, Values: words(storages),
			Help: "measurements in memory, generated when they are needed, or auto",
			at:   func(c *Config) any { return &c.Storage },
		}, {
			Key: "precision", Group: machineGroup, shared: true, Values: words(precisions),
			Help: "arithmetic of the gradient: f64; mixed, f32 that loses nothing; f32, for " +
				"comparison; auto, f64 or mixed, whichever is faster",
			at: func(c *Config) any { return &c.Precision },
		}, {
			Key: "workers", Group: machineGroup, shared: true, Free: true,
			Help: "number of goroutines that share the rows (0: one for each core)",
			at:   func(c *Config) any { return &c.Workers },
		}, {
			Key: "simd", Group: machineGroup, shared: true, Free: true, Values: words(instructions),
			Help: "vector instructions of the CPU: auto, avx512, avx2, neon (arm64), or off for plain Go",
			at:   func(c *Config) any { return &c.SIMD },
		}, {
			Key: "checkpoint-every", Group: machineGroup, Free: true,
			Help: "seconds between checkpoints (0: only at the end)",
			at:   func(c *Config) any { return &c.CheckpointEvery },
		},
	}
}

// isDrawn says whether the problem is drawn.
func (c *Config) isDrawn() bool { return !c.HasUserData() }

// takesSteps says whether the method takes steps.
func (c *Config) takesSteps() bool { return !c.EstimatesOnly() }

// HasStep says whether the method has a step size.
func (c *Config) HasStep() bool {
	x := find(methods, c.Method)
	return c.takesSteps() && (x == nil || !x.Stepless)
}

// hasSizedStart says whether alpha is the size of the start.
func (c *Config) hasSizedStart() bool {
	s := find(starts, c.Init)
	return s != nil && s.Sized
}

// hasRandomStart says whether the start has a part that is drawn.
func (c *Config) hasRandomStart() bool { return IsRandomStart(c.Init) }
