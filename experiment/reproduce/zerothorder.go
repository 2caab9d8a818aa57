package reproduce

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

// At a solution of a problem with one column, f has the Hessian H ≈ I + uuᵀ and ∇Δf = 2(d + 2)u. So steps of
// size μ with 2q evaluations each, in noise of standard deviation σ, reach
//
//	E f ≈ A·δ⁴ + B/(qδ²),   A = (d + 2)²/4,   B ≈ μdσ²/(8(1 − μ/2)):
//
// The first term is the bias, the second the effect of the noise. The best radius, δ⁶ = B/(2Aq), leaves
// 3·A^(1/3)·(B/2q)^(2/3), proportional to the number of evaluations to the power −2/3. A fixed radius leaves
// Aδ⁴.
var zerothOrderExperiment = Experiment{
	Name:  "zeroth-order",
	About: "the loss that is reached with noisy values of f alone, against their number",
	Claim: `If f is strongly convex and its Hessian is Lipschitz continuous, T noisy values of f are enough
for a simple regret f − min f of order T^(−2/3), and no method reaches a smaller order (Yu, Wang, Huang, Lei
and Lee, arXiv 2406.19617). Central differences reach that power with the radius that suits T. With the same
radius for all T they stop at their bias.`,
	Compared: `the power of the number T of evaluations in the mean regret, each T with its best radius, and
the same with the largest radius alone`,
	AgreesIf: `the first is within 0.08 of −2/3, which lies in its interval, no best radius is the least or
the largest of those tried, and the second is above −0.2`,
	DisagreesIf: `no best radius is the least or the largest of those tried (else there may be a better one),
and the first is off by more than 0.15, as −1/2 and −1 are, or the second is below −0.5`,
	Untested: `the Hessian's estimate and the power of the dimension (which zeroth-order-newton tests), and
the lower bound`,
	judge: judgeZerothOrder,
}

// zerothOrderPower is the exponent of the claim.
const zerothOrderPower = -2.0 / 3

func judgeZerothOrder(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "directions", Y: "train_loss", By: "radius"}},
	}}
	known := v.about(all, func(o observation) bool { return lateRegret(o) > 0 && evaluations(o) > 0 },
		"counted no evaluations")
	radii, _ := by(known, func(o observation) float64 { return o.Radius })
	budgets, groups := by(known, evaluations)
	if len(radii) < 3 || len(budgets) < 3 {
		v.find("three radii and three numbers of evaluations are needed")
		return v
	}
	var best []observation
	var chosen []float64
	inside := true
	for _, t := range budgets {
		_, ofRadius := by(groups[t], func(o observation) float64 { return o.Radius })
		least := slices.MinFunc(radii, func(a, b float64) int {
			return cmp.Compare(meanRegret(ofRadius[a]), meanRegret(ofRadius[b]))
		})
		best, chosen = append(best, ofRadius[least]...), append(chosen, least)
		inside = inside && least > radii[0] && least < radii[len(radii)-1]
		v.find("%.0f evaluations: regret %.2g with the best radius, %.3g",
			t, meanRegret(ofRadius[least]), least)
	}
	number := func(o observation) float64 { return math.Log(evaluations(o)) }
	regret := func(o observation) float64 { return math.Log(lateRegret(o)) }
	s := slopeOf(best, number, regret)
	v.find("with the best radii: power %v of the evaluations, over %.1f decades; the claim's is %.3f",
		s, decades(best, evaluations), zerothOrderPower)
	widest := radii[len(radii)-1]
	fixed := slopeOf(keep(known, func(o observation) bool { return o.Radius == widest }), number, regret)
	v.find("with the radius %.3g for all of them: power %v", widest, fixed)
	off := math.Abs(s.mean - zerothOrderPower)
	if !inside {
		v.find("the best radius is the least or the greatest of those tried")
		return v
	}
	v.settle(off <= 0.08 && s.low <= zerothOrderPower && s.high >= zerothOrderPower && fixed.mean > -0.2,
		off > 0.15 || fixed.mean < -0.5)
	middle := chosen[len(chosen)/2]
	v.Figures = append(v.Figures, Figure{
		Query: sweep.Query{
			X: sweep.Evaluations, Y: "train_loss", By: "directions",
			Where: map[string][]string{"radius": {fmt.Sprint(middle)}},
		},
		Guides: []Guide{claimedLine(best, evaluations)},
	})
	directions := func(o observation) float64 { return float64(o.Directions) }
	v.Figures[0].Guides = []Guide{claimedLine(best, directions)}
	return v
}

func evaluations(o observation) float64 { return float64(o.Final.Evaluations) }

// lateRegret returns the mean train loss over the last half of the steps, which varies less than the loss of
// one iterate. min f is 0 because there is no noise on the observations.
func lateRegret(o observation) float64 {
	sum, count := 0.0, 0
	for _, p := range o.Trajectory {
		if 2*p.Iteration > o.Final.Iteration {
			sum, count = sum+p.TrainLoss, count+1
		}
	}
	return sum / float64(count)
}

// meanRegret returns the mean of lateRegret, or infinity for no runs.
func meanRegret(all []observation) float64 {
	if len(all) == 0 {
		return math.Inf(1)
	}
	sum := 0.0
	for _, o := range all {
		sum += lateRegret(o)
	}
	return sum / float64(len(all))
}

// claimedLine returns the claim's power of a number that is proportional to evaluations, through the middle
// of the best regrets.
func claimedLine(best []observation, of func(observation) float64) Guide {
	xs, _ := by(best, of)
	line := Guide{Name: "power −2/3", X: []float64{xs[0], xs[len(xs)-1]}}
	level := 0.0 // of ln regret for the number 1
	for _, o := range best {
		level += (math.Log(lateRegret(o)) - zerothOrderPower*math.Log(of(o))) / float64(len(best))
	}
	for _, x := range line.X {
		line.Y = append(line.Y, math.Exp(level+zerothOrderPower*math.Log(x)))
	}
	return line
}
