package reproduce

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/config"
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
	// Untested says what of the paper, or of the claim, the experiment leaves out.
	Untested string

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

	// mayDiverge says which runs the claim lets diverge; nil: none.
	mayDiverge func(observation) bool
	// follow lists settings that the experiment's own sweeps vary, but only together with others which the
	// verdict compares. It does not compare these.
	follow []string
	// partial says that runs which the claim is about have not come to what it says of them.
	partial bool
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
			alphaClaim,
			"the constants of the theorem, and how many measurements it asks for",
			judgeAlpha},
		{"iterations", "the steps to a test error of 1 % against log(1/α)",
			iterationsClaim,
			"the theorem's bound on the number of steps, with its constants",
			onEvenSpectra(judgeIterations)},
		{"overparameterization", "the length of phase I and the test error against the factor's columns",
			overClaim,
			"fewer than 2r* columns, for which the theorem asks for a smaller start",
			judgeOver},
		{"generalization", "train loss and test error against the number of measurements",
			generalizationClaim,
			"how the threshold depends on κ of X, and ranks and sizes other than those of the sweep",
			judgeGeneralization},
		{"spectral", "the factor's angle to the spectral method's subspace over the iterations",
			spectralClaim,
			"how the closest angle depends on α",
			judgeSpectral},
		{"incremental", "the ranks that are learned one after another, against the size of the start",
			incrementalClaim,
			"that Z comes closest to the best fits of each rank to the observations, and bounds on the steps",
			judgeIncremental},
		{"phases", "one run: alignment, saddle avoidance, refinement",
			phasesClaim,
			"other sizes, ranks and condition numbers: one run is looked at",
			judgePhases},
		{"scaled-gd", "the steps of gradient descent and ScaledGD against κ of X",
			scaledClaim,
			"outliers, and the number of measurements that the theorem asks for",
			judgeScaled},
		{"scaled-gd-uv", "the steps of ScaledGD to the last digit against κ of M*, as in its paper",
			scaledUVClaim,
			"the projection of factors that the theorem on completion asks for: without it some runs diverge " +
				"if singular vectors are not spread out; outliers, Hankel matrices, noise",
			judgeScaledUV},
		{"scaled-gd-lambda", "the steps of ScaledGD(λ) and PrecGD from small starts against κ of X and α",
			dampedClaim,
			"noise (which minimax tests), matrices of approximately low rank (approximate-rank), and the " +
				"theorem's constants",
			judgeDamped},
		{"uv", "the balance of U and V, and the test error against α, beside UUᵀ",
			uvClaim,
			"the theorem's exponent of α, and the number of measurements that it asks for",
			judgeUV},
		{"imbalanced-gd", "rates with more columns than the rank, with UUᵀ, UVᵀ and unbalanced factors",
			imbalancedClaim,
			"the constants, the numbers of columns and measurements that the theorems ask for, κ of X " +
				"above 1, and that no rate of gd on UVᵀ is better than of order α²",
			onEvenSpectra(judgeImbalanced)},
		{"apgd", "the steps of alternating preconditioned gradient descent against κ of X",
			apgdClaim,
			"noise, tasks other than sensing, larger steps than scaled gradients with damping admit, and how " +
				"many measurements the theorem asks for",
			judgeAPGD},
		{"altmin", "the iterations against κ of X, and the error with more columns, beside gd",
			altminClaim,
			"the paper's start, completion, noise, and how many measurements the theorem asks for",
			judgeAltMin},
		{"weight-normalization", "the steps of weight normalization against the number of columns, beside gd",
			normalizationClaim,
			"the theorem's rates and constants, the number of measurements against r, noise, other retractions, " +
				"and steps as short as the theorem asks for",
			judgeNormalization},
		{"mirror-descent", "the test error of mirror descent against α, beside UUᵀ with a square U",
			mirrorClaim,
			"that the limit is the fit of least divergence from the start, that gd agrees to first order for " +
				"matrices that commute, noise and early stopping, nuclear norms and effective ranks, starts " +
				"that are multiples of I, fewer measurements than three times n·r*, completion, the " +
				"hypentropy, and the theorem's bounds",
			judgeMirror},
		{"pauli", "the test error against the number of Pauli words, for states of rank 1 and 2",
			pauliClaim,
			"noise of shots, and the constants",
			judgePauli},
		{"flatness", "deep products: low rank from small starts, or larger ones and label noise",
			flatnessClaim,
			"more than four matrices (three in the quick size), and the rate at which the trace falls",
			onEvenSpectra(judgeFlatness)},
		{"indefinite", "the test error of UUᵀ − VVᵀ against α, beside UUᵀ",
			indefiniteClaim,
			"noise, and links other than the identity",
			judgeIndefinite},
		{"single-index", "the test error of sparse vectors behind links against the number of samples",
			singleIndexClaim,
			"other sparsities and sizes (single-index-sizes), samples that are not Gaussian (covariates), heavy " +
				"tails (truncation), other links, and the constants",
			judgeSingleIndex},
		{"single-index-sizes", "the test error behind a link against sparsity, rank and size",
			singleIndexSizesClaim,
			"elements so small that the logarithm counts, and the constants",
			judgeSingleIndexSizes},
		{"covariates", "the test error of sparse vectors against samples that are not Gaussian",
			covariatesClaim,
			"matrices, and covariates whose score has heavy tails",
			judgeCovariates},
		{"truncation", "the error of the direction with heavy tails, with and without clipping",
			truncationClaim,
			"a τ that grows with the number of samples, clipped covariates, and matrices",
			judgeTruncation},
		{"completion", "recovery against the number of observed entries, symmetric and not",
			completionClaim,
			"noise, and matrices whose singular vectors are not spread out, which need more entries",
			judgeCompletion},
		{"relu-completion", "three starts, if exactly the entries that are not negative are observed",
			reluClaim,
			"thresholds and noise (which relu-thresholds tests), and starts with more columns than " +
				"the truth has",
			judgeReLU},
		{"relu-thresholds", "recovery and error over n, the threshold of what is observed, and noise",
			reluThresholdsClaim,
			"thresholds so high that small rows have fewer observed entries than columns, noise on what is " +
				"observed, other ranks (which relu-completion tests), and the paper's comparison of methods",
			judgeReLUThresholds},
		{"momentum", "the steps of gradient descent and momentum against κ of X",
			momentumClaim,
			"Nesterov's method, and starts far from the truth",
			judgeMomentum},
		{"adam", "the test error of gd, momentum and Adam on UVᵀ against the size of the start",
			adamClaim,
			"the paper's theorems, methods between Adam and gd, other steps and decays of Adam, rotated starts, " +
				"truths of approximately low rank, and networks",
			judgeAdam},
		{"sgd", "passes over the measurements, and the rate, against the size of mini-batches",
			sgdClaim,
			"the value of the critical size, and a theorem: this one is for convex functions",
			judgeSGD},
		{"subgradient", "the test error with outliers, by the ℓ1 and by the squared loss",
			subgradientClaim,
			"the theorem's rate, its step sizes divided by a norm, dense noise, and more outliers than three tenths",
			judgeSubgradient},
		{"overspecified-rank", "how the error falls on the ℓ1 loss with more columns than the truth's rank",
			overspecifiedRankClaim,
			"the paper's own steps, with which the rate changes by itself if r = r*, outliers that an " +
				"adversary chooses, and how many measurements the theorem asks for",
			judgeOverspecifiedRank},
		{"scaled-subgradient", "the steps on the ℓ1 loss, scaled and not, against κ of X",
			scaledSubgradientClaim,
			"other losses and ensembles, constant and geometric steps, and the truncated start of the paper",
			judgeScaledSubgradient},
		{"opsa", "the steps on the ℓ1 loss with more columns than the rank, against κ of X",
			opsaClaim,
			"geometric and constant steps, the truncated start of the authors' program, larger outliers, and " +
				"how many measurements the theorem asks for",
			judgeOPSA},
		{"riemannian-saddles", "how Riemannian gradient descent and SGD leave planted saddle points",
			saddlesClaim,
			"steps that get shorter, as the theorem for rsgd assumes, and other retractions (retractions)",
			onEvenSpectra(judgeSaddles)},
		{"retractions", "how four retractions leave planted saddle points, with decaying steps too",
			retractionsClaim,
			"noise that is not that of mini-batches, other manifolds, and convergence to a minimum",
			onEvenSpectra(judgeRetractions)},
		{"zeroth-order", "the loss that is reached with noisy values of f alone, against their number",
			zerothOrderClaim,
			"the Hessian's estimate and the power of the dimension (which zeroth-order-newton tests), and " +
				"the lower bound",
			judgeZerothOrder},
		{"zeroth-order-newton", "the loss after two stages with noisy values of f, against d and T",
			zerothOrderNewtonClaim,
			"the paper's bootstrapping, sampling of the Hessian and division of the evaluations, those for " +
				"the Hessian, other curvatures and powers of ρ, and the lower bound",
			judgeZerothOrderNewton},
		{"noise", "the least test error, and its iteration, against the noise and the columns",
			noiseClaim,
			"the powers of n, r* and m (minimax tests those of r* and m, for ScaledGD(λ)), the theorem's constants, its condition on m, " +
				"and noise that is not normal",
			judgeNoise},
		{"minimax", "the least error of ScaledGD(λ) against noise, measurements, rank and columns",
			minimaxClaim,
			"the power of κ of X, the number of steps, the condition on m and σ, and the lower bound itself",
			judgeMinimax},
		{"approximate-rank", "the least error of ScaledGD(λ) against the norm of the truth's small tail",
			approximateRankClaim,
			"the power of κ of X, the condition on m, tails not small beside the least large value, " +
				"and a λ that is not of that value's order",
			judgeApproximateRank},
		{"rgda", "the distance of descent-ascent from an equilibrium, for several κ of X",
			rgdaClaim,
			"noise on the gradients, and games without strong monotonicity",
			judgeRGDA},
		{"phase-retrieval", "recovery from squared products against their number, from three starts",
			phaseRetrievalClaim,
			"complex vectors, noise, and rates",
			judgePhaseRetrieval},
		{"multi-index", "the overlap of spectral estimates with the truth, beside its prediction",
			multiIndexClaim,
			"more than one direction (which eigenvalues tests, for the link quadratic alone), the links product " +
				"and sign-product, and noise",
			judgeMultiIndex},
		{"eigenvalues", "the eigenvalues that leave the bulk one by one in multi-index models",
			eigenvaluesClaim,
			"links other than quadratic, noise, directions that do not diagonalize E[z zᵀ | y] for every y, and a " +
				"T that is best for all of them",
			judgeEigenvalues},
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

// Judge returns the verdict on a sweep's results. It cannot agree if a run failed or is missing. It cannot be
// told if the sweep varies a setting that the verdict does not compare, among runs that are alike otherwise.
func (e Experiment) Judge(r *sweep.Results) Verdict {
	all := observations(r)
	v := e.verdict(all)
	if lacking := len(r.Runs) - len(all); lacking > 0 && v.Status == Agrees {
		v.find("%d of %d runs failed or are missing", lacking, len(r.Runs))
		v.Status = Unclear
	}
	if keys := e.pooled(r, v.follow); len(keys) > 0 {
		v.find("the sweep varies %s, which this verdict does not compare", strings.Join(keys, ", "))
		v.Status, v.Figures = Unclear, nil // the figures would put unlike runs together too
	}
	return v
}

// verdict returns the verdict on runs that ended. A run that diverged contradicts the claim, unless the claim
// lets it.
func (e Experiment) verdict(all []observation) Verdict {
	v := e.judge(all)
	held := keep(all, func(o observation) bool { return v.mayDiverge == nil || !v.mayDiverge(o) })
	if lost := len(held) - len(stable(held)); lost > 0 {
		v.find("%d of %d runs diverged, which by the claim they do not", lost, len(held))
		v.Status = Disagrees
	}
	return v
}

// pooled lists the settings that a sweep varies among runs which the verdict takes to be alike: those with
// the same values of all settings that the experiment's own sweeps vary, but for those that follow from
// others.
func (e Experiment) pooled(r *sweep.Results, follow []string) (keys []string) {
	compared := map[string]bool{"seed": true, "start-seed": true}
	for _, full := range []bool{false, true} {
		s, err := sweep.Parse(e.File(full))
		if err != nil {
			panic(err)
		}
		for _, key := range s.Keys() {
			compared[key] = true
		}
	}
	for _, key := range follow {
		delete(compared, key)
	}
	alike := map[string][]config.Config{} // runs with the same values of the compared settings
	for _, run := range r.Runs {
		var kind string
		for _, key := range slices.Sorted(maps.Keys(compared)) {
			kind += textOf(run.Config, key) + " "
		}
		alike[kind] = append(alike[kind], run.Config)
	}
	for _, key := range r.Spec.Keys() {
		for _, runs := range alike {
			differs := func(c config.Config) bool { return textOf(c, key) != textOf(runs[0], key) }
			if !compared[key] && slices.ContainsFunc(runs, differs) {
				keys = append(keys, key)
				break
			}
		}
	}
	return keys
}

// textOf returns the value of a setting as a sweep has it.
func textOf(c config.Config, key string) string {
	f, _ := c.Field(key)
	return fmt.Sprint(f)
}

// onEvenSpectra returns a judge of a claim whose numbers are computed for truths with the singular values
// that kappa spaces evenly. Of other truths it cannot tell.
func onEvenSpectra(judge func([]observation) Verdict) func([]observation) Verdict {
	return func(all []observation) Verdict {
		if slices.ContainsFunc(all, func(o observation) bool { return o.Kappa == 0 }) {
			return Verdict{Status: Unclear, Findings: []string{"the numbers of this claim are computed for " +
				"truths that are drawn with kappa, not for a spectrum or a truth that was given"}}
		}
		return judge(all)
	}
}
