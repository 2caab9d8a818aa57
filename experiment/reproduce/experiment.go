package reproduce

import (
	"embed"
	"fmt"

	"github.com/matsense/matsense/experiment/sweep"
)

//go:embed presets/*.yaml
var presets embed.FS

// Experiment is a claim and the sweep that tests it.
type Experiment struct {
	Name string
	// About describes the experiment in one line.
	About string
	// Claim is the statement of the theory.
	Claim string

	judge func([]observation) Verdict
}

// Status is the outcome of a verdict.
type Status string

// The outcomes.
const (
	Agrees    Status = "agrees"
	Disagrees Status = "disagrees"
	Unclear   Status = "cannot be told"
)

// Verdict is the comparison of results with the claim.
type Verdict struct {
	Status Status `json:"verdict"`
	// Findings are the numbers behind the verdict, one line each.
	Findings []string `json:"findings"`
	// Figures show the findings.
	Figures []Figure `json:"-"`
}

// Figure is a picture of a sweep's results.
type Figure struct {
	sweep.Query
	// Fit asks for fitted lines and their slopes.
	Fit bool
	// Guides are lines to compare with.
	Guides []Guide
	// Phases asks for the trajectory of the only run, with its phases.
	Phases bool
}

// Guide is a straight line between two points.
type Guide struct {
	Name string
	X, Y []float64
}

// All lists the experiments.
func All() []Experiment {
	return []Experiment{
		{"alpha", "the test error at the floor against the size α of the start",
			alphaClaim, judgeAlpha},
		{"iterations", "the steps to a test error of 1 % against log(1/α)",
			iterationsClaim, judgeIterations},
		{"overparameterization", "the length of phase I and the test error against the factor's columns",
			overClaim, judgeOver},
		{"generalization", "train loss and test error against the number of measurements",
			generalizationClaim, judgeGeneralization},
		{"spectral", "the factor's angle to the spectral method's subspace over the iterations",
			spectralClaim, judgeSpectral},
		{"phases", "one run: alignment, saddle avoidance, refinement",
			phasesClaim, judgePhases},
		{"scaled-gd", "the steps of gradient descent and ScaledGD against the condition number κ",
			scaledClaim, judgeScaled},
		{"scaled-gd-lambda", "the steps of ScaledGD(λ) and PrecGD from small starts against κ and log(1/α)",
			dampedClaim, judgeDamped},
		{"uv", "the balance of U and V, and the test error against α, beside UUᵀ",
			uvClaim, judgeUV},
		{"pauli", "the test error against the number of Pauli words, for states of rank 1 and 2",
			pauliClaim, judgePauli},
		{"flatness", "deep products: low rank from small starts, or larger ones and label noise",
			flatnessClaim, judgeFlatness},
		{"indefinite", "the test error of UUᵀ − VVᵀ against α, beside UUᵀ",
			indefiniteClaim, judgeIndefinite},
		{"single-index", "the test error of sparse vectors behind links against the number of samples",
			singleIndexClaim, judgeSingleIndex},
		{"completion", "recovery against the number of observed entries, symmetric and not",
			completionClaim, judgeCompletion},
		{"relu-completion", "three starts, if exactly the entries that are not negative are observed",
			reluClaim, judgeReLU},
		{"momentum", "the steps of gradient descent and momentum against the condition number κ",
			momentumClaim, judgeMomentum},
		{"sgd", "passes over the measurements, and the rate, against the size of mini-batches",
			sgdClaim, judgeSGD},
		{"riemannian-saddles", "how Riemannian gradient descent and SGD leave planted saddle points",
			saddlesClaim, judgeSaddles},
		{"zeroth-order", "the loss that is reached with noisy values of f alone, against their number",
			zerothOrderClaim, judgeZerothOrder},
		{"rgda", "the distance of descent-ascent from an equilibrium, for several κ",
			rgdaClaim, judgeRGDA},
		{"phase-retrieval", "recovery from squared products against their number, from three starts",
			phaseRetrievalClaim, judgePhaseRetrieval},
		{"multi-index", "the overlap of spectral estimates with the truth, beside its prediction",
			multiIndexClaim, judgeMultiIndex},
	}
}

// File returns the name and the text of the sweep file in one of the sizes.
func (e Experiment) File(full bool) (name string, text []byte) {
	name = e.Name + "-quick.yaml"
	if full {
		name = e.Name + ".yaml"
	}
	text, err := presets.ReadFile("presets/" + name)
	if err != nil {
		panic(fmt.Sprintf("reproduce: %v", err)) // every preset is embedded
	}
	return name, text
}

// Judge returns the verdict on a sweep's results.
func (e Experiment) Judge(r *sweep.Results) Verdict { return e.judge(observations(r)) }
