package cpu

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// pauli is the operator of a [sensing.Pauli]. Row j of a word has one element, in column j⊕x, so that
//
//	⟨P, LRᵀ⟩ = (−1)^(|x∧z|/2)·Σ_j (−1)^|z∧j|·d_j(x),   d_j(x) = l_j·r_{j⊕x}
//	(S·X)_j = Σ_x c_j(x)·X_{j⊕x},                      c_j(x) = Σ_z (−1)^|z∧j|·v_z,   S = Σ_i w_i A_i
//
// with v_z = √(K/n)·(−1)^(|x∧z|/2)·w_i for the words i with these masks. A word alone costs O(n·r). All words with the same x share d(x) and
// c(x), whose sums over j and z for every z and every j are a Walsh–Hadamard transform, in O(n·log n). So whatever m is, either direction
// takes at most O(n²·r + n²·log n), and nothing of n² numbers is kept.
//
// The x are taken in bundles of those that have all bits but the last six in common, and the rows j in blocks of 64 alike. A bundle
// meets of the other factor only the 64 rows j⊕x, which are in cache. Each number d, c and p is made by one worker, and so is every
// row of S·X, in ascending order of x: the bits are the same with any number of workers.
type pauli struct {
	n       int
	workers int
	words   []pauliWord // by x, and in the order of measurements where x is the same
	groups  []pauliGroup
	bundles [][]pauliGroup
	shared  [][]float64 // for each group of the bundle under way, d or c: n
	values  []float64   // of contract: p, then what the A_i are weighed with
}

// pauliWord is a measurement.
type pauliWord struct {
	entry int32 // its number
	z     uint32
	unit  float64 // √(K/n)·(−1)^(|x∧z|/2)
}

// pauliGroup is the words with the same x.
type pauliGroup struct {
	x     int
	words []pauliWord
}

// pauliBlock is the number of rows of a block, and the most groups of a bundle.
const pauliBlock = 64

// pauliBytes is what the operator takes, and its making.
func pauliBytes(e *sensing.Pauli) float64 {
	const mask, number, word, group = 4, 8, 16, 32 + 24
	n, _ := e.Space().Dims()
	m := float64(e.Measurements())
	return m*(2*mask+2*number+2*word) + min(m, float64(n))*group + pauliBlock*8*float64(n)
}

func newPauli(e *sensing.Pauli, o options) (operator, error) {
	if o.precision != F64 {
		return nil, fmt.Errorf("cpu: Pauli words are computed with in f64, not in %s", o.precision)
	}
	n, _ := e.Space().Dims()
	op := &pauli{n: n, workers: o.workers, words: make([]pauliWord, e.Measurements()), values: make([]float64, e.Measurements())}
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
		to := from + 1
		for to < len(op.groups) && op.groups[to].x/pauliBlock == op.groups[from].x/pauliBlock {
			to++
		}
		op.bundles = append(op.bundles, op.groups[from:to])
		most = max(most, to-from)
		from = to
	}
	for range most {
		op.shared = append(op.shared, make([]float64, n))
	}
	return op, nil
}

// eachRow calls do for blocks of rows, on all workers.
func (o *pauli) eachRow(do func(from, to int)) {
	inTurn(o.workers, (o.n+pauliBlock-1)/pauliBlock, func(b int) { do(b*pauliBlock, min((b+1)*pauliBlock, o.n)) })
}

// apply implements operator.
func (o *pauli) apply(p []float64, l, r *mat.Dense) {
	for _, bundle := range o.bundles {
		o.eachRow(func(from, to int) { o.pair(bundle, l, r, from, to) })
		inTurn(o.workers, len(bundle), func(g int) { bundle[g].sums(p, o.shared[g]) })
	}
}

// pair does d_j(x) for a bundle and the rows from ≤ j < to. Where L is R, the earlier row of each pair does it for both.
func (o *pauli) pair(bundle []pauliGroup, l, r *mat.Dense, from, to int) {
	for j := from; j < to; j++ {
		row := l.RawRowView(j)
		for g, group := range bundle {
			d, other := o.shared[g], j^group.x
			switch {
			case l != r:
				d[j] = chainsDot(row, r.RawRowView(other))
			case j <= other:
				d[j] = chainsDot(row, r.RawRowView(other))
				d[other] = d[j]
			}
		}
	}
}

// sums does the p_i of a group from its d, which it may overwrite.
func (g *pauliGroup) sums(p, d []float64) {
	if g.areFew(len(d)) {
		for _, w := range g.words {
			p[w.entry] = w.unit * signedSum(d, w.z)
		}
		return
	}
	transform(d)
	for _, w := range g.words {
		p[w.entry] = w.unit * d[w.z]
	}
}

// adjointMul implements operator. S is symmetric.
func (o *pauli) adjointMul(dst *mat.Dense, w []float64, _ bool, x *mat.Dense) {
	dst.Zero()
	for _, bundle := range o.bundles {
		inTurn(o.workers, len(bundle), func(g int) { bundle[g].weigh(o.shared[g], w) })
		o.eachRow(func(from, to int) { o.combine(dst, bundle, x, from, to) })
	}
}

// weigh does c of a group.
func (g *pauliGroup) weigh(c, w []float64) {
	clear(c)
	if g.areFew(len(c)) {
		for _, word := range g.words {
			addSigned(c, word.z, word.unit*w[word.entry])
		}
		return
	}
	for _, word := range g.words {
		c[word.z] += float64(word.unit * w[word.entry])
	}
	transform(c)
}

// combine adds a bundle's share to the rows from ≤ j < to of S·X.
func (o *pauli) combine(dst *mat.Dense, bundle []pauliGroup, x *mat.Dense, from, to int) {
	for j := from; j < to; j++ {
		sum := dst.RawRowView(j)
		for g, group := range bundle {
			addScaled(sum, o.shared[g][j], x.RawRowView(j^group.x))
		}
	}
}

// contract implements operator.
func (o *pauli) contract(y []float64, parts []*part) {
	m := float64(len(y))
	for _, p := range parts {
		o.apply(o.values, p.l, p.r)
		p.squares = 0
		for i, v := range o.values {
			res := v - y[i]
			p.squares += float64(res * res)
			o.values[i] = res / m
		}
		o.adjointMul(p.gr, o.values, false, p.r)
		if p.gl != p.gr {
			o.adjointMul(p.gl, o.values, true, p.l)
		}
	}
}

// areFew says whether a group's sums over n numbers take less time one by one than by a transform.
func (g *pauliGroup) areFew(n int) bool { return 3*len(g.words) < bits.Len(uint(n)) }

// signedSum is Σ_j (−1)^|z∧j|·d_j.
func signedSum(d []float64, z uint32) (sum float64) {
	for j, v := range d {
		sum += signed(v, z, j)
	}
	return sum
}

// addSigned does c_j ← c_j + (−1)^|z∧j|·v.
func addSigned(c []float64, z uint32, v float64) {
	for j := range c {
		c[j] += signed(v, z, j)
	}
}

// signed is (−1)^|z∧j|·v.
func signed(v float64, z uint32, j int) float64 {
	odd := uint64(bits.OnesCount32(z&uint32(j))) & 1
	return math.Float64frombits(math.Float64bits(v) ^ odd<<63)
}

// transform does v_z ← Σ_j (−1)^|z∧j|·v_j for every z: the Walsh–Hadamard transform, a level for each bit.
func transform(v []float64) {
	for half := 1; half < len(v); half *= 2 {
		for at := 0; at < len(v); at += 2 * half {
			low, high := v[at:][:half], v[at+half:][:half]
			for i, a := range low {
				b := high[i]
				low[i], high[i] = a+b, a-b
			}
		}
	}
}
