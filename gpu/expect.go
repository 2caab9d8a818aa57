package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/internal/estimate"
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// Assumptions of Expect. None of them was measured.
const (
	openSeconds = 1.0  // to open a device and to compile the kernels
	launchTime  = 5e-6 // seconds of a call: a launch, a copy, or a graph
	hostBytes   = 10e9 // bytes a second between a device and the host
)

// Expect estimates the seconds before the first step, and of one step of one member with the batch's largest
// factor. The rates are the peak rates of the device by its clocks, as its driver reports them. The times of
// opening and of a call are assumptions, and so is the rate of copies between several devices. step is 0 if
// the driver reports no clocks, or if the ensemble is of a kind that Expect does not know.
func (b Backend) Expect(e sensing.Ensemble, batch solver.Batch) (opening, step float64) {
	all, known := estimate.Of(e, b.Storage, batch)
	calls, err := b.stepCalls(e, batch)
	devices := []driver.Info{b.Info}
	for _, other := range b.Others {
		devices = append(devices, other.Info)
	}
	for card, info := range devices {
		first, end := partsOf(card, len(devices))
		work, share := all, float64(end-first)/chunkParts
		work.Bytes, work.Operations = share*all.Bytes, share*all.Operations
		if !known || err != nil || info.Bandwidth <= 0 || info.Clock <= 0 {
			return 0, 0
		}
		one := Backend{Info: info}
		rates := estimate.Rates{
			Bytes:      info.Bandwidth,
			Operations: float64(info.Multiprocessors) * info.Clock * one.multiplyAdds(b.Precision),
		}
		step = max(step, rates.Seconds(work))
	}
	return openSeconds, step + float64(calls)*launchTime + b.exchanged(e)/hostBytes
}

// exchanged is how many bytes a step moves between devices and the host: z comes from the first device and
// goes to each other, whose sums come back and go to the first. Three devices have two sums each, but the
// first one.
func (b Backend) exchanged(e sensing.Ensemble) float64 {
	others := len(b.Others)
	if others == 0 {
		return 0
	}
	sums := others
	if chunkParts%(1+others) != 0 {
		sums *= 2
	}
	return float64(1+others+2*sums) * float64(e.Space().K()) * float64(numberBytes(b.Precision))
}

// doubles has the multiply-adds in double precision that a multiprocessor does in a cycle, by compute
// capability.
var doubles = map[[2]int]float64{
	{7, 0}: 32, {7, 5}: 2, {8, 0}: 32, {8, 6}: 2, {8, 9}: 2, {9, 0}: 64, {10, 0}: 64, {12, 0}: 2,
}

// multiplyAdds is how many multiply-adds a multiprocessor does in a cycle, by NVIDIA's table of arithmetic
// throughput in the CUDA C++ Programming Guide. In double precision the ratio that the driver reports may say
// that there are fewer, and it alone counts for chips that the table here has not.
func (b Backend) multiplyAdds(p solver.Precision) float64 {
	singles := 128.0
	switch b.Info.Capability {
	case [2]int{7, 0}, [2]int{7, 5}, [2]int{8, 0}:
		singles = 64
	}
	if p == solver.F32 || p == solver.Mixed {
		return singles
	}
	listed, known := doubles[b.Info.Capability]
	ratio := float64(b.Info.SingleToDouble)
	switch {
	case known && ratio > 0:
		return min(listed, singles/ratio)
	case known:
		return listed
	case ratio > 0:
		return singles / ratio
	}
	return 2
}
