package gpu

import (
	"fmt"
	"slices"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
)

// The kernels of rank-one measurements read the addresses of columns and members from lists. The lists follow
// from the parts of a contraction.

// arrangement is a contraction, and the parts that it was made for.
type arrangement struct {
	parts  []part
	lists  []byte
	groups []vectorGroup
	pitch  int // the most columns with which a vector is multiplied
}

// vectorGroup is a group of parts that a step does together: all parts that read the vectors twice, or all
// parts of one size and with one loss that read them once.
type vectorGroup struct {
	kernel  string // that reads the vectors once; "" if they are read twice
	members columnList
	losses  losses // of the members
	chunks  chunkTable
	pulls   []vectorPull
	// The columns with which the vectors of each side are multiplied, and of both sides together. Not used by
	// a kernel that reads the vectors once.
	sides [2]columnList
	pitch int
}

// vectorPull is one matrix of the gradients of a group.
type vectorPull struct {
	side    int // that has the rows of the matrix
	columns columnList
	sums    driver.Pointer // of the chunks
	scale   float64
}

// sumsOf returns the sums of the pull whose rows are those of a side.
func (g vectorGroup) sumsOf(side int) driver.Pointer {
	for _, to := range g.pulls {
		if to.side == side {
			return to.sums
		}
	}
	panic("gpu: a group has no pull of this side")
}

// columnList is one of the lists of a contraction: its first item among those of all lists, and its items.
type columnList struct{ first, width int }

// arrange puts the lists of a contraction on the device.
func (o *rankOneOperator) arrange(parts []part) (err error) {
	if !slices.EqualFunc(o.arranged.parts, parts, samePart) {
		if o.arranged, err = o.arrangementOf(parts); err != nil {
			return err
		}
	}
	o.lists, err = o.list(o.arranged.lists)
	return err
}

// arrangementOf makes the lists of a contraction.
func (o *rankOneOperator) arrangementOf(parts []part) (a arrangement, err error) {
	type kind struct { // of a group; parts that read the vectors twice are of one kind
		kernel string
		loss   loss
	}
	kinds, all := make([]kind, len(parts)), []kind{{}}
	for i, p := range parts {
		if name := o.kernelOf(p); name != "" {
			kinds[i] = kind{name, p.loss}
		}
		if !slices.Contains(all, kinds[i]) {
			all = append(all, kinds[i])
		}
	}
	w := listWriter{rankOneOperator: o, sums: o.chunkSums}
	for _, k := range all {
		var numbers []int
		for i := range parts {
			if kinds[i] == k {
				numbers = append(numbers, i)
			}
		}
		switch {
		case len(numbers) == 0:
		case k.kernel == "":
			g := w.twice(parts, numbers)
			a.groups, a.pitch = append(a.groups, g), g.pitch
		default:
			a.groups = append(a.groups, w.once(parts, numbers, k.kernel))
		}
	}
	if len(w.all) > o.mostItems() || w.sums > o.chunkSums+driver.Pointer(8*o.sumNumbers) {
		return arrangement{}, fmt.Errorf(
			"gpu: a contraction has %d columns and members, and there is room for %d", len(w.all), o.mostItems())
	}
	a.lists = encode(w.all)
	for _, p := range parts {
		p.pulls = slices.Clone(p.pulls)
		a.parts = append(a.parts, p)
	}
	return a, nil
}

// samePart says whether two parts have the same operands and results.
func samePart(p, q part) bool {
	return p.l == q.l && p.r == q.r && p.cols == q.cols && p.loss == q.loss && slices.Equal(p.pulls, q.pulls)
}

// kernelOf returns the kernel that contracts a part and reads each vector once, or "" if there is none. There
// is one for G·L of Z = LLᵀ, and for G·R and Gᵀ·L of Z = LRᵀ, if L, R and the sums fit into a block's
// registers. The kernel follows from the part alone, not from the others of a batch.
func (o *rankOneOperator) kernelOf(p part) string {
	if o.symmetric {
		if p.l != p.r || len(p.pulls) != 1 || p.pulls[0].x != p.l {
			return ""
		}
	} else {
		if len(p.pulls) != 2 || p.pulls[0].transposed == p.pulls[1].transposed {
			return ""
		}
		for _, to := range p.pulls {
			if to.transposed && to.x != p.l || !to.transposed && to.x != p.r {
				return ""
			}
		}
	}
	return o.kernelFor(p.cols)
}

// kernelFor returns the kernel that reads each vector once for so many columns, or "".
func (l *rankOneLayout) kernelFor(cols int) string {
	for _, size := range kernels.FusedSizes(!l.symmetric) {
		if l.slots() <= size.Slots && cols <= size.Columns {
			return size.Kernel
		}
	}
	return ""
}

// listWriter writes the lists of a contraction, one after another, and gives the sums of each pull a place.
type listWriter struct {
	*rankOneOperator
	all  []item
	sums driver.Pointer
}

// put adds a list.
func (w *listWriter) put(entries []item) columnList {
	list := columnList{len(w.all), len(entries)}
	w.all = append(w.all, entries...)
	return list
}

// pulls returns the pulls of a group. Entry number of column c is dst, its weights and its operand.
func (w *listWriter) pulls(parts []part, numbers []int, chunks chunkTable,
	operand func(p part, to pull) driver.Pointer,
) (pulls []vectorPull) {
	for b, first := range parts[numbers[0]].pulls {
		var entries []item
		for _, i := range numbers {
			p, to := parts[i], parts[i].pulls[b]
			x, weights := operand(p, to), w.weights+driver.Pointer(8*i*w.m)
			for c := range driver.Pointer(p.cols) {
				entries = append(entries, item{x + 8*c, weights, p.cols, to.dst + 8*c})
			}
		}
		side := w.result(first.transposed)
		pulls = append(pulls, vectorPull{side, w.put(entries), w.sums, first.scale})
		w.sums += driver.Pointer(8 * chunks.count() * w.sides[side] * len(entries))
	}
	return pulls
}

// once makes the group of parts that a kernel contracts reading each vector once.
func (w *listWriter) once(parts []part, numbers []int, kernel string) vectorGroup {
	g := vectorGroup{kernel: kernel, chunks: w.onceChunks}
	var members []item
	first := 0
	for _, i := range numbers {
		p := parts[i]
		members = append(members, item{p.l, p.r, p.cols | i<<32, driver.Pointer(first)})
		g.losses = append(g.losses, p.loss)
		first += p.cols
	}
	g.members = w.put(members)
	g.pulls = w.pulls(parts, numbers, g.chunks, func(part, pull) driver.Pointer { return 0 })
	return g
}

// twice makes the group of the parts for which the vectors are read twice. A matrix that is multiplied with
// vectors for two purposes is listed once.
func (w *listWriter) twice(parts []part, numbers []int) vectorGroup {
	g := vectorGroup{chunks: w.chunks}
	type matrix struct {
		side int
		x    driver.Pointer
		cols int
	}
	var operands [2][]item
	listed := map[matrix]int{}
	list := func(side int, x driver.Pointer, cols int) {
		if _, ok := listed[matrix{side, x, cols}]; ok {
			return
		}
		listed[matrix{side, x, cols}] = len(operands[side])
		for c := range driver.Pointer(cols) {
			operands[side] = append(operands[side], item{a: x + 8*c, cols: cols})
		}
	}
	for _, i := range numbers {
		p := parts[i]
		list(leftSide, p.l, p.cols)
		list(w.operand(false), p.r, p.cols)
		for _, to := range p.pulls {
			list(w.operand(to.transposed), to.x, p.cols)
		}
	}
	next := w.products
	var at [2]driver.Pointer // the first product of each side
	for side, entries := range operands {
		at[side] = next
		for c := range entries {
			entries[c].dst = next
			next += 8
		}
		g.sides[side] = w.put(entries)
		g.pitch += len(entries)
	}
	productOf := func(side int, x driver.Pointer, cols int) driver.Pointer {
		return at[side] + driver.Pointer(8*listed[matrix{side, x, cols}])
	}
	var members []item
	for _, i := range numbers {
		p := parts[i]
		members = append(members, item{productOf(leftSide, p.l, p.cols),
			productOf(w.operand(false), p.r, p.cols), p.cols, driver.Pointer(i)})
		g.losses = append(g.losses, p.loss)
	}
	g.members = w.put(members)
	g.pulls = w.pulls(parts, numbers, g.chunks, func(p part, to pull) driver.Pointer {
		return productOf(w.operand(to.transposed), to.x, p.cols)
	})
	return g
}
