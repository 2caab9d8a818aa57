package kernels

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// SampledWidths are the largest numbers of columns that the kernels sampled_1, sampled_2, … take, ascending.
var SampledWidths = []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 4096}

// SampledSegment is the most observed entries in a segment of a row.
const SampledSegment = 128

// sampledVariants returns the variants of the kernels for observed entries.
func sampledVariants() []variant {
	var list []variant
	for _, width := range SampledWidths {
		list = append(list, variant{Template: "sampled", Name: fmt.Sprint("sampled_", width), Arith: "f64"})
	}
	for _, step := range []string{"values", "apply", "multiply", "segments", "sum"} {
		name := "sampled_" + step
		list = append(list, variant{Template: name, Name: name, Arith: "f64"})
	}
	return list
}

// Width is the most columns of a kernel for observed entries.
func (v variant) Width() int {
	width, err := strconv.Atoi(strings.TrimPrefix(v.Name, "sampled_"))
	if err != nil {
		panic(fmt.Sprintf("kernels: %s has no width", v.Name))
	}
	return width
}

// Together says that the warps of a block share the columns of one segment. Otherwise each warp has its own
// segment.
func (v variant) Together() bool { return v.Width() > 256 }

// Lanes is the number of lanes that share an entry, and LanesShift its logarithm; PerLane is the number of
// columns of each of these lanes.
func (v variant) Lanes() int      { return min(v.Width(), 32) }
func (v variant) LanesShift() int { return bits.TrailingZeros(uint(v.Lanes())) }
func (v variant) PerLane() int    { return min(v.Width(), 256) / v.Lanes() }

// Entrywise is the number of entries that a warp takes at a time, and Unroll how many times it does so before
// it waits for the first.
func (v variant) Entrywise() int { return 32 / v.Lanes() }
func (v variant) Unroll() int    { return min(4, v.Lanes(), 8/v.PerLane()) }

// Within are the masks of a sum over the lanes that share an entry, and Across those of a sum over the
// entries that a warp takes at a time.
func (v variant) Within() []int { return masks(v.Lanes()/2, 1) }
func (v variant) Across() []int { return masks(16, v.Lanes()) }

// masks returns the powers of two from one to another, descending.
func masks(from, to int) (all []int) {
	for mask := from; mask >= to; mask /= 2 {
		all = append(all, mask)
	}
	return all
}
