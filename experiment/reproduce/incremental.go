package reproduce

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/matsense/matsense/experiment/sweep"
)

var incrementalExperiment = Experiment{
	Name:  "incremental",
	About: "the ranks that are learned one after another, against the size of the start",
	Claim: `From a small start gradient descent learns a matrix rank by rank: it comes close to the best
approximations of rank 1, 2, … of the truth, one after another, before it finds the truth itself. The
smaller the start, the closer it comes, as far as the measurements tell (Jin, Li, Lyu, Du and Lee, arXiv
2301.11500).`,
	Compared: `the ranks that runs from the least start learn one after another, and their least distance to
each best approximation of lower rank, beside the distance to the next approximation and that from the
largest start (medians). The ranks of equal singular values are learned together`,
	AgreesIf: `every run from the least start learns all ranks in order, and each distance is at most a
quarter of that to the next approximation and, if runs from the largest start come close at all, at most
half of that from there`,
	DisagreesIf: `a run from the least start skips a rank or learns it before a lower one, or a distance is
more than half of that to the next approximation, or more than that from the largest start`,
	Untested: `that Z comes closest to the best fits of each rank to the observations, and bounds on the
steps`,
	judge: judgeIncremental,
}

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
	approximations := approximationsOf(small[0])
	if len(approximations) == 0 {
		v.find("the singular values of the truth are not known")
		return v
	}
	if len(approximations) == 1 {
		v.find("the singular values of the truth are equal: there is no best approximation of a lower rank")
		return v
	}
	agree, disagree := true, false
	orders := map[string]int{}
	for _, o := range small {
		var learned []string
		next, ordered := 0, true
		for _, p := range o.Plateaus {
			if p.Rank > 0 {
				learned = append(learned, fmt.Sprint(p.Rank))
				ordered = ordered && next < len(approximations) && p.Rank == approximations[next].rank
				next++
			}
		}
		orders[strings.Join(learned, ", ")]++
		// A run that has not come to the truth yet may still do so.
		disagree = disagree || !ordered
		agree = agree && ordered && next == len(approximations)
	}
	for _, learned := range slices.Sorted(maps.Keys(orders)) {
		v.find("from α = %g %d of %d runs learn the ranks %s", alphas[0], orders[learned], len(small), learned)
	}
	for _, a := range approximations[:len(approximations)-1] {
		closest := func(o observation) float64 {
			for _, p := range o.Plateaus {
				if p.Rank == a.rank {
					return float64(p.Distance)
				}
			}
			return math.Inf(1)
		}
		near, far := median(small, closest), median(large, closest)
		v.find("rank %d: from α = %g Z comes to a distance of %.2g, and from α = %g %s; the next one is %.2g away "+
			"(medians)", a.rank, alphas[0], near, alphas[len(alphas)-1], distanceText(far), a.next)
		agree = agree && near <= a.next/4 && near <= far/2
		disagree = disagree || near > a.next/2 || near > far
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

// approximation is a best approximation of the truth.
type approximation struct {
	rank int
	next float64 // the distance to the one with the next higher rank, over ‖M*‖_F; 0 for the truth itself
}

// approximationsOf returns the best approximations of an observation's truth, with the truth as the last;
// none if its singular values are not known. There is one for each rank that ends with a value which the next
// does not equal.
func approximationsOf(o observation) (all []approximation) {
	singular := o.Singular()
	norm, since := 0.0, 0.0 // of all values, and of those after the last approximation
	for k, s := range singular {
		norm, since = math.Hypot(norm, s), math.Hypot(since, s)
		if k+1 < len(singular) && singular[k+1] >= s*(1-1e-9) {
			continue
		}
		if len(all) > 0 {
			all[len(all)-1].next = since
		}
		all, since = append(all, approximation{rank: k + 1}), 0
	}
	for i := range all {
		all[i].next /= norm
	}
	return all
}
