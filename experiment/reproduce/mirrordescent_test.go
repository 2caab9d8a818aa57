package reproduce

import (
	"testing"

	"github.com/matsense/matsense/solver"
)

// mirroring makes runs of mirror-descent and of gd whose last errors follow the given laws of α.
func mirroring(mirror, plain func(alpha float64) float64) (all []observation) {
	for method, law := range map[string]func(float64) float64{"mirror-descent": mirror, "gd": plain} {
		all = append(all, grid([]float64{0.3, 0.1, 0.03}, func(o *observation, alpha, wobble float64) {
			o.Method, o.Alpha = method, alpha
			o.Final.TestError = wobble * law(alpha)
		})...)
	}
	return all
}

func linearInAlpha(alpha float64) float64 { return alpha / 2 }

func constantInAlpha(float64) float64 { return 0.3 }

func TestMirror(t *testing.T) {
	judge := func(what string, mirror, plain func(float64) float64, want Status) {
		t.Helper()
		expect(t, what, judgeMirror(mirroring(mirror, plain)), want)
	}
	times := func(c float64) func(float64) float64 {
		return func(alpha float64) float64 { return c * linearInAlpha(alpha) }
	}
	judge("as claimed", linearInAlpha, times(1.5), Agrees)
	judge("gd is three times as far", linearInAlpha, times(3), Unclear)
	judge("gd is six times as far", linearInAlpha, times(6), Disagrees)
	judge("mirror descent is six times as far", times(6), linearInAlpha, Disagrees)
	judge("α does not matter", constantInAlpha, constantInAlpha, Disagrees)
	judge("a small α is worse than a middle one", func(alpha float64) float64 {
		if alpha == 0.03 {
			return 0.06
		}
		return linearInAlpha(alpha)
	}, linearInAlpha, Unclear)
	diverged := mirroring(linearInAlpha, linearInAlpha)
	diverged[0].Status = solver.Diverged.String()
	expect(t, "a run diverges", named(t, "mirror-descent").verdict(diverged), Disagrees)
	lacking := keep(mirroring(linearInAlpha, linearInAlpha), func(o observation) bool {
		return o.Method != "gd" || o.Alpha != 0.1
	})
	expect(t, "one α of gd is lacking", judgeMirror(lacking), Unclear)
	expect(t, "nothing", judgeMirror(nil), Unclear)
}
