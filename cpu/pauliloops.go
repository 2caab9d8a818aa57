package cpu

// pauliLoops are the loops of a [pauli] in one instruction set. All have the bits of plain Go.
type pauliLoops struct {
	// transform does v_z ← Σ_j (−1)^|z∧j|·v_j for every z.
	transform func(v []float64)
	// dots does dst_i = row·rows_i, in the chains of chainsDot. Each of the rows is as long as row.
	dots func(dst *[rowsTogether]float64, row []float64, rows *[rowsTogether]*float64)
	// adds does sum ← sum + weights_i·rows_i for one row after another. Each of the rows is as long as sum.
	adds func(sum []float64, weights *[rowsTogether]float64, rows *[rowsTogether]*float64)

	// columns is the most columns of a factor whose rows are taken as [columnBlocks]; 0 without such loops.
	columns int
	// columnDots does dst[g·apart + j] = Σ_k l[32k + j]·r[32k + (j⊕xs[g])] for every g and the rows j of a
	// block, in the chains of chainsDot. It uses the last five bits of xs[g].
	columnDots func(dst *[pauliBlock]float64, apart int, l, r []float64, xs []int)
	// columnAdds does sum[32k + j] ← sum[32k + j] + c[g·apart + j]·x[32k + (j⊕xs[g])] for one g after
	// another.
	columnAdds func(sum []float64, c *[pauliBlock]float64, apart int, x []float64, xs []int)
}

// rowTable is the rows that a loop takes, with the dot product or the weight of each.
type rowTable struct {
	rows    [rowsTogether]*float64
	numbers [rowsTogether]float64
}

const (
	rowsTogether = 8 // rows that one loop takes at a time
	leastRows    = 3 // fewer dot products take less time one by one
	shortRow     = 8 // shorter rows take less time one by one
)

// plainPauliLoops are the loops in plain Go, which takes rows one by one.
var plainPauliLoops = pauliLoops{transform: transform}

// transform does v_z ← Σ_j (−1)^|z∧j|·v_j for every z: the Walsh–Hadamard transform. It has a level for each
// bit, and does two levels at a time.
func transform(v []float64) {
	half := 1
	if len(v) >= 4 {
		for at := 0; at+4 <= len(v); at += 4 { // for slices this short, the loop below would be slow
			four := v[at:][:4]
			four[0], four[1], four[2], four[3] = butterflies(four[0], four[1], four[2], four[3])
		}
		half = 4
	}
	for ; 4*half <= len(v); half *= 4 {
		for at := 0; at < len(v); at += 4 * half {
			a, b, c, d := v[at:][:half], v[at+half:][:half], v[at+2*half:][:half], v[at+3*half:][:half]
			for i := range a {
				a[i], b[i], c[i], d[i] = butterflies(a[i], b[i], c[i], d[i])
			}
		}
	}
	if half < len(v) {
		a, b := v[:half], v[half:][:half]
		for i, low := range a {
			a[i], b[i] = low+b[i], low-b[i]
		}
	}
}

// butterflies is two levels of a transform.
func butterflies(a, b, c, d float64) (float64, float64, float64, float64) {
	a, b = a+b, a-b
	c, d = c+d, c-d
	return a + c, b + d, a - c, b - d
}
