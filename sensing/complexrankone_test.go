package sensing_test

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/sensing"
)

// complexNormals returns m × n complex numbers, with parts from N(0, 1/2).
func complexNormals(m, n int, seed uint64) (a [][]complex128, re, im *mat.Dense) {
	rng := rand.New(rand.NewPCG(seed, 1))
	re, im = mat.NewDense(m, n, nil), mat.NewDense(m, n, nil)
	for i := range m {
		row := make([]complex128, n)
		for j := range row {
			row[j] = complex(rng.NormFloat64(), rng.NormFloat64()) / math.Sqrt2
			re.Set(i, j, real(row[j]))
			im.Set(i, j, imag(row[j]))
		}
		a = append(a, row)
	}
	return a, re, im
}

// TestComplexRankOne: ⟨A_i, WWᵀ⟩ is Σ_k |a_iᴴu_k|², in complex arithmetic.
func TestComplexRankOne(t *testing.T) {
	for _, size := range [][3]int{{1, 1, 1}, {7, 3, 1}, {9, 4, 3}, {5, 17, 2}} {
		m, n, r := size[0], size[1], size[2]
		a, re, im := complexNormals(m, n, 3)
		u, ure, uim := complexNormals(n, r, 4)
		e, err := sensing.ComplexRankOneOf(re, im)
		if err != nil {
			t.Fatal(err)
		}
		w, z := new(mat.Dense), new(mat.Dense)
		w.Stack(ure, uim)
		z.Mul(w, w.T())
		k := e.Space().K()
		coordinates, row := make([]float64, k), make([]float64, k)
		e.Space().Coordinates(coordinates, z)
		for i := range m {
			want := 0.0
			for c := range r {
				var inner complex128
				for j := range n {
					inner += cmplx.Conj(a[i][j]) * u[j][c]
				}
				want += real(inner)*real(inner) + imag(inner)*imag(inner)
			}
			e.Row(i, row)
			got := 0.0
			for j, v := range row {
				got += v * coordinates[j]
			}
			if !(math.Abs(got-want) <= 1e-12*want) { // some 10³ roundings
				t.Errorf("m %d, n %d, r %d: measurement %d is %v, want %v", m, n, r, i, got, want)
			}
		}
	}
}

// TestComplexSkew: the mean of ⟨A_i, Z⟩A_i over many draws is 2Z + tr(Z)·I for Z that commutes with J: here
// for the Z with the blocks Re H, −Im H; Im H, Re H of the Hermitian H = uuᴴ.
func TestComplexSkew(t *testing.T) {
	const m, n = 200_000, 2
	_, re, im := complexNormals(m, n, 5)
	e, err := sensing.ComplexRankOneOf(re, im)
	if err != nil {
		t.Fatal(err)
	}
	u := []complex128{complex(0.8, 0.1), complex(-0.2, 0.5)}
	z := mat.NewDense(2*n, 2*n, nil)
	trace := 0.0
	for i := range n {
		for j := range n {
			h := u[i] * cmplx.Conj(u[j])
			z.Set(i, j, real(h))
			z.Set(n+i, n+j, real(h))
			z.Set(i, n+j, -imag(h))
			z.Set(n+i, j, imag(h))
		}
		trace += 2 * real(u[i]*cmplx.Conj(u[i]))
	}
	k := e.Space().K()
	coordinates, row, mean := make([]float64, k), make([]float64, k), make([]float64, k)
	e.Space().Coordinates(coordinates, z)
	for i := range m {
		e.Row(i, row)
		y := 0.0
		for j, v := range row {
			y += v * coordinates[j]
		}
		for j, v := range row {
			mean[j] += y * v / m
		}
	}
	got := mat.NewDense(2*n, 2*n, nil)
	e.Space().Matrix(got, mean)
	scale, shift := e.Skew()
	for i := range 2 * n {
		for j := range 2 * n {
			want := scale * z.At(i, j)
			if i == j {
				want += shift * trace
			}
			if !(math.Abs(got.At(i, j)-want) < 0.1) { // 10 standard deviations: some 5/√m each
				t.Errorf("element (%d, %d) is %.3f, want %.3f", i, j, got.At(i, j), want)
			}
		}
	}
}

func TestComplexRankOneRefuses(t *testing.T) {
	_, re, im := complexNormals(3, 2, 1)
	if _, err := sensing.ComplexRankOneOf(re, mat.NewDense(3, 1, nil)); err == nil {
		t.Error("parts of two shapes are accepted")
	}
	im.Set(2, 1, math.NaN())
	if _, err := sensing.ComplexRankOneOf(re, im); err == nil {
		t.Error("NaN is accepted")
	}
}
