package reproduce

import (
	"math"
	"testing"

	"github.com/matsense/matsense/experiment/config"
)

// TestOracleError: the error of least squares in the tangent space is what its definition says: for n = 3 and
// r* = 2 there are 5 free numbers.
func TestOracleError(t *testing.T) {
	o := observe(func(o *observation) {
		o.Config = config.Default()
		o.N, o.Rank, o.Kappa, o.Measurements, o.HoldOut, o.Noise = 3, 2, 1, 100, 0.2, 0.4
	})
	if got, want := oracleError(o), 0.4*math.Sqrt(5./80)/math.Sqrt2; !(math.Abs(got-want) <= 1e-15) {
		t.Errorf("%v, not %v", got, want)
	}
}
