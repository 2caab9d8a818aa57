package sensing

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

// measured is a divisible ensemble with the matrices that it measures by, written out.
type measured struct {
	name     string
	e        Divisible
	matrices []*mat.Dense
}

// divisibles returns an ensemble of each kind that can be divided, in each space that it has.
func divisibles(t *testing.T) (all []measured) {
	t.Helper()
	numbers := func(rows, cols int, seed uint64) *mat.Dense {
		v := make([]float64, rows*cols)
		NewStream(seed, EntriesStream).Normals(0, v)
		return mat.NewDense(rows, cols, v)
	}
	fail := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []Space{Sym{6}, Rect{5, 7}} {
		n1, n2 := s.Dims()
		_, symmetric := s.(Sym)
		entries := mustComplete(t, s, 13, 2)
		x := measured{name: "completion " + s.Name(), e: entries}
		rows, cols := entries.Positions()
		for k := range rows {
			i, j := int(rows[k]), int(cols[k])
			a := mat.NewDense(n1, n2, nil)
			a.Set(i, j, entries.Unit(i, j))
			if symmetric && i != j {
				a.Set(i, j, entries.Unit(i, j)/2)
				a.Set(j, i, entries.Unit(i, j)/2)
			}
			x.matrices = append(x.matrices, a)
		}
		all = append(all, x)

		const m = 9
		x = measured{name: "dense " + s.Name()}
		given := make([]float64, 0, m*n1*n2)
		for i := range m {
			a := numbers(n1, n2, uint64(10+i))
			if symmetric {
				a.Add(a, mat.DenseCopyOf(a.T()))
			}
			x.matrices = append(x.matrices, a)
			given = append(given, a.RawMatrix().Data...)
		}
		var err error
		array := tensor.New(tensor.WithShape(m, n1, n2), tensor.WithBacking(given))
		if symmetric {
			x.e, err = NewDense(array)
		} else {
			x.e, err = NewRectDense(array)
		}
		fail(err)
		all = append(all, x)

		x = measured{name: "rank-one " + s.Name()}
		a, b := numbers(m, n1, 5), numbers(m, n2, 6)
		if symmetric {
			b = nil
		}
		x.e, err = RankOneOf(s, a, b)
		fail(err)
		for i := range m {
			outer, right := mat.NewDense(n1, n2, nil), a
			if !symmetric {
				right = b
			}
			outer.Outer(1, a.RowView(i), right.RowView(i))
			x.matrices = append(x.matrices, outer)
		}
		all = append(all, x)
	}
	re, im := numbers(8, 3, 7), numbers(8, 3, 8)
	complexOne, err := ComplexRankOneOf(re, im)
	fail(err)
	vectors := measured{name: "complex rank-one", e: complexOne}
	for i := range 8 {
		a := mat.NewDense(6, 6, nil) // [Re aaᴴ, −Im aaᴴ; Im aaᴴ, Re aaᴴ]
		for j := range 3 {
			for k := range 3 {
				v := complex(re.At(i, j), im.At(i, j)) * complex(re.At(i, k), -im.At(i, k))
				a.Set(j, k, real(v))
				a.Set(j+3, k+3, real(v))
				a.Set(j, k+3, -imag(v))
				a.Set(j+3, k, imag(v))
			}
		}
		vectors.matrices = append(vectors.matrices, a)
	}
	all = append(all, vectors)
	words := []string{"IXZ", "YYI", "ZZZ", "XYY", "IXZ", "XII", "YIY"}
	e, err := PaulisOf(words)
	fail(err)
	x := measured{name: "pauli", e: e}
	for _, word := range words {
		a := kronecker(t, word)
		a.Scale(math.Sqrt(36./8), a) // √(K/n)
		x.matrices = append(x.matrices, a)
	}
	return append(all, x)
}

// sides returns L and R whose product L·Rᵀ lies in a space; in a symmetric space it is not semidefinite.
func sides(s Space) (l, r *mat.Dense) {
	n1, n2 := s.Dims()
	numbers := func(rows int, seed uint64) *mat.Dense {
		v := make([]float64, rows*3)
		NewStream(seed, StartStream).Normals(0, v)
		return mat.NewDense(rows, 3, v)
	}
	l, r = numbers(n1, 1), numbers(n2, 2)
	if _, symmetric := s.(Sym); symmetric {
		r = mat.DenseCopyOf(l)
		for i := range n1 {
			r.Set(i, 2, -r.At(i, 2))
		}
	}
	return l, r
}

// TestDivide: the two parts of every divisible ensemble measure as the matrices do that belong to them.
func TestDivide(t *testing.T) {
	for _, x := range divisibles(t) {
		l, r := sides(x.e.Space())
		var z mat.Dense
		z.Mul(l, r.T())
		held := []int{0, 3, 4, len(x.matrices) - 1}
		rest, heldOut := x.e.Divide(held)
		if rest.Measurements()+heldOut.Measurements() != len(x.matrices) || rest.Name() != x.e.Name() {
			t.Fatalf("%s: %d and %d measurements", x.name, rest.Measurements(), heldOut.Measurements())
		}
		kept, chosen := make([]float64, rest.Measurements()), make([]float64, len(held))
		rest.Apply(kept, l, r)
		heldOut.Apply(chosen, l, r)
		for i, a := range x.matrices {
			var got float64
			if slices.Contains(held, i) {
				got, chosen = chosen[0], chosen[1:]
			} else {
				got, kept = kept[0], kept[1:]
			}
			if want := inner(a, &z); !(math.Abs(got-want) <= 1e-12*(1+math.Abs(want))) {
				t.Errorf("%s, measurement %d: %v, not %v", x.name, i, got, want)
			}
		}
	}
}

// TestHeldOutRMSE: of entries it is the root mean square of Z − M over the held-out positions of the whole
// matrix; of other measurements, of ⟨A, Z⟩ − y.
func TestHeldOutRMSE(t *testing.T) {
	for _, x := range divisibles(t) {
		s := x.e.Space()
		n1, n2 := s.Dims()
		l, r := sides(s)
		var z mat.Dense
		z.Mul(l, r.T())
		data := mat.NewDense(n1, n2, nil) // symmetric, or not
		for i := range n1 {
			for j := range n2 {
				data.Set(i, j, math.Cos(float64(i*j))+float64(i+j))
			}
		}
		m, count := x.e.Measurements(), 4
		y := make([]float64, m)
		for i, a := range x.matrices {
			y[i] = inner(a, data)
		}
		held := Choose(NewStream(7, HeldOutStream), m, count)
		var want, positions float64
		for _, k := range held {
			if _, entries := x.e.(*Completion); !entries {
				res := inner(x.matrices[k], &z) - y[k]
				want, positions = want+res*res, positions+1
				continue
			}
			for i := range n1 {
				for j := range n2 {
					if x.matrices[k].At(i, j) != 0 {
						e := z.At(i, j) - data.At(i, j)
						want, positions = want+e*e, positions+1
					}
				}
			}
		}
		want = math.Sqrt(want / positions)
		rest, restY, h := HoldOut(x.e, y, count, 7)
		if got := h.RMSE(l, r); !(math.Abs(got-want) <= 1e-12*want) {
			t.Errorf("%s: %v, not %v", x.name, got, want)
		}
		p := Problem{Ensemble: rest, Observations: restY, HeldOut: h}
		if err := p.Validate(); err != nil || len(restY) != m-count {
			t.Errorf("%s: %d observations, %v", x.name, len(restY), err)
		}
	}
}

// TestChoose: the numbers are those that docs/random-numbers.md defines: the first different ones of
// ⌊w·m/2⁶⁴⌋, or, if most are chosen, all but these.
func TestChoose(t *testing.T) {
	s := NewStream(3, HeldOutStream)
	for _, x := range []struct{ m, count int }{{1000, 100}, {10, 1}, {10, 9}, {7, 5}, {2, 1}, {20, 10}} {
		few := min(x.count, x.m-x.count)
		var first []int
		for i := uint64(0); len(first) < few; i++ {
			if number := int(s.Below(i/2, i%2, uint64(x.m))); !slices.Contains(first, number) {
				first = append(first, number)
			}
		}
		var want []int
		for number := range x.m {
			if slices.Contains(first, number) == (x.count <= x.m-x.count) {
				want = append(want, number)
			}
		}
		if got := Choose(s, x.m, x.count); !slices.Equal(got, want) {
			t.Errorf("%d of %d: %v, not %v", x.count, x.m, got, want)
		}
	}
}

// TestHeldOutMistakes: a problem refuses held-out measurements that do not belong to it.
func TestHeldOutMistakes(t *testing.T) {
	p := Problem{Ensemble: mustComplete(t, Rect{5, 7}, 13, 2), Observations: make([]float64, 13)}
	other := mustComplete(t, Rect{5, 6}, 3, 2)
	same := mustComplete(t, Rect{5, 7}, 3, 2)
	for _, x := range []struct {
		held *HeldOut
		say  string
	}{
		{&HeldOut{}, "no held-out measurements"},
		{&HeldOut{Ensemble: other, Observations: make([]float64, 3)}, "of 5 × 6 matrices"},
		{&HeldOut{Ensemble: same, Observations: make([]float64, 2)}, "2 observations for 3 held-out"},
		{&HeldOut{Ensemble: same, Observations: []float64{0, math.NaN(), 0}}, "observation 1 is NaN"},
	} {
		p.HeldOut = x.held
		if err := p.Validate(); !strings.Contains(fmt.Sprint(err), x.say) {
			t.Errorf("%v, and not: %s", err, x.say)
		}
	}
}

// TestDivideIndependent: of measurements that are drawn one by one the last ones are held out. Both parts
// measure as the rows do, which are written out here.
func TestDivideIndependent(t *testing.T) {
	const m, count, seed = 9, 4, 5
	for _, s := range []Space{Sym{6}, Rect{5, 7}} {
		for name, e := range independents(t, s, m, seed) {
			l, r := sides(s)
			var z mat.Dense
			z.Mul(l, r.T())
			coordinates := make([]float64, s.K())
			s.Coordinates(coordinates, &z)
			var want []float64
			for i := range m {
				var sum float64
				if v, vectors := e.(*RankOne); vectors {
					n1, n2 := s.Dims()
					x := make([]float64, v.VectorLen())
					v.Vector(i, x)
					for j := range n1 {
						for k := range n2 {
							sum += x[j] * z.At(j, k) * x[len(x)-n2+k]
						}
					}
				} else {
					for j, a := range rowOf(e, i) {
						sum += a * coordinates[j]
					}
				}
				want = append(want, sum)
			}
			compare := func(what string, e Divisible, want []float64) {
				got := make([]float64, e.Measurements())
				e.Apply(got, l, r)
				if len(got) != len(want) {
					t.Fatalf("%s %s: %d measurements", name, what, len(got))
				}
				for i := range want {
					if !(math.Abs(got[i]-want[i]) <= 1e-12*(1+math.Abs(want[i]))) {
						t.Errorf("%s in %s, %s, measurement %d: %v, not %v", name, s.Name(), what, i, got[i],
							want[i])
					}
				}
			}
			compare("all", e, want)
			y := make([]float64, m)
			for i := range y {
				y[i] = float64(i)
			}
			rest, restY, held := HoldOut(e, y, count, seed)
			compare("fitted", rest, want[:m-count])
			compare("held out", held.Ensemble, want[m-count:])
			if restY[len(restY)-1] != m-count-1 || held.Observations[0] != m-count ||
				rest.Name() != e.Name() {
				t.Errorf("%s: %v and %v are observed", name, restY, held.Observations)
			}
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: others than the last ones are held out", name)
					}
				}()
				e.Divide([]int{0, m - 1})
			}()
		}
	}
}

// independents returns an ensemble of each kind that is drawn one by one.
func independents(t *testing.T, s Space, m int, seed uint64) map[string]Divisible {
	t.Helper()
	all := map[string]Divisible{}
	for _, format := range []Entries{F64, F32, BF16, Q8} {
		e, err := NewGaussian(s, m, format, seed)
		if err != nil {
			t.Fatal(err)
		}
		all["gaussian "+string(format)] = e.(Divisible)
	}
	signs, err := NewRademacher(s, m, seed)
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := NewRankOne(s, m, seed)
	if err != nil {
		t.Fatal(err)
	}
	all["rademacher"], all["rank-one"] = signs, vectors
	return all
}

// rowOf returns the numbers of a row, by the definition of its format.
func rowOf(e Ensemble, i int) []float64 {
	k := e.Space().K()
	values := make([]float64, k)
	switch e := e.(type) {
	case Gaussian[float64]:
		e.Row(i, values)
	case Gaussian[float32]:
		row := make([]float32, k)
		e.Row(i, row)
		for j, v := range row {
			values[j] = float64(v)
		}
	case Gaussian[BF16Entry]:
		row := make([]BF16Entry, k)
		e.Row(i, row)
		for j, v := range row {
			values[j] = float64(math.Float32frombits(uint32(v) << 16))
		}
	case Gaussian[Q8Entry]:
		row := make([]Q8Entry, k)
		e.Row(i, row)
		for j, v := range row {
			values[j] = Q8Levels[v]
		}
	case Rademacher:
		row := make([]SignWord, (k+31)/32)
		e.Row(i, row)
		for j := range values {
			values[j] = 1
			if row[j/32]&(1<<(j%32)) != 0 {
				values[j] = -1
			}
		}
	}
	return values
}
