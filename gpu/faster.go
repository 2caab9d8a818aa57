package gpu

import (
	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// cost is what contract takes for an entry, by the counts of docs/kernels.md.
type cost struct {
	instructions float64 // of a thread
	conversions  float64 // from or to f64
}

// costs has the cost in f64 arithmetic and in f32 arithmetic. TestCosts holds it to the emulator's counts.
var costs = map[sensing.Entries]struct{ double, single cost }{
	sensing.F64:   {cost{11, 0}, cost{12, 2}},
	sensing.F32:   {cost{10, 2}, cost{8, 0}},
	sensing.BF16:  {cost{13, 2}, cost{11, 0}},
	sensing.Q8:    {cost{17, 2}, cost{15, 0}},
	sensing.Signs: {cost{14, 0}, cost{14, 0}},
}

// worthwhile is how many times as long contract must take in f64 for mixed precision to be chosen: renewals
// of anchors, one step in twenty at most, take a contraction more.
const worthwhile = 1.1

// MixedIsFaster says whether steps over rows in memory, with entries of a format, take less time in mixed
// precision. By the counts of docs/kernels.md and the rates that the driver reports, f64 multiply-adds or
// conversions must bound contract, and not memory. It is false if the driver reports no rates. Of several
// devices the first decides, so that as many devices of its model take the same precision as one.
func (b Backend) MixedIsFaster(entries sensing.Entries) bool {
	c, known := costs[entries]
	if !known || b.Info.Bandwidth <= 0 || b.Info.Clock <= 0 {
		return false
	}
	return b.perEntry(entries, c.double, solver.F64) > worthwhile*b.perEntry(entries, c.single, solver.F32)
}

// perEntry is the least time that contract takes for an entry of one row: the longer of reading and
// computing.
func (b Backend) perEntry(entries sensing.Entries, c cost, arithmetic solver.Precision) float64 {
	return max(float64(entries.EntryBits())/8/b.Info.Bandwidth,
		b.cycles(arithmetic, 2, c)/(float64(b.Info.Multiprocessors)*b.Info.Clock))
}

// cycles is the least number of cycles in which a multiprocessor does so many multiply-adds and what they
// cost besides: the longest of the three. Its rates are those of NVIDIA's table of arithmetic throughput in
// the CUDA C++ Programming Guide.
func (b Backend) cycles(arithmetic solver.Precision, multiplyAdds float64, c cost) float64 {
	const (
		lanes       = 128 // instructions of a thread in a cycle: four warps
		conversions = 16  // in a cycle, or as many as multiply-adds in f64 if these are fewer
	)
	return max(multiplyAdds/b.multiplyAdds(arithmetic),
		c.conversions/min(conversions, b.multiplyAdds(solver.F64)), c.instructions/lanes)
}
