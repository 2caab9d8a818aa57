package reproduce

import (
	"testing"

	"github.com/matsense/matsense/solver"
)

// TestOutliers: results as predicted agree, and those that are somewhat off, or do not show each number of
// outliers, cannot be told. TestPlants has those that contradict the claim.
func TestOutliers(t *testing.T) {
	as := func(value, overlap float64) []observation {
		return outliers(func(k int, top []solver.Outlier) solver.Outlier {
			return solver.Outlier{Eigenvalue: top[k].Eigenvalue + value, Overlap: top[k].Overlap + overlap}
		})
	}
	expect(t, "as predicted", judgeOutliers(as(0.001, 0.01)), Agrees)
	expect(t, "overlaps somewhat off", judgeOutliers(as(0, 0.2)), Unclear)
	expect(t, "eigenvalues somewhat off", judgeOutliers(as(0.3, 0)), Unclear)
	few := keep(as(0, 0), func(o observation) bool { return o.Measurements > 2000 })
	expect(t, "never in the bulk", judgeOutliers(few), Unclear)
	missing := as(0, 0)
	for i := range missing {
		missing[i].Eigenvalues = missing[i].Eigenvalues[:2]
	}
	expect(t, "without the third", judgeOutliers(missing), Unclear)
	expect(t, "nothing", judgeOutliers(nil), Unclear)
}
