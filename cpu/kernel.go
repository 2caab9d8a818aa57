package cpu

import (
	"math"
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// number is a type of arithmetic.
type number interface{ float64 | float32 }

// kernel has the two loops over one block of rows of entries E, in the arithmetic F. All variants of a kernel
// give the same bits, because they compute each number by the same operations in the same order:
//
// A dot product has as many lanes as 64 bytes hold numbers: L = 8 in f64 and 16 in f32. Lane l is a chain of
// fused multiply-adds over the coordinates k = l, l + L, l + 2L, …. Then the upper half of the lanes is added
// to the lower half, again and again until one lane is left: for eight, ((0+4)+(2+6)) + ((1+5)+(3+7)). In f32
// each stretch of 2048 coordinates is one such dot product, and the stretches are added in f64, in order, so
// that chains stay short for every K.
//
// An accumulation is a chain acc_k ← fma(c_j, a_jk, acc_k) over the block's rows j in order. For signs it is
// acc_k + (((±c₀±c₁)+(±c₂±c₃)) + ((±c₄±c₅)+(±c₆±c₇))), whose two halves can be looked up.
type kernel[E sensing.Entry, F number] struct {
	vector vector[F]
	decode decoder[float32] // of q8 entries: vector takes the singles; nil if it takes the entries
	ending ending[F]
}

// vector is the assembly of a kernel, for a multiple of stride coordinates. The zero value is a kernel
// without.
type vector[F number] struct {
	dot func(lanes *F, rows *[blockRows][]byte, z *F, from, to int)
	add func(acc *F, c *[blockRows]F, rows *[blockRows][]byte, from, to int)
	// dots and adds do the same for as many members as together says, and convert each entry once for all of
	// them. They are nil for signs, which need no conversion.
	dots func(
		lanes *[together][blockRows * maxLanes]F, rows *[blockRows][]byte, z *[together][]F, from, to int)
	adds func(acc *[together][]F, c *[together][blockRows]F, rows *[blockRows][]byte, from, to int)
}

// workspace is the memory of one worker for calls of the kernel, for up to together members of a batch. It is
// kept between calls, because the arguments of assembly lie on the heap.
type workspace[E sensing.Entry, F number] struct {
	operands[E, F]
	rest    operands[E, F]       // the last coordinates, fewer than stride, with padding
	part    operands[float32, F] // some coordinates, with their entries decoded
	lanes   [together][blockRows * maxLanes]F
	p       [together][blockRows]float64
	c       [together][blockRows]F
	numbers [strip]F // for plain Go
}

// operands are the arguments of the two loops. One of them writes acc; both only read the rest.
type operands[E sensing.Entry, F number] struct {
	rows    block[E]
	decoded decoded
	z, acc  [together][]F
}

const (
	together = 4   // members of a batch that share the decoding of an entry
	maxLanes = 16  // L in f32
	stride   = 64  // assembly takes a multiple of so many coordinates; a multiple of the lanes
	strip    = 128 // plain Go takes so many coordinates at a time; a multiple of the lanes

	// singleStretch is how many coordinates a dot product in f32 sums in its lanes: a multiple of every
	// vector's step.
	singleStretch = 2048
)

// newWorkspace returns a workspace whose rest is padding: zeros of z, which change no sum.
func newWorkspace[E sensing.Entry, F number]() *workspace[E, F] {
	h := new(workspace[E, F])
	for j := range h.rest.rows {
		h.rest.rows[j] = make([]E, sensing.RowLen[E](stride))
	}
	for i := range h.rest.z {
		h.rest.z[i], h.rest.acc[i] = make([]F, stride), make([]F, stride)
	}
	return h
}

// laneCount returns L.
func laneCount[F number]() int { return 64 / int(unsafe.Sizeof(*new(F))) }

// rawRows views the rows of a block as bytes, for assembly, which reads only the pointers.
func rawRows[E sensing.Entry](b *block[E]) *[blockRows][]byte {
	return (*[blockRows][]byte)(unsafe.Pointer(b))
}

// takeRest copies the last entries of the rows, from a coordinate on, to the rest.
func (h *workspace[E, F]) takeRest(from int) {
	for j, row := range h.rows {
		copy(h.rest.rows[j], row[sensing.RowLen[E](from):])
	}
	h.rest.decoded.done = 0
}

// stretch returns how many of n coordinates a dot product sums in its lanes.
func stretch[F number](n int) int {
	if laneCount[F]() == maxLanes {
		return singleStretch
	}
	return max(n, 1)
}

// dot does h.p[i][j] = rows[j]·z[i] for so many members.
func (k kernel[E, F]) dot(h *workspace[E, F], members int) {
	clear(h.p[:members])
	n := len(h.z[0])
	for from, step := 0, stretch[F](n); from < n; from += step {
		clear(h.lanes[:members])
		if to := min(from+step, n); k.vector.dot == nil {
			k.plainDot(h, members, from, to)
		} else {
			k.dotStretch(h, members, from, to)
		}
		for i := range members {
			k.ending.foldInto(&h.p[i], &h.lanes[i])
		}
	}
}

// dotStretch adds some coordinates to the lanes with assembly.
func (k kernel[E, F]) dotStretch(h *workspace[E, F], members, from, to int) {
	whole := to / stride * stride
	k.vectorDot(h, &h.operands, members, from, whole)
	if whole < to { // last, since memory has begun to deliver these entries by now
		h.takeRest(whole)
		for i, z := range h.z[:members] {
			copy(h.rest.z[i], z[whole:])
		}
		k.vectorDot(h, &h.rest, members, 0, stride)
	}
}

// vectorDot adds some coordinates of the operands to the lanes.
func (k kernel[E, F]) vectorDot(h *workspace[E, F], o *operands[E, F], members, from, to int) {
	if k.decode == nil {
		k.vector.eachDot(&h.lanes, rawRows(&o.rows), &o.z, members, from, to)
		return
	}
	for from < to {
		n := k.decodePart(h, o, from, to)
		for i, z := range o.z[:members] {
			h.part.z[i] = z[from : from+n]
		}
		k.vector.eachDot(&h.lanes, rawRows(&h.part.rows), &h.part.z, members, 0, n)
		from += n
	}
}

// eachDot runs the loop of dot products for so many members.
func (v vector[F]) eachDot(
	lanes *[together][blockRows * maxLanes]F, rows *[blockRows][]byte, z *[together][]F,
	members, from, to int,
) {
	switch {
	case from == to:
	case members == together && v.dots != nil:
		v.dots(lanes, rows, z, from, to)
	default:
		for i, z := range z[:members] {
			v.dot(&lanes[i][0], rows, &z[0], from, to)
		}
	}
}

// plainDot is dotStretch in plain Go.
func (k kernel[E, F]) plainDot(h *workspace[E, F], members, from, to int) {
	lanes := laneCount[F]()
	for j, row := range h.rows {
		for at := from; at < to; at += strip {
			end := min(at+strip, to)
			x := h.numbers[:end-at]
			decode(x, row, at)
			for i := range members {
				multiplyAdd(h.lanes[i][j*lanes:(j+1)*lanes], x, h.z[i][at:end])
			}
		}
	}
}

// fold returns the sum of the lanes of a dot product.
func fold[F number](lane []F) float64 {
	switch lane := any(lane).(type) {
	case []float64:
		l := (*[8]float64)(lane)
		return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
	case []float32:
		l := (*[16]float32)(lane)
		even := ((l[0] + l[8]) + (l[4] + l[12])) + ((l[2] + l[10]) + (l[6] + l[14]))
		odd := ((l[1] + l[9]) + (l[5] + l[13])) + ((l[3] + l[11]) + (l[7] + l[15]))
		return float64(even + odd)
	}
	panic("cpu: unknown arithmetic")
}

// add does acc[i] += Σ_j h.c[i][j]·rows[j] for so many members.
func (k kernel[E, F]) add(h *workspace[E, F], members int) {
	if k.vector.add == nil {
		k.plainAdd(h, members)
		return
	}
	n := len(h.acc[0])
	whole := n / stride * stride
	k.vectorAdd(h, &h.operands, members, whole)
	if whole < n {
		h.takeRest(whole)
		for i, acc := range h.acc[:members] {
			copy(h.rest.acc[i], acc[whole:])
		}
		k.vectorAdd(h, &h.rest, members, stride)
		for i, acc := range h.acc[:members] {
			copy(acc[whole:], h.rest.acc[i])
		}
	}
}

// vectorAdd does add for the first n coordinates of the operands.
func (k kernel[E, F]) vectorAdd(h *workspace[E, F], o *operands[E, F], members, n int) {
	if k.decode == nil {
		k.vector.eachAdd(&o.acc, &h.c, rawRows(&o.rows), members, n)
		return
	}
	for from := 0; from < n; {
		count := k.decodePart(h, o, from, n)
		for i, acc := range o.acc[:members] {
			h.part.acc[i] = acc[from : from+count]
		}
		k.vector.eachAdd(&h.part.acc, &h.c, rawRows(&h.part.rows), members, count)
		from += count
	}
}

// eachAdd runs the loop of the accumulation for so many members.
func (v vector[F]) eachAdd(
	acc *[together][]F, c *[together][blockRows]F, rows *[blockRows][]byte, members, n int,
) {
	switch {
	case n == 0:
	case members == together && v.adds != nil:
		v.adds(acc, c, rows, 0, n)
	default:
		for i, acc := range acc[:members] {
			v.add(&acc[0], &c[i], rows, 0, n)
		}
	}
}

// plainAdd is add in plain Go.
func (k kernel[E, F]) plainAdd(h *workspace[E, F], members int) {
	if rows, signs := any(&h.rows).(*block[sensing.SignWord]); signs {
		for i, acc := range h.acc[:members] {
			addSigns(acc, &h.c[i], rows)
		}
		return
	}
	for at := 0; at < len(h.acc[0]); at += strip {
		to := min(at+strip, len(h.acc[0]))
		x := h.numbers[:to-at]
		for j, row := range h.rows {
			decode(x, row, at)
			for i := range members {
				scaleAdd(h.acc[i][at:to], h.c[i][j], x)
			}
		}
	}
}

// decode writes the numbers of the entries of a row, starting with entry from.
func decode[E sensing.Entry, F number](dst []F, row []E, from int) {
	switch row := any(row).(type) {
	case []float64:
		for i, v := range row[from : from+len(dst)] {
			dst[i] = F(v)
		}
	case []float32:
		for i, v := range row[from : from+len(dst)] {
			dst[i] = F(v)
		}
	case []sensing.BF16Entry:
		for i, v := range row[from : from+len(dst)] {
			dst[i] = F(v.Float64())
		}
	case []sensing.Q8Entry:
		for i, v := range row[from : from+len(dst)] {
			dst[i] = F(v.Float64())
		}
	case []sensing.SignWord:
		for i := range dst {
			dst[i] = 1 - 2*F(row[(from+i)/32]>>((from+i)%32)&1)
		}
	}
}

// multiplyAdd does lane[i mod L] ← fma(x[i], z[i], lane[i mod L]) in the order of i.
func multiplyAdd[F number](lane, x, z []F) {
	switch lane := any(lane).(type) {
	case []float64:
		multiplyAdd64((*[8]float64)(lane), any(x).([]float64), any(z).([]float64))
	case []float32:
		x, z := any(x).([]float32), any(z).([]float32)
		for i, v := range x {
			l := i % len(lane)
			lane[l] = fma32(v, z[i], lane[l])
		}
	}
}

// multiplyAdd64 is multiplyAdd with its eight chains side by side, in variables that stay in registers.
func multiplyAdd64(lane *[8]float64, x, z []float64) {
	s0, s1, s2, s3, s4, s5, s6, s7 := lane[0], lane[1], lane[2], lane[3], lane[4], lane[5], lane[6], lane[7]
	for len(x) >= 8 && len(z) >= 8 {
		s0 = math.FMA(x[0], z[0], s0)
		s1 = math.FMA(x[1], z[1], s1)
		s2 = math.FMA(x[2], z[2], s2)
		s3 = math.FMA(x[3], z[3], s3)
		s4 = math.FMA(x[4], z[4], s4)
		s5 = math.FMA(x[5], z[5], s5)
		s6 = math.FMA(x[6], z[6], s6)
		s7 = math.FMA(x[7], z[7], s7)
		x, z = x[8:], z[8:]
	}
	*lane = [8]float64{s0, s1, s2, s3, s4, s5, s6, s7}
	for l, v := range x {
		lane[l] = math.FMA(v, z[l], lane[l])
	}
}

// scaleAdd does acc[k] ← fma(c, x[k], acc[k]).
func scaleAdd[F number](acc []F, c F, x []F) {
	switch acc := any(acc).(type) {
	case []float64:
		c, x := any(c).(float64), any(x).([]float64)
		for k, v := range acc {
			acc[k] = math.FMA(c, x[k], v)
		}
	case []float32:
		c, x := any(c).(float32), any(x).([]float32)
		for k, v := range acc {
			acc[k] = fma32(c, x[k], v)
		}
	}
}

// addSigns looks up the two sums of four of each coordinate, in tables of their sixteen possible values.
func addSigns[F number](acc []F, c *[blockRows]F, rows *block[sensing.SignWord]) {
	var sums [2][16]F
	for half := range sums {
		for s := range sums[half] {
			x := func(j int) F { return c[4*half+j] * (1 - 2*F(s>>j&1)) }
			sums[half][s] = (x(0) + x(1)) + (x(2) + x(3))
		}
	}
	for k := range acc {
		var at [2]sensing.SignWord
		for j := range rows {
			at[j/4] |= rows[j][k/32] >> (k % 32) & 1 << (j % 4)
		}
		acc[k] += sums[0][at[0]] + sums[1][at[1]]
	}
}

// fma32 is a·b + c, rounded once. The product is exact in double precision. There the sum is rounded to odd:
// if it is not exact, to the neighbour whose last bit is set. Since double precision has more than two extra
// bits, the second rounding, to single precision, is then correct (Boldo and Melquiond, "Emulation of FMA and
// correctly rounded sums", IEEE Transactions on Computers 57, 2008).
func fma32(a, b, c float32) float32 {
	p, x := float64(a)*float64(b), float64(c)
	s := p + x
	t := s - p
	e := (p - (s - t)) + (x - t) // s + e = p + x, exactly; NaN if there are infinities
	if bits := math.Float64bits(s); bits&1 == 0 && (e > 0 || e < 0) {
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}
