package solver

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// thinMeter measures factors where an engine keeps them. It multiplies by the factor there and factorizes
// only matrices with about r* rows and columns on the host. What it measures is defined by [meter], which
// decomposes whole factors on the host; both agree up to rounding errors of ‖W‖.
//
// With the truth's basis V, N × r*, Q an orthonormal basis of the rows of VᵀW, and S = W·Q, the signal is
// σ_min(S), the angle is that between V and S, and the noise is ‖W(I − QQᵀ)‖, by [lanczos]. The largest
// singular values of W come in two parts. If some values of S exceed the rest of S and the noise by far, the
// right singular vectors that belong to them are found from Q by multiplying with WᵀW. The remaining values
// and vectors come from another [lanczos], orthogonal to these.
type thinMeter struct {
	engine          AlgebraEngine
	n1, n2          int
	two             bool       // W is [L; R]/√2
	basis, estimate Matrix     // N × r*; nil without truth, or estimate
	rank            int        // columns of basis, or of estimate without a truth; 0 without both
	error           *thinError // nil without truth
	ones            Matrix     // the first columns of the identity with chunkVectors rows
}

// thinWork is the memory that a member's measurements take on the engine.
type thinWork struct {
	meter  *thinMeter
	member int
	d      int // columns of W
	l, r   Matrix

	rows, columns *panel   // d × r*, N × r*
	x, y, z       Matrix   // 1 × d, N × 1 and 1 × d
	chunks        []Matrix // pieces of Lanczos's basis, of chunkVectors rows
	random        Matrix   // 1 × d: Lanczos's first vector, before it is made orthogonal
	inside        Matrix   // 1 × the rows of all pieces
	squares       Matrix   // chunkVectors × 2
	right, turn   Matrix   // r* × d, and chunkVectors × r*
	small         Matrix   // r* × r*
	error         errorWork

	most         int // singular values of a sample
	sample       *Sample
	signals      []float64 // the singular values of S
	noise        *lanczos
	rest         *lanczos
	dominant     int       // how many singular values are dominant
	strong, left *panel    // their right singular vectors, and the span of the left ones
	top          []float64 // the dominant singular values of W
	sigma        []float64 // the largest singular values of W, r* at least
	sound        bool
}

// newThinMeter makes a meter on an engine, for factors of the given parametrization. Its matrices go when the
// engine closes. estimate has the top vectors of the spectral estimate, nil without one. [meterNumbers]
// counts what the meter takes.
func newThinMeter(
	e AlgebraEngine, space sensing.Space, two bool, truth *sensing.Truth, estimate *mat.Dense,
) (m *thinMeter, err error) {
	m = &thinMeter{engine: e, two: two}
	m.n1, m.n2 = space.Dims()
	put := func(dst *Matrix, a *mat.Dense) {
		if err != nil {
			return
		}
		if *dst, err = e.NewMatrix(a.Dims()); err == nil {
			err = e.SetMatrix(*dst, a)
		}
	}
	if estimate != nil {
		put(&m.estimate, estimate)
		_, m.rank = estimate.Dims()
	}
	if truth != nil {
		put(&m.basis, truthBasis(truth, two))
		m.rank, m.error = truth.Rank(), newThinError(truth, two)
		if m.error.bases[0] = m.basis; two {
			put(&m.error.bases[0], truth.Basis())
			put(&m.error.bases[1], truth.RightBasis())
		}
	}
	put(&m.ones, mat.DenseCopyOf(identity(chunkVectors).Slice(0, chunkVectors, 0, mostOnes(m.rank))))
	return m, err
}

// mostOnes is the most rows of a piece of a Lanczos basis that are filled at first, one at least.
func mostOnes(rank int) int { return min(max(rank, 1), chunkVectors) }

// newWork allocates what a member's measurements take, for factors W with d columns of which so many singular
// values are wanted. [workNumbers] counts it.
func (m *thinMeter) newWork(member, d, values int) (w *thinWork, err error) {
	w = &thinWork{meter: m, member: member, d: d, most: values}
	e, n := m.engine, w.n()
	if m.rank > 0 {
		if w.rows, err = newPanel(e, d, m.rank); err != nil {
			return nil, err
		}
		if w.columns, err = newPanel(e, n, m.rank); err != nil {
			return nil, err
		}
	}
	few := max(m.rank, 1)
	for _, a := range []struct {
		to         *Matrix
		rows, cols int
	}{
		{&w.x, 1, d}, {&w.y, n, 1}, {&w.z, 1, d}, {&w.squares, chunkVectors, 2}, {&w.small, few, few},
		{&w.right, few, d}, {&w.turn, chunkVectors, few}, {&w.random, 1, d},
	} {
		if *a.to, err = e.NewMatrix(a.rows, a.cols); err != nil {
			return nil, err
		}
	}
	if err := e.SetMatrix(w.random, w.draw(0)); err != nil {
		return nil, err
	}
	w.error, err = m.newErrorWork(d)
	return w, err
}

// n is the number of rows of W.
func (w *thinWork) n() int {
	if w.meter.two {
		return w.meter.n1 + w.meter.n2
	}
	return w.meter.n1
}

// free gives the memory back to the engine.
func (w *thinWork) free() error {
	all := []Matrix{w.x, w.y, w.z, w.inside, w.squares, w.right, w.turn, w.small, w.random}
	all = slices.Concat(all, w.chunks, w.error.all())
	for _, p := range []*panel{w.rows, w.columns} {
		if p != nil {
			all = append(all, p.memory[0], p.memory[1], p.gram)
		}
	}
	for _, a := range all {
		if a == nil {
			continue
		}
		if err := w.meter.engine.FreeMatrix(a); err != nil {
			return err
		}
	}
	return nil
}

// reserve makes room for a basis of so many vectors.
func (w *thinWork) reserve(vectors int) error {
	e := w.meter.engine
	grown := false
	for len(w.chunks)*chunkVectors < vectors {
		chunk, err := e.NewMatrix(chunkVectors, w.d)
		if err != nil {
			return err
		}
		w.chunks, grown = append(w.chunks, chunk), true
	}
	if !grown {
		return nil
	}
	if w.inside != nil {
		if err := e.FreeMatrix(w.inside); err != nil {
			return err
		}
	}
	var err error
	w.inside, err = e.NewMatrix(1, len(w.chunks)*chunkVectors)
	return err
}

// measure fills in what [meter] measures in the works' samples. A work that is not sound afterwards has a
// factor that has lost rank, numbers that are not finite, or singular values of too many sizes; the host must
// measure it.
func (m *thinMeter) measure(works []*thinWork) error {
	for _, w := range works {
		l, r, err := m.engine.Thin(w.member)
		if err != nil {
			return err
		}
		w.l, w.r, w.sound, w.signals, w.dominant, w.top = l, r, true, nil, 0, nil
		if m.rank > 0 {
			w.rows.reset()
			w.columns.reset()
		}
	}
	for _, stage := range []func([]*thinWork) error{
		m.errors, m.imbalances, m.signals, m.noises, m.dominants, m.largest, m.spectralAngles,
	} {
		if works = sound(works); len(works) == 0 {
			return nil
		}
		if err := stage(works); err != nil {
			return err
		}
	}
	return nil
}

func sound(works []*thinWork) []*thinWork {
	return slices.DeleteFunc(slices.Clone(works), func(w *thinWork) bool { return !w.sound })
}

// imbalances measures ‖LᵀL − RᵀR‖_F of two factors.
func (m *thinMeter) imbalances(works []*thinWork) error {
	if !m.two {
		return nil
	}
	var left, right []Product
	var grams [][2]Matrix
	for _, w := range works {
		gram := w.error.grams[0]
		left = append(left, Product{Dst: gram, Alpha: 1, A: w.l, TransA: true, B: w.l})
		right = append(right, Product{Dst: gram, Alpha: -1, A: w.r, TransA: true, B: w.r, Beta: 1})
		grams = append(grams, [2]Matrix{gram, gram})
	}
	for _, products := range [][]Product{left, right} {
		if err := m.engine.Multiply(products...); err != nil {
			return err
		}
	}
	squares := make([]float64, len(works))
	err := m.engine.Dots(squares, grams...)
	for i, w := range works {
		w.sample.Imbalance = math.Sqrt(squares[i])
	}
	return err
}

// against is the basis that the factors are compared with: the truth's, or that of the estimate if the truth
// is unknown.
func (m *thinMeter) against() Matrix {
	if m.basis != nil {
		return m.basis
	}
	return m.estimate
}

// signals finds Q and S, signals and angles. Afterwards the columns of Q are the right singular vectors of
// S·Qᵀ, those of the largest values first.
func (m *thinMeter) signals(works []*thinWork) error {
	if m.rank == 0 {
		return nil
	}
	e := m.engine
	against := &panel{a: m.against()}
	rows := func(w *thinWork) (from, to *panel) { return against, w.rows }
	if err := m.orthonormal(timesTransposed, works, rows); err != nil {
		return err
	}
	columns := func(w *thinWork) (from, to *panel) { return w.rows, w.columns }
	if err := m.orthonormal(timesFactor, works, columns); err != nil {
		return err
	}
	var turns []Product
	for _, w := range works {
		if w.sound = w.rows.sound && w.columns.sound; !w.sound {
			continue
		}
		_, values, right, err := decompose(w.columns.r)
		if err != nil {
			return err
		}
		w.signals = values
		if err := e.SetMatrix(w.small, right); err != nil {
			return err
		}
		turns = append(turns, Product{Dst: w.rows.spare, Alpha: 1, A: w.rows.a, B: w.small})
		w.rows.a, w.rows.spare = w.rows.spare, w.rows.a
	}
	if err := e.Multiply(turns...); err != nil || m.basis == nil {
		return err
	}
	works = sound(works)
	sines, err := m.sines(m.basis, works)
	if err != nil {
		return err
	}
	for i, w := range works {
		w.sample.Signal, w.sample.Angle = w.signals[m.rank-1], sines[i]
	}
	return nil
}

// orthonormal multiplies a panel of each work by W or by Wᵀ, and makes the product orthonormal.
func (m *thinMeter) orthonormal(
	times func(AlgebraEngine, []factorProduct) error, works []*thinWork,
	panels func(w *thinWork) (from, to *panel),
) error {
	var products []factorProduct
	var made []*panel
	for _, w := range works {
		from, to := panels(w)
		products, made = append(products, factorProduct{work: w, dst: to.a, x: from.a}), append(made, to)
	}
	if err := times(m.engine, products); err != nil {
		return err
	}
	return orthonormalize(m.engine, made...)
}

// sines returns the sine of the largest principal angle between the columns of each work, which are
// orthonormal and get lost, and the span of p: ‖(I − PPᵀ)Q‖, for an orthonormal P.
func (m *thinMeter) sines(p Matrix, works []*thinWork) ([]float64, error) {
	e := m.engine
	var inside, outside, grams []Product
	for _, w := range works {
		q := w.columns.a
		inside = append(inside, Product{Dst: w.small, Alpha: 1, A: p, TransA: true, B: q})
		outside = append(outside, Product{Dst: q, Alpha: -1, A: p, B: w.small, Beta: 1})
		grams = append(grams, Product{Dst: w.columns.gram, Alpha: 1, A: q, TransA: true, B: q})
	}
	for _, products := range [][]Product{inside, outside, grams} {
		if err := e.Multiply(products...); err != nil {
			return nil, err
		}
	}
	sines := make([]float64, len(works))
	for i, w := range works {
		gram := mat.NewDense(m.rank, m.rank, nil)
		if err := e.GetMatrix(gram, w.columns.gram); err != nil {
			return nil, err
		}
		square, err := norm2(gram) // a Gram matrix keeps the digits of its largest eigenvalue
		if err != nil {
			return nil, err
		}
		sines[i] = min(math.Sqrt(square), 1)
	}
	return sines, nil
}

// noises finds ‖W(I − QQᵀ)‖.
func (m *thinMeter) noises(works []*thinWork) error {
	if m.rank == 0 {
		return nil
	}
	var all []*lanczos
	for _, w := range works {
		w.noise = &lanczos{work: w, apart: w.rows.a, want: 1}
		all = append(all, w.noise)
	}
	if err := search(m.engine, all); err != nil || m.basis == nil {
		return err
	}
	for _, w := range works {
		w.sample.Noise = w.noise.norm()
	}
	return nil
}

// dominants counts the singular values of S that exceed the rest of S and the noise by far, and finds the
// singular values of W that belong to them, and their right singular vectors, the first columns of Q from now
// on. With ρ the bound on the ratio of W's next value to its last dominant one, each product with WᵀW
// multiplies the error of the vectors by ρ².
func (m *thinMeter) dominants(works []*thinWork) error {
	const far = 1. / 30 // the largest ρ: six rounds at most
	const exact = 1e-15 // the error of the vectors at the end
	rounds := make([]int, len(works))
	most := 0
	for i, w := range works {
		for j := range w.signals {
			below := w.noise.norm()
			if j+1 < len(w.signals) {
				below = math.Hypot(below, w.signals[j+1])
			}
			if ratio := below / w.signals[j]; ratio <= far {
				w.dominant, rounds[i] = j+1, 1
				if ratio > 0 {
					rounds[i] = max(int(math.Ceil(math.Log(exact)/(2*math.Log(ratio)))), 1)
				}
			}
		}
		if w.dominant > 0 {
			most = max(most, rounds[i])
			w.strong, w.left = w.rows.first(m.engine, w.dominant), w.columns.first(m.engine, w.dominant)
		}
	}
	left := func(least int) (some []*thinWork) { // the works with so many rounds
		for i, w := range works {
			if w.dominant > 0 && rounds[i] >= least {
				some = append(some, w)
			}
		}
		return some
	}
	for round := range most + 1 {
		there := func(w *thinWork) (from, to *panel) { return w.strong, w.left }
		if err := m.orthonormal(timesFactor, left(round), there); err != nil {
			return err
		}
		back := func(w *thinWork) (from, to *panel) { return w.left, w.strong }
		if err := m.orthonormal(timesTransposed, left(round+1), back); err != nil {
			return err
		}
	}
	for _, w := range works {
		if w.dominant == 0 {
			continue
		}
		if w.sound = w.strong.sound && w.left.sound; !w.sound {
			continue
		}
		var err error
		if _, w.top, _, err = decompose(w.left.r); err != nil {
			return err
		}
	}
	return nil
}

// largest finds the largest singular values of W.
func (m *thinMeter) largest(works []*thinWork) error {
	var all []*lanczos
	for _, w := range works {
		w.rest = &lanczos{work: w, want: max(w.most, m.rank) - w.dominant}
		if m.estimate != nil {
			w.rest.exact = m.rank - w.dominant
		}
		if w.dominant > 0 {
			w.rest.apart = w.strong.a
		}
		all = append(all, w.rest)
	}
	if err := search(m.engine, all); err != nil {
		return err
	}
	for _, w := range works {
		sigma := slices.Clone(w.top)
		w.sound = !w.rest.wide(w.top)
		for _, v := range w.rest.values {
			sigma = append(sigma, math.Sqrt(max(v, 0)))
		}
		slices.Sort(sigma)
		slices.Reverse(sigma)
		for j, v := range w.signals {
			// S is W on some right vectors, so its values are the smaller ones. If they are not, Lanczos's
			// method has found one of several equal values only.
			if j < len(sigma) && sigma[j] < v*(1-1e-9)-1e-13*w.signals[0] {
				w.sound = false
			}
		}
		w.sigma, w.sample.Sigma = sigma, sigma[:min(w.most, len(sigma))]
	}
	return nil
}

// spectralAngles measures the angles between the top r* left singular vectors of W and the spectral estimate.
func (m *thinMeter) spectralAngles(works []*thinWork) error {
	if m.estimate == nil {
		return nil
	}
	works = slices.DeleteFunc(slices.Clone(works), func(w *thinWork) bool {
		return !(w.sigma[m.rank-1] > 0) // the rank of W is less than r*
	})
	var products []factorProduct
	var columns []*panel
	for _, w := range works {
		n, _ := w.columns.a.Dims()
		if w.dominant > 0 {
			dst := m.engine.View(w.columns.a, 0, n, 0, w.dominant)
			products = append(products, factorProduct{work: w, dst: dst, x: w.strong.a})
		}
		if w.dominant < m.rank {
			dst := m.engine.View(w.columns.a, 0, n, w.dominant, m.rank)
			x := m.engine.View(w.right, 0, m.rank-w.dominant, 0, w.d)
			products = append(products, factorProduct{work: w, dst: dst, x: x, lying: true})
		}
		columns = append(columns, w.columns)
	}
	if err := timesFactor(m.engine, products); err != nil {
		return err
	}
	if err := orthonormalize(m.engine, columns...); err != nil {
		return err
	}
	for _, w := range works {
		w.sound = w.columns.sound
	}
	works = sound(works)
	sines, err := m.sines(m.estimate, works)
	if err != nil {
		return err
	}
	for i, w := range works {
		w.sample.SpectralAngle = sines[i]
	}
	return nil
}

// factorProduct is a product with a member's factor W. x is lying if it is the transpose of one column.
type factorProduct struct {
	work   *thinWork
	dst, x Matrix
	lying  bool
}

// timesFactor does dst = W·X, for X of d × c and dst of N × c; or dst = W·xᵀ for a lying x.
func timesFactor(e AlgebraEngine, list []factorProduct) error {
	var products []Product
	for _, p := range list {
		w := p.work
		if !w.meter.two {
			products = append(products, Product{Dst: p.dst, Alpha: 1, A: w.l, B: p.x, TransB: p.lying})
			continue
		}
		top, bottom := w.meter.halves(p.dst)
		products = append(products,
			Product{Dst: top, Alpha: math.Sqrt2 / 2, A: w.l, B: p.x, TransB: p.lying},
			Product{Dst: bottom, Alpha: math.Sqrt2 / 2, A: w.r, B: p.x, TransB: p.lying})
	}
	return e.Multiply(products...)
}

// timesTransposed does dst = WᵀX, for X of N × c and dst of d × c; or dst = xᵀW, which is lying, for one
// column x.
func timesTransposed(e AlgebraEngine, list []factorProduct) error {
	var first, second []Product
	product := func(p factorProduct, alpha float64, factor, x Matrix, beta float64) Product {
		if p.lying {
			return Product{Dst: p.dst, Alpha: alpha, A: x, TransA: true, B: factor, Beta: beta}
		}
		return Product{Dst: p.dst, Alpha: alpha, A: factor, TransA: true, B: x, Beta: beta}
	}
	for _, p := range list {
		w := p.work
		if !w.meter.two {
			first = append(first, product(p, 1, w.l, p.x, 0))
			continue
		}
		top, bottom := w.meter.halves(p.x)
		first = append(first, product(p, math.Sqrt2/2, w.l, top, 0))
		second = append(second, product(p, math.Sqrt2/2, w.r, bottom, 1))
	}
	if err := e.Multiply(first...); err != nil {
		return err
	}
	return e.Multiply(second...)
}

// halves returns the n1 upper and the n2 lower rows of a matrix with the rows of W.
func (m *thinMeter) halves(a Matrix) (top, bottom Matrix) {
	rows, cols := a.Dims()
	return m.engine.View(a, 0, m.n1, 0, cols), m.engine.View(a, m.n1, rows, 0, cols)
}
