package reproduce

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/matsense/matsense/experiment/sweep"
)

// At a solution of a problem with one column, f has the Hessian H ≈ I + uuᵀ and ∇Δf = 2(d + 2)u, so that steps of size μ with 2q
// evaluations each, in noise of standard deviation σ, come to
//
//	E f ≈ A·δ⁴ + B/(qδ²),   A = (d + 2)²/4,   B ≈ μdσ²/(8(1 − μ/2)):
//
// bias, and what steps make of the noise. The best radius, δ⁶ = B/(2Aq), leaves 3·A^(1/3)·(B/2q)^(2/3), with the number of evaluations to the
// power of −2/3; a radius that stays where it is leaves Aδ⁴.
const zerothOrderClaim = `Where f is strongly convex and its Hessian is Lipschitz continuous, T noisy values of f are enough for a simple
regret f − min f of order T^(−2/3), and not for less (Yu, Wang, Huang, Lei and Lee, arXiv 2406.19617). Central differences reach that power with the
radius that suits T; with the same radius for all T they stop at their bias.`

// zerothOrderPower is the claim's.
const zerothOrderPower = -2.0 / 3

// judgeZerothOrder takes for each number of evaluations the radius whose mean regret is least, and asks that the regrets with these go
// with evaluations to the power of −2/3: within 0.08, the interval around it, and that the largest radius alone does not get below −0.2.
// A power that is off by more than 0.15, which −1/2 and −1 are, disagrees. Where the best radius is the first or last of those
// tried, there may be a better one, and nothing can be told.
func judgeZerothOrder(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: "directions", Y: "train_loss", By: "radius"}},
	}}
	counted := func(o observation) bool { return lateRegret(o) > 0 && o.Final.Evaluations > 0 }
	known := v.only(all, counted, "diverged or counted no evaluations")
	radii, _ := by(known, func(o observation) float64 { return o.Radius })
	budgets, groups := by(known, func(o observation) float64 { return o.Final.Evaluations })
	if len(radii) < 3 || len(budgets) < 3 {
		v.find("there are not three radii and three numbers of evaluations")
		return v
	}
	var best []observation
	var chosen []float64
	inside := true
	for _, t := range budgets {
		_, ofRadius := by(groups[t], func(o observation) float64 { return o.Radius })
		least := slices.MinFunc(radii, func(a, b float64) int { return cmp.Compare(meanRegret(ofRadius[a]), meanRegret(ofRadius[b])) })
		best, chosen = append(best, ofRadius[least]...), append(chosen, least)
		inside = inside && least > radii[0] && least < radii[len(radii)-1]
		v.find("%g evaluations: regret %.2g with the best radius, %.3g", t, meanRegret(ofRadius[least]), least)
	}
	evaluations := func(o observation) float64 { return math.Log(o.Final.Evaluations) }
	regret := func(o observation) float64 { return math.Log(lateRegret(o)) }
	s := slopeOf(best, evaluations, regret)
	v.find("with the best radii: power %v of the evaluations, over %.1f decades; the claim's is %.3f", s,
		decades(best, func(o observation) float64 { return o.Final.Evaluations }), zerothOrderPower)
	widest := radii[len(radii)-1]
	fixed := slopeOf(slices.DeleteFunc(slices.Clone(known), func(o observation) bool { return o.Radius != widest }), evaluations, regret)
	v.find("with the radius %.3g for all of them: power %v", widest, fixed)
	off := math.Abs(s.mean - zerothOrderPower)
	if !inside {
		v.find("the best radius is the least or the greatest of those tried")
		return v
	}
	v.settle(off <= 0.08 && s.low <= zerothOrderPower && s.high >= zerothOrderPower && fixed.mean > -0.2, off > 0.15)
	middle := chosen[len(chosen)/2]
	v.Figures = append(v.Figures, Figure{
		Query:  sweep.Query{X: sweep.Evaluations, Y: "train_loss", By: "directions", Where: map[string][]string{"radius": {fmt.Sprint(middle)}}},
		Guides: []Guide{claimedLine(best, func(o observation) float64 { return o.Final.Evaluations })},
	})
	v.Figures[0].Guides = []Guide{claimedLine(best, func(o observation) float64 { return float64(o.Directions) })}
	return v
}

// lateRegret is the mean train loss over the last half of the steps: min f is 0 where there is no noise on the observations, and one
// iterate's loss is more random than their mean.
func lateRegret(o observation) float64 {
	sum, count := 0.0, 0
	for _, p := range o.Trajectory {
		if 2*p.Iteration > o.Final.Iteration {
			sum, count = sum+p.TrainLoss, count+1
		}
	}
	return sum / float64(count)
}

// meanRegret is that of some runs; of none it is infinite.
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

// claimedLine is the claim's power of a number that evaluations are proportional to, through the middle of the best regrets.
func claimedLine(best []observation, of func(observation) float64) Guide {
	xs, _ := by(best, of)
	line := Guide{Name: "power −2/3", X: []float64{xs[0], xs[len(xs)-1]}}
	level := 0.0 // of ln regret where the number is 1
	for _, o := range best {
		level += (math.Log(lateRegret(o)) - zerothOrderPower*math.Log(of(o))) / float64(len(best))
	}
	for _, x := range line.X {
		line.Y = append(line.Y, math.Exp(level+zerothOrderPower*math.Log(x)))
	}
	return line
}
