package reproduce

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

// plant is a set of results that a claim excludes.
type plant struct {
	experiment, what string
	results          []observation
}

// plants has results for every experiment that contradict its claim.
func plants() []plant {
	no := false
	steady := func(_, _ float64) float64 { return 100 }
	quadratic := func(kappa, _ float64) float64 { return 100 * kappa * kappa }
	logarithmic := func(_, alpha float64) float64 { return 50 + 4*math.Log(1/alpha) }
	level := func(float64) float64 { return 0.1 }
	never := func(_, _ float64) float64 { return 0 }
	butFor := func(lost float64, l law) law { // runs for one κ never arrive
		return func(kappa, alpha float64) float64 {
			if kappa == lost {
				return 0
			}
			return l(kappa, alpha)
		}
	}
	power := func(scale, exponent float64) func(float64) float64 {
		return func(kappa float64) float64 { return scale * math.Pow(kappa, exponent) }
	}
	kappas := []float64{1, 5, 20}
	damped := func(lambda, prec, without law) []observation {
		return methodGrid(kappas, []float64{1e-8, 1e-10, 1e-12, 1e-14}, map[string]law{
			"scaled-gd-lambda": lambda, "prec-gd": prec, "scaled-gd": without,
			"gd": func(kappa, alpha float64) float64 { return kappa * kappa * logarithmic(kappa, alpha) },
		})
	}
	overAlpha := func(change func(o *observation, alpha, w float64)) []observation {
		return grid(alphas, func(o *observation, alpha, w float64) {
			o.Alpha, o.Final.TestError = alpha, w*math.Pow(alpha, 1.4)
			change(o, alpha, w)
		})
	}
	two := func(other string, change func(o *observation, alpha float64)) []observation {
		all := overAlpha(func(o *observation, _, _ float64) { o.Parametrization = "psd" })
		return append(all, overAlpha(func(o *observation, alpha, _ float64) {
			o.Parametrization = other
			change(o, alpha)
		})...)
	}
	falling := func(other string, psd, exponent float64) []observation { // the errors like powers of α
		all := two(other, func(*observation, float64) {})
		for i := range all {
			o := &all[i]
			power := psd
			if o.Parametrization == other {
				power = exponent
			}
			o.Final.TestError = math.Pow(o.Alpha, power)
		}
		return all
	}
	contradict := func(change func(r *rates)) []observation {
		r := claimed()
		change(&r)
		return r.observations()
	}
	one := func(change func(o *observation)) []observation { return []observation{observe(change)} }
	return []plant{
		{"alpha", "the error is proportional to α", overAlpha(func(o *observation, alpha, w float64) {
			o.Final.TestError = w * alpha
		})},
		{"alpha", "the slope falls with more measurements", append(
			overAlpha(func(o *observation, alpha, w float64) {
				o.Measurements, o.Final.TestError = 400, w*math.Pow(alpha, 1.8)
			}), overAlpha(func(*observation, float64, float64) {})...)},
		{"iterations", "steps like the square of the logarithm", overAlpha(
			func(o *observation, alpha, w float64) {
				steps := int(w * math.Pow(math.Log(1/alpha), 2))
				o.Targets = []*int{&steps}
			})},
		{"overparameterization", "wide factors do not recover", grid([]float64{2, 4, 10, 40},
			func(o *observation, r, w float64) {
				end := int(w * (50 - 10*math.Log10(r)))
				o.FactorRank, o.AlignmentEnd, o.Recovered = int(r), &end, &no
			})},
		{"generalization", "more measurements do not help", grid([]float64{40, 70, 320, 800},
			func(o *observation, m, _ float64) { o.Measurements, o.Final.TestError = int(m), 0.9 })},
		{"spectral", "the factor never turns to the estimate", grid([]float64{2, 40},
			func(o *observation, r, _ float64) { o.FactorRank, o.ClosestAngle = int(r), 0.19 })},
		{"spectral", "the factor stays at the estimate", grid([]float64{2, 40},
			func(o *observation, r, _ float64) {
				o.FactorRank, o.ClosestAngle, o.Final.SpectralAngle = int(r), 0.001, 0.0012
			})},
		{"incremental", "rank 2 is never learned", learned([]float64{1e-6, 1e-2},
			func(float64) []experiment.Plateau { return plateaus(0, 1, 3) })},
		{"incremental", "rank 2 is learned before rank 1", learned([]float64{1e-6, 1e-2},
			func(float64) []experiment.Plateau { return plateaus(0, 2, 1, 3) })},
		{"incremental", "a smaller start comes less close", learned([]float64{1e-6, 1e-2},
			func(alpha float64) []experiment.Plateau {
				all := plateaus(0, 1, 2, 3)
				for i := range all {
					all[i].Distance = experiment.Number(0.005 - 0.1*alpha)
				}
				return all
			})},
		{"phases", "the signal grows before the factor aligns", one(func(o *observation) {
			o.AlignmentEnd, o.SaddleEnd = o.SaddleEnd, o.AlignmentEnd
		})},
		{"phases", "the factor never aligns", one(func(o *observation) { o.AlignmentEnd = nil })},
		{"phases", "out of order, and no floor yet", one(func(o *observation) {
			o.AlignmentEnd, o.SaddleEnd, o.FloorStart = o.SaddleEnd, o.AlignmentEnd, nil
		})},
		{"scaled-gd", "no run arrives for the middle κ", methodGrid(kappas, alphas[:1],
			map[string]law{"scaled-gd": butFor(5, steady), "gd": quadratic})},
		{"scaled-gd", "no run arrives for the least κ", methodGrid(kappas, alphas[:1],
			map[string]law{"scaled-gd": butFor(1, steady), "gd": quadratic})},
		{"scaled-gd", "no run arrives, and gd does", methodGrid(kappas, alphas[:1],
			map[string]law{"scaled-gd": never, "gd": quadratic})},
		{"scaled-gd", "the middle κ takes four times as long", methodGrid(kappas, alphas[:1],
			map[string]law{"gd": quadratic, "scaled-gd": func(kappa, _ float64) float64 {
				return 400 - 300*math.Abs(kappa-5)/max(1, math.Abs(kappa-5))
			}})},
		{"scaled-gd-uv", "the steps grow with the third root of κ", inPaper(power(300, 1./3), power(300, 1))},
		{"scaled-gd-uv", "a little more steps for each κ", inPaper(power(300, 0.08), power(300, 1))},
		{"scaled-gd-uv", "no run arrives for the largest κ", inPaper(
			func(kappa float64) float64 { return 300 * math.Min(1, math.Max(0, 20-kappa)) }, power(300, 1))},
		{"scaled-gd-uv", "no run arrives, and gd does", inPaper(power(0, 0), power(300, 1))},
		{"scaled-gd-uv", "gd is as fast", inPaper(power(300, 0), power(300, 0))},
		{"scaled-gd-lambda", "no run arrives for the middle κ", damped(butFor(5, logarithmic), logarithmic,
			never)},
		{"scaled-gd-lambda", "PrecGD never arrives for the middle κ", damped(logarithmic,
			butFor(5, logarithmic), never)},
		{"scaled-gd-lambda", "neither method arrives", damped(never, never, never)},
		{"scaled-gd-lambda", "the damping is not needed", damped(logarithmic, logarithmic, logarithmic)},
		{"uv", "the factors lose their balance, in runs without a floor", two("uv",
			func(o *observation, alpha float64) {
				if alpha == 1e-4 {
					o.FloorStart, o.Trajectory = nil, []sweep.Point{{}, {Iteration: 50, Imbalance: 8.1}}
				}
			})},
		{"uv", "the error falls more slowly with α than that of UUᵀ", falling("uv", 1.4, 0.9)},
		{"uv", "both errors grow as α falls", falling("uv", -0.5, -0.5)},
		{"indefinite", "the error falls more slowly with α than that of UUᵀ", falling("indefinite", 1.4, 0.9)},
		{"indefinite", "both errors grow as α falls", falling("indefinite", -0.5, -0.5)},
		{"indefinite", "a run from a small start does not recover", two("indefinite",
			func(o *observation, alpha float64) {
				if alpha == 1e-5 {
					o.Recovered = &no
				}
			})},
		{"indefinite", "U and V overlap, in runs without a floor", two("indefinite",
			func(o *observation, alpha float64) {
				if alpha == 1e-3 {
					o.FloorStart, o.Final.Imbalance = nil, 1
				}
			})},
		{"adam", "Adam does as gd does", fitting(math.Sqrt, math.Sqrt, math.Sqrt)},
		{"adam", "the start does not matter to momentum", fitting(math.Sqrt, level, level)},
		{"imbalanced-gd", "the rate of gd on UVᵀ does not depend on α", contradict(func(r *rates) {
			r.plain = func(T, _ float64) float64 { return math.Exp(-0.01 * T) }
		})},
		{"imbalanced-gd", "a wide UUᵀ converges linearly", contradict(func(r *rates) {
			r.wide = func(T float64) float64 { return math.Exp(-0.002 * T) }
		})},
		{"imbalanced-gd", "the rate of imbalanced-gd is that of gd", contradict(func(r *rates) {
			r.changed = r.plain
		})},
		{"apgd", "the steps grow with κ", alternating(
			func(kappa, _ float64) float64 { return 100 * kappa }, quadratic, linearly)},
		{"apgd", "no run arrives for the middle κ", alternating(butFor(3, steady), quadratic, linearly)},
		{"apgd", "no run arrives, and gd does", alternating(never, quadratic, linearly)},
		{"apgd", "no large start arrives", alternating(func(_, alpha float64) float64 {
			if alpha > 0.1 {
				return 0
			}
			return 100
		}, quadratic, linearly)},
		{"apgd", "large starts take twenty times as many steps", alternating(
			func(_, alpha float64) float64 {
				if alpha > 0.1 {
					return 2000
				}
				return 100
			}, quadratic, linearly)},
		{"apgd", "the rate falls", alternating(steady, quadratic,
			func(share float64) float64 { return math.Pow(1+1e4*share, -2.5) })},
		{"altmin", "the iterations grow with κ", alternated(
			func(kappa, _ float64) float64 { return 20 * kappa }, quadratic, linearly, overfits)},
		{"altmin", "one κ never arrives", alternated(butFor(3, steady), quadratic, linearly,
			overfits)},
		{"altmin", "the error falls like a power of T", alternated(steady, quadratic,
			func(share float64) float64 { return math.Pow(1+1e4*share, -2.5) }, overfits)},
		{"altmin", "gradient descent is as fast", alternated(steady, steady, linearly,
			overfits)},
		{"altmin", "it finds the truth with few measurements", alternated(steady, quadratic,
			linearly, func(string) float64 { return 1e-4 })},
		{"altmin", "gradient descent overfits as well", alternated(steady, quadratic,
			linearly, func(string) float64 { return 0.5 })},
		{"weight-normalization", "columns do not matter", normalizing(
			linearAfter(func(float64) float64 { return 50 }), overT)},
		{"weight-normalization", "it is sublinear", normalizing(
			func(T, r float64) float64 { return math.Pow(1+r*T/20, -4) }, overT)},
		{"weight-normalization", "gd is linear too", normalizing(linearAfter(inverse),
			func(T, _ float64) float64 { return math.Exp(-0.002 * T) })},
		{"mirror-descent", "the size of the start does not matter", mirroring(
			constantInAlpha, constantInAlpha)},
		{"mirror-descent", "the size of the start does not matter to gd", mirroring(
			linearInAlpha, constantInAlpha)},
		{"pauli", "as many words as there are", slices.Concat(
			words(1, 32, 1.2), words(1, 64, 2.4), words(1, 128, 4.8))},
		{"flatness", "the trace does not fall", noisyProducts()},
		{"single-index", "an error of order 1/m", singleIndices()},
		{"single-index-sizes", "the error of all elements, √(p/m)", sized(
			func(_, p float64) float64 { return 0.01 * math.Sqrt(p) }, rootOfBoth)},
		{"single-index-sizes", "the error does not depend on the sparsity", sized(
			func(_, _ float64) float64 { return 0.01 }, rootOfBoth)},
		{"single-index-sizes", "the error of all matrices, p/√m", sized(rootOfFirst,
			func(_, p float64) float64 { return 0.001 * p })},
		{"single-index-sizes", "the error is proportional to the rank", sized(rootOfFirst,
			func(r, p float64) float64 { return 0.001 * r * math.Sqrt(p) })},
		{"covariates", "the error of one law does not fall", covered(
			map[string]float64{"": -0.5, "laplace": -0.05}, 1e-6)},
		{"covariates", "the support is not found", covered(
			map[string]float64{"": -0.5, "laplace": -0.5}, 0.4)},
		{"truncation", "clipping does not help", clipped(-0.5, 1.2)},
		{"truncation", "the error does not fall", clipped(-0.05, 0.6)},
		{"completion", "recovery from fewer entries than free numbers",
			found(map[string]int{"psd": 60, "uv": 60}, 0)},
		{"relu-completion", "the start that was made for it does not recover", append(
			one(func(o *observation) { o.Init, o.Recovered = "relu-spectral", &no }),
			one(func(o *observation) { o.Init, o.Recovered = "random", &no })...)},
		{"relu-thresholds", "one run in ten does not recover", thresholded(9, likeLeastSquares)},
		{"relu-thresholds", "the error does not depend on the noise", thresholded(10,
			func(sigma float64, _ int) float64 { return 0.1 / sigma })},
		{"relu-thresholds", "the error does not fall with n", thresholded(10,
			func(_ float64, n int) float64 { return 0.4 * math.Sqrt(float64(n)) })},
		{"momentum", "the heavy ball grows with κ² as well",
			momenta([]float64{2, 4, 8}, power(50, 2), power(40, 2))},
		{"momentum", "the heavy ball never arrives for the middle κ", momenta([]float64{2, 4, 8, 16},
			power(50, 2), func(kappa float64) float64 {
				if kappa == 4 {
					return 0
				}
				return 50 * kappa
			})},
		{"sgd", "small batches need as many passes", batchGrid(func(size float64) []float64 {
			return []float64{24000 / size, 24000 / size, 24000 / size}
		}, func(size float64) float64 { return 0.01 + 1/size })},
		{"sgd", "noise does not matter", batchGrid(func(float64) []float64 { return []float64{30, 30, 30} },
			func(float64) float64 { return 0.01 })},
		{"subgradient", "ℓ1 does not find the truth with many columns", corrupted(
			func(loss string, r int, alpha float64) float64 {
				if loss == "l1" && r == 30 {
					return 0.4
				}
				return asClaimed(loss, r, alpha)
			})},
		{"subgradient", "a smaller start comes less close", corrupted(
			func(loss string, r int, alpha float64) float64 {
				if loss == "l1" && r == 30 {
					return 1e-10 / alpha
				}
				return asClaimed(loss, r, alpha)
			})},
		{"subgradient", "the squared loss finds the truth", corrupted(
			func(loss string, r int, alpha float64) float64 { return asClaimed("l1", r, alpha) })},
		{"overspecified-rank", "many columns fit the outliers", overspecified(likeSteps,
			func(T float64, r int) float64 { return math.Max(likeInverse(T, r), float64(r)/1000) })},
		{"overspecified-rank", "the error falls like T^−0.4", overspecified(likeSteps,
			func(T float64, r int) float64 { return math.Pow(likeInverse(T, r), 0.4) })},
		{"overspecified-rank", "with as many columns the error falls like 1/T",
			overspecified(func(T float64) float64 { return likeInverse(T, 2) }, likeInverse)},
		{"scaled-subgradient", "no run arrives for the middle κ",
			scaledSubgradients(butFor(4, steady), quadratic)},
		{"scaled-subgradient", "no run arrives, and polyak-gd does", scaledSubgradients(never, quadratic)},
		{"scaled-subgradient", "the steps grow with κ all the same",
			scaledSubgradients(quadratic, quadratic)},
		{"opsa", "the steps grow with κ", preconditioned(func(kappa, _ float64) float64 { return 40 * kappa },
			quadratic, linearly)},
		{"opsa", "no run arrives", preconditioned(never, quadratic, linearly)},
		{"opsa", "one κ never arrives", preconditioned(butFor(3, steady), quadratic, linearly)},
		{"opsa", "the steps are proportional to the rank", preconditioned(
			func(_, rank float64) float64 { return 20 * rank }, quadratic, linearly)},
		{"opsa", "the smaller rank takes more steps", preconditioned(
			func(_, rank float64) float64 { return 60 - 8*rank }, quadratic, linearly)},
		{"opsa", "the error falls like a power of T", preconditioned(steady, quadratic,
			func(share float64) float64 { return math.Pow(1+1e4*share, -2.5) })},
		{"riemannian-saddles", "one run stays", planted(1, func(float64) float64 { return 0 },
			func(o *observation) bool { return o.Method == "rsgd" && o.Seed == 7 })},
		{"riemannian-saddles", "rgd leaves a third more slowly", planted(1.33,
			func(float64) float64 { return 0 }, func(*observation) bool { return false })},
		{"retractions", "one run with the projection stays", retracted(
			func(*observation) float64 { return 1 }, func(o *observation) bool {
				return o.Method == "rsgd" && o.Retraction == "projection" && o.Seed == 3
			})},
		{"retractions", "the exponential map leaves more slowly", retracted(func(o *observation) float64 {
			if o.Retraction == "exponential" {
				return 1.4
			}
			return 1
		}, func(*observation) bool { return false })},
		{"retractions", "shorter steps leave no sooner than their number says", retracted(
			func(o *observation) float64 {
				if o.StepDecay != "" {
					return 2
				}
				return 1
			}, func(*observation) bool { return false })},
		{"zeroth-order", "more evaluations do not help", regrets()},
		{"zeroth-order-newton", "the regret is linear in d", newtonGrid(powers(1, -2./3))},
		{"zeroth-order-newton", "the regret grows like d²", newtonGrid(powers(2, -2./3))},
		{"zeroth-order-newton", "the regret falls like √T", newtonGrid(powers(4./3, -0.5))},
		{"zeroth-order-newton", "more evaluations do not help", newtonGrid(powers(4./3, 0))},
		{"noise", "the least error does not depend on the noise", noises(func(n *noiseLaw) { n.slope = 0 })},
		{"noise", "the least error is a multiple of the order", noises(func(n *noiseLaw) { n.scale = 1 })},
		{"noise", "the least error grows like √r", noises(func(n *noiseLaw) { n.power = 0.5 })},
		{"noise", "wide factors do not fit the noise", noises(func(n *noiseLaw) { n.grown = 1 })},
		{"noise", "noise is fitted later if there is more", noises(func(n *noiseLaw) { n.later = 1 })},
		{"noise", "the held-out error tells nothing", noises(func(n *noiseLaw) { n.stopped = 3 })},
		{"minimax", "the order has r in the place of r*", orders(1, -0.5, 0, 0.5)},
		{"minimax", "the error grows like the root of σ", orders(0.5, -0.5, 0.5, 0)},
		{"minimax", "more measurements do not help", orders(1, 0, 0.5, 0)},
		{"minimax", "the error grows like r*", orders(1, -0.5, 1, 0)},
		{"minimax", "the error is a hundred times the order", tenfold(tenfold(orders(1, -0.5, 0.5, 0)))},
		{"approximate-rank", "the error does not fall with the tail", tailed(
			func(tail float64, _ int) float64 { return 0.05 + tail })},
		{"approximate-rank", "the error is the root of the tail's norm", tailed(
			func(tail float64, _ int) float64 { return math.Sqrt(tail) })},
		{"approximate-rank", "the error is thirty times the tail's norm", tailed(
			func(tail float64, _ int) float64 { return 30 * tail })},
		{"approximate-rank", "the error grows with the number of columns", tailed(
			func(tail float64, r int) float64 { return tail * math.Sqrt(float64(r)/3) })},
		{"rgda", "a rate that depends on κ", grid([]float64{1, 10}, func(o *observation, kappa, _ float64) {
			o.Kappa, o.Step, o.AdversaryStep, o.AdversaryWeight, o.Trajectory = kappa, 0.3, 0.3, 2, nil
			for i := 0; i <= 400; i += 4 {
				o.Trajectory = append(o.Trajectory, sweep.Point{
					Iteration: i, TestError: math.Pow(0.7, float64(i)/kappa) + 1e-15,
				})
			}
			o.Final = o.Trajectory[len(o.Trajectory)-1]
		})},
		{"phase-retrieval", "recovery from n measurements", grid([]float64{40, 320},
			func(o *observation, m, _ float64) { o.Rank, o.Measurements = 1, int(m) })},
		{"multi-index", "an overlap below the threshold", grid([]float64{250, 2000},
			func(o *observation, m, _ float64) {
				o.Link, o.Preprocessing, o.N, o.Rank, o.Measurements = "norm", "optimal", 1000, 1, int(m)
				o.EstimateOverlap = experiment.Number(0.6)
			})},
		{"multi-index", "no overlap above the threshold", grid([]float64{250, 2000, 8000},
			func(o *observation, m, _ float64) {
				o.Link, o.Preprocessing, o.N, o.Rank, o.Measurements = "norm", "optimal", 1000, 1, int(m)
				o.EstimateOverlap = experiment.Number(0.01)
			})},
		{"eigenvalues", "all eigenvalues leave together", leaving(
			func(k int, top []solver.Eigenvalue) solver.Eigenvalue {
				if k < len(top)-1 && top[0].Overlap > 0 {
					return top[0]
				}
				return top[k]
			})},
		{"eigenvalues", "no eigenvalue leaves", leaving(
			func(k int, top []solver.Eigenvalue) solver.Eigenvalue { return top[len(top)-1] })},
		{"eigenvalues", "eigenvalues leave, and their eigenvectors know nothing", leaving(
			func(k int, top []solver.Eigenvalue) solver.Eigenvalue {
				return solver.Eigenvalue{Value: top[k].Value}
			})},
		{"eigenvalues", "eigenvectors know the directions from the beginning", leaving(
			func(k int, top []solver.Eigenvalue) solver.Eigenvalue {
				return solver.Eigenvalue{Value: top[k].Value, Overlap: math.Max(top[k].Overlap, 0.4)}
			})},
		{"eigenvalues", "eigenvalues leave at other places", leaving(
			func(k int, top []solver.Eigenvalue) solver.Eigenvalue {
				edge := top[len(top)-1].Value
				return solver.Eigenvalue{Value: 3*top[k].Value - 2*edge, Overlap: top[k].Overlap}
			})},
	}
}

// predicted has the limits of the largest eigenvalues for the runs of leaving, by m. They take a while.
var predicted = map[int][]solver.Eigenvalue{}

// leaving makes runs of a multi-index model with three directions, whose eigenvalues and overlaps are those
// that change makes of the predicted ones.
func leaving(change func(k int, top []solver.Eigenvalue) solver.Eigenvalue) []observation {
	return grid([]float64{500, 2000, 3000, 6000, 10_000}, func(o *observation, m, _ float64) {
		o.Observation, o.Link, o.Preprocessing, o.N, o.Rank = "multi-index", "quadratic", "optimal", 1000, 3
		o.Spectrum, o.Kappa, o.Measurements = "geometric:0.7", 0, int(m)
		top := predicted[o.Measurements]
		if top == nil {
			limit, err := o.Predict()
			if err != nil {
				panic(err)
			}
			top = limit.Top(4)
			predicted[o.Measurements] = top
		}
		for k := range top {
			at := change(k, top)
			o.Eigenvalues = append(o.Eigenvalues, experiment.Eigenvalue{
				Value: experiment.Number(at.Value), Overlap: experiment.Number(at.Overlap),
			})
		}
	})
}

// tenfold makes the least errors of runs ten times as large.
func tenfold(all []observation) []observation {
	for i := range all {
		all[i].BestTestError *= 10
	}
	return all
}

// learned makes runs of a truth of rank 3 whose plateaus depend on the start.
func learned(alphas []float64, of func(alpha float64) []experiment.Plateau) []observation {
	return grid(alphas, func(o *observation, alpha, _ float64) {
		o.Alpha, o.Rank, o.Kappa, o.Spectrum, o.Plateaus = alpha, 3, 0, "1,0.4,0.1", of(alpha)
	})
}

// plateaus makes plateaus of the given ranks.
func plateaus(ranks ...int) (all []experiment.Plateau) {
	for i, rank := range ranks {
		all = append(all, experiment.Plateau{Rank: rank, First: 10 * i, Last: 10*i + 9, Closest: 10*i + 5,
			Distance: 0.001})
	}
	return all
}

// words makes runs of Pauli words of one n that take a number of words over r·n for an error of 1 %.
func words(rank, n int, takes float64) []observation {
	return grid([]float64{1, 2, 3, 4, 6}, func(o *observation, each, w float64) {
		o.N, o.Rank, o.Measurements = n, rank, int(each)*n*rank
		o.Final.TestError = w * 0.01 * math.Pow(takes/each, 10)
	})
}

// noisyProducts makes runs of deep products in which label noise leaves the trace of the Hessian as it is.
func noisyProducts() (all []observation) {
	for _, c := range []struct {
		method    string
		alpha     float64
		testError float64
	}{{"gd", 0.1, 0.01}, {"gd", 0.7, 0.5}, {"label-noise-gd", 0.7, 0.5}} {
		all = append(all, grid([]float64{0}, func(o *observation, _, _ float64) {
			o.Depth, o.Rank, o.N, o.N2, o.Method, o.Alpha, o.Trajectory = 2, 1, 12, 8, c.method, c.alpha, nil
			for i := range 8 {
				p := sweep.Point{Iteration: i, TrainLoss: 1e-9, TestError: c.testError,
					Flatness: leastFlatness(*o, 1.7)}
				p.Set("nuclear_norm", 1.7)
				o.Trajectory = append(o.Trajectory, p)
			}
		})...)
	}
	return all
}

// singleIndices makes runs whose error falls like 1/m.
func singleIndices() (all []observation) {
	for alpha, times := range map[float64]float64{1e-7: 1, 0.1: 5} {
		all = append(all, grid([]float64{1000, 4000, 16000}, func(o *observation, m, w float64) {
			o.Link, o.LinkScale, o.Alpha, o.Measurements = "identity", "known", alpha, int(m)
			o.Final.TestError, o.Final.Signal = w*times/m, 0.3
		})...)
	}
	return all
}

// regrets makes runs whose regret does not depend on the number of evaluations.
func regrets() (all []observation) {
	for _, radius := range []float64{0.01, 0.02, 0.04} {
		all = append(all, grid([]float64{16, 64, 256}, func(o *observation, q, w float64) {
			value := w * (1 + math.Abs(math.Log(radius/0.02))) * math.Pow(q, 0.01)
			o.Radius, o.Directions = radius, int(q)
			o.Final = sweep.Point{Iteration: 20, TrainLoss: value, Evaluations: 40 * q}
			o.Trajectory = []sweep.Point{{TrainLoss: 1}, {Iteration: 15, TrainLoss: value}, o.Final}
		})...)
	}
	return all
}

// TestPlants: results that contradict a claim get the verdict that they do, for every experiment.
func TestPlants(t *testing.T) {
	tried := map[string]bool{}
	for _, p := range plants() {
		for _, e := range All() {
			if e.Name == p.experiment {
				tried[e.Name] = true
				expect(t, e.Name+": "+p.what, e.verdict(p.results), Disagrees)
			}
		}
	}
	for _, e := range All() {
		if !tried[e.Name] {
			t.Errorf("no results are planted that contradict %s", e.Name)
		}
	}
}
