package sensing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/internal/numtest"
)

var spaces = []Space{
	Sym{1}, Sym{2}, Sym{31}, Sym{32}, Sym{33},
	Rect{1, 1}, Rect{1, 33}, Rect{33, 1}, Rect{2, 31}, Rect{32, 3}, Rect{31, 33},
}

// inNaN returns a matrix that is a window into a larger one of NaN, and a function that fails if the elements
// around the window changed.
func inNaN(t *testing.T, n1, n2 int) (window *mat.Dense, check func()) {
	t.Helper()
	frame := mat.NewDense(n1+2, n2+3, nil)
	frame.Apply(func(int, int, float64) float64 { return math.NaN() }, frame)
	window = frame.Slice(1, n1+1, 2, n2+2).(*mat.Dense)
	return window, func() {
		t.Helper()
		for i := range n1 + 2 {
			for j := range n2 + 3 {
				inside := i >= 1 && i <= n1 && j >= 2 && j < n2+2
				if v := frame.At(i, j); !inside && !math.IsNaN(v) {
					t.Errorf("element (%d, %d) outside the matrix was set to %v", i-1, j-2, v)
				}
			}
		}
	}
}

// fill gives a matrix random elements, symmetric in a symmetric space.
func fill(rng *rand.Rand, z *mat.Dense, s Space) {
	rows, cols := z.Dims()
	for i := range rows {
		for j := range cols {
			z.Set(i, j, rng.NormFloat64())
			if s.Name() == "sym" && j < i {
				z.Set(i, j, z.At(j, i))
			}
		}
	}
}

func TestSpaces(t *testing.T) {
	for _, s := range spaces {
		n1, n2 := s.Dims()
		t.Run(fmt.Sprintf("%s %d×%d", s.Name(), n1, n2), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(n1), uint64(n2)))
			a, checkA := inNaN(t, n1, n2)
			z, checkZ := inNaN(t, n1, n2)
			back, checkBack := inNaN(t, n1, n2)
			fill(rng, a, s)
			fill(rng, z, s)
			k := n1 * n2
			if s.Name() == "sym" {
				k = n1 * (n1 + 1) / 2
			}
			if s.K() != k {
				t.Fatalf("K = %d, want %d", s.K(), k)
			}
			va, vz := make([]float64, k), make([]float64, k)
			s.Coordinates(va, a)
			s.Coordinates(vz, z)

			// ⟨A, Z⟩ = a·z. The roundings are √2 in each factor, two products and up to n1·n2 additions,
			// relative to the sum of magnitudes, each at most 2⁻⁵³.
			var dot, size float64
			for i := range va {
				dot += va[i] * vz[i]
				size += math.Abs(va[i] * vz[i])
			}
			bound := float64(2*n1*n2+6) * 0x1p-53 * size
			if want := inner(a, z); !(math.Abs(dot-want) <= bound) {
				t.Errorf("a·z = %v, ⟨A, Z⟩ = %v", dot, want)
			}

			// Matrix inverts Coordinates exactly, except for √2 and 1/√2: two constants and two products of
			// relative error 2⁻⁵³ each.
			rel := 0.0
			if s.Name() == "sym" {
				rel = 4 * 0x1p-53
			}
			s.Matrix(back, vz)
			for i := range n1 {
				for j := range n2 {
					if got, want := back.At(i, j), z.At(i, j); !(math.Abs(got-want) <= rel*math.Abs(want)) {
						t.Fatalf("element (%d, %d) comes back as %v, was %v", i, j, got, want)
					}
				}
			}
			// Coordinates inverts Matrix.
			again := make([]float64, k)
			s.Coordinates(again, back)
			for i, want := range vz {
				if !(math.Abs(again[i]-want) <= 2*rel*math.Abs(want)) {
					t.Fatalf("coordinate %d comes back as %v, was %v", i, again[i], want)
				}
			}
			checkA()
			checkZ()
			checkBack()
		})
	}
}

func TestCoordinateOrder(t *testing.T) {
	t.Run("sym", func(t *testing.T) {
		// Elements below the diagonal are NaN: only the upper triangle is read.
		nan := math.NaN()
		z := mat.NewDense(3, 3, []float64{1, 2, 3, nan, 4, 5, nan, nan, 6})
		got := make([]float64, 6)
		Sym{3}.Coordinates(got, z)
		want := []float64{1, 2 * math.Sqrt2, 3 * math.Sqrt2, 4, 5 * math.Sqrt2, 6}
		for i := range want {
			// One rounding more or less in a product with √2.
			if !(math.Abs(got[i]-want[i]) <= 0x1p-52*want[i]) {
				t.Errorf("svec = %v, want %v", got, want)
			}
		}
	})
	t.Run("sym both triangles", func(t *testing.T) {
		z := mat.NewDense(2, 2, nil)
		Sym{2}.Matrix(z, []float64{1, 2, 3})
		if z.At(0, 1) != z.At(1, 0) || math.Abs(z.At(0, 1)-math.Sqrt2) > 0x1p-51 ||
			z.At(0, 0) != 1 || z.At(1, 1) != 3 {
			t.Errorf("unsvec(1, 2, 3) = %v, want 1, √2, √2, 3", z.RawMatrix().Data)
		}
	})
	t.Run("rect", func(t *testing.T) {
		want := []float64{1, 2, 3, 4, 5, 6}
		got := make([]float64, 6)
		Rect{2, 3}.Coordinates(got, mat.NewDense(2, 3, want))
		if !numtest.SameBits(got, want) {
			t.Errorf("vec = %v, want %v", got, want)
		}
	})
}

func TestWrongShapesPanic(t *testing.T) {
	tests := []struct {
		space  Space
		n1, n2 int
		k      int
		says   string // the space's name in the message
	}{
		{Sym{3}, 3, 3, 5, "3 × 3"},
		{Sym{3}, 3, 3, 7, "3 × 3"},
		{Sym{3}, 3, 3, 9, "3 × 3"},
		{Sym{3}, 4, 4, 6, "3 × 3"},
		{Sym{3}, 3, 2, 6, "3 × 3"},
		{Sym{3}, 2, 3, 6, "3 × 3"},
		{Rect{2, 3}, 3, 2, 6, "2 × 3"},
		{Rect{2, 3}, 3, 3, 6, "2 × 3"},
		{Rect{2, 3}, 2, 3, 5, "2 × 3"},
		{Rect{2, 3}, 2, 4, 8, "2 × 3"},
	}
	for _, tt := range tests {
		z, v := mat.NewDense(tt.n1, tt.n2, nil), make([]float64, tt.k)
		for name, call := range map[string]func(){
			"Coordinates": func() { tt.space.Coordinates(v, z) },
			"Matrix":      func() { tt.space.Matrix(z, v) },
		} {
			what := fmt.Sprintf("%T%v %s of %d×%d and %d", tt.space, tt.space, name, tt.n1, tt.n2, tt.k)
			t.Run(what, func(t *testing.T) {
				defer func() {
					text := fmt.Sprint(recover())
					matrix, numbers := fmt.Sprintf("%d × %d", tt.n1, tt.n2), fmt.Sprintf("%d numbers", tt.k)
					for _, want := range []string{"sensing: ", name, tt.says, matrix, numbers} {
						if !strings.Contains(text, want) {
							t.Errorf("panic %q does not say %q", text, want)
						}
					}
				}()
				call()
			})
		}
	}
}
