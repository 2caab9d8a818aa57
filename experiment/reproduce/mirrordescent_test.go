package reproduce

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/solver"
)

// mirroring makes runs of mirror-descent and of gd whose last errors follow the given laws of α. Half-way the
// errors of all runs are as at their end, or twice as large for the α that fall.
func mirroring(mirror, plain func(alpha float64) float64, fall ...float64) (all []observation) {
	for method, law := range map[string]func(float64) float64{"mirror-descent": mirror, "gd": plain} {
		all = append(all, grid([]float64{0.3, 0.1, 0.03}, func(o *observation, alpha, wobble float64) {
			o.Method, o.Alpha = method, alpha
			end := sweep.Point{TestError: wobble * law(alpha)}
			halfway := end
			if slices.Contains(fall, alpha) {
				halfway.TestError *= 2
			}
			o.through(200, halfway, end)
		})...)
	}
	return all
}

func linearInAlpha(alpha float64) float64 { return alpha / 2 }

func constantInAlpha(float64) float64 { return 0.3 }

func TestMirror(t *testing.T) {
	judge := func(what string, mirror, plain func(float64) float64, want Status, fall ...float64) {
		t.Helper()
		expect(t, what, judgeMirror(mirroring(mirror, plain, fall...)), want)
	}
	times := func(c float64) func(float64) float64 {
		return func(alpha float64) float64 { return c * linearInAlpha(alpha) }
	}
	judge("as claimed", linearInAlpha, times(1.5), Agrees)
	judge("gd is six times as far", linearInAlpha, times(6), Agrees)
	judge("the errors of small starts still fall", linearInAlpha, linearInAlpha, Agrees, 0.1, 0.03)
	judge("those of the largest still fall", linearInAlpha, linearInAlpha, Unclear, 0.3)
	judge("α does not matter", constantInAlpha, constantInAlpha, Disagrees)
	judge("α does not matter to gd", linearInAlpha, constantInAlpha, Disagrees)
	judge("α does not matter yet", constantInAlpha, constantInAlpha, Unclear, 0.03)
	judge("α matters little", math.Sqrt, linearInAlpha, Unclear)
	judge("a small α is worse than a middle one", func(alpha float64) float64 {
		if alpha == 0.03 {
			return 0.06
		}
		return linearInAlpha(alpha)
	}, linearInAlpha, Unclear)
	narrow := keep(mirroring(constantInAlpha, constantInAlpha), func(o observation) bool {
		return o.Alpha > 0.05
	})
	expect(t, "less than a decade of α", judgeMirror(narrow), Unclear)
	growing := mirroring(linearInAlpha, linearInAlpha)
	for i := range growing {
		if growing[i].Alpha == 0.03 {
			growing[i].Trajectory[1].TestError /= 2
		}
	}
	expect(t, "the errors of small starts grow", judgeMirror(growing), Unclear)
	diverged := mirroring(linearInAlpha, linearInAlpha)
	diverged[0].Status = solver.Diverged.String()
	expect(t, "a run diverges", named(t, "mirror-descent").verdict(diverged), Disagrees)
	lacking := keep(mirroring(linearInAlpha, linearInAlpha), func(o observation) bool {
		return o.Method != "gd"
	})
	expect(t, "gd is lacking", judgeMirror(lacking), Unclear)
	expect(t, "nothing", judgeMirror(nil), Unclear)
}
