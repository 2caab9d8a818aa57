package experiment

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Config is everything that defines a run. Each field's key is its flag and its name in config.yaml. A copy is independent
// of its original.
type Config struct {
	// The problem.
	N             int     `key:"n" help:"the unknown matrix is n × n, symmetric positive semidefinite; with parametrization uv or deep it is n × n2, with sparse a vector of n numbers"`
	N2            int     `key:"n2" help:"its columns with parametrization uv or deep (default n)"`
	Rank          int     `key:"rank" help:"rank r* of the ground truth M* = XXᵀ or XYᵀ; with own data and no truth, of the spectral estimate to compare with (0: none)"`
	Negative      int     `key:"negative" help:"with parametrization indefinite, how many of the truth's eigenvalues are negative (default ⌊rank/2⌋)"`
	Sparsity      int     `key:"sparsity" help:"with parametrization sparse, how many of the n numbers of β*, ‖β*‖ = 1, are not zero (default 3)"`
	Kappa         float64 `key:"kappa" help:"condition number of X (and Y), whose spectral norm is 1; with parametrization sparse, largest over least magnitude"`
	Measurements  int     `key:"measurements" help:"number m of measurements (default 10·n·rank; 5·(n + n2)·rank; 4·sparsity·ln n), of single-index of samples"`
	Ensemble      string  `key:"ensemble" help:"law of the measurements (see matsense list); own data have theirs"`
	Entries       string  `key:"entries" help:"number format that defines gaussian entries: f64, f32, bf16 or q8"`
	Link          string  `key:"link" help:"single-index: identity, tanh, sign, square-root or cubic (default identity); multi-index: what is observed of z = ⟨a, w_1⟩ … ⟨a, w_p⟩: norm, ‖z‖², product, z_1·z_2, or sign-product (default norm)"`
	LinkScale     string  `key:"link-scale" help:"single-index: known, or unknown, where nobody knows the link, and so M* but for its size (default known)"`
	Truncation    float64 `key:"truncation" help:"single-index: observations are cut off at ± this, against heavy tails (0: they are not)"`
	Preprocessing string  `key:"preprocessing" help:"multi-index: the T of Σ T(y) a aᵀ: none, trim or optimal (default optimal)"`
	Noise         float64 `key:"noise" help:"standard deviation of the noise on the observations"`
	Seed          uint64  `key:"seed" help:"seed of measurements, truth and noise"`

	// A user's own data.
	Matrices     string `key:"matrices" help:"own measurement matrices, a .npy file of shape (m, n, n) or (m, n, n2)"`
	Triplets     string `key:"triplets" help:"own observed entries and their values, a .csv file with lines row,col,value counted from 0, or a Matrix Market .mtx"`
	Vectors      string `key:"vectors" help:"own vectors a_i of rank-one measurements a aᵀ or a bᵀ, a .npy file of shape (m, n)"`
	VectorsRight string `key:"vectors-right" help:"with rectangular matrices, their vectors b_i, a .npy file of shape (m, n2)"`
	Paulis       string `key:"paulis" help:"own Pauli words, a text file with one a line, such as XIZY"`
	Observations string `key:"observations" help:"own observations, a .npy file of shape (m,)"`
	Truth        string `key:"truth" help:"own ground truth X, a .npy file of shape (n, r*)"`
	TruthRight   string `key:"truth-right" help:"with parametrization uv or deep, the truth's Y, a .npy file of shape (n2, r*); with indefinite X S, S = diag(±1)"`

	// The factor and its start.
	Parametrization string  `key:"parametrization" help:"how factors make the matrix: psd, UUᵀ; uv, UVᵀ; or another (see matsense list)"`
	FactorRank      int     `key:"factor-rank" help:"columns r of U, and V (default n, or the smaller of n and n2); the width of deep"`
	Depth           int     `key:"depth" help:"number L of matrices with parametrization deep (default 3)"`
	Init            string  `key:"init" help:"start: random, spectral or another (see matsense list), or a .npy file with U₀ of shape (n, r); with parametrization deep W%d.npy, say, for W1.npy, W2.npy, …"`
	InitRight       string  `key:"init-right" help:"with two factors and U₀ from a file, the .npy file with V₀ of shape (n2, r)"`
	Alpha           float64 `key:"alpha" help:"size of the random start U₀ = α·G (and V₀), G_ij ~ N(0, 1/r), and of what is added to a saddle; of each W_j with parametrization deep, 0.1 where nothing is said"`
	StartSeed       uint64  `key:"start-seed" help:"seed of the random start (default: seed)"`

	// The method.
	Method     string  `key:"method" help:"update rule: gd, scaled-gd, scaled-gd-lambda or another (see matsense list)"`
	Step       float64 `key:"step" help:"step size μ (with ensemble rank-one of symmetric matrices 0.25/(2 + rank) by default)"`
	Lambda     float64 `key:"lambda" help:"damping λ of scaled-gd-lambda (default σ_min(X)² = 1/kappa²)"`
	Momentum   float64 `key:"momentum" help:"momentum β of method momentum (default 0.9)"`
	BatchSize  int     `key:"batch-size" help:"measurements B that sgd and rsgd draw for a step (default a tenth of all)"`
	LabelNoise float64 `key:"label-noise" help:"size σ of the noise ±σ that label-noise-gd adds to the observations for each step (default 0.1)"`
	Directions int     `key:"directions" help:"directions q of each step of zeroth-order (0: as many as the factor has numbers)"`
	Radius     float64 `key:"radius" help:"how far zeroth-order looks in each direction, δ (default 1e-5)"`
	ValueNoise float64 `key:"evaluation-noise" help:"standard deviation of the noise on the values of f that zeroth-order sees"`
	Adversary  float64 `key:"adversary-step" help:"step size η of rgda's adversary, who shifts the observations (default: step)"`
	ShiftCost  float64 `key:"adversary-weight" help:"what shifts cost rgda's adversary, λ > 1 (default 2)"`
	ShiftBound float64 `key:"adversary-radius" help:"root mean square that the adversary's shifts may have, ρ (default 1)"`
	MethodSeed uint64  `key:"method-seed" help:"seed of what the method draws (default: seed)"`
	Iterations int     `key:"iterations" help:"number of steps at most"`
	TargetLoss float64 `key:"target-loss" help:"stop when the train loss is at most this (0: never)"`

	// What is measured.
	MeasureEvery    int     `key:"measure-every" help:"steps between measurements of the metrics"`
	AlignmentMargin float64 `key:"alignment-margin" help:"phase I ends when the angle is within this fraction of the spectral estimate's"`
	AlignmentSine   float64 `key:"alignment-sine" help:"… and the spectral angle at most this"`
	SignalFraction  float64 `key:"signal-fraction" help:"phase II ends when the signal reaches this fraction of σ_min(X)"`
	FloorFactor     float64 `key:"floor-factor" help:"the floor is where the test error stays within this factor of its least"`

	// The machine. These change time and space, and on one device no bit of the result.
	Device          string  `key:"device" help:"where to run: auto, cpu, cuda, cuda:N for the N-th GPU, or emulator"`
	Storage         string  `key:"storage" help:"where measurements are: memory, generated when needed, or auto" free:"true"`
	Precision       string  `key:"precision" help:"arithmetic of the gradient: f64; mixed, f32 that loses nothing (cpu); f32 for comparison; auto: f64 or mixed, whichever is faster"`
	Workers         int     `key:"workers" help:"goroutines that share the rows (0: one for each core)" free:"true"`
	SIMD            string  `key:"simd" help:"the cpu's instructions: auto, avx512, avx2, or off for plain Go" free:"true"`
	CheckpointEvery float64 `key:"checkpoint-every" help:"seconds between checkpoints (0: only at the end)" free:"true"`

	// from says where each key that is not at its default was given: "--alpha" or "config.yaml:3". Copies share it, so that
	// it is replaced and never changed.
	from map[string]string
	// shapes has the shape of each data file, by key.
	shapes map[string][]int
	// layers has the shapes of the matrices that a deep product starts from, where they are files.
	layers [][]int
}

// Default returns the configuration of a run that nothing was said about.
func Default() Config {
	return Config{
		N: 100, Rank: 3, Kappa: 1, Ensemble: "gaussian", Entries: string(sensing.F32), Seed: 1,
		Parametrization: solver.PSD{}.Name(), Init: "random", Alpha: 1e-6,
		Method: "gd", Step: 0.25, Iterations: 300,
		MeasureEvery: 5, AlignmentMargin: 0.1, AlignmentSine: 0.5, SignalFraction: 1 / math.Sqrt(10), FloorFactor: 2,
		Device: "auto", Storage: "auto", Precision: "f64", SIMD: "auto", CheckpointEvery: 60,
	}
}

// Field is one setting of a Config.
type Field struct {
	Key, Help string
	// Free says that the setting changes no bit of the result: a resumed run may change it.
	Free  bool
	value reflect.Value
	owner *Config
}

// mayChange says whether a resumed run may change the setting: it changes no bit, or only how far the run goes.
func (f Field) mayChange() bool { return f.Free || f.Key == "iterations" }

// Fields lists a configuration's settings in their order.
func (c *Config) Fields() []Field {
	v := reflect.ValueOf(c).Elem()
	var fields []Field
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if key := tag.Get("key"); key != "" {
			fields = append(fields, Field{key, tag.Get("help"), tag.Get("free") != "", v.Field(i), c})
		}
	}
	return fields
}

// Keys lists the settings' names.
func Keys() []string {
	var c Config
	var keys []string
	for _, f := range c.Fields() {
		keys = append(keys, f.Key)
	}
	return keys
}

func (c *Config) field(key string) (Field, bool) {
	for _, f := range c.Fields() {
		if f.Key == key {
			return f, true
		}
	}
	return Field{}, false
}

// Type says what kind of value the field takes.
func (f Field) Type() string {
	switch f.value.Kind() {
	case reflect.Int, reflect.Uint64:
		return "int"
	case reflect.Float64:
		return "float"
	}
	return "string"
}

// String returns the value as it is written in files, with all its digits.
func (f Field) String() string {
	switch f.value.Kind() {
	case reflect.Float64:
		return strconv.FormatFloat(f.value.Float(), 'g', -1, 64)
	default:
		return fmt.Sprint(f.value.Interface())
	}
}

// Set parses a value that was given at a place: "--alpha", "config.yaml:3".
func (f Field) Set(text, place string) error {
	text = strings.TrimSpace(text)
	switch f.value.Kind() {
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number, got %q", f.Key, text)
		}
		f.value.SetInt(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number from 0 to 2⁶⁴−1, got %q", f.Key, text)
		}
		f.value.SetUint(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s takes a number, got %q", f.Key, text)
		}
		f.value.SetFloat(x)
	default:
		f.value.SetString(text)
	}
	if f.owner.from[f.Key] != place {
		from := maps.Clone(f.owner.from)
		if from == nil {
			from = map[string]string{}
		}
		from[f.Key] = place
		f.owner.from = from
	}
	return nil
}

// given says whether a key was given a value.
func (c *Config) given(key string) bool { return c.from[key] != "" }

// at names the place where a key was given, for messages.
func (c *Config) at(key string) string {
	if place := c.from[key]; place != "" {
		return place
	}
	return key
}

// UsageError lists what is wrong with what a user asked for.
type UsageError struct{ Problems []string }

func (e *UsageError) Error() string { return strings.Join(e.Problems, "\n") }

// Usagef is the UsageError with one problem.
func Usagef(format string, args ...any) error {
	return &UsageError{[]string{fmt.Sprintf(format, args...)}}
}

// startFile returns the file that the start is read from, or "".
func (c *Config) startFile() string {
	if !IsStartFile(c.Init) {
		return ""
	}
	return c.Init
}

// maxMeasurements is more than 10·n·rank can come to.
const maxMeasurements = 1 << 40

// mistakes collects what is wrong with a configuration.
type mistakes struct {
	c        *Config
	problems []string
}

// bad notes a mistake in a setting.
func (m *mistakes) bad(key, format string, args ...any) {
	m.problems = append(m.problems, m.c.at(key)+": "+fmt.Sprintf(format, args...))
}

// oneOf wants a setting to be one of some words.
func (m *mistakes) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		m.bad(key, "must be %s, got %q", orList(allowed), value)
	}
}

// orList writes words as alternatives.
func orList(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// finite wants a number to be finite, and what ok says that it is.
func (m *mistakes) finite(key string, x float64, ok bool, must string) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		m.bad(key, "%s must be %s and finite, got %v", key, must, x)
	} else if !ok {
		m.bad(key, "%s must be %s, got %v", key, must, x)
	}
}

// Validate finds every mistake that can be seen without opening a file, and fills in what depends on other settings.
func (c *Config) Validate() error {
	m := &mistakes{c: c}
	m.oneOf("parametrization", c.Parametrization, namesOf(parametrizations)...)
	checkOwn(c, m, "parametrization", parametrizations, func(p parametrization) own { return p.own }, c.Parametrization)
	if c.ownData() {
		c.checkOwnData(m)
	} else {
		c.validateSynthetic(m)
		m.oneOf("ensemble", c.Ensemble, namesOf(ensembles)...)
		checkOwn(c, m, "ensemble", ensembles, func(e ensemble) own { return e.own }, c.Ensemble)
	}

	if c.given("factor-rank") || c.FactorRank != 0 {
		if most := c.mostSide(); c.FactorRank < 1 || c.FactorRank > most {
			m.bad("factor-rank", "factor-rank goes from 1 to %d, got %d", most, c.FactorRank)
		}
	}
	c.checkStart(m)

	m.oneOf("method", c.Method, namesOf(methods)...)
	m.finite("step", c.Step, c.Step > 0, "positive")
	checkOwn(c, m, "method", methods, func(x method) own { return x.own }, c.Method)
	c.checkTogether(m)
	c.checkPartial(m)
	if c.Iterations < 0 {
		m.bad("iterations", "iterations must not be negative, got %d", c.Iterations)
	}
	m.finite("target-loss", c.TargetLoss, c.TargetLoss >= 0, "zero or positive")
	if c.MeasureEvery < 1 {
		m.bad("measure-every", "measure-every must be positive, got %d", c.MeasureEvery)
	}
	m.finite("alignment-margin", c.AlignmentMargin, c.AlignmentMargin > 0, "positive")
	m.finite("alignment-sine", c.AlignmentSine, c.AlignmentSine > 0 && c.AlignmentSine <= 1, "between 0 and 1")
	m.finite("signal-fraction", c.SignalFraction, c.SignalFraction > 0, "positive")
	m.finite("floor-factor", c.FloorFactor, c.FloorFactor >= 1, "at least 1")
	if !isDevice(c.Device) {
		m.bad("device", "must be auto, cpu, cuda, cuda:0, cuda:1, … or emulator, got %q", c.Device)
	}
	m.oneOf("storage", c.Storage, "auto", "memory", "generated")
	m.oneOf("precision", c.Precision, "f64", "mixed", "f32", "auto")
	if c.Workers < 0 || c.Workers > 4096 {
		m.bad("workers", "workers goes from 0 to 4096, got %d", c.Workers)
	}
	m.oneOf("simd", c.SIMD, "auto", "avx512", "avx2", "off")
	m.finite("checkpoint-every", c.CheckpointEvery, c.CheckpointEvery >= 0 && c.CheckpointEvery < 1e9, "zero or positive")

	if len(m.problems) > 0 {
		return &UsageError{m.problems}
	}
	return nil
}

// checkLambda fills in the damping.
func (c *Config) checkLambda(m *mistakes) {
	switch {
	case c.given("lambda"):
		m.finite("lambda", c.Lambda, c.Lambda > 0, "positive")
	case c.ownData():
		m.bad("lambda", "scaled-gd-lambda needs lambda, of the order of the truth's smallest eigenvalue, which is not known of own data")
	case c.Kappa >= 1:
		c.Lambda = 1 / (c.Kappa * c.Kappa)
	}
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

// checkSides wants what belongs to two factors to be there for both.
func (c *Config) checkSides(m *mistakes) {
	c.checkRectangle(m)
	if (c.InitRight == "") != (c.startFile() == "") {
		m.bad("init", "a start from files needs both init and init-right with parametrization uv")
	}
}

// checkRectangle fills in n2, and wants both sides of a truth XYᵀ.
func (c *Config) checkRectangle(m *mistakes) {
	if (c.TruthRight == "") != (c.Truth == "") && c.ownData() {
		m.bad("truth", "a truth XYᵀ needs both truth and truth-right")
	}
	if c.N2 == 0 && !c.given("n2") && !c.ownData() {
		c.N2 = c.N
	}
	if most := c.mostSide(); (c.N2 != 0 || !c.ownData()) && (c.N2 < 1 || c.N2 > most) {
		m.bad("n2", "n2 goes from 1 to %d, got %d", most, c.N2)
	}
}

// rectangular says whether the unknown matrix is n × n2.
func (c *Config) rectangular() bool {
	return slices.ContainsFunc(parametrizations, func(p parametrization) bool { return p.name == c.Parametrization && p.rectangular })
}

// sides returns the size of the unknown matrix.
func (c *Config) sides() (n1, n2 int) {
	if c.rectangular() {
		return c.N, c.N2
	}
	return c.N, c.N
}

// space is the one that the unknown matrix lives in.
func (c *Config) space() sensing.Space {
	if c.rectangular() {
		return sensing.Rect{N1: c.N, N2: c.N2}
	}
	return sensing.Sym{N: c.N}
}

// EntryCount is the number m·K of entries in all measurements; m·n where they are vectors, m where a measurement is a number or a word, and
// K where they are averaged once and for all.
func (c *Config) EntryCount() float64 {
	switch {
	case c.Ensemble == singleIndex:
		return float64(c.space().K())
	case c.Ensemble == "rank-one" || c.Ensemble == multiIndex:
		n1, n2 := c.sides()
		return float64(c.Measurements) * float64(max(n1, n2))
	case c.isStructured():
		return float64(c.Measurements)
	}
	return float64(c.Measurements) * float64(c.space().K())
}

func (c *Config) validateSynthetic(m *mistakes) {
	c.checkNoOwnData(m)
	n1, n2 := c.sides()
	most := c.mostSide()
	sized := n1 >= 1 && n1 <= most && n2 >= 1 && n2 <= most
	if c.N < 1 || c.N > most {
		m.bad("n", "n goes from 1 to %d, got %d", most, c.N)
	}
	if sized && c.Rank > min(n1, n2) || c.Rank < 1 {
		c.badRank(m, sized)
	}
	if c.Rank == 1 && !c.given("kappa") {
		c.Kappa = 1
	}
	m.finite("kappa", c.Kappa, c.Kappa >= 1, "at least 1")
	if c.Rank == 1 && c.Sparsity <= 1 && c.Kappa > 1 {
		m.bad("kappa", "a truth of rank 1 has the condition number 1, got kappa %v", c.Kappa)
	}
	sane := sized && c.Rank >= 1 && c.Rank <= min(n1, n2) // what follows from them is
	if sane && c.Measurements == 0 && !c.given("measurements") {
		c.Measurements = 5 * (n1 + n2) * c.Rank
	}
	if (sane || c.given("measurements")) && (c.Measurements < 1 || c.Measurements > maxMeasurements) {
		m.bad("measurements", "measurements goes from 1 to %d, got %d", maxMeasurements, c.Measurements)
	}
	if sane && c.FactorRank == 0 && !c.given("factor-rank") && c.startFile() == "" {
		c.FactorRank = min(n1, n2)
	}
	if c.Noise > sensing.Largest/10 && !math.IsInf(c.Noise, 1) {
		m.bad("noise", "noise must be at most %g, got %v", sensing.Largest/10, c.Noise)
	} else {
		m.finite("noise", c.Noise, c.Noise >= 0, "zero or positive")
	}
}

// checkEntries wants a number format.
func (c *Config) checkEntries(m *mistakes) {
	if c.Entries == "" {
		c.Entries = string(sensing.F32)
	}
	m.oneOf("entries", c.Entries, "f64", "f32", "bf16", "q8")
}

// checkSigns fills in the one format of signs.
func (c *Config) checkSigns(m *mistakes) {
	if c.given("entries") && c.Entries != string(sensing.Signs) {
		m.bad("entries", "rademacher entries are signs of one bit, got %q", c.Entries)
	}
	c.Entries = string(sensing.Signs)
}

// badRank says how large a rank may be.
func (c *Config) badRank(m *mistakes, sized bool) {
	n1, n2 := c.sides()
	switch {
	case !sized:
		m.bad("rank", "rank must be positive, got %d", c.Rank)
	case n2 < n1:
		m.bad("rank", "rank goes from 1 to n2 = %d, got %d", n2, c.Rank)
	default:
		m.bad("rank", "rank goes from 1 to n = %d, got %d", n1, c.Rank)
	}
}
