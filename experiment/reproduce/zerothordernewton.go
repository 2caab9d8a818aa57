package reproduce

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/fit"
)

// Of a factor with one column and d numbers, f has at a solution third derivatives that are 2√(d + 8) as a
// Lipschitz constant ρ of the Hessian in the Frobenius norm, so that ρ is of order √d, and an order of
// d·ρ^(2/3)·T^(−2/3) is one of d^(4/3)·T^(−2/3). In the coordinates in which the Hessian, I + uuᵀ, is the
// identity the second stage leaves
//
//	E f ≈ A·δ⁴ + B/(Qδ²),   A = (d(d + 1/2)/(d + 2))²/4,   B = d·σ²/4,
//
// with Q directions: 3·A^(1/3)·(B/2Q)^(2/3) with the best radius, which is of that order as well.
var zerothOrderNewtonExperiment = Experiment{
	Name:  "zeroth-order-newton",
	About: "the loss after two stages with noisy values of f, against d and T",
	Claim: `If f is strongly convex in d numbers and its Hessian is ρ-Lipschitz in the Frobenius norm,
bootstrapping, an estimate of the Hessian, a gradient from directions on its ellipsoid and a Newton step
leave, after T noisy values of f, a simple regret of order T^(−2/3), and no method reaches a smaller order
(Yu, Wang, Huang, Lei and Lee, arXiv 2406.19617). By the bias and the noise of the gradient's estimate the
order is d·ρ^(2/3)·T^(−2/3). Here ρ is of order √d: the regret grows like d^(4/3), and the number of values
for a given regret like d².`,
	Compared: `the mean powers of T (over all d) and of d (over all T) in the mean regret of the second
stage, each d and T with its best radius. T is the number of evaluations without those for the Hessian`,
	AgreesIf: `the power of T is within 0.08 of −2/3, that of d within 0.15 of 4/3, and no best radius is the
least or the largest of those tried`,
	DisagreesIf: `no best radius is the least or the largest of those tried (else there may be a better one),
and the power of T is off by more than 0.15, as −1/2 and −1 are, or that of d by more than 0.3, as 1 and 5/3
are`,
	Untested: `the paper's bootstrapping, sampling of the Hessian and division of the evaluations, those for
the Hessian, other curvatures and powers of ρ, and the lower bound`,
	judge: judgeZerothOrderNewton,
}

// zerothOrderNewtonPower is the exponent of d in the claim, for a ρ of order √d.
const zerothOrderNewtonPower = 4.0 / 3

func judgeZerothOrderNewton(all []observation) Verdict {
	v := Verdict{Status: Unclear, follow: []string{"measurements"}, Figures: []Figure{
		{Query: sweep.Query{X: "radius", Y: "train_loss", By: "n"}},
	}}
	newton := keep(all, func(o observation) bool { return o.Method == "zeroth-order-newton" })
	known := v.arrived(newton, func(o observation) bool {
		return o.Final.Iteration > o.BootstrapSteps && newtonRegret(o) > 0
	}, "took no Newton step")
	sizes, groups := by(known, func(o observation) int { return o.N })
	regrets := map[int]map[float64]float64{} // of each d and T
	inside := true
	var budgets []float64
	for _, d := range sizes {
		regrets[d] = map[float64]float64{}
		var ofBudget map[float64][]observation
		budgets, ofBudget = by(groups[d], stageEvaluations)
		for _, t := range budgets {
			radii, ofRadius := by(ofBudget[t], func(o observation) float64 { return o.Radius })
			mean := func(radius float64) float64 {
				sum := 0.0
				for _, o := range ofRadius[radius] {
					sum += newtonRegret(o) / float64(len(ofRadius[radius]))
				}
				return sum
			}
			least := slices.MinFunc(radii, func(a, b float64) int { return cmp.Compare(mean(a), mean(b)) })
			regrets[d][t] = mean(least)
			inside = inside && least > radii[0] && least < radii[len(radii)-1]
			v.find("d = %d, T = %g: regret %.2g with the best radius, %.3g", d, t, mean(least), least)
		}
	}
	if len(sizes) < 3 || len(budgets) < 3 {
		v.find("three sizes and three numbers of evaluations are needed")
		return v
	}
	v.Figures[0].Where = map[string][]string{"directions": {fmt.Sprint(groups[sizes[0]][0].Directions)}}
	var inT, inD []float64
	for _, d := range sizes {
		inT = append(inT, logSlope(budgets, func(t float64) float64 { return regrets[d][t] }))
	}
	var ds []float64
	for _, d := range sizes {
		ds = append(ds, float64(d))
	}
	for _, t := range budgets {
		inD = append(inD, logSlope(ds, func(d float64) float64 { return regrets[int(d)][t] }))
	}
	ofT, ofD := meanOf(inT), meanOf(inD)
	v.find("power of T: %.3f, from %.3f to %.3f over d; the claim's is %.3f",
		ofT, slices.Min(inT), slices.Max(inT), zerothOrderPower)
	v.find("power of d: %.3f, from %.3f to %.3f over T; the claim's is %.3f",
		ofD, slices.Min(inD), slices.Max(inD), zerothOrderNewtonPower)
	v.find("evaluations for a given regret: d to the power of %.2f; the claim's is 2", -ofD/ofT)
	if !inside {
		v.find("a best radius is the least or the greatest of those tried")
		return v
	}
	// NaN if runs are lacking
	offT, offD := math.Abs(ofT-zerothOrderPower), math.Abs(ofD-zerothOrderNewtonPower)
	v.settle(offT <= 0.08 && offD <= 0.15, offT > 0.15 || offD > 0.3)
	return v
}

// stageEvaluations returns the evaluations of both stages of zeroth-order-newton up to the first Newton step,
// without those for the Hessian.
func stageEvaluations(o observation) float64 { return 4 * float64(o.BootstrapSteps*o.Directions) }

// newtonRegret returns the mean train loss over the iterates after Newton steps. min f is 0 because there is
// no noise on the observations.
func newtonRegret(o observation) float64 {
	var losses []float64
	for _, p := range o.Trajectory {
		if p.Iteration > o.BootstrapSteps {
			losses = append(losses, p.TrainLoss)
		}
	}
	return meanOf(losses)
}

// logSlope returns the slope of a line through the logarithms of y(x).
func logSlope(xs []float64, y func(x float64) float64) float64 {
	var logX, logY []float64
	for _, x := range xs {
		logX, logY = append(logX, math.Log(x)), append(logY, math.Log(y(x)))
	}
	line, ok := fit.Through(logX, logY)
	if !ok {
		return math.NaN()
	}
	return line.Slope
}
