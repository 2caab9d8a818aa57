package gpu

import (
	"github.com/matsense/matsense/gpu/driver"
)

// This file launches the kernels of anchors. Their heads in kernels/ have the equations.

// difference is an entry of a list of anchor_distance, anchor_subtract, anchor_sum and anchor_residuals. The
// head of anchor_distance says what each address is for.
type difference struct {
	z, z0, delta, scale, parts, chunks, g0, g, dots, res0, res driver.Pointer
}

func (d difference) words() []uint64 {
	return []uint64{
		uint64(d.z), uint64(d.z0), uint64(d.delta), uint64(d.scale), uint64(d.parts), uint64(d.chunks),
		uint64(d.g0), uint64(d.g), uint64(d.dots), uint64(d.res0), uint64(d.res),
	}
}

// rowsToSquare is an entry of a list of row_squares.
type rowsToSquare struct {
	x, sums    driver.Pointer
	rows, cols int
}

func (r rowsToSquare) words() []uint64 {
	return []uint64{uint64(r.x), uint64(r.sums), uint64(r.rows), uint64(r.cols)}
}

// segments is the number of parts of a squared distance.
func (o *mixedOperator) segments() int { return blocks(o.double.k, distanceSegment) }

// subtract makes the differences of a list, their norms and their units.
func (o *mixedOperator) subtract(list []difference) error {
	at, err := o.list(encode(list))
	if err != nil {
		return err
	}
	block, k := driver.Dim{256, 1, 1}, driver.U32(o.double.k)
	err = o.launch("anchor_distance", driver.Dim{o.segments(), len(list), 1}, block, driver.Ptr(at), k)
	if err != nil {
		return err
	}
	return o.launch("anchor_subtract", driver.Dim{o.double.kp / 1024, len(list), 1}, block, driver.Ptr(at), k)
}

// factor makes up for the rounding of 1/m to f32.
func (o *mixedOperator) factor() float64 {
	scale := 1 / float64(o.double.all)
	return scale / float64(float32(scale))
}

// addSums makes g of a list from those of the anchors.
func (o *mixedOperator) addSums(list []difference) error {
	at, err := o.list(encode(list))
	if err != nil {
		return err
	}
	return o.launch("anchor_sum", driver.Dim{blocks(o.double.k, 256), len(list), 1}, driver.Dim{256, 1, 1},
		driver.Ptr(at), driver.U32(o.double.k), driver.U32(o.double.kp), driver.U32(o.single.chunks.count()),
		driver.F64(o.factor()))
}

// addResiduals makes the residuals of a list from those of the anchors.
func (o *mixedOperator) addResiduals(list []difference) error {
	at, err := o.list(encode(list))
	if err != nil {
		return err
	}
	m := o.double.all
	return o.launch("anchor_residuals", driver.Dim{blocks(m, 256), len(list), 1}, driver.Dim{256, 1, 1},
		driver.Ptr(at), driver.U32(m))
}

// measures returns room for what measure measures of so many parts: for each part the norm of its difference
// and the unit; then for each of its pulls the squared norms of the rows of X and of G·X.
func (o *mixedOperator) measures(parts int) []float64 {
	return make([]float64, parts*(2+o.pulls*(o.double.n1+o.double.n2)))
}

// measure fills o.numbers, in the order of measures, and waits for the device.
func (o *mixedOperator) measure(near []part) error {
	to := o.measured + driver.Pointer(16*len(near))
	var list []rowsToSquare
	for _, p := range near {
		for _, pull := range p.pulls {
			of, made := o.double.n2, o.double.n1 // rows of X, and of G·X
			if pull.transposed {
				of, made = made, of
			}
			list = append(list, rowsToSquare{pull.x, to, of, p.cols},
				rowsToSquare{pull.dst, to + driver.Pointer(8*of), made, p.cols})
			to += driver.Pointer(8 * (of + made))
		}
	}
	at, err := o.list(encode(list))
	if err != nil {
		return err
	}
	grid := driver.Dim{blocks(max(o.double.n1, o.double.n2), 8), len(list), 1}
	err = o.launch("row_squares", grid, driver.Dim{256, 1, 1}, driver.Ptr(at))
	if err != nil {
		return err
	}
	o.numbers = o.measures(len(near))
	return o.downloadNumbers(o.numbers, o.measured)
}
