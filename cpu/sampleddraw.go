package cpu

import (
	"slices"

	"gonum.org/v1/gonum/mat"
)

// drawnEntries are some of the entries of a draw, which contractDrawn takes together, so that the loops can
// prefetch the rows of factors and results. The lists of terms are those of G·R and, if it differs, Gᵀ·L.
type drawnEntries struct {
	rows, cols []int32
	p          [entriesTogether]float64 // l_i·r_j
	right      terms
	left       terms
}

// terms says that rows of a result get weighted rows of a factor.
type terms struct {
	to, from []int32
	weights  []float64
}

const (
	// entriesTogether is how many entries of a draw are taken together: enough that the start of a list,
	// which waits for memory, takes little of the time, and few enough to stay in cache.
	entriesTogether = 256
	listsTogether   = 64 // lists of terms that are made before they are added: their memory stays in cache
	listsEach       = 16 // a worker for fewer lists would take longer to wake up than it saves
)

func (t *terms) clear() { t.to, t.from, t.weights = t.to[:0], t.from[:0], t.weights[:0] }

func (t *terms) add(to, from int32, weight float64) {
	t.to, t.from, t.weights = append(t.to, to), append(t.from, from), append(t.weights, weight)
}

// scatter adds the terms to a result, in turn.
func (t *terms) scatter(loops sparse, dst, src *mat.Dense) {
	sums, other := dst.RawMatrix(), src.RawMatrix()
	loops.scatter(sums.Data, sums.Stride, other.Data, other.Stride, other.Cols, t.to, t.from, t.weights)
}

// contractDrawn implements drawing, in O(B·r) beside clearing the results. c·A_k·R has c·Unit·r_j in row i.
// If A_k is symmetric and i ≠ j, row i has half of that, and row j has c·Unit·r_i/2. All workers make lists
// of terms. One worker adds the terms, in the order of the draw, which takes little of the time.
func (s *sampled) contractDrawn(y []float64, d draw, p *part) error {
	if d.rows == nil { // with all entries, all workers share the work
		return s.whole.contract(s, y, d, p)
	}
	p.gr.Zero()
	p.gl.Zero()
	for drawn := range slices.Chunk(d.rows, listsTogether*entriesTogether) {
		lists := (len(drawn) + entriesTogether - 1) / entriesTogether
		for len(s.drawn) < lists {
			s.drawn = append(s.drawn, new(drawnEntries))
		}
		err := inTurn(s.stop, max(min(s.workers, lists/listsEach), 1), lists, func(i int) {
			from := i * entriesTogether
			s.list(s.drawn[i], y, d, drawn[from:min(from+entriesTogether, len(drawn))], p)
		})
		if err != nil {
			return err
		}
		for _, t := range s.drawn[:lists] {
			t.right.scatter(s.loops, p.gr, p.r)
			if p.gl != p.gr {
				t.left.scatter(s.loops, p.gl, p.l)
			}
		}
	}
	return nil
}

// list makes the terms of at most entriesTogether entries of a draw.
func (s *sampled) list(t *drawnEntries, y []float64, d draw, drawn []int, p *part) {
	t.rows, t.cols = t.rows[:0], t.cols[:0]
	rows, cols := s.ensemble.Positions()
	for _, at := range drawn {
		t.rows, t.cols = append(t.rows, rows[at]), append(t.cols, cols[at])
	}
	left, right := p.l.RawMatrix(), p.r.RawMatrix()
	s.loops.dots(t.p[:len(drawn)], left.Data, left.Stride, right.Data, right.Stride, right.Cols,
		t.rows, t.cols)
	on, off := s.ensemble.Unit(0, 0), s.ensemble.Unit(0, 1)
	both := p.gl != p.gr
	t.right.clear()
	t.left.clear()
	for k, at := range drawn {
		i, j, unit := t.rows[k], t.cols[k], off
		if i == j {
			unit = on
		}
		c := unit * d.weight(at, unit*t.p[k], y)
		if s.rows == s.columns && i != j {
			c /= 2
			t.right.add(j, i, c)
			if both {
				t.left.add(i, j, c)
			}
		}
		t.right.add(i, j, c)
		if both {
			t.left.add(j, i, c)
		}
	}
}
