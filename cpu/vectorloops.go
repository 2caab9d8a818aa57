package cpu

import "gonum.org/v1/gonum/mat"

// vectorLoops does the products of [thin] for a factor of one column. For one column it does not pay to
// transpose the vectors, and the loops of a [kernel] take less time: A·x is the kernel's dot products, and
// xᵀ·A its accumulation. A sum over a chunk is then a single chain.
//
// Assembly takes padded(columns) numbers of each row. Those behind a row are the start of the next one. Dot
// products multiply them by zeros, and accumulations add them to padding.
type vectorLoops struct {
	kernel  kernel[float64, float64]
	memory  *workspace[float64, float64]
	columns [2][]float64 // of the factors, with zeros behind them
	edge    []float64    // the last rows of a matrix, with zeros behind each
}

func newVectorLoops(simd SIMD) *vectorLoops {
	return &vectorLoops{
		kernel: newKernel[float64, float64](simd), memory: newWorkspace[float64, float64](),
	}
}

// column returns the column of a factor as dots takes it, in memory number i.
func (v *vectorLoops) column(i int, x *mat.Dense) []float64 {
	rows, _ := x.Dims()
	z := zeros(v.columns[i], padded(rows))
	mat.Col(z[:rows], 0, x)
	v.columns[i] = z
	return z[:rows]
}

// take makes the rows of A from row i on the kernel's block, and returns how many these are.
func (v *vectorLoops) take(a operand, i int) int {
	count, length := min(blockRows, a.rows-i), padded(a.cols)
	data, down := a.data[i*a.down:], a.down
	if (count-1)*down+length > len(data) {
		v.edge = zeros(v.edge, blockRows*length)
		for j := range count {
			copy(v.edge[j*length:], data[j*down:][:a.cols])
		}
		data, down = v.edge, length
	}
	for j := range v.memory.rows {
		v.memory.rows[j] = data[min(j, count-1)*down:][:a.cols]
	}
	return count
}

// dots returns the products of the rows of the block and a column.
func (v *vectorLoops) dots(column []float64) *[blockRows]float64 {
	h := v.memory
	h.z[0] = column
	if v.kernel.vector.dot == nil {
		v.kernel.dot(h, 1)
		return &h.p[0]
	}
	h.p[0] = [blockRows]float64{}
	h.lanes[0] = [blockRows * maxLanes]float64{}
	v.kernel.vector.dot(&h.lanes[0][0], rawRows(&h.rows), &column[0], 0, padded(len(column)))
	v.kernel.ending.foldInto(&h.p[0], &h.lanes[0])
	return &h.p[0]
}

// add does sum ← sum + cᵀ·(the block), where c is the workspace's. Behind the block's columns, sum has
// padding.
func (v *vectorLoops) add(sum []float64) {
	h := v.memory
	columns := len(h.rows[0])
	if v.kernel.vector.add == nil {
		h.acc[0] = sum[:columns]
		v.kernel.add(h, 1)
		return
	}
	v.kernel.vector.add(&sum[:padded(columns)][0], &h.c[0], rawRows(&h.rows), 0, padded(columns))
}

// multiply does dst = A·x.
func (v *vectorLoops) multiply(dst []float64, a operand, x *mat.Dense) {
	column := v.column(0, x)
	for i := 0; i < a.rows; i += blockRows {
		count := v.take(a, i)
		copy(dst[i:], v.dots(column)[:count])
	}
}

// addTo does sum ← sum + wᵀ·A. Behind the columns of A, sum has padding.
func (v *vectorLoops) addTo(sum, w []float64, a operand) {
	c := v.memory.c[0][:]
	for i := 0; i < a.rows; i += blockRows {
		count := v.take(a, i)
		clear(c[copy(c, w[i:][:count]):])
		v.add(sum)
	}
}

// contract adds the terms of some measurements to a member's sums, for observations y and weights
// ψ(res_i)·scale in the gradient. It reads eight vectors at a time, for both products.
func (v *vectorLoops) contract(s *vectorSums, p *part, a, b operand, y []float64, scale float64) {
	l := v.column(0, p.l)
	r := l
	if p.r != p.l {
		r = v.column(1, p.r)
	}
	c := &v.memory.c[0]
	for i := 0; i < a.rows; i += blockRows {
		count := v.take(a, i)
		left := *v.dots(l)
		right := left
		if p.r != p.l {
			v.take(b, i)
			right = *v.dots(r)
		}
		var weights [blockRows]float64
		for j, observed := range y[i:][:count] {
			res := float64(left[j]*right[j]) - observed
			s.squares += p.loss.square(res)
			weights[j] = p.loss.psi(res) * scale
		}
		if p.gl != p.gr {
			for j, w := range weights {
				c[j] = left[j] * w
			}
			v.add(s.gl)
			v.take(a, i)
		}
		for j, w := range weights {
			c[j] = right[j] * w
		}
		v.add(s.gr)
	}
}
