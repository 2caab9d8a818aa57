package solver

import (
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/krylov"
	"github.com/matsense/matsense/sensing"
)

// lanczos finds the largest singular values of a factor W, N × d, on the right vectors that are orthogonal to
// the columns of a given matrix, and their right singular vectors. This is Lanczos's method for
//
//	(I − ZZᵀ)·WᵀW·(I − ZZᵀ)
//
// with full orthogonalization, so that repeated values appear once each only if a breakdown tells that there
// are more. Because W·x of an x orthogonal to Z is as small as the values that remain, these are found with
// an error of rounding errors of ‖W‖, as by a full decomposition of W; the Gram matrix of all of W would lose
// those below 1e-8·‖W‖. (Golub and Van Loan, Matrix Computations, chapter 10.)
type lanczos struct {
	work *thinWork
	// apart is Z, d × j0 with orthonormal columns; nil for none.
	apart Matrix
	// want is how many values are needed, and exact for how many of them the vectors are: the first ones.
	want, exact int

	vectors  int // rows of the basis so far, those of Z included
	before   int // j0
	t        krylov.Tridiagonal
	restarts int
	check    int       // number of Lanczos vectors at which convergence is tested next
	values   []float64 // result: the squares of the singular values, descending; at most want
	ritz     *mat.Dense
	done     bool
}

const (
	chunkVectors = 64 // rows of one piece of the basis
	// Products with the basis take a multiple of rowStep of its rows. Rows without a vector are zero. So the
	// same products come again in step after step and in the next search. An engine that keeps lists of
	// products has these.
	rowStep = 16
	// loose bounds the error of a value whose vector is not needed, relative to the largest value; relative
	// bounds it relative to the value itself; tight bounds the residual of a vector relative to the gap
	// below, and least is where rounding errors begin.
	loose, relative, tight, least = 1e-12, 1e-10, 1e-10, 1e-14
	firstCheck                    = 12
)

// pieces calls do for each piece of the basis: its rows, and the number of the first.
func (l *lanczos) pieces(do func(rows Matrix, first, count int)) {
	for c := 0; c*chunkVectors < l.vectors; c++ {
		count := min((l.vectors-c*chunkVectors+rowStep-1)/rowStep*rowStep, chunkVectors)
		do(l.work.meter.engine.View(l.work.chunks[c], 0, count, 0, l.work.d), c*chunkVectors, count)
	}
}

// search runs Lanczos's method for several factors in step, so that the engine can share launches.
func search(e AlgebraEngine, all []*lanczos) error {
	for _, l := range all {
		l.before, l.check = 0, firstCheck
		if l.apart != nil {
			_, l.before = l.apart.Dims()
		}
		l.want = min(l.want, min(l.work.n(), l.work.d)-l.before)
		l.exact = min(l.exact, l.want)
		if l.done = l.want == 0; l.done {
			continue
		}
		if err := l.begin(e); err != nil {
			return err
		}
	}
	if err := nextVectors(e, active(all)); err != nil {
		return err
	}
	for {
		running := active(all)
		if len(running) == 0 {
			return nil
		}
		steps := chunkVectors
		for _, l := range running {
			steps = min(steps, l.steps())
		}
		for range steps {
			if err := multiplyGram(e, running); err != nil {
				return err
			}
			if err := nextVectors(e, running); err != nil {
				return err
			}
		}
		for _, l := range running {
			if err := l.look(e, steps); err != nil {
				return err
			}
		}
	}
}

// steps is how many steps follow before there is something to decide, or before they would begin another
// piece of the basis.
func (l *lanczos) steps() int {
	count := len(l.t.Diagonal)
	until := min(max(l.check, l.want), l.work.d-l.before)
	return min(until-count, chunkVectors-l.vectors%chunkVectors)
}

// look reads what the last steps have left, and ends the search or begins again with a random vector if that
// is due. Until then the engine has gone ahead without the host.
func (l *lanczos) look(e AlgebraEngine, steps int) error {
	first := (l.vectors - steps) % chunkVectors
	squares := mat.NewDense(steps, 2, nil)
	if err := e.GetMatrix(squares, e.View(l.work.squares, first, first+steps, 0, 2)); err != nil {
		return err
	}
	for i := range steps {
		broken := l.extend(squares.At(i, 0), math.Sqrt(squares.At(i, 1)))
		if l.done {
			return l.finish(e)
		}
		if broken {
			return l.restart(e)
		}
	}
	return nil
}

// restart replaces the vectors after an invariant basis, which are rounding errors, by a random vector.
func (l *lanczos) restart(e AlgebraEngine) error {
	w := l.work
	end := l.vectors
	l.vectors = l.before + len(l.t.Diagonal)
	for row := l.vectors; row < min(end, w.d); row++ {
		at := e.View(w.chunks[row/chunkVectors], row%chunkVectors, row%chunkVectors+1, 0, w.d)
		if err := e.Multiply(w.zeros(at)); err != nil {
			return err
		}
	}
	if err := l.random(e); err != nil {
		return err
	}
	return nextVectors(e, []*lanczos{l})
}

// zeros is the product that fills rows of the basis with zeros.
func (w *thinWork) zeros(rows Matrix) Product {
	count, _ := rows.Dims()
	return Product{Dst: rows, A: w.meter.engine.View(w.meter.ones, 0, count, 0, 1), B: w.random}
}

func active(all []*lanczos) (running []*lanczos) {
	for _, l := range all {
		if !l.done {
			running = append(running, l)
		}
	}
	return running
}

// begin puts Zᵀ into the basis, zeros into its other rows, and a random vector into z.
func (l *lanczos) begin(e AlgebraEngine) error {
	w := l.work
	l.vectors = l.before
	if err := w.reserve(l.before + 1); err != nil {
		return err
	}
	var products []Product
	for c, chunk := range w.chunks {
		first := c * chunkVectors
		count := min(chunkVectors, l.before-first)
		if count <= 0 {
			products = append(products, w.zeros(chunk))
			continue
		}
		products = append(products, Product{
			Dst: chunk, Alpha: 1, A: e.View(w.meter.ones, 0, chunkVectors, 0, count),
			B: e.View(l.apart, 0, w.d, first, first+count), TransB: true,
		})
	}
	if err := e.Multiply(products...); err != nil {
		return err
	}
	return l.random(e)
}

// random fills z with a random vector, the same each time. The first one is on the engine.
func (l *lanczos) random(e AlgebraEngine) error {
	w := l.work
	l.restarts++
	if l.restarts == 1 {
		return e.Multiply(Product{Dst: w.z, Alpha: 1, A: e.View(w.meter.ones, 0, 1, 0, 1), B: w.random})
	}
	return e.SetMatrix(w.z, w.draw(l.restarts-1))
}

// draw returns a random vector with d numbers.
func (w *thinWork) draw(number int) *mat.Dense {
	v := make([]float64, w.d)
	sensing.NewStream(0, sensing.EstimateStream).Normals(uint64(number), v)
	return mat.NewDense(1, w.d, v)
}

// multiplyGram does z = (WᵀW·x)ᵀ for the last vector x of each basis.
func multiplyGram(e AlgebraEngine, running []*lanczos) error {
	var there, back []factorProduct
	for _, l := range running {
		there = append(there, factorProduct{work: l.work, dst: l.work.y, x: l.work.x, lying: true})
		back = append(back, factorProduct{work: l.work, dst: l.work.z, x: l.work.y, lying: true})
	}
	if err := timesFactor(e, there); err != nil {
		return err
	}
	return timesTransposed(e, back)
}

// nextVectors makes z orthogonal to each basis, twice, and appends it. A basis of all vectors gets no more.
func nextVectors(e AlgebraEngine, running []*lanczos) error {
	for range 2 { // twice is enough
		if err := orthogonalize(e, running); err != nil {
			return err
		}
	}
	byRow := map[int][]Normalized{}
	for _, l := range running {
		w := l.work
		v := Normalized{Z: w.z, X: w.x, Y: w.y, Squares: w.squares}
		if l.vectors < w.d {
			if err := w.reserve(l.vectors + 1); err != nil {
				return err
			}
			v.Basis = w.chunks[l.vectors/chunkVectors]
		}
		row := l.vectors % chunkVectors
		byRow[row] = append(byRow[row], v)
		l.vectors++
	}
	for _, row := range slices.Sorted(maps.Keys(byRow)) {
		if err := e.Normalize(row, byRow[row]...); err != nil {
			return err
		}
	}
	return nil
}

// orthogonalize subtracts from each z its part in the span of the basis.
func orthogonalize(e AlgebraEngine, running []*lanczos) error {
	var parts []Product
	most := 0
	for _, l := range running {
		l.pieces(func(rows Matrix, first, count int) {
			h := e.View(l.work.inside, 0, 1, first, first+count)
			parts = append(parts, Product{Dst: h, Alpha: 1, A: l.work.z, B: rows, TransB: true})
			most = max(most, first/chunkVectors+1)
		})
	}
	if err := e.Multiply(parts...); err != nil {
		return err
	}
	for c := range most { // the pieces of one basis subtract from the same z, one after another
		var products []Product
		for _, l := range running {
			l.pieces(func(rows Matrix, first, count int) {
				if first == c*chunkVectors {
					h := e.View(l.work.inside, 0, 1, first, first+count)
					products = append(products, Product{Dst: l.work.z, Alpha: -1, A: h, B: rows, Beta: 1})
				}
			})
		}
		if err := e.Multiply(products...); err != nil {
			return err
		}
	}
	return nil
}

// extend adds α and β to the tridiagonal matrix. It sets done if enough has converged or the space is
// exhausted, and reports a breakdown: the basis is invariant, and more values are needed.
func (l *lanczos) extend(alpha, beta float64) (broken bool) {
	l.t.Diagonal = append(l.t.Diagonal, alpha)
	count := len(l.t.Diagonal)
	var norm float64
	for i, d := range l.t.Diagonal {
		norm = max(norm, d)
		if i < count-1 {
			norm = max(norm, l.t.Beside[i])
		}
	}
	broken = !(beta > 1e-13*norm)
	switch {
	case norm == 0: // W vanishes on a random vector, so it vanishes
		l.values, l.done = make([]float64, l.want), true
		return false
	case count == l.work.d-l.before || broken && count >= l.want:
		l.values, l.ritz = l.t.Largest(l.want)
		l.done = true
		return false
	case count >= max(l.check, l.want):
		l.check = count + max(4, count/8)
		l.done = l.converged(beta)
	}
	if broken {
		beta = 0
	}
	l.t.Beside = append(l.t.Beside, beta)
	return broken
}

// converged says whether the values and vectors are exact enough, if beta continues the tridiagonal matrix.
func (l *lanczos) converged(beta float64) bool {
	count := len(l.t.Diagonal)
	asked := min(l.want+1, count)
	values, ritz := l.t.Largest(asked)
	for i := range l.want {
		residual := beta * math.Abs(ritz.At(count-1, i))
		gap := values[i] // to the next value
		if i+1 < asked {
			gap = values[i] - values[i+1]
		}
		bound := max(min(loose*values[0], relative*values[i]), 1e-16*values[0]) // of the value's error
		if !(residual <= 1e-3*values[0]) || !(residual*residual <= bound*max(gap, residual)) {
			return false
		}
	}
	if l.exact > 0 {
		gap := values[l.exact-1]
		if l.exact < asked {
			gap -= values[l.exact]
		}
		for i := range l.exact {
			residual := beta * math.Abs(ritz.At(count-1, i))
			if !(residual <= max(tight*gap, least*values[0])) {
				return false
			}
		}
	}
	l.values = values[:l.want]
	l.ritz = ritz.Slice(0, count, 0, l.want).(*mat.Dense)
	return true
}

// norm returns the largest singular value; 0 if no directions are left.
func (l *lanczos) norm() float64 {
	if len(l.values) == 0 {
		return 0
	}
	return math.Sqrt(max(l.values[0], 0))
}

// wide says whether some values are so far below the largest that they have lost digits: a value has an error
// of rounding errors of the largest, and values are squares. top are the larger singular values of W: beside
// them rounding errors of W may hide the loss.
func (l *lanczos) wide(top []float64) bool {
	const (
		far    = 1e-3 // a singular value this far below the largest has lost the tenth digit
		hidden = 1e-7 // Lanczos's errors, 1e-8 times its largest singular value, are rounding errors of W
	)
	if len(l.values) == 0 {
		return false
	}
	largest, last := l.values[0], l.values[len(l.values)-1]
	if len(top) > 0 && math.Sqrt(max(largest, 0)) <= hidden*top[0] {
		return false
	}
	return last < far*far*largest
}

// finish makes the exact vectors: the rows of work.right.
func (l *lanczos) finish(e AlgebraEngine) error {
	if l.exact == 0 || l.ritz == nil {
		return nil
	}
	w := l.work
	count, _ := l.ritz.Dims()
	l.vectors = l.before + count
	all := mat.NewDense(len(w.chunks)*chunkVectors, l.exact, nil) // the rows of Z take no part
	all.Slice(l.before, l.before+count, 0, l.exact).(*mat.Dense).Copy(l.ritz.Slice(0, count, 0, l.exact))
	right := e.View(w.right, 0, l.exact, 0, w.d)
	var err error
	l.pieces(func(rows Matrix, first, pieceCount int) {
		if err != nil {
			return
		}
		coefficients := e.View(w.turn, 0, pieceCount, 0, l.exact)
		part := all.Slice(first, first+pieceCount, 0, l.exact).(*mat.Dense)
		if err = e.SetMatrix(coefficients, part); err != nil {
			return
		}
		beta := 1.0
		if first == 0 {
			beta = 0
		}
		err = e.Multiply(Product{Dst: right, Alpha: 1, A: coefficients, TransA: true, B: rows, Beta: beta})
	})
	return err
}
