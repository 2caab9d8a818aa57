// Package kerneltest is the test suite that the kernels must pass on every device. It compares each kernel
// with a plain Go loop, bit by bit, at sizes that no block size divides. A device's tests call [Run].
//
// The loops are written from the heads of the kernels' files and keep the order of summation that the heads
// define. If a kernel and its loop differ, one of them or the head is wrong.
//
// In this package, a launch is a function from bytes to bytes. Each buffer is a separate allocation of
// exactly the size that the head asks for, and outputs start as NaNs. After a launch, every number of every
// output is compared, including those that must stay unchanged, and the inputs must not have changed.
package kerneltest

import (
	"maps"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// Run runs the suite. It calls open once for each kernel, with that kernel's t; open may skip the kernel or
// let it run in parallel with others. Run closes the devices that it opens. A device that does not check its
// memory accesses should be wrapped in a drivertest.Guard: each buffer is freed right after its launch.
func Run(t *testing.T, open func(t *testing.T) driver.Device) {
	for _, k := range kernels.All() {
		t.Run(k.Name, func(t *testing.T) { RunKernel(t, k, open) })
	}
}

// RunKernel runs the part of the suite for one kernel, whose text may differ from the package's text.
func RunKernel(t *testing.T, k kernels.Kernel, open func(t *testing.T) driver.Device) {
	test, ok := tests[k.Name]
	if !ok {
		t.Fatal("there is no test of this kernel")
	}
	test(t, newBench(t, open(t), k))
}

// tests has the test of each kernel, by name.
var tests = func() map[string]func(*testing.T, *bench) {
	all := map[string]func(*testing.T, *bench){
		"anchor_distance":              testAnchorDistance,
		"anchor_subtract":              testAnchorSubtract,
		"anchor_sum":                   testAnchorSum,
		"anchor_residuals":             testAnchorResiduals,
		"row_squares":                  testRowSquares,
		"combine":                      testCombine,
		"dot":                          testDot,
		"multiply_entries":             testMultiplyEntries,
		"divide_entries":               testDivideEntries,
		"multiply_nn":                  testMultiply(false, false),
		"multiply_nt":                  testMultiply(false, true),
		"multiply_tn":                  testMultiply(true, false),
		"multiply_tt":                  testMultiply(true, true),
		"multiply_sum":                 testMultiplySum,
		"cholesky":                     testCholesky,
		"cholesky_forward":             testCholeskyForward,
		"cholesky_backward":            testCholeskyBackward,
		"draw_weights":                 testDrawWeights,
		"gather":                       testGather,
		"gather_rows":                  testGatherRows,
		"normalize":                    testNormalize,
		"normals":                      testNormals,
		"signs":                        testSigns,
		"hadamard":                     testHadamard,
		"pauli_combine":                testPauliCombine,
		"pauli_gather":                 testPauliGather,
		"pauli_pairs":                  testPauliPairs,
		"pauli_residuals":              testPauliResiduals,
		"pauli_weights":                testPauliWeights,
		"sum_squares":                  testSumSquares,
		"join_columns":                 testJoinColumns,
		"split_columns":                testSplitColumns,
		"square_difference":            testSquareDifference,
		"square_pullback":              testSquarePullback,
		"tensor_order":                 testTensorOrder,
		"transpose":                    testTranspose,
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
		"rank_one_times_16":            testRankOneTimes(16),
		"rank_one_times_64":            testRankOneTimes(64),
		"rank_one_residuals":           testRankOneResiduals,
		"rank_one_accumulate_16":       testRankOneAccumulate(16),
		"rank_one_accumulate_64":       testRankOneAccumulate(64),
		"rank_one_collect":             testRankOneCollect,
		"residuals_f64":                testResiduals[float64],
		"residuals_f32":                testResiduals[float32],
		"sum_chunks_f64":               testSumChunks[float64],
		"sum_chunks_f32":               testSumChunks[float32],
	}
	for _, rect := range []bool{false, true} {
		for _, size := range kernels.FusedSizes(rect) {
			all[size.Kernel] = testRankOneContract(size, rect)
		}
	}
	for _, f := range formats {
		with := func(test func(*testing.T, *bench, sensing.Entries)) func(*testing.T, *bench) {
			return func(t *testing.T, b *bench) { test(t, b, f) }
		}
		all["generate_"+string(f)] = with(testGenerate)
		all["projected_squares_"+string(f)] = with(testProjectedSquares)
		all["generate_listed_"+string(f)] = with(testGenerateListed)
		all["dots_"+string(f)+"_f64"] = with(testDots[float64])
		all["dots_"+string(f)+"_f32"] = with(testDots[float32])
		all["accumulate_"+string(f)+"_f64"] = with(testAccumulate[float64])
		all["accumulate_"+string(f)+"_f32"] = with(testAccumulate[float32])
		for name, form := range map[string]batchForm{"": {}, "generated_": {generated: true}, "small_": {}} {
			if bits := f.EntryBits(); name != "small_" || bits == 64 || bits == 32 {
				all["contract_batch_"+name+string(f)+"_f64"] = with(testContractBatch[float64](form))
				all["contract_batch_"+name+string(f)+"_f32"] = with(testContractBatch[float32](form))
			}
		}
		if f != sensing.Signs {
			all["contract_long_"+string(f)+"_f64"] = with(testContractLong[float64](false))
			all["contract_long_"+string(f)+"_f32"] = with(testContractLong[float32](false))
			if f.EntryBits() >= 32 {
				all["contract_long_generated_"+string(f)+"_f64"] = with(testContractLong[float64](true))
			}
		}
		all["contract_tensor_"+string(f)+"_f64"] = with(testContractBatch[float64](batchForm{tensor: true}))
		all["contract_tensor_wide_"+string(f)+"_f64"] = with(testContractBatch[float64](
			batchForm{tensor: true, wide: true}))
		for name, form := range contractForms {
			all[name+string(f)+"_f64"] = with(testContract[float64](form))
			all[name+string(f)+"_f32"] = with(testContract[float32](form))
		}
	}
	maps.Copy(all, sampledTests())
	return all
}()
