package reproduce

import "testing"

// batchGrid makes runs without noise whose decades take the steps of decades, and runs with noise that end at
// the test error of floor.
func batchGrid(decades func(size float64) []float64, floor func(size float64) float64) []observation {
	sizes := []float64{8, 80, 800}
	all := grid(sizes, func(o *observation, size, wobble float64) {
		o.BatchSize = int(size)
		at := 100.0
		o.Targets = nil
		for _, steps := range append([]float64{0}, decades(size)...) {
			at += wobble * steps
			reached := int(at)
			if o.Targets = append(o.Targets, &reached); steps < 0 {
				o.Targets[len(o.Targets)-1] = nil
			}
		}
	})
	return append(all, grid(sizes, func(o *observation, size, wobble float64) {
		o.BatchSize, o.Noise = int(size), 0.1
		o.Final.TestError = wobble * floor(size)
	})...)
}

func TestSGD(t *testing.T) {
	steady := func(float64) []float64 { return []float64{30, 30, 30} }
	raised := func(size float64) float64 { return 0.01 + 1/size }
	judge := func(what string, decades func(float64) []float64, floor func(float64) float64, want Status) {
		expect(t, what, judgeSGD(batchGrid(decades, floor)), want)
	}
	judge("as claimed", steady, raised, Agrees)
	judge("slower and slower", func(float64) []float64 { return []float64{30, 60, 120} }, raised, Disagrees)
	judge("steps as many more as the size is less", func(size float64) []float64 {
		return []float64{24000 / size, 24000 / size, 24000 / size}
	}, raised, Disagrees)
	judge("the smallest never gets there", func(size float64) []float64 {
		return []float64{30, size - 9, 30}
	}, raised, Disagrees)
	judge("twice as many steps with the smallest", func(size float64) []float64 {
		s := 30 * (1 + 8/size)
		return []float64{s, s, s}
	}, raised, Unclear)
	judge("noise does not matter", steady, func(float64) float64 { return 0.01 }, Disagrees)
	expect(t, "nothing", judgeSGD(nil), Unclear)
}
