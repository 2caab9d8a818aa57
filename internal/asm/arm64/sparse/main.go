// Command sparse writes the assembly of package cpu's loops over observed entries for arm64. Run it with
//
//	go generate ./cpu
//
// # What it writes
//
// There are four functions, which package cpu's type sparse defines. Each takes factors of any width. As on
// amd64, four entries are computed side by side, as four independent chains, and the last ones of a row
// alone; and rows are prefetched several entries before they are used. Products are rounded before they are
// added.
//
// The four chains of a dot product fill two registers. The numbers of a row are taken four at a time, and the
// last ones, fewer than four, one at a time: they belong to the first chain.
package main

import (
	"github.com/matsense/matsense/internal/asm/arm64"
)

const (
	together = 4  // entries side by side, and numbers of a row
	number   = 8  // bytes
	index    = 4  // bytes
	line     = 64 // bytes of the shortest cache line

	// A row is prefetched so many entries before its use.
	ahead = 16
)

func main() {
	p := &arm64.Program{Package: "cpu", Command: "go run ./arm64/sparse"}
	residuals(p)
	weighted(p)
	dots(p)
	scatter(p)
	p.Main()
}

// writer is a function under way. It has a parameter width.
type writer struct {
	*arm64.Function
	fours, rest arm64.X            // numbers of a row: groups of four, and the last ones
	strides     map[string]arm64.X // of matrices whose rows are looked up, in bytes
	bases       map[string]arm64.X // of these
}

// begin begins a function, which looks up rows of some matrices.
func begin(p *arm64.Program, name, parameters string, matrices ...string) *writer {
	w := &writer{p.New(name+"NEON", parameters, "is a sparse's "+name+"."), 0, 0, map[string]arm64.X{},
		map[string]arm64.X{}}
	w.fours, w.rest = w.Param("width"), w.X()
	w.parts(w.fours, w.rest)
	for _, m := range matrices {
		w.bases[m], w.strides[m] = w.Base(m), w.inBytes(m+"Stride")
	}
	return w
}

// parts replaces a count by that of its groups of four, and sets rest to what is left.
func (w *writer) parts(count, rest arm64.X) {
	w.Remainder(count, together, rest)
	w.ShiftRightX(2, count)
}

// inBytes loads a parameter that is a number of doubles, as bytes.
func (w *writer) inBytes(parameter string) arm64.X {
	x := w.Param(parameter)
	w.ShiftLeft(3, x)
	return x
}

// each repeats body count times, and keeps the count.
func (w *writer) each(count arm64.X, body func()) {
	left := w.X()
	w.Move(count, left)
	w.Loop(left, 1, body)
	w.FreeX(left)
}

// alongRow passes the sizes of the pieces of a row to body, which handles one piece each time: registers of
// two numbers, or none for a single number.
func (w *writer) alongRow(body func(registers int)) {
	w.each(w.fours, func() { body(together / 2) })
	w.each(w.rest, func() { body(0) })
}

// load loads a piece of a row and moves the pointer past it.
func (w *writer) load(from arm64.X, registers int) []arm64.V {
	if registers == 0 {
		x := w.Vs(1)
		w.Load(from, number, x...)
		return x
	}
	x := w.Vs(registers)
	w.Load(from, 2*number, x...)
	return x
}

// peek is load without moving the pointer.
func (w *writer) peek(from arm64.X, registers int) []arm64.V {
	if registers == 0 {
		x := w.Vs(1)
		w.LoadNumberAt(arm64.D2, from, 0, x[0])
		return x
	}
	x := w.Vs(registers)
	w.LoadAt(from, 0, x...)
	return x
}

// store stores a piece of a row, moves the pointer past it, and frees the registers.
func (w *writer) store(to arm64.X, registers int, x []arm64.V) {
	if registers == 0 {
		w.StoreNumber(arm64.D2, to, x[0])
	} else {
		w.Store(to, x...)
	}
	w.FreeV(x...)
}

// lookUp returns pointers to the rows of a matrix whose numbers stand at a pointer, which moves past them.
func (w *writer) lookUp(matrix string, at arm64.X, count int) []arm64.X {
	rows := make([]arm64.X, count)
	for j := range rows {
		rows[j] = w.X()
		w.LoadWord(at, rows[j])
		w.MultiplyAddX(rows[j], w.strides[matrix], w.bases[matrix], rows[j])
	}
	return rows
}

// rewind moves pointers back to the beginnings of their rows.
func (w *writer) rewind(rows []arm64.X) {
	width := w.inBytes("width")
	for _, r := range rows {
		w.Sub(width, r)
	}
	w.FreeX(width)
}

// prefetch prefetches the rows of a matrix whose numbers come a while after those at a pointer into a slice,
// or the last ones of the slice.
func (w *writer) prefetch(matrix, slice string, at arm64.X, count int) {
	last, length, next := w.Base(slice), w.Len(slice), w.X()
	w.AddShifted(length, 2, last)
	w.SubConstant(count*index, last)
	w.Move(at, next)
	w.AddConstant(ahead*index, next)
	w.Least(last, next)
	w.FreeX(last, length)
	rows := w.lookUp(matrix, next, count)
	w.FreeX(next)
	lines := w.Param("width")
	w.AddConstant(line/number-1, lines)
	w.ShiftRightX(3, lines)
	w.Loop(lines, 1, func() {
		for _, r := range rows {
			w.Prefetch(r)
			w.AddConstant(line, r)
		}
	})
	w.FreeX(append(rows, lines)...)
}

// dot returns the dot products of pairs of rows, two in each register; of a single pair, in both halves of
// one. With a single row on the left, that is the row of all pairs. The pointers move past the rows.
func (w *writer) dot(left, right []arm64.X) []arm64.V {
	chains := make([][]arm64.V, len(right))
	for j := range chains {
		chains[j] = w.Vs(together / 2)
		for _, c := range chains[j] {
			w.ZeroV(c)
		}
	}
	// The products of single numbers have zeros in the upper half. No sum is −0, so adding zeros changes
	// none.
	w.alongRow(func(registers int) {
		var x []arm64.V
		for j, r := range right {
			if j < len(left) {
				if x != nil {
					w.FreeV(x...)
				}
				x = w.load(left[j], registers)
			}
			y := w.load(r, registers)
			for i := range y {
				w.Multiply(arm64.D2, x[i], y[i], y[i])
				w.AddNumbers(arm64.D2, chains[j][i], y[i], chains[j][i])
			}
			w.FreeV(y...)
		}
		w.FreeV(x...)
	})
	for _, c := range chains {
		w.AddPairs(arm64.D2, c[0], c[1], c[0])
	}
	var sums []arm64.V
	for j := 0; j < len(chains); j += 2 {
		other := min(j+1, len(chains)-1)
		w.AddPairs(arm64.D2, chains[j][0], chains[other][0], chains[j][0])
		sums = append(sums, chains[j][0])
		w.FreeV(chains[j][1])
		if other > j {
			w.FreeV(chains[other]...)
		}
	}
	return sums
}

// add does sum ← sum + c_0·row_0 + c_1·row_1 + …, from the left. Two numbers of c are in each register. The
// pointers move past the rows.
func (w *writer) add(sum arm64.X, c []arm64.V, rows []arm64.X) {
	w.alongRow(func(registers int) {
		s := w.peek(sum, registers)
		for j, r := range rows {
			x := w.load(r, registers)
			for i := range x {
				w.MultiplyBy(arm64.D2, x[i], c[j/2], j%2, x[i])
				w.AddNumbers(arm64.D2, s[i], x[i], s[i])
			}
			w.FreeV(x...)
		}
		w.store(sum, registers, s)
	})
}

// eachRow writes the walk along rows of a compressed matrix. body computes count entries, whose columns and
// numbers (values or weights) start at pointers, for a row of g; it moves both pointers past them. after
// follows the last entry of the row.
func (w *writer) eachRow(
	numbers string, body func(cols, numbers, g arm64.X, count int), after func(g arm64.X),
) {
	g, begin, rows := w.Base("g"), w.Base("begin"), w.Len("begin")
	cols, entry := w.Base("cols"), w.Base(numbers)
	first := w.X()
	w.LoadX(begin, 0, first)
	w.AddShifted(first, 2, cols)
	w.AddShifted(first, 3, entry)
	w.SubConstant(1, rows)
	w.FreeX(first)
	w.Loop(rows, 1, func() {
		at, zero := w.copied(g), w.Vs(together/2)
		for _, z := range zero {
			w.ZeroV(z)
		}
		w.alongRow(func(registers int) {
			if registers == 0 {
				w.StoreNumber(arm64.D2, at, zero[0])
			} else {
				w.Store(at, zero...)
			}
		})
		w.FreeV(zero...)
		w.FreeX(at)

		count, rest := w.X(), w.X()
		w.LoadX(begin, 0, rest)
		w.LoadX(begin, number, count)
		w.AddConstant(number, begin)
		w.Sub(rest, count)
		w.parts(count, rest)
		w.Loop(count, 1, func() { body(cols, entry, g, together) })
		w.Loop(rest, 1, func() { body(cols, entry, g, 1) })
		w.FreeX(count, rest)
		after(g)
		stride := w.inBytes("gStride")
		w.Add(stride, g)
		w.FreeX(stride)
	})
}

// copied returns a copy of a general register.
func (w *writer) copied(x arm64.X) arm64.X {
	y := w.X()
	w.Move(x, y)
	return y
}

// numbersAt loads count numbers at a pointer, two in each register, and moves the pointer past them.
func (w *writer) numbersAt(from arm64.X, count int) []arm64.V { return w.load(from, count/2) }

func residuals(p *arm64.Program) {
	w := begin(p, "residuals", "g []float64, gStride int, l []float64, lStride int, r []float64, rStride int, "+
		"width int, begin []int, cols []int32, values []float64, scale float64", "r")
	w.Result = "squares float64"
	squares, l := w.V(), w.Base("l")
	w.ZeroV(squares)
	w.eachRow("values", func(cols, values, g arm64.X, count int) {
		w.prefetch("r", "cols", cols, count)
		right := w.lookUp("r", cols, count)
		at := w.copied(l)
		e := w.dot([]arm64.X{at}, right)
		w.FreeX(at)
		w.rewind(right)
		for i, v := range w.numbersAt(values, count) {
			w.SubNumbers(arm64.D2, e[i], v, e[i])
			w.FreeV(v)
		}
		for j := range count {
			square := w.V()
			w.Each(arm64.D2, e[j/2], j%2, square)
			w.Multiply(arm64.D2, square, square, square)
			w.AddNumbers(arm64.D2, squares, square, squares)
			w.FreeV(square)
		}
		at = w.copied(g)
		w.add(at, e, right)
		w.FreeX(append(right, at)...)
		w.FreeV(e...)
	}, func(g arm64.X) {
		at, scale := w.copied(g), w.V()
		w.LoadParam("scale", scale)
		w.alongRow(func(registers int) {
			x := w.peek(at, registers)
			for _, x := range x {
				w.MultiplyBy(arm64.D2, x, scale, 0, x)
			}
			w.store(at, registers, x)
		})
		w.FreeX(at)
		w.FreeV(scale)
		stride := w.inBytes("lStride")
		w.Add(stride, l)
		w.FreeX(stride)
	})
	w.StoreResult(squares)
	w.Return()
}

func weighted(p *arm64.Program) {
	w := begin(p, "weighted", "g []float64, gStride int, r []float64, rStride int, width int, begin []int, "+
		"cols []int32, weights []float64", "r")
	w.eachRow("weights", func(cols, weights, g arm64.X, count int) {
		w.prefetch("r", "cols", cols, count)
		right := w.lookUp("r", cols, count)
		c, at := w.numbersAt(weights, count), w.copied(g)
		w.add(at, c, right)
		w.FreeX(append(right, at)...)
		w.FreeV(c...)
	}, func(arm64.X) {})
	w.Return()
}

func dots(p *arm64.Program) {
	w := begin(p, "dots", "p []float64, l []float64, lStride int, r []float64, rStride int, width int, "+
		"rows []int32, cols []int32", "l", "r")
	to, rows, cols, count, rest := w.Base("p"), w.Base("rows"), w.Base("cols"), w.Len("rows"), w.X()
	w.parts(count, rest)
	for _, group := range []struct {
		times arm64.X
		count int
	}{{count, together}, {rest, 1}} {
		w.Loop(group.times, 1, func() {
			w.prefetch("l", "rows", rows, group.count)
			w.prefetch("r", "cols", cols, group.count)
			left, right := w.lookUp("l", rows, group.count), w.lookUp("r", cols, group.count)
			d := w.dot(left, right)
			w.store(to, group.count/2, d)
			w.FreeX(append(left, right...)...)
		})
	}
	w.Return()
}

func scatter(p *arm64.Program) {
	w := begin(p, "scatter", "g []float64, gStride int, r []float64, rStride int, width int, rows []int32, "+
		"cols []int32, weights []float64", "g", "r")
	rows, cols, weights, count := w.Base("rows"), w.Base("cols"), w.Base("weights"), w.Len("rows")
	w.Loop(count, 1, func() {
		w.prefetch("g", "rows", rows, 1)
		w.prefetch("r", "cols", cols, 1)
		sum, row := w.lookUp("g", rows, 1), w.lookUp("r", cols, 1)
		c := w.numbersAt(weights, 1)
		w.add(sum[0], c, row)
		w.FreeX(append(sum, row...)...)
		w.FreeV(c...)
	})
	w.Return()
}
