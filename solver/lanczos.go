package solver

import (
	"math"

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
	// loose bounds the error of a value whose vector is not needed, relative to the largest value; tight
	// bounds the residual of a vector relative to the gap below, and least is where rounding errors begin.
	loose, tight, least = 1e-12, 1e-10, 1e-14
	firstCheck          = 12
)

// row returns row i of the basis as a 1 × d matrix.
func (l *lanczos) row(i int) Matrix {
	chunk, at := l.work.chunks[i/chunkVectors], i%chunkVectors
	return l.work.meter.engine.View(chunk, at, at+1, 0, l.work.d)
}

// pieces calls do for each piece of the basis: its rows, and the number of the first.
func (l *lanczos) pieces(do func(rows Matrix, first, count int)) {
	for c := 0; c*chunkVectors < l.vectors; c++ {
		count := min(chunkVectors, l.vectors-c*chunkVectors)
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
		l.want = min(l.want, l.work.d-l.before)
		l.exact = min(l.exact, l.want)
		if l.done = l.want == 0; l.done {
			continue
		}
		if err := l.begin(e); err != nil {
			return err
		}
	}
	if err := nextVectors(e, active(all), true); err != nil {
		return err
	}
	for {
		running := active(all)
		if len(running) == 0 {
			return nil
		}
		if err := multiplyGram(e, running); err != nil {
			return err
		}
		if err := nextVectors(e, running, false); err != nil {
			return err
		}
	}
}

func active(all []*lanczos) (running []*lanczos) {
	for _, l := range all {
		if !l.done {
			running = append(running, l)
		}
	}
	return running
}

// begin puts Zᵀ into the basis and a random vector into z.
func (l *lanczos) begin(e AlgebraEngine) error {
	l.vectors = l.before
	if err := l.work.reserve(l.before + 1); err != nil {
		return err
	}
	for first := 0; first < l.before; first += chunkVectors {
		count := min(chunkVectors, l.before-first)
		ones := l.work.meter.identity(count)
		rows := e.View(l.work.chunks[first/chunkVectors], 0, count, 0, l.work.d)
		part := e.View(l.apart, 0, l.work.d, first, first+count)
		if err := e.Multiply(Product{Dst: rows, Alpha: 1, A: ones, B: part, TransB: true}); err != nil {
			return err
		}
	}
	return l.random(e)
}

// random fills z with a random vector, the same each time. The first one is on the engine.
func (l *lanczos) random(e AlgebraEngine) error {
	w := l.work
	l.restarts++
	if l.restarts == 1 {
		return e.Multiply(Product{Dst: w.z, Alpha: 1, A: w.meter.identity(1), B: w.random})
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
		last := l.row(l.vectors - 1)
		there = append(there, factorProduct{work: l.work, dst: l.work.y, x: last, lying: true})
		back = append(back, factorProduct{work: l.work, dst: l.work.z, x: l.work.y, lying: true})
	}
	if err := timesFactor(e, there); err != nil {
		return err
	}
	return timesTransposed(e, back)
}

// nextVectors makes z orthogonal to each basis, twice, and appends it. If the z come from multiplyGram, it
// extends the tridiagonal matrices and tests for convergence.
func nextVectors(e AlgebraEngine, running []*lanczos, first bool) error {
	for range 2 { // twice is enough
		if err := orthogonalize(e, running); err != nil {
			return err
		}
	}
	var products []Product
	for _, l := range running {
		w := l.work
		if !first {
			alpha := e.View(w.scalars, 0, 1, 0, 1)
			products = append(products, Product{Dst: alpha, Alpha: 1, A: w.y, TransA: true, B: w.y})
		}
		beta := e.View(w.scalars, 0, 1, 1, 2)
		products = append(products, Product{Dst: beta, Alpha: 1, A: w.z, B: w.z, TransB: true})
	}
	if err := e.Multiply(products...); err != nil {
		return err
	}
	var appended []Product
	for _, l := range running {
		scalars := mat.NewDense(1, 2, nil)
		if err := e.GetMatrix(scalars, l.work.scalars); err != nil {
			return err
		}
		scale := math.Sqrt(scalars.At(0, 1))
		if !first {
			broken := l.extend(scalars.At(0, 0), scale)
			if l.done {
				if err := l.finish(e); err != nil {
					return err
				}
				continue
			}
			if broken {
				if err := l.random(e); err != nil {
					return err
				}
				if err := nextVectors(e, []*lanczos{l}, true); err != nil {
					return err
				}
				continue
			}
		}
		if err := l.work.reserve(l.vectors + 1); err != nil {
			return err
		}
		one := l.work.meter.identity(1)
		appended = append(appended, Product{Dst: l.row(l.vectors), Alpha: 1 / scale, A: one, B: l.work.z})
		l.vectors++
	}
	return e.Multiply(appended...)
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
		if !(residual <= 1e-3*values[0]) || !(residual*residual <= loose*values[0]*max(gap, residual)) {
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

// finish makes the exact vectors: the rows of work.right.
func (l *lanczos) finish(e AlgebraEngine) error {
	if l.exact == 0 || l.ritz == nil {
		return nil
	}
	w := l.work
	count, _ := l.ritz.Dims()
	all := mat.NewDense(l.vectors, l.exact, nil) // the rows of Z take no part
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
