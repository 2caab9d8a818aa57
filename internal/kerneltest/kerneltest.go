// Package kerneltest is the suite that the kernels must pass on every device: each kernel against a plain Go loop, to
// the bit, at sizes that divide nothing. A device's own tests call [Run].
//
// The loops are written from the heads of the kernels' files and keep the order of summation that is promised there.
// Where a kernel and its loop differ, one of them or the head is wrong.
//
// A launch is a function from bytes to bytes here. Each buffer is an allocation of its own, of exactly the size that the
// head asks for, and outputs begin as NaNs. Afterwards every number of every output is compared, those that must be left
// alone among them, and inputs must be what they were.
package kerneltest

import (
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// Run runs the suite. open is called once for each kernel, with that kernel's t, and may skip it or let it run beside the
// others; Run closes what it opens. A device that does not look after its memory itself should come in a
// drivertest.Guard: each buffer is freed right after the launch that it was for.
func Run(t *testing.T, open func(t *testing.T) driver.Device) {
	for _, k := range kernels.All() {
		t.Run(k.Name, func(t *testing.T) { RunKernel(t, k, open) })
	}
}

// RunKernel runs the part of the suite that is for one kernel, whose text may be another than the kernel's own.
func RunKernel(t *testing.T, k kernels.Kernel, open func(t *testing.T) driver.Device) {
	test, ok := tests[k.Name]
	if !ok {
		t.Fatal("there is no test of this kernel")
	}
	test(t, newBench(t, open(t), k))
}

// tests has the test of each kernel, by its name.
var tests = func() map[string]func(*testing.T, *bench) {
	all := map[string]func(*testing.T, *bench){
		"combine":                      testCombine,
		"dot":                          testDot,
		"gram":                         testGram,
		"right_multiply":               testRightMultiply,
		"sum_squares":                  testSumSquares,
		"lift_f64":                     testLift[float64],
		"lift_f32":                     testLift[float32],
		"lift_rect_f64":                testLiftRect[float64],
		"lift_rect_f32":                testLiftRect[float32],
		"pullback_f64":                 testPullback[float64],
		"pullback_f32":                 testPullback[float32],
		"pullback_rect_f64":            testPullbackRect[float64](false),
		"pullback_rect_f32":            testPullbackRect[float32](false),
		"pullback_rect_transposed_f64": testPullbackRect[float64](true),
		"pullback_rect_transposed_f32": testPullbackRect[float32](true),
		"residuals_f64":                testResiduals[float64],
		"residuals_f32":                testResiduals[float32],
		"sum_chunks_f64":               testSumChunks[float64],
		"sum_chunks_f32":               testSumChunks[float32],
	}
	for _, f := range formats {
		with := func(test func(*testing.T, *bench, sensing.Entries)) func(*testing.T, *bench) {
			return func(t *testing.T, b *bench) { test(t, b, f) }
		}
		all["generate_"+string(f)] = with(testGenerate)
		all["dots_"+string(f)+"_f64"] = with(testDots[float64])
		all["dots_"+string(f)+"_f32"] = with(testDots[float32])
		all["accumulate_"+string(f)+"_f64"] = with(testAccumulate[float64])
		all["accumulate_"+string(f)+"_f32"] = with(testAccumulate[float32])
		all["contract_"+string(f)+"_f64"] = with(testContract[float64])
		all["contract_"+string(f)+"_f32"] = with(testContract[float32])
		all["contract_generated_"+string(f)+"_f64"] = with(testContractGenerated[float64])
		all["contract_generated_"+string(f)+"_f32"] = with(testContractGenerated[float32])
	}
	return all
}()
