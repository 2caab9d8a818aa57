package sensing

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func mustComplete(t *testing.T, s Space, m int, seed uint64) *Completion {
	t.Helper()
	c, err := NewCompletion(s, m, seed)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// coordinates returns the numbers of the coordinates that an ensemble observes, computed from the space.
func coordinates(t *testing.T, c *Completion) []int {
	t.Helper()
	n1, n2 := c.Space().Dims()
	numbers, v := mat.NewDense(n1, n2, nil), make([]float64, c.Space().K())
	for k := range v {
		v[k] = float64(k)
	}
	c.Space().Matrix(numbers, v)
	rows, cols := c.Positions()
	if len(rows) != c.Measurements() || len(cols) != len(rows) {
		t.Fatalf("%d rows and %d columns of %d measurements", len(rows), len(cols), c.Measurements())
	}
	out := make([]int, len(rows))
	for k := range rows {
		i, j := int(rows[k]), int(cols[k])
		number := numbers.At(i, j)
		if _, symmetric := c.Space().(Sym); symmetric && i != j {
			number *= math.Sqrt2
		}
		out[k] = int(math.Round(number))
	}
	return out
}

// TestCompletionPositions: every position is in the matrix, on or above the diagonal if the matrix is
// symmetric, none comes twice, and they come in the order of coordinates. It draws few coordinates, more than
// half (which draws those to leave out) and all of them.
func TestCompletionPositions(t *testing.T) {
	for _, s := range []Space{Sym{1}, Sym{7}, Sym{40}, Rect{1, 9}, Rect{9, 1}, Rect{13, 31}} {
		k := s.K()
		for _, m := range []int{1, (k + 1) / 3, k / 2, k/2 + 1, k - 1, k} {
			if m < 1 {
				continue
			}
			c := mustComplete(t, s, m, 3)
			all := coordinates(t, c)
			for at, number := range all {
				if number < 0 || number >= k || at > 0 && number <= all[at-1] {
					t.Fatalf("%v, m = %d: coordinate %d after %d", s, m, number, all[max(at-1, 0)])
				}
			}
			rows, cols := c.Positions()
			for at := range rows {
				if _, symmetric := s.(Sym); symmetric && rows[at] > cols[at] {
					t.Fatalf("%v: (%d, %d) is below the diagonal", s, rows[at], cols[at])
				}
			}
			again := mustComplete(t, s, m, 3)
			if r, c := again.Positions(); !slices.Equal(r, rows) || !slices.Equal(c, cols) {
				t.Errorf("%v, m = %d: the same seed gives other positions", s, m)
			}
			other := coordinates(t, mustComplete(t, s, m, 4))
			if k > 20 && m < k-1 && slices.Equal(other, all) {
				t.Errorf("%v, m = %d: another seed gives the same positions", s, m)
			}
		}
	}
}

// TestCompletionStream: the observed coordinates are those of docs/random-numbers.md.
func TestCompletionStream(t *testing.T) {
	const seed, k = 9, 13 * 14 / 2
	for _, m := range []int{1, 40, 45} {
		var want []int
		for i := uint64(0); len(want) < m; i++ {
			block := NewStream(seed, EntriesStream).Block(i/2, 0)
			w := new(big.Int).SetUint64(uint64(block[2*(i%2)]) + uint64(block[2*(i%2)+1])<<32)
			number := int(w.Rsh(w.Mul(w, big.NewInt(k)), 64).Int64())
			if !slices.Contains(want, number) {
				want = append(want, number)
			}
		}
		slices.Sort(want)
		if got := coordinates(t, mustComplete(t, Sym{13}, m, seed)); !slices.Equal(got, want) {
			t.Errorf("m = %d: %v, want %v", m, got, want)
		}
	}
}

// TestCompletionLaw: over seeds, each coordinate is observed with the probability m/K, and two together with
// the probability of draws without replacement, within 5 standard deviations. So it is if the coordinates to
// leave out are drawn.
func TestCompletionLaw(t *testing.T) {
	const draws = 4000
	for _, c := range []struct {
		s Space
		m int
	}{{Sym{6}, 8}, {Sym{6}, 15}, {Rect{4, 5}, 7}, {Rect{4, 5}, 17}} {
		k := c.s.K()
		count, both := make([]int, k), make([]int, k)
		for seed := range uint64(draws) {
			all := coordinates(t, mustComplete(t, c.s, c.m, seed))
			for _, number := range all {
				count[number]++
				if slices.Contains(all, (number+1)%k) {
					both[number]++
				}
			}
		}
		p := float64(c.m) / float64(k)
		pair := p * float64(c.m-1) / float64(k-1)
		for number := range count {
			for what, of := range map[string][2]float64{
				"alone":         {float64(count[number]), p},
				"with the next": {float64(both[number]), pair},
			} {
				if z := (of[0] - draws*of[1]) / math.Sqrt(draws*of[1]*(1-of[1])); math.Abs(z) > 5 {
					t.Errorf("%v, m = %d: coordinate %d is observed %s %v times of %d, %.1f deviations off",
						c.s, c.m, number, what, of[0], draws, z)
				}
			}
		}
	}
}

// TestCompletionUnits: observing every coordinate is an isometry, E⟨A, Z⟩² = ‖Z‖².
func TestCompletionUnits(t *testing.T) {
	truth, err := NewTruth(9, 3, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	z := mat.NewDense(9, 9, nil)
	truth.Matrix(z)
	for _, s := range []Space{Sym{9}, Rect{9, 9}} {
		c := mustComplete(t, s, s.K(), 1)
		rows, cols := c.Positions()
		var sum float64
		for k := range rows {
			v := c.Unit(int(rows[k]), int(cols[k])) * z.At(int(rows[k]), int(cols[k]))
			sum += v * v / float64(len(rows))
		}
		if want := mat.Norm(z, 2); math.Abs(math.Sqrt(sum)-want) > 1e-14*want {
			t.Errorf("%v: the root mean square is %v and the norm %v", s, math.Sqrt(sum), want)
		}
	}
}

// TestReLU: all entries that reach the threshold are observed, in order, and no others. The threshold is in
// units of ‖M*‖_F/√(n1·n2).
func TestReLU(t *testing.T) {
	sym, err := NewTruth(31, 3, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	rect, err := NewRectTruth(17, 12, 2, 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Space]int{} // with the last threshold
	for _, c := range []struct {
		s         Space
		truth     *Truth
		threshold float64
	}{
		{Sym{31}, sym, -0.5}, {Sym{31}, sym, 0}, {Sym{31}, sym, 0.7},
		{Rect{17, 12}, rect, -0.5}, {Rect{17, 12}, rect, 0}, {Rect{17, 12}, rect, 0.7},
	} {
		e, err := NewReLUCompletion(c.s, c.truth, c.threshold)
		if err != nil {
			t.Fatal(err)
		}
		n1, n2 := c.s.Dims()
		z := mat.NewDense(n1, n2, nil)
		c.truth.Matrix(z)
		least := c.threshold * mat.Norm(z, 2) / math.Sqrt(float64(n1*n2))
		var rows, cols []int32
		for i := range n1 {
			for j := range n2 {
				if _, symmetric := c.s.(Sym); z.At(i, j) >= least && (!symmetric || j >= i) {
					rows, cols = append(rows, int32(i)), append(cols, int32(j))
				}
			}
		}
		gotRows, gotCols := e.Positions()
		m, err := ReLUMeasurements(c.s, c.truth, c.threshold)
		if !slices.Equal(gotRows, rows) || !slices.Equal(gotCols, cols) ||
			e.Measurements() != len(rows) || m != len(rows) || err != nil {
			t.Errorf("%v: %d positions, %d counted, want %d", c.s, e.Measurements(), m, len(rows))
		}
		if e.Name() != "relu-completion" {
			t.Error(e.Name())
		}
		if last := seen[c.s]; last > 0 && m >= last {
			t.Errorf("%v: %d entries above the threshold %g, and %d above a smaller one",
				c.s, m, c.threshold, last)
		}
		seen[c.s] = m
	}
	if _, err := NewReLUCompletion(Sym{30}, sym, 0); err == nil {
		t.Error("a truth of another size was taken")
	}
	if _, err := NewReLUCompletion(Rect{31, 30}, sym, 0); err == nil {
		t.Error("a truth of another size was taken")
	}
}

// TestCompletionOf: triplets may come in any order, and in a symmetric space on either side of the diagonal
// or on both. The ensemble observes the entries that they name.
func TestCompletionOf(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, s := range []Space{Sym{12}, Rect{12, 7}} {
		n1, n2 := s.Dims()
		_, symmetric := s.(Sym)
		want := mustComplete(t, s, 30, 1)
		value := func(i, j int32) float64 { return float64(100*min(i, j)+max(i, j)) / 7 }
		if !symmetric {
			value = func(i, j int32) float64 { return float64(100*i+j) / 7 }
		}
		wantRows, wantCols := want.Positions()
		rows, cols := slices.Clone(wantRows), slices.Clone(wantCols)
		if symmetric {
			for k := range 30 {
				switch k % 3 {
				case 0: // below the diagonal
					rows[k], cols[k] = cols[k], rows[k]
				case 1: // both sides
					if rows[k] != cols[k] {
						rows, cols = append(rows, cols[k]), append(cols, rows[k])
					}
				}
			}
		}
		random.Shuffle(len(rows), func(a, b int) {
			rows[a], rows[b] = rows[b], rows[a]
			cols[a], cols[b] = cols[b], cols[a]
		})
		values := make([]float64, len(rows))
		for k := range rows {
			values[k] = value(rows[k], cols[k])
		}
		e, y, err := CompletionOf(s, rows, cols, values)
		if err != nil {
			t.Fatal(err)
		}
		gotRows, gotCols := e.Positions()
		if e.Measurements() != 30 || !slices.Equal(gotRows, wantRows) || !slices.Equal(gotCols, wantCols) {
			t.Fatalf("%v: %d positions %v %v, want %v %v",
				s, e.Measurements(), gotRows, gotCols, wantRows, wantCols)
		}
		for k := range y {
			if u := want.Unit(int(wantRows[k]), int(wantCols[k])); y[k] != u*value(wantRows[k], wantCols[k]) {
				t.Errorf("%v: observation %d is %v", s, k, y[k])
			}
		}
		if d1, d2 := e.Space().Dims(); d1 != n1 || d2 != n2 || e.Name() != "completion" {
			t.Errorf("%s of %d × %d", e.Name(), d1, d2)
		}
	}
}

func TestCompletionRefuses(t *testing.T) {
	for _, c := range []struct {
		s      Space
		rows   []int32
		cols   []int32
		values []float64
		want   string
	}{
		{Sym{3}, []int32{0, 1}, []int32{0, 1}, []float64{1},
			"2 rows, 2 columns and 1 values are not triplets"},
		{Sym{3}, nil, nil, nil, "must be positive, got 0"},
		{Sym{3}, []int32{0, 3}, []int32{0, 1}, []float64{1, 2},
			"triplet 1 is the entry (3, 1), and the matrix is 3 × 3"},
		{Rect{3, 2}, []int32{0, 2}, []int32{0, 2}, []float64{1, 2},
			"triplet 1 is the entry (2, 2), and the matrix is 3 × 2"},
		{Rect{3, 2}, []int32{-1}, []int32{0}, []float64{1}, "triplet 0 is the entry (-1, 0)"},
		{Sym{0}, []int32{0}, []int32{0}, []float64{1}, "sides go from 1 to"},
		{Sym{MaxSide + 1}, []int32{0}, []int32{0}, []float64{1}, "sides go from 1 to"},
	} {
		_, _, err := CompletionOf(c.s, c.rows, c.cols, c.values)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	for _, c := range []struct {
		s          Space
		rows, cols []int32
		values     []float64
		want       Repeated
	}{
		// The same side, though with the same value.
		{Sym{4}, []int32{1, 0, 1}, []int32{2, 0, 2}, []float64{5, 1, 5}, Repeated{1, 2, 0, 2}},
		// The other side, with another value.
		{Sym{4}, []int32{1, 0, 2}, []int32{2, 0, 1}, []float64{5, 1, 6}, Repeated{2, 1, 0, 2}},
		// On the diagonal.
		{Sym{4}, []int32{3, 3}, []int32{3, 3}, []float64{5, 5}, Repeated{3, 3, 0, 1}},
		{Rect{4, 4}, []int32{0, 2, 2}, []int32{1, 1, 1}, []float64{1, 5, 5}, Repeated{2, 1, 1, 2}},
	} {
		var repeated *Repeated
		_, _, err := CompletionOf(c.s, c.rows, c.cols, c.values)
		if !errors.As(err, &repeated) || *repeated != c.want {
			t.Errorf("%v %v: %v, want %+v", c.rows, c.cols, err, c.want)
		}
	}
	if _, _, err := CompletionOf(Rect{4, 4}, []int32{1, 2}, []int32{2, 1}, []float64{5, 6}); err != nil {
		t.Errorf("entries across the diagonal of a rectangular space: %v", err)
	}
	for _, m := range []int{0, -1, 7, MaxObserved + 1} {
		if _, err := NewCompletion(Sym{3}, m, 1); err == nil {
			t.Errorf("%d of 6 entries were taken", m)
		}
	}
	if _, err := NewCompletion(Sym{1 << 20}, MaxObserved+1, 1); err == nil {
		t.Error("more than can be observed were taken")
	}
}
