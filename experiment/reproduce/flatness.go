package reproduce

import (
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

var flatnessExperiment = Experiment{
	Name:  "flatness",
	About: "deep products: low rank from small starts, or larger ones and label noise",
	Claim: `From a small start gradient descent on a product of L ≥ 2 matrices finds a solution of low rank.
From a larger start it finds a solution that fits as well and is far from the truth. Label noise, drawn anew
for each step and added to the observations, then lowers the trace of the Hessian while the train loss stays
low. The product moves towards the least nuclear norm, because the least trace for a product Z is about
½·L·(n·n2)^(1/L)·‖Z‖_*^(2−2/L) (Gatmiry, Li, Chuang, Reddi, Ma and Jegelka, arXiv 2306.13239).`,
	Compared: `for each depth: gd from the least start, gd from the largest, and gd with label noise from the
largest, by test error, nuclear norm, and the trace of the Hessian beside a formula for its least value at
that norm (medians over seeds of each run's median over the last quarter of its points)`,
	AgreesIf: `from the least start the test error is at most 0.05; from the largest gd fits (a train loss of
at most 1e-6 of f(0)) with a test error of at least 0.1; and with label noise the train loss ends at 1 % of
f(0) at most, the trace falls by at least a fifth from the point at which the loss first is that low, test
error and the nuclear norm in excess of the truth's are at most half of gd's, and the trace is within a
quarter of the formula`,
	DisagreesIf: `from the least start the error is above 0.3; or with label noise the loss ends above 10 %
of f(0) although gd fits, the trace does not fall, test error or norm is no smaller than gd's, or the trace
is a factor 2 off the formula`,
	Untested: `more than four matrices (three in the quick size), and the rate at which the trace falls`,
	judge:    onEvenSpectra(judgeFlatness),
}

func judgeFlatness(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"label-noise"}}
	kept := v.about(all, func(o observation) bool { return len(o.Trajectory) > 0 },
		"measured nothing")
	depths, groups := by(kept, func(o observation) int { return o.Depth })
	agree, disagree := len(depths) > 0, false
	for _, depth := range depths {
		var plain, noisy []observation
		for _, o := range groups[depth] {
			if o.Method == (solver.LabelNoiseGD{}).Name() {
				noisy = append(noisy, o)
			} else {
				plain = append(plain, o)
			}
		}
		alphas, starts := by(plain, alphaOf)
		if len(alphas) < 2 || len(noisy) == 0 {
			v.find("depth %d: a small and a large start of gd and label noise are needed", depth)
			agree = false
			continue
		}
		largest := alphas[len(alphas)-1]
		small, large, noise := settled(starts[alphas[0]]), settled(starts[largest]), settled(noisy)
		v.find("depth %d, gd from α = %g: test error %.2g, nuclear norm %.4g (the truth's is %.4g)",
			depth, alphas[0], small.testError, small.nuclear, small.least)
		v.find("depth %d, gd from α = %g: train loss %.2g, test error %.2g, nuclear norm %.4g, "+
			"flatness %.3g, %.3g times the least for that norm", depth, largest,
			large.loss, large.testError, large.nuclear, large.flatness, large.ratio)
		v.find("depth %d, label noise from there: train loss %.2g (f(0) = %.2g), test error %.2g, "+
			"nuclear norm %.4g, flatness %.3g, %.3g times the least for that norm, "+
			"and %.2f times the flatness when the train loss was first f(0)/100",
			depth, noise.loss, noise.zeroLoss, noise.testError,
			noise.nuclear, noise.flatness, noise.ratio, noise.fall)
		excess := (noise.nuclear - noise.least) / (large.nuclear - large.least)
		fits := large.loss <= 1e-6*large.zeroLoss
		agree = agree && small.testError <= 0.05 && fits && large.testError >= 0.1 &&
			noise.loss <= 0.01*noise.zeroLoss && noise.fall <= 0.8 &&
			noise.testError <= large.testError/2 && excess <= 0.5 &&
			noise.ratio >= 0.75 && noise.ratio <= 1.25
		disagree = disagree || small.testError > 0.3 || fits && noise.loss > 0.1*noise.zeroLoss ||
			noise.fall >= 1 || noise.testError >= large.testError || excess >= 1 ||
			noise.ratio < 0.5 || noise.ratio > 2
		where := map[string][]string{"depth": {fmt.Sprint(depth)}, "alpha": {fmt.Sprint(largest)}}
		for _, y := range []string{"flatness", "test_error", "train_loss"} {
			query := sweep.Query{X: sweep.Iteration, Y: y, By: "method", Where: where}
			v.Figures = append(v.Figures, Figure{Query: query})
		}
	}
	if len(depths) == 0 {
		v.find("there are no runs")
	}
	v.settle(agree, disagree)
	return v
}

// flat is the state at which runs of one kind settle: medians over seeds of each run's median over the last
// quarter of its points.
type flat struct {
	loss, testError, nuclear, flatness float64
	ratio                              float64 // of the flatness to leastFlatness
	fall                               float64 // of the flatness, since the train loss first was f(0)/100
	zeroLoss, least                    float64 // f(0), and the truth's nuclear norm
}

func settled(runs []observation) flat {
	of := func(value func(p *sweep.Point) float64) func(o observation) float64 {
		return func(o observation) float64 { return late(o, value) }
	}
	nuclear := func(p *sweep.Point) float64 { return p.Value("nuclear_norm") }
	flatness := func(p *sweep.Point) float64 { return p.Flatness }
	return flat{
		loss:      median(runs, of(func(p *sweep.Point) float64 { return p.TrainLoss })),
		testError: median(runs, of(func(p *sweep.Point) float64 { return p.TestError })),
		nuclear:   median(runs, of(nuclear)),
		flatness:  median(runs, of(flatness)),
		ratio: median(runs, func(o observation) float64 {
			return late(o, flatness) / leastFlatness(o, late(o, nuclear))
		}),
		fall: median(runs, func(o observation) float64 {
			first := slices.IndexFunc(o.Trajectory, func(p sweep.Point) bool {
				return p.TrainLoss <= 0.01*zeroLoss(o)
			})
			if first < 0 {
				return math.NaN()
			}
			return late(o, flatness) / flatness(&o.Trajectory[first])
		}),
		zeroLoss: median(runs, zeroLoss),
		least:    median(runs, func(o observation) float64 { return spectrumSum(o, 2) }),
	}
}

// late returns the median of a value over the last quarter of a run's points.
func late(o observation, value func(p *sweep.Point) float64) float64 {
	var values []float64
	for i := 3 * len(o.Trajectory) / 4; i < len(o.Trajectory); i++ {
		values = append(values, value(&o.Trajectory[i]))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// leastFlatness returns the least trace of the Hessian of a product with a given nuclear norm if the
// measurements are an isometry. The trace is then ½·Σ_j ‖W_L⋯W_{j+1}‖²·‖W_{j−1}⋯W_1‖², with n for the square
// of an empty product on the left and n2 on the right.
func leastFlatness(o observation, nuclear float64) float64 {
	l := float64(o.Depth)
	return l / 2 * math.Pow(float64(o.N*o.N2), 1/l) * math.Pow(nuclear, 2-2/l)
}

// zeroLoss returns f(0) ≈ ¼·‖M*‖_F².
func zeroLoss(o observation) float64 { return spectrumSum(o, 4) / 4 }

// spectrumSum returns Σ_j σ_j^power of X's singular values: the truth's nuclear norm for power 2, and the
// square of its Frobenius norm for power 4.
func spectrumSum(o observation, power float64) (sum float64) {
	for _, sigma := range sensing.EvenSpectrum(o.Rank, o.Kappa) {
		sum += math.Pow(sigma, power)
	}
	return sum
}
