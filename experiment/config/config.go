package config

import (
	"math"
	"strconv"
	"strings"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Config is everything that defines a run. Each field's key is its flag and its name in config.yaml. A copy
// is independent of its original.
type Config struct {
	// The problem.
	N             int     `group:"problem" key:"n" help:"the unknown matrix is n × n, symmetric positive semidefinite; with parametrization uv or deep it is n × n2, with sparse a vector of n numbers" shared:"true"`
	N2            int     `key:"n2" help:"its columns with parametrization uv or deep (default n)" shared:"true"`
	Rank          int     `key:"rank" help:"rank r* of the ground truth M* = XXᵀ or XYᵀ; with user data and no truth, of the spectral estimate to compare with (0: none)" shared:"true"`
	Negative      int     `key:"negative" help:"with parametrization {members}, how many of the truth's eigenvalues are negative (default ⌊rank/2⌋)" shared:"true"`
	Sparsity      int     `key:"sparsity" help:"with parametrization {members}, how many of the n numbers of β*, ‖β*‖ = 1, are not zero (default 3)" shared:"true"`
	Kappa         float64 `key:"kappa" help:"condition number of X (and Y), whose spectral norm is 1; with parametrization sparse, largest over least magnitude" shared:"true"`
	Measurements  int     `key:"measurements" help:"number m of measurements (default 10·n·rank; 5·(n + n2)·rank; 4·sparsity·ln n), of single-index of samples" shared:"true"`
	Ensemble      string  `key:"ensemble" help:"law of the measurements (see matsense list); user data have theirs" shared:"true"`
	Entries       string  `key:"entries" help:"number format that defines the entries: f64, f32, bf16 or q8" shared:"true"`
	Observation   string  `key:"observation" help:"what is observed: linear, ⟨A, M*⟩; or another (see matsense list)" shared:"true"`
	Link          string  `key:"link" help:"single-index: identity, tanh, sign, square-root or cubic (default identity); multi-index: what is observed of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: norm, ‖z‖², product, z_1·z_2, or sign-product (default norm)" shared:"true"`
	LinkScale     string  `key:"link-scale" help:"{members}: known, or unknown, where nobody knows the link, and so M* but for its size (default known)" shared:"true"`
	Truncation    float64 `key:"truncation" help:"{members}: observations are cut off at ± this, against heavy tails (0: they are not)" shared:"true"`
	Preprocessing string  `key:"preprocessing" help:"{members}: the T of Σ T(y) a aᵀ: none, trim or optimal (default optimal)" shared:"true"`
	Noise         float64 `key:"noise" help:"standard deviation of the noise on the observations" shared:"true"`
	Seed          uint64  `key:"seed" help:"seed of measurements, truth and noise" shared:"true"`

	// The user's data.
	Matrices     string `group:"user data" key:"matrices" help:"measurement matrices, a .npy file of shape (m, n, n) or (m, n, n2)" shared:"true"`
	Triplets     string `key:"triplets" help:"observed entries and their values, a .csv file with lines row,col,value counted from 0, or a Matrix Market .mtx" shared:"true"`
	Vectors      string `key:"vectors" help:"vectors a_i of rank-one measurements a aᵀ or a bᵀ, a .npy file of shape (m, n)" shared:"true"`
	VectorsRight string `key:"vectors-right" help:"with rectangular matrices, their vectors b_i, a .npy file of shape (m, n2)" shared:"true"`
	Paulis       string `key:"paulis" help:"Pauli words, a text file with one a line, such as XIZY" shared:"true"`
	Observations string `key:"observations" help:"observations, a .npy file of shape (m,)" shared:"true"`
	Truth        string `key:"truth" help:"ground truth X, a .npy file of shape (n, r*)" shared:"true"`
	TruthRight   string `key:"truth-right" help:"with parametrization uv or deep, the truth's Y, a .npy file of shape (n2, r*); with indefinite X S, S = diag(±1)" shared:"true"`

	// The factor and its start.
	Parametrization string  `group:"factor and start" key:"parametrization" help:"how factors make the matrix: psd, UUᵀ; uv, UVᵀ; or another (see matsense list)" shared:"true"`
	FactorRank      int     `key:"factor-rank" help:"columns r of U, and V (default n, or the smaller of n and n2); the width of deep"`
	Depth           int     `key:"depth" help:"number L of matrices with parametrization {members} (default 3)" shared:"true"`
	Init            string  `key:"init" help:"start: random, spectral or another (see matsense list), or a .npy file with U₀ of shape (n, r); with parametrization deep W%d.npy, say, for W1.npy, W2.npy, …"`
	InitRight       string  `key:"init-right" help:"with two factors and U₀ from a file, the .npy file with V₀ of shape (n2, r)"`
	Alpha           float64 `key:"alpha" help:"size of the random start U₀ = α·G (and V₀), G_ij ~ N(0, 1/r), and of what is added to a saddle; of each W_j with parametrization deep, 0.1 where nothing is said"`
	StartSeed       uint64  `key:"start-seed" help:"seed of the random start (default: seed)"`

	// The method.
	Method       string  `group:"method" key:"method" help:"update rule: gd, scaled-gd, scaled-gd-lambda or another (see matsense list)"`
	Step         float64 `key:"step" help:"step size μ, of polyak-gd the largest step (with polyak-gd 1 by default; with ensemble rank-one of symmetric matrices 0.25/(2 + rank))"`
	Lambda       float64 `key:"lambda" help:"damping λ of {members} (default σ_min(X)² = 1/kappa²)"`
	Momentum     float64 `key:"momentum" help:"momentum β of method {members} (default 0.9)"`
	OptimalValue float64 `key:"optimal-value" help:"least value f* of f, at which {members} aims (0 is right for exact observations)"`
	BatchSize    int     `key:"batch-size" help:"measurements B that {members} draw for a step (default a tenth of all)"`
	LabelNoise   float64 `key:"label-noise" help:"size σ of the noise ±σ that {members} adds to the observations for each step (default 0.1)"`
	Directions   int     `key:"directions" help:"directions q of each step of {members} (0: as many as the factor has numbers)"`
	Radius       float64 `key:"radius" help:"how far {members} looks in each direction, δ (default 1e-5)"`
	ValueNoise   float64 `key:"evaluation-noise" help:"standard deviation of the noise on the values of f that {members} sees"`
	Adversary    float64 `key:"adversary-step" help:"step size η of the adversary of {members}, who shifts the observations (default: step)"`
	ShiftCost    float64 `key:"adversary-weight" help:"what shifts cost the adversary of {members}, λ > 1 (default 2)"`
	ShiftBound   float64 `key:"adversary-radius" help:"root mean square that the adversary's shifts may have, ρ (default 1)"`
	MethodSeed   uint64  `key:"method-seed" help:"seed of what {members} draw (default: seed)"`
	Iterations   int     `key:"iterations" help:"number of steps at most"`
	TargetLoss   float64 `key:"target-loss" help:"stop when the train loss is at most this (0: never)"`

	// What is measured.
	MeasureEvery    int     `group:"measuring" key:"measure-every" help:"steps between measurements of the metrics"`
	AlignmentMargin float64 `key:"alignment-margin" help:"phase I ends when the angle is within this fraction of the spectral estimate's"`
	AlignmentSine   float64 `key:"alignment-sine" help:"… and the spectral angle at most this"`
	SignalFraction  float64 `key:"signal-fraction" help:"phase II ends when the signal reaches this fraction of σ_min(X)"`
	FloorFactor     float64 `key:"floor-factor" help:"the floor is where the test error stays within this factor of its least"`

	// The machine. These change time and space, and on one device no bit of the result.
	Device          string  `group:"machine" key:"device" help:"where to run: auto, cpu, cuda, cuda:N for the N-th GPU, or emulator" shared:"true"`
	Storage         string  `key:"storage" help:"where measurements are: memory, generated when needed, or auto" free:"true" shared:"true"`
	Precision       string  `key:"precision" help:"arithmetic of the gradient: f64; mixed, f32 that loses nothing (cpu); f32 for comparison; auto: f64 or mixed, whichever is faster" shared:"true"`
	Workers         int     `key:"workers" help:"goroutines that share the rows (0: one for each core)" free:"true" shared:"true"`
	SIMD            string  `key:"simd" help:"the cpu's instructions: auto, avx512, avx2, or off for plain Go" free:"true" shared:"true"`
	CheckpointEvery float64 `key:"checkpoint-every" help:"seconds between checkpoints (0: only at the end)" free:"true"`

	// from says where each key that is not at its default was given: "--alpha" or "config.yaml:3". Copies
	// share it, so that it is replaced and never changed.
	from map[string]string
	// declared has the values of settings that members declare. Copies share it, so that it is replaced and
	// never changed.
	declared map[string]any
	// shapes has the shape of each data file, by key.
	shapes map[string][]int
	// layers has the shapes of the matrices that a deep product starts from, where they are files.
	layers [][]int
}

// Default returns the configuration of a run that nothing was said about.
func Default() Config {
	return Config{
		N: 100, Rank: 3, Kappa: 1, Ensemble: "gaussian", Entries: string(sensing.F32), Observation: linear,
		Seed: 1, Parametrization: solver.PSD{}.Name(), Init: "random", Alpha: 1e-6,
		Method: "gd", Step: 0.25, Iterations: 300,
		MeasureEvery: 5, AlignmentMargin: 0.1, AlignmentSine: 0.5, SignalFraction: 1 / math.Sqrt(10),
		FloorFactor: 2, Device: "auto", Storage: "auto", Precision: "f64", SIMD: "auto", CheckpointEvery: 60,
	}
}

// Validate finds every mistake that can be seen without opening a file, and fills in what depends on other
// settings.
func (c *Config) Validate() error {
	m := &Mistakes{c: c}
	c.settleObservation(m)
	m.OneOf("parametrization", c.Parametrization, namesOf(parametrizations)...)
	checkMember(c, m, "parametrization", parametrizations, c.Parametrization)
	if c.HasUserData() {
		c.checkUserData(m)
	} else {
		c.checkDrawn(m)
		m.OneOf("ensemble", c.Ensemble, drawnEnsembles()...)
		c.checkLaw(m)
		c.checkObservation(m)
		if c.observation().Law == nil {
			checkMember(c, m, "ensemble", ensembles, c.Ensemble)
			c.checkEntries(m)
		}
		c.fillStep()
	}

	if c.Given("factor-rank") || c.FactorRank != 0 {
		if most := c.mostSide(); c.FactorRank < 1 || c.FactorRank > most {
			m.Bad("factor-rank", "factor-rank goes from 1 to %d, got %d", most, c.FactorRank)
		}
	}
	if c.EstimatesOnly() && !c.Given("init") && c.traits().Spectral {
		c.Init = spectral
	}
	c.checkStart(m)

	m.OneOf("method", c.Method, namesOf(methods)...)
	if !c.EstimatesOnly() {
		m.Finite("step", c.Step, c.Step > 0, "positive")
	}
	checkMember(c, m, "method", methods, c.Method)
	c.completeMethod()
	c.checkTogether(m)
	c.checkPartial(m)
	if c.Iterations < 0 {
		m.Bad("iterations", "iterations must not be negative, got %d", c.Iterations)
	}
	m.Finite("target-loss", c.TargetLoss, c.TargetLoss >= 0, "zero or positive")
	if c.MeasureEvery < 1 {
		m.Bad("measure-every", "measure-every must be positive, got %d", c.MeasureEvery)
	}
	m.Finite("alignment-margin", c.AlignmentMargin, c.AlignmentMargin > 0, "positive")
	m.Finite("alignment-sine", c.AlignmentSine, c.AlignmentSine > 0 && c.AlignmentSine <= 1,
		"between 0 and 1")
	m.Finite("signal-fraction", c.SignalFraction, c.SignalFraction > 0, "positive")
	m.Finite("floor-factor", c.FloorFactor, c.FloorFactor >= 1, "at least 1")
	if !isDevice(c.Device) {
		m.Bad("device", "must be auto, cpu, cuda, cuda:0, cuda:1, … or emulator, got %q", c.Device)
	}
	m.OneOf("storage", c.Storage, "auto", "memory", "generated")
	m.OneOf("precision", c.Precision, "f64", "mixed", "f32", "auto")
	if c.Workers < 0 || c.Workers > 4096 {
		m.Bad("workers", "workers goes from 0 to 4096, got %d", c.Workers)
	}
	m.OneOf("simd", c.SIMD, "auto", "avx512", "avx2", "off")
	m.Finite("checkpoint-every", c.CheckpointEvery, c.CheckpointEvery >= 0 && c.CheckpointEvery < 1e9,
		"zero or positive")

	return m.err()
}

// isDevice says whether a device's name is well formed.
func isDevice(name string) bool {
	switch name {
	case "auto", "cpu", "cuda", "emulator":
		return true
	}
	index, found := strings.CutPrefix(name, "cuda:")
	if n, err := strconv.Atoi(index); found && err == nil && n >= 0 {
		return index == strconv.Itoa(n)
	}
	return false
}
