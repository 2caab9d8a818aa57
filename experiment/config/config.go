package config

import (
	"fmt"
	"math"
	"strconv"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Config is everything that defines a run. A field is called as its key, which is its flag and its name in
// config.yaml; [Keys] lists all, and settings.go says what each is. A copy is independent of its original.
type Config struct {
	// The problem.
	N               int
	N2              int
	Rank            int
	Negative        int
	Sparsity        int
	Kappa           float64
	Spectrum        string
	SingularVectors string
	Measurements    int
	Ensemble        string
	Entries         string
	ReLUThreshold   float64
	Observation     string
	Link            string
	LinkScale       string
	Covariates      string
	Truncation      float64
	Preprocessing   string
	Noise           float64
	Outliers        float64
	OutlierSize     float64
	Loss            string
	HuberThreshold  float64
	SNR             float64 // +Inf: no noise follows from it
	HoldOut         float64
	Seed            uint64

	// The user's data.
	Matrices     string
	Triplets     string
	TripletsBase int
	TestTriplets string
	Vectors      string
	VectorsRight string
	Paulis       string
	Observations string
	Expectations string
	Truth        string
	TruthRight   string

	// The factor and its start.
	Parametrization string
	FactorRank      int
	Depth           int
	Init            string
	InitRight       string
	Alpha           float64
	AlphaRight      float64
	StartImbalance  float64
	StartSeed       uint64

	// The method.
	Method          string
	Step            float64
	StepDecay       string
	Retraction      string
	Lambda          float64
	Momentum        float64
	Beta1           float64
	Beta2           float64
	Epsilon         float64
	OptimalValue    float64
	ImbalanceScale  float64
	ImbalanceBelow  float64
	InnerTolerance  float64
	InnerIterations int
	BatchSize       int
	LabelNoise      float64
	Directions      int
	Radius          float64
	EvaluationNoise float64
	BootstrapSteps  int
	HessianRadius   float64
	LeastCurvature  float64
	AdversaryStep   float64
	AdversaryWeight float64
	AdversaryRadius float64
	MagnitudeStep   float64
	MethodSeed      uint64
	CustomName      string
	CustomSlots     int
	Iterations      int
	TargetLoss      float64
	Patience        int
	Keep            string // last or best

	// What is measured.
	MeasureEvery    int
	SingularValues  string // a number, all or auto
	AlignmentMargin float64
	AlignmentSine   float64
	SignalFraction  float64
	FloorFactor     float64

	// The machine. These change time and space, and on one device no bit of the result.
	Device          string
	Storage         string
	Precision       string
	Workers         int
	SIMD            string
	CheckpointEvery float64

	// from says where each key that is not at its default was given: "--alpha" or "config.yaml:3". Copies
	// share it, so that it is replaced and never changed.
	from map[string]string
	// declared has the values of settings that members declare. Copies share it, so that it is replaced and
	// never changed.
	declared map[string]any
	// shapes has the shape of each data file, by key.
	shapes map[string][]int
	// own is the user's truth where the measurements are drawn; nil before it is read.
	own *ownTruth
	// testEntries is how many entries test-triplets lists.
	testEntries int
	// complexVectors: the user's vectors are complex.
	complexVectors bool
	// layers has the shapes of the matrices that a deep product starts from, where they are files.
	layers [][]int
	// program takes the steps of method custom; nil if there is none.
	program Program
}

// Default returns the configuration of a run that nothing was said about.
func Default() Config {
	return Config{
		N: 100, Rank: 3, Kappa: 1, Ensemble: "gaussian", Entries: string(sensing.F32), Observation: linear,
		SNR: math.Inf(1), Seed: 1, Parametrization: solver.PSD{}.Name(), Init: "random", Alpha: 1e-6,
		Method: "gd", Step: 0.25, Iterations: 300, Keep: keepLast,
		MeasureEvery: 5, SingularValues: "auto",
		AlignmentMargin: 0.1, AlignmentSine: 0.5, SignalFraction: 1 / math.Sqrt(10), FloorFactor: 2,
		Device: "auto", Storage: "auto", Precision: "f64", SIMD: "auto", CheckpointEvery: 60,
	}
}

// Validate finds every mistake that can be seen without opening a file, and fills in what depends on other
// settings. The one file that it opens is a truth whose measurements are drawn: their size depends on it.
func (c *Config) Validate() error {
	m := &Mistakes{c: c}
	c.takeTruth(m)
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
		if n1, n2 := c.Sides(); c.hasSides() && c.hasRank() {
			c.fillFactorRank(m, n1, n2)
		}
		c.fillStep()
	}

	c.checkLoss(m)
	if c.Given("factor-rank") || c.FactorRank != 0 {
		if most := c.mostSide(); c.FactorRank < 1 || c.FactorRank > most {
			m.Bad("factor-rank", "factor-rank goes from 1 to %d, got %d", most, c.FactorRank)
		}
	}
	c.fillStart()
	c.checkStart(m)

	if c.Method == "subgradient" { // an earlier version had it
		m.Bad("method", "method subgradient is now method gd with step-decay geometric:q, where q was "+
			"step-ratio (0.995 unless it was given) and step was 0.5 unless it was given")
	} else {
		m.OneOf("method", c.Method, namesOf(methods)...)
	}
	if c.HasStep() {
		m.Finite("step", c.Step, c.Step > 0, "positive")
	}
	c.checkStepDecay(m)
	checkMember(c, m, "method", methods, c.Method)
	c.completeMethod()
	if !c.HasUserData() {
		c.checkFit(m)
	}
	c.checkTogether(m)
	c.checkLossOfMethod(m)
	c.checkPartial(m)
	if c.Iterations < 0 {
		m.Bad("iterations", "iterations must not be negative, got %d", c.Iterations)
	}
	m.Finite("target-loss", c.TargetLoss, c.TargetLoss >= 0, "zero or positive")
	c.checkHoldOut(m)
	if c.MeasureEvery < 1 {
		m.Bad("measure-every", "measure-every must be positive, got %d", c.MeasureEvery)
	}
	if _, err := c.CountSingularValues(); err != nil {
		m.Bad("singular-values", "%v", err)
	}
	m.Finite("alignment-margin", c.AlignmentMargin, c.AlignmentMargin > 0, "positive")
	m.Finite("alignment-sine", c.AlignmentSine, c.AlignmentSine > 0 && c.AlignmentSine <= 1,
		"between 0 and 1")
	m.Finite("signal-fraction", c.SignalFraction, c.SignalFraction > 0, "positive")
	m.Finite("floor-factor", c.FloorFactor, c.FloorFactor >= 1, "at least 1")
	if err := checkDevice(c.Device); err != nil {
		m.Bad("device", "%v", err)
	}
	m.OneOf("storage", c.Storage, storages...)
	m.OneOf("precision", c.Precision, precisions...)
	if c.Workers < 0 || c.Workers > 4096 {
		m.Bad("workers", "workers goes from 0 to 4096, got %d", c.Workers)
	}
	m.OneOf("simd", c.SIMD, instructions...)
	m.Finite("checkpoint-every", c.CheckpointEvery, c.CheckpointEvery >= 0 && c.CheckpointEvery < 1e9,
		"zero or positive")

	return m.err()
}

// CountSingularValues returns how many singular values a sample has, as [solver.Settings] say it.
func (c *Config) CountSingularValues() (int, error) {
	switch c.SingularValues {
	case "auto":
		return 0, nil
	case "all":
		return solver.AllSingularValues, nil
	}
	count, err := strconv.Atoi(c.SingularValues)
	if err != nil || count < 1 {
		return 0, fmt.Errorf("must be a positive number, all or auto, got %q", c.SingularValues)
	}
	return count, nil
}
