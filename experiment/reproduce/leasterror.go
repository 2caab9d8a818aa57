package reproduce

import "math"

// leastDistanceOf returns the least ‖UUᵀ − M*‖_F.
func leastDistanceOf(o observation) float64 { return leastError(o) * sizeOfTruth(o) }

func noiseOf(o observation) float64 { return o.Noise }

func leastError(o observation) float64 { return float64(o.BestTestError) }

func leastAt(o observation) float64 { return float64(*o.BestTestErrorIteration) }

// overfit returns the test error of the last iterate over the least.
func overfit(o observation) float64 {
	if len(o.Trajectory) == 0 {
		return math.NaN()
	}
	return o.Trajectory[len(o.Trajectory)-1].TestError / leastError(o)
}

// fitted is the number of measurements that are not held out.
func fitted(o observation) float64 { return float64(o.Measurements) * (1 - o.HoldOut) }

// sizeOfTruth returns ‖M*‖_F.
func sizeOfTruth(o observation) float64 {
	var squares float64
	for _, s := range o.Singular() {
		squares += s * s
	}
	return math.Sqrt(squares)
}

// oracleError returns the test error σ·√(d/m)/‖M*‖_F of least squares in the tangent space of dimension d at
// the truth, if the measurements are isotropic and many.
func oracleError(o observation) float64 {
	return o.Noise * math.Sqrt(freeNumbers(o, o.Rank)/fitted(o)) / sizeOfTruth(o)
}
