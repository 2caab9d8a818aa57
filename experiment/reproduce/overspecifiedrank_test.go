package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// overspecified makes runs on the ℓ1 loss with outliers whose errors follow laws of T: with as many columns
// as the rank and geometric steps, and with r columns and steps that are a power of t.
func overspecified(narrow func(T float64) float64, wide func(T float64, r int) float64) (all []observation) {
	for _, r := range []int{2, 4, 20} {
		all = append(all, grid([]float64{0.1, 0.3}, func(o *observation, share, w float64) {
			o.Loss, o.Outliers, o.Rank, o.FactorRank, o.Trajectory = "l1", share, 2, r, nil
			o.StepDecay = "power:1,0.05"
			if r == 2 {
				o.StepDecay = "geometric:0.995"
			}
			for i := range 201 {
				T := float64(20 * i)
				e := w * wide(T, r)
				if r == 2 {
					e = w * narrow(T)
				}
				o.Trajectory = append(o.Trajectory, sweep.Point{Iteration: 20 * i, TestError: e})
			}
			o.Final = o.Trajectory[200]
		})...)
	}
	return all
}

// likeInverse is 1/T, from a tenth.
func likeInverse(T float64, _ int) float64 { return 0.1 / (1 + 0.05*T) }

// likeSteps is proportional to steps of 0.995^T.
func likeSteps(T float64) float64 { return 0.1 * math.Pow(0.995, T) }

func TestOverspecifiedRank(t *testing.T) {
	expect(t, "as claimed", judgeOverspecifiedRank(overspecified(likeSteps, likeInverse)), Agrees)
	expect(t, "more columns converge linearly", judgeOverspecifiedRank(overspecified(likeSteps,
		func(T float64, _ int) float64 { return likeSteps(T) })), Agrees)
	expect(t, "a little slower with many columns", judgeOverspecifiedRank(overspecified(likeSteps,
		func(T float64, r int) float64 { return math.Pow(likeInverse(T, r), 1-float64(r)/60) })), Unclear)
	expect(t, "not so far", judgeOverspecifiedRank(overspecified(
		func(T float64) float64 { return math.Pow(0.9965, T) }, likeInverse)), Unclear)
	diverged := overspecified(likeSteps, likeInverse)
	diverged[len(diverged)-1].Status = "diverged"
	expect(t, "a run with many columns diverged", named(t, "overspecified-rank").verdict(diverged), Disagrees)
	squared := overspecified(likeSteps, likeInverse)
	for i := range squared {
		squared[i].Loss = ""
	}
	expect(t, "the squared loss", judgeOverspecifiedRank(squared), Unclear)
	expect(t, "no more columns", judgeOverspecifiedRank(keep(overspecified(likeSteps, likeInverse),
		func(o observation) bool { return o.FactorRank == 2 })), Unclear)
	expect(t, "nothing", judgeOverspecifiedRank(nil), Unclear)
}
