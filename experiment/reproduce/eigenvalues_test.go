package reproduce

import (
	"testing"

	"github.com/matsense/matsense/solver"
)

// TestEigenvalues: results as predicted agree, and those that are somewhat off, or do not show each number of
// eigenvalues outside, cannot be told. TestPlants has those that contradict the claim.
func TestEigenvalues(t *testing.T) {
	as := func(value, overlap float64) []observation {
		return leaving(func(k int, top []solver.Eigenvalue) solver.Eigenvalue {
			return solver.Eigenvalue{Value: top[k].Value + value, Overlap: top[k].Overlap + overlap}
		})
	}
	expect(t, "as predicted", judgeEigenvalues(as(0.001, 0.01)), Agrees)
	expect(t, "overlaps somewhat off", judgeEigenvalues(as(0, 0.2)), Unclear)
	expect(t, "eigenvalues somewhat off", judgeEigenvalues(as(0.3, 0)), Unclear)
	few := keep(as(0, 0), func(o observation) bool { return o.Measurements > 2000 })
	expect(t, "never in the bulk", judgeEigenvalues(few), Unclear)
	missing := as(0, 0)
	for i := range missing {
		missing[i].Eigenvalues = missing[i].Eigenvalues[:2]
	}
	expect(t, "without the third", judgeEigenvalues(missing), Unclear)
	expect(t, "nothing", judgeEigenvalues(nil), Unclear)
}
