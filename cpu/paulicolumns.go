package cpu

import "gonum.org/v1/gonum/mat"

// columnBlocks is a factor in blocks of pauliBlock rows, in each of which the columns follow each other. With
// few columns, the lanes of a register are then rows, and no dot product is summed over lanes.
type columnBlocks []float64

// of returns x in this form, in the memory of c if it is large enough.
func (c columnBlocks) of(x *mat.Dense) columnBlocks {
	rows, columns := x.Dims()
	c = grown(c, rows*columns)
	for j := range rows {
		block := c.block(j/pauliBlock*pauliBlock, columns)
		for k, v := range x.RawRowView(j) {
			block[k*pauliBlock+j%pauliBlock] = v
		}
	}
	return c
}

// copyTo sets x to c.
func (c columnBlocks) copyTo(x *mat.Dense) {
	rows, columns := x.Dims()
	for j := range rows {
		block := c.block(j/pauliBlock*pauliBlock, columns)
		for k := range x.RawRowView(j) {
			x.RawRowView(j)[k] = block[k*pauliBlock+j%pauliBlock]
		}
	}
}

// block returns the block whose first row is from.
func (c columnBlocks) block(from, columns int) []float64 {
	return c[from*columns:][:pauliBlock*columns]
}

// byColumns says whether the products of a factor are done by columns.
func (o *pauli) byColumns(x *mat.Dense) bool {
	_, columns := x.Dims()
	return o.n >= pauliBlock && columns <= o.loops.columns
}

// pairColumns returns pair by columns.
func (o *pauli) pairColumns(l, r *mat.Dense) func(bundle pauliBundle, from, _ int) {
	_, columns := l.Dims()
	o.left = o.left.of(l)
	right := o.left
	if l != r {
		o.right = o.right.of(r)
		right = o.right
	}
	return func(bundle pauliBundle, from, _ int) {
		o.loops.columnDots((*[pauliBlock]float64)(o.slab[from:]), o.apart, o.left.block(from, columns),
			right.block(from^bundle.upper, columns), bundle.xs)
	}
}

// combineColumns returns combine by columns, which adds to o.left, from zeros.
func (o *pauli) combineColumns(x *mat.Dense) func(bundle pauliBundle, from, _ int) {
	_, columns := x.Dims()
	o.left, o.right = zeros(o.left, o.n*columns), o.right.of(x)
	return func(bundle pauliBundle, from, _ int) {
		o.loops.columnAdds(o.left.block(from, columns), (*[pauliBlock]float64)(o.slab[from:]), o.apart,
			o.right.block(from^bundle.upper, columns), bundle.xs)
	}
}
