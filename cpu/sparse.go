package cpu

// sparse is the loops over observed entries. A matrix in them has rows of width numbers: row i of r is
// r[i·rStride:][:width]. dots, residuals and weighted overwrite what they compute. No result overlaps an
// input.
type sparse struct {
	// residuals walks along rows of a compressed matrix. Row i has the entries q from begin[i] up to
	// begin[i+1] − 1. It does g_i = scale·Σ_q e_q·r_j, with j = cols[q] and e_q = l_i·r_j − values[q], and
	// returns Σ e².
	residuals residualsLoop
	// narrow has the residuals of single widths, from 1 on.
	narrow []residualsLoop
	// weighted walks along the same rows. It does g_i = Σ_q weights[q]·r_j.
	weighted func(g []float64, gStride int, r []float64, rStride, width int,
		begin []int, cols []int32, weights []float64)
	// dots takes entries anywhere. It does p_k = l_i·r_j with i = rows[k] and j = cols[k].
	dots func(p []float64, l []float64, lStride int, r []float64, rStride, width int, rows, cols []int32)
	// scatter takes entries anywhere, in turn. It does g_i ← g_i + weights[k]·r_j.
	scatter func(g []float64, gStride int, r []float64, rStride, width int,
		rows, cols []int32, weights []float64)
}

// residualsLoop is a loop that computes residuals.
type residualsLoop func(g []float64, gStride int, l []float64, lStride int, r []float64, rStride, width int,
	begin []int, cols []int32, values []float64, scale float64) (squares float64)

// residualsOf returns the loop for a width.
func (s sparse) residualsOf(width int) residualsLoop {
	if width <= len(s.narrow) {
		return s.narrow[width-1]
	}
	return s.residuals
}

// plainSparse is the loops in plain Go. They define the order of operations: dot products are chainsDot, and
// every other sum is a single chain.
var plainSparse = sparse{residualsGo, nil, weightedGo, dotsGo, scatterGo}

func residualsGo(g []float64, gStride int, l []float64, lStride int, r []float64, rStride, width int,
	begin []int, cols []int32, values []float64, scale float64) (squares float64) {
	for i, last := range begin[1:] {
		sum, left := g[i*gStride:][:width], l[i*lStride:][:width]
		clear(sum)
		for q := begin[i]; q < last; q++ {
			right := r[int(cols[q])*rStride:][:width]
			e := chainsDot(left, right) - values[q]
			addScaled(sum, e, right)
			squares += float64(e * e)
		}
		for k := range sum {
			sum[k] *= scale
		}
	}
	return squares
}

func weightedGo(g []float64, gStride int, r []float64, rStride, width int,
	begin []int, cols []int32, weights []float64) {
	for i, last := range begin[1:] {
		sum := g[i*gStride:][:width]
		clear(sum)
		for q := begin[i]; q < last; q++ {
			addScaled(sum, weights[q], r[int(cols[q])*rStride:][:width])
		}
	}
}

func dotsGo(p []float64, l []float64, lStride int, r []float64, rStride, width int, rows, cols []int32) {
	for k, i := range rows {
		p[k] = chainsDot(l[int(i)*lStride:][:width], r[int(cols[k])*rStride:][:width])
	}
}

func scatterGo(g []float64, gStride int, r []float64, rStride, width int,
	rows, cols []int32, weights []float64) {
	for k, i := range rows {
		addScaled(g[int(i)*gStride:][:width], weights[k], r[int(cols[k])*rStride:][:width])
	}
}
