package cpu

import (
	"context"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// pauli is the operator of a [sensing.Pauli]. Row j of a word has one element, in column j⊕x, so that
//
//	⟨P, LRᵀ⟩ = (−1)^(|x∧z|/2)·Σ_j (−1)^|z∧j|·d_j(x),   d_j(x) = l_j·r_{j⊕x}
//	(S·X)_j = Σ_x c_j(x)·X_{j⊕x},                      c_j(x) = Σ_z (−1)^|z∧j|·v_z,   S = Σ_i w_i A_i
//
// with v_z = √(K/n)·(−1)^(|x∧z|/2)·w_i summed over the words i with these masks. All words with the same x
// share d(x) and c(x), which take O(n·r). The sums over j for every z, or over z for every j, are a
// Walsh–Hadamard transform in O(n·log n), which takes hardly longer than a single such sum. So m words cost
// at most O(m·n·(r + log n)), and any number of words at most O(n²·(r + log n)). No array of n² numbers is
// kept.
//
// A bundle is the x that share all bits but the last five. The rows j are taken in blocks of 32 in the same
// way. For one block, a bundle needs only 32 rows j⊕x of the other factor, which stay in cache. SIMD loops
// take narrow factors column by column (see [columnBlocks]). One worker computes each of the numbers d, c and
// p, and each row of S·X in ascending order of x: the bits are the same for any number of workers.
type pauli struct {
	n       int
	workers int
	loops   pauliLoops
	stop    *interruption
	words   []pauliWord // sorted by x, words with the same x in the order of measurements
	groups  []pauliGroup
	bundles []pauliBundle
	slab    []float64   // the memory of shared
	apart   int         // from a group's numbers in the slab to the next group's
	shared  [][]float64 // for each group of the bundle under way, d or c: n
	values  []float64   // of contract: p, then the weights of the A_i
	left    columnBlocks
	right   columnBlocks
}

// pauliWord is one measurement.
type pauliWord struct {
	entry int32 // the measurement's number
	z     uint32
	unit  float64 // √(K/n)·(−1)^(|x∧z|/2)
}

// pauliGroup is the words with the same x.
type pauliGroup struct {
	x     int
	words []pauliWord
}

// pauliBundle is the groups whose x share all bits but the last five.
type pauliBundle struct {
	groups []pauliGroup
	upper  int   // the shared bits
	xs     []int // of all groups
}

// pauliBlock is the number of rows in a block, and the maximum of groups in a bundle.
const pauliBlock = 32

// pauliKind is the kind of Pauli words.
type pauliKind struct{ *sensing.Pauli }

func (e pauliKind) bytes(o options, batch solver.Batch) float64 {
	const mask, number, word, group = 4, 8, 16, 32 + 24 + 8
	n, _ := e.Space().Dims()
	m := float64(e.Measurements())
	columns := 0
	for _, r := range batch.FactorRanks {
		if r <= pauliLoopsOf(o.simd).columns {
			columns = max(columns, r)
		}
	}
	return m*(2*mask+2*number+2*word) + min(m, float64(n))*group +
		float64(pauliBlock+2*columns)*number*float64(n)
}

func (e pauliKind) newOperator(_ context.Context, o options) (operator, error) {
	n, _ := e.Space().Dims()
	m := e.Measurements()
	op := &pauli{
		n: n, workers: o.workers, loops: pauliLoopsOf(o.simd), stop: o.stop,
		words: make([]pauliWord, m), values: make([]float64, m),
	}
	x, z := e.Masks()
	for i := range op.words {
		op.words[i] = pauliWord{int32(i), z[i], e.Unit()}
		if bits.OnesCount32(x[i]&z[i])%4 == 2 {
			op.words[i].unit = -e.Unit()
		}
	}
	slices.SortStableFunc(op.words, func(a, b pauliWord) int { return int(x[a.entry]) - int(x[b.entry]) })
	for from := 0; from < len(op.words); {
		to := from + 1
		for to < len(op.words) && x[op.words[to].entry] == x[op.words[from].entry] {
			to++
		}
		op.groups = append(op.groups, pauliGroup{int(x[op.words[from].entry]), op.words[from:to]})
		from = to
	}
	most := 0
	for from := 0; from < len(op.groups); {
		bundle := pauliBundle{upper: op.groups[from].x / pauliBlock * pauliBlock}
		to := from
		for to < len(op.groups) && op.groups[to].x/pauliBlock*pauliBlock == bundle.upper {
			bundle.xs = append(bundle.xs, op.groups[to].x)
			to++
		}
		bundle.groups = op.groups[from:to]
		op.bundles = append(op.bundles, bundle)
		most = max(most, to-from)
		from = to
	}
	const line = 8 // numbers: without them, the numbers of one row compete for a few places in the cache
	op.apart = n + line
	op.slab = make([]float64, most*op.apart)
	for g := range most {
		op.shared = append(op.shared, op.slab[g*op.apart:][:n])
	}
	return op, nil
}

// eachBlock calls do for blocks of rows, on all workers.
func (o *pauli) eachBlock(do func(from, to int)) error {
	return inTurn(o.stop, o.workers, (o.n+pauliBlock-1)/pauliBlock, func(b int) {
		do(b*pauliBlock, min((b+1)*pauliBlock, o.n))
	})
}

// apply implements operator.
func (o *pauli) apply(p []float64, l, r *mat.Dense) error {
	pair := o.pairs(l, r)
	for _, bundle := range o.bundles {
		err := o.eachBlock(func(from, to int) { pair(bundle, from, to) })
		if err != nil {
			return err
		}
		err = inTurn(o.stop, o.workers, len(bundle.groups), func(g int) {
			o.loops.transform(o.shared[g])
			bundle.groups[g].sums(p, o.shared[g])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pairs returns the function that does d for a bundle and a block of rows.
func (o *pauli) pairs(l, r *mat.Dense) func(bundle pauliBundle, from, to int) {
	if o.byColumns(l) {
		return o.pairColumns(l, r)
	}
	return func(bundle pauliBundle, from, to int) { o.pair(bundle.groups, l, r, from, to) }
}

// pair does d_j(x) for a bundle and the rows from ≤ j < to. If L is R, then d_j = d_{j⊕x}, which is computed
// once.
func (o *pauli) pair(bundle []pauliGroup, l, r *mat.Dense, from, to int) {
	others := r.RawMatrix()
	var groups [pauliBlock]int // whose d_j is computed
	t := new(rowTable)
	for j := from; j < to; j++ {
		count := 0
		for g, group := range bundle {
			if l != r || j^group.x >= j {
				groups[count] = g
				count++
			}
		}
		o.dots(t, bundle, groups[:count], l.RawRowView(j), others, j)
		if l == r {
			for _, g := range groups[:count] {
				o.shared[g][j^bundle[g].x] = o.shared[g][j]
			}
		}
	}
}

// dots does d_j(x) for some groups of a bundle, from row j of L.
func (o *pauli) dots(
	t *rowTable, bundle []pauliGroup, groups []int, row []float64, others blas64.General, j int,
) {
	for o.loops.dots != nil && len(groups) >= leastRows && len(row) >= shortRow {
		count := min(rowsTogether, len(groups))
		for i := range t.rows { // if there are too few groups, the last one again
			t.rows[i] = &others.Data[(j^bundle[groups[min(i, count-1)]].x)*others.Stride]
		}
		o.loops.dots(&t.numbers, row, &t.rows)
		for i, g := range groups[:count] {
			o.shared[g][j] = t.numbers[i]
		}
		groups = groups[count:]
	}
	for _, g := range groups {
		o.shared[g][j] = chainsDot(row, others.Data[(j^bundle[g].x)*others.Stride:][:len(row)])
	}
}

// sums does the p_i of a group from the sums of d for every z.
func (g *pauliGroup) sums(p, all []float64) {
	for _, w := range g.words {
		p[w.entry] = w.unit * all[w.z]
	}
}

// adjointMul implements operator. S is symmetric.
func (o *pauli) adjointMul(dst *mat.Dense, w []float64, _ bool, x *mat.Dense) error {
	combine := o.combinations(dst, x)
	for _, bundle := range o.bundles {
		err := inTurn(o.stop, o.workers, len(bundle.groups), func(g int) {
			bundle.groups[g].weigh(o.shared[g], w)
			o.loops.transform(o.shared[g])
		})
		if err != nil {
			return err
		}
		err = o.eachBlock(func(from, to int) { combine(bundle, from, to) })
		if err != nil {
			return err
		}
	}
	if o.byColumns(x) {
		o.left.copyTo(dst)
	}
	return nil
}

// weigh does the sums v_z of a group, whose transform is c.
func (g *pauliGroup) weigh(v, w []float64) {
	clear(v)
	for _, word := range g.words {
		v[word.z] += float64(word.unit * w[word.entry])
	}
}

// combinations returns the function that adds the terms of a bundle to a block of rows of S·X, from zeros.
func (o *pauli) combinations(dst, x *mat.Dense) func(bundle pauliBundle, from, to int) {
	if o.byColumns(x) {
		return o.combineColumns(x)
	}
	dst.Zero()
	return func(bundle pauliBundle, from, to int) { o.combine(dst, bundle.groups, x, from, to) }
}

// combine adds the terms of a bundle to the rows from ≤ j < to of S·X.
func (o *pauli) combine(dst *mat.Dense, bundle []pauliGroup, x *mat.Dense, from, to int) {
	others := x.RawMatrix()
	t := new(rowTable)
	for j := from; j < to; j++ {
		sum, g := dst.RawRowView(j), 0
		for o.loops.adds != nil && len(sum) >= shortRow && g+rowsTogether <= len(bundle) {
			for i := range t.rows {
				t.numbers[i] = o.shared[g+i][j]
				t.rows[i] = &others.Data[(j^bundle[g+i].x)*others.Stride]
			}
			o.loops.adds(sum, &t.numbers, &t.rows)
			g += rowsTogether
		}
		for ; g < len(bundle); g++ {
			addScaled(sum, o.shared[g][j], others.Data[(j^bundle[g].x)*others.Stride:][:len(sum)])
		}
	}
}

// contract implements operator.
func (o *pauli) contract(y []float64, parts []*part) error {
	for _, p := range parts {
		if err := p.loss.contractWhole(o, y, p, o.values); err != nil {
			return err
		}
	}
	return nil
}
