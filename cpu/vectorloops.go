package cpu

import "gonum.org/v1/gonum/mat"

// vectorLoops does the products of [thin] for a factor of one column. For one column it does not pay to
// transpose the vectors, and the loops of a [kernel] take less time: A·x is the kernel's dot products, and
// xᵀ·A its accumulation. A sum over a chunk is then a single chain.
type vectorLoops struct {
	kernel kernel[float64, float64]
	memory *workspace[float64, float64]
	column []float64 // of the factor
}

func newVectorLoops(simd SIMD) *vectorLoops {
	return &vectorLoops{kernel: newKernel[float64, float64](simd), memory: newWorkspace[float64, float64]()}
}

// take makes the rows of A from row i on the kernel's block, and returns how many these are.
func (v *vectorLoops) take(a operand, i int) int {
	count := min(blockRows, a.rows-i)
	for j := range v.memory.rows {
		v.memory.rows[j] = a.data[(i+min(j, count-1))*a.down:][:a.cols]
	}
	return count
}

// multiply does dst = A·x.
func (v *vectorLoops) multiply(dst []float64, a operand, x *mat.Dense) {
	v.column = grown(v.column, a.cols)
	mat.Col(v.column, 0, x)
	v.memory.z[0] = v.column
	clear(v.memory.rest.z[0]) // the vectors before may have been longer
	for i := 0; i < a.rows; i += blockRows {
		count := v.take(a, i)
		v.kernel.dot(v.memory, 1)
		copy(dst[i:], v.memory.p[0][:count])
	}
}

// addTo does sum ← sum + wᵀ·A.
func (v *vectorLoops) addTo(sum, w []float64, a operand) {
	v.memory.acc[0] = sum[:a.cols]
	c := v.memory.c[0][:]
	for i := 0; i < a.rows; i += blockRows {
		count := v.take(a, i)
		clear(c[copy(c, w[i:][:count]):])
		v.kernel.add(v.memory, 1)
	}
}
