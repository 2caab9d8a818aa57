package experiment

import (
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// TestVectorsOnDevice: rank-one measurements, and the estimates of a multi-index model, were refused on every
// device but the cpu. On the emulator they give the cpu's numbers, with vectors in memory and generated.
func TestVectorsOnDevice(t *testing.T) {
	for name, problem := range map[string]string{
		"phase retrieval": "ensemble=rank-one n=10 rank=1 factor-rank=1 init=spectral measurements=80 " +
			"iterations=10",
		"bilinear sensing": "ensemble=rank-one parametrization=uv n=7 n2=5 rank=2 factor-rank=6 alpha=0.1 " +
			"measurements=90 iterations=10",
		"norm": "observation=multi-index method=none n=15 measurements=90",
		"quadratic": "observation=multi-index method=none link=quadratic spectrum=1,0.5,0.2 factor-rank=4 n=14 " +
			"measurements=120",
		"product, optimal": "observation=multi-index method=none link=product preprocessing=optimal n=12 " +
			"measurements=100",
	} {
		t.Run(name, func(t *testing.T) {
			of := func(device string) (loss, overlap float64) {
				c := configOf(t, append(strings.Fields(problem), strings.Fields(device)...)...)
				out, err := runHere(c, emulatorHost(), Options{Dir: filepath.Join(t.TempDir(), "run")})
				if err != nil {
					t.Fatal(err)
				}
				if estimate := out.Summary.Spectral; estimate != nil {
					overlap = float64(estimate.EstimateOverlap)
				}
				return float64(out.Summary.Final.TrainLoss), overlap
			}
			loss, overlap := of("device=cpu")
			for _, storage := range []string{"memory", "generated"} {
				gotLoss, gotOverlap := of("device=emulator storage=" + storage)
				// Both compute in double precision in different orders: 1e-9 leaves room for 10⁶ roundings.
				same := func(a, b float64) bool {
					return math.Abs(a-b) <= 1e-9*math.Abs(b) || math.IsNaN(a) && math.IsNaN(b)
				}
				if !same(gotLoss, loss) || !same(gotOverlap, overlap) || math.IsNaN(loss) && overlap == 0 {
					t.Errorf("storage %s: the train loss is %v and the overlap %v, on the cpu %v and %v",
						storage, gotLoss, gotOverlap, loss, overlap)
				}
			}
		})
	}
}
