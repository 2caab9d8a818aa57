package reproduce

import (
	"math"
	"slices"
	"testing"
)

// sized makes runs of single index models whose error is a law of the sizes.
func sized(vector func(s, p float64) float64, matrix func(r, p float64) float64) []observation {
	var all []observation
	for _, size := range [][2]int{{4, 400}, {8, 400}, {16, 400}, {32, 400}, {8, 100}, {8, 1600}, {8, 6400}} {
		all = slices.Concat(all, grid([]float64{0}, func(o *observation, _, w float64) {
			o.Parametrization, o.Sparsity, o.N, o.Rank = "sparse", size[0], size[1], 1
			o.Final.TestError = w * vector(float64(size[0]), float64(size[1]))
		}))
	}
	for _, size := range [][2]int{{2, 40}, {4, 40}, {8, 40}, {4, 20}, {4, 80}} {
		all = slices.Concat(all, grid([]float64{0}, func(o *observation, _, w float64) {
			o.Parametrization, o.Sparsity, o.N, o.Rank = "indefinite", 0, size[1], size[0]
			o.Final.TestError = w * matrix(float64(size[0]), float64(size[1]))
		}))
	}
	return all
}

func rootOfBoth(r, p float64) float64 { return 0.01 * math.Sqrt(r*p) }

func rootOfFirst(s, _ float64) float64 { return 0.01 * math.Sqrt(s) }

func TestSingleIndexSizes(t *testing.T) {
	logarithmic := func(s, p float64) float64 { return 0.01 * math.Sqrt(s*math.Log(p)) }
	expect(t, "the error of the support alone", judgeSingleIndexSizes(sized(rootOfFirst, rootOfBoth)), Agrees)
	expect(t, "with the logarithm", judgeSingleIndexSizes(sized(logarithmic, rootOfBoth)), Agrees)
	expect(t, "in p to the power of 1/4", judgeSingleIndexSizes(sized(func(s, p float64) float64 {
		return rootOfFirst(s, p) * math.Pow(p, 0.25)
	}, rootOfBoth)), Unclear)
	expect(t, "in s to the power of 0.7", judgeSingleIndexSizes(sized(func(s, _ float64) float64 {
		return 0.01 * math.Pow(s, 0.7)
	}, rootOfBoth)), Unclear)
	expect(t, "no matrices", judgeSingleIndexSizes(sized(rootOfFirst, rootOfBoth)[:28]), Unclear)
	expect(t, "nothing", judgeSingleIndexSizes(nil), Unclear)
}
