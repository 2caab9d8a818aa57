package reproduce

import (
	"fmt"
	"math"
	"strings"

	"github.com/matsense/matsense/experiment/sweep"
)

const incrementalClaim = `From a small start gradient descent learns a matrix rank by rank: it comes close to the
best approximations of rank 1, 2, … of the truth, one after another, before it finds the truth itself. The
smaller the start, the closer it comes, as far as the measurements tell (Jin, Li, Lyu, Du and Lee, arXiv
2301.11500).`

// judgeIncremental looks at the least start, and at the least distance to each best approximation of lower
// rank than the truth, over ‖M*‖. The next singular value over ‖M*‖, the distance to the next approximation,
// is its scale. It asks that every run learn all ranks in order, that each median distance be at most a
// quarter of its scale, and at most half of that from the largest start, if runs from there come close at
// all. It disagrees if a run from the least start misses a rank, or learns one before a lower one.
func judgeIncremental(all []observation) Verdict {
	v := Verdict{Status: Unclear, Figures: []Figure{
		{Query: sweep.Query{X: sweep.Iteration, Y: "learned_rank", By: "alpha"}},
		{Query: sweep.Query{X: sweep.Iteration, Y: "learned_rank_error", By: "alpha"}},
	}}
	alphas, starts := by(stable(all), alphaOf)
	if len(alphas) < 2 {
		v.find("there are no two sizes of the start")
		return v
	}
	small, large := starts[alphas[0]], starts[alphas[len(alphas)-1]]
	agree, disagree := true, false
	orders := map[string]int{}
	for _, o := range small {
		var ranks []string
		last, ordered := 0, true
		for _, p := range o.Plateaus {
			if p.Rank > 0 {
				ranks = append(ranks, fmt.Sprint(p.Rank))
				ordered = ordered && p.Rank == last+1
				last = p.Rank
			}
		}
		orders[strings.Join(ranks, ", ")]++
		// A run that has not come to the truth yet may still do so.
		disagree = disagree || !ordered
		agree = agree && ordered && last == o.Rank
	}
	for ranks, count := range orders {
		v.find("from α = %g %d of %d runs learn the ranks %s", alphas[0], count, len(small), ranks)
	}
	for k := 1; k < small[0].Rank; k++ {
		closest := func(o observation) float64 {
			for _, p := range o.Plateaus {
				if p.Rank == k {
					return float64(p.Distance)
				}
			}
			return math.Inf(1)
		}
		scale := nextSingular(small[0], k)
		near, far := median(small, closest), median(large, closest)
		v.find("rank %d: from α = %g Z comes to a distance of %.2g, and from α = %g %s; the next one is %.2g away "+
			"(medians)", k, alphas[0], near, alphas[len(alphas)-1], distanceText(far), scale)
		agree = agree && near <= scale/4 && near <= far/2
		disagree = disagree || near > scale/2 || near > far
	}
	v.settle(agree, disagree)
	return v
}

// distanceText says how close runs came.
func distanceText(distance float64) string {
	if math.IsInf(distance, 1) {
		return "not close"
	}
	return fmt.Sprintf("to %.2g", distance)
}

// nextSingular returns singular value k + 1 of M* over ‖M*‖_F.
func nextSingular(o observation, k int) float64 {
	singular := o.Singular()
	var square float64
	for _, s := range singular {
		square += s * s
	}
	return singular[k] / math.Sqrt(square)
}
