package krylov

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestTridiagonal compares the largest eigenvalues with gonum's, and checks the vectors: T·v = θ·v, and
// VᵀV = I.
func TestTridiagonal(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	glued := Tridiagonal{Diagonal: []float64{1, 2, 3, 1, 2, 3, 5}, Beside: []float64{1, 1, 0, 1, 1, 0}}
	wilkinson := Tridiagonal{make([]float64, 21), make([]float64, 20)}
	for i := range 21 {
		wilkinson.Diagonal[i] = math.Abs(float64(10 - i))
	}
	for i := range 20 {
		wilkinson.Beside[i] = 1
	}
	graded := Tridiagonal{make([]float64, 30), make([]float64, 29)}
	for i := range 30 {
		graded.Diagonal[i] = math.Pow(10, -float64(i)/2)
	}
	for i := range 29 {
		graded.Beside[i] = 0.1 * graded.Diagonal[i+1]
	}
	cases := map[string]Tridiagonal{
		"one": {Diagonal: []float64{-3}}, "zeros": {make([]float64, 5), make([]float64, 4)},
		"identity": {[]float64{2, 2, 2}, []float64{0, 0}}, "two equal blocks": glued,
		"close pairs": wilkinson, "graded": graded,
	}
	for _, c := range []int{2, 9, 64} {
		m := Tridiagonal{make([]float64, c), make([]float64, c-1)}
		for i := range c {
			m.Diagonal[i] = random.NormFloat64()
		}
		for i := range c - 1 {
			m.Beside[i] = random.NormFloat64()
		}
		cases["random "+string(rune('a'+c))] = m
	}
	for name, m := range cases {
		t.Run(name, func(t *testing.T) {
			c := len(m.Diagonal)
			dense := mat.NewSymDense(c, nil)
			for i, d := range m.Diagonal {
				dense.SetSym(i, i, d)
			}
			for i, e := range m.Beside {
				dense.SetSym(i, i+1, e)
			}
			var eigen mat.EigenSym
			if !eigen.Factorize(dense, false) {
				t.Fatal("gonum finds no eigenvalues")
			}
			ascending := eigen.Values(nil)
			norm := max(math.Abs(ascending[0]), math.Abs(ascending[c-1]))
			k := min(c, 5)
			values, vectors := m.Largest(k)
			for j, v := range values {
				if want := ascending[c-1-j]; math.Abs(v-want) > 1e-14*norm {
					t.Errorf("eigenvalue %d is %v, want %v", j, v, want)
				}
				var residual mat.VecDense
				column := vectors.ColView(j)
				residual.MulVec(dense, column)
				residual.AddScaledVec(&residual, -v, column)
				if size := mat.Norm(&residual, 2); size > 1e-13*norm {
					t.Errorf("T·v − θ·v of eigenvalue %d has norm %g", j, size)
				}
			}
			var gram mat.Dense
			gram.Mul(vectors.T(), vectors)
			for i := range k {
				for j := range k {
					want := 0.0
					if i == j {
						want = 1
					}
					if math.Abs(gram.At(i, j)-want) > 1e-12 {
						t.Errorf("v%d·v%d is %v", i, j, gram.At(i, j))
					}
				}
			}
		})
	}
}
