package sensing

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// sigmas is the number of standard deviations that a statistic may be off. The seeds are fixed, so that a
// test that passes once always passes. A correct generator fails one check with probability 6·10⁻⁷.
const sigmas = 5

// moments returns the 4th, 6th and 8th moments of a format's law, which has mean 0 and variance 1. Rounding
// to f32 or bf16 changes the moments of the normal law by less than a relative 10⁻⁴, far less than the
// sampling error.
func moments(entries Entries) (four, six, eight float64) {
	switch entries {
	case Signs:
		return 1, 1, 1
	case Q8:
		for k := range 256 {
			x := q8Level(k)
			four += math.Pow(x, 4) / 256
			six += math.Pow(x, 6) / 256
			eight += math.Pow(x, 8) / 256
		}
		return four, six, eight
	default:
		return 3, 15, 105
	}
}

func TestEntryMoments(t *testing.T) {
	const m, k = 400, 1000
	for _, entries := range formats {
		t.Run(string(entries), func(t *testing.T) {
			four, six, eight := moments(entries)
			e := draw(t, Rect{25, 40}, m, entries, 20210613)
			rows := make([][]float64, m)
			for i := range rows {
				rows[i] = rowValues(t, e, i)
			}
			// check compares the mean of n numbers of the given variance with its expectation.
			check := func(name string, sum float64, n int, want, variance float64) {
				t.Helper()
				got, bound := sum/float64(n), sigmas*math.Sqrt(variance/float64(n))
				if !(math.Abs(got-want) <= bound) {
					t.Errorf("%s is %.5g, want %.5g ± %.2g", name, got, want, bound)
				}
			}
			var s1, s2, s3, s4 float64
			for _, row := range rows {
				for _, x := range row {
					s1 += x
					s2 += x * x
					s3 += x * x * x
					s4 += x * x * x * x
				}
			}
			n := m * k
			check("the mean", s1, n, 0, 1)
			check("the third moment", s3, n, 0, six)
			if entries != Signs { // a sign's even moments are 1 by its type
				check("the variance", s2, n, 1, four-1)
				check("the kurtosis", s4, n, four, eight-four*four)
			}
			// Products of entries at the distances at which entries share a pair of deviates, a word or a
			// block have mean 0 and variance 1. The product of squares detects pairs with the same radius.
			for _, lag := range []int{1, 2, 3, 4, 8, 16, 31, 32, 128} {
				var products, squares float64
				for _, row := range rows {
					for j := range k - lag {
						products += row[j] * row[j+lag]
						squares += (row[j]*row[j] - 1) * (row[j+lag]*row[j+lag] - 1)
					}
				}
				check(fmt.Sprintf("the correlation at distance %d", lag), products, m*(k-lag), 0, 1)
				if entries != Signs {
					name := fmt.Sprintf("the squares' covariance at distance %d", lag)
					check(name, squares, m*(k-lag), 0, (four-1)*(four-1))
				}
			}
			for _, lag := range []int{1, 2} {
				var products float64
				for i := range m - lag {
					for j, x := range rows[i] {
						products += x * rows[i+lag][j]
					}
				}
				check(fmt.Sprintf("the correlation of rows %d apart", lag), products, (m-lag)*k, 0, 1)
			}
		})
	}
}

// Counts in equally likely bins: 64 of the normal distribution, or q8's levels. χ² with d degrees of freedom
// has mean d and variance 2d. Its upper tail is a little heavier than normal, so that one more standard
// deviation is allowed. bf16 is left out because its grid is too coarse for the bins' edges.
func TestEntryDistribution(t *testing.T) {
	const m, k = 400, 1000
	tests := []struct {
		entries Entries
		bins    int
		bin     func(x float64) int
	}{
		{F64, 64, normalBin},
		{F32, 64, normalBin},
		{Q8, 256, func(x float64) int { return sort.SearchFloat64s(Q8Levels[:], x) }},
	}
	for _, tt := range tests {
		t.Run(string(tt.entries), func(t *testing.T) {
			e := draw(t, Rect{25, 40}, m, tt.entries, 99)
			counts := make([]float64, tt.bins)
			for i := range m {
				for _, x := range rowValues(t, e, i) {
					counts[tt.bin(x)]++
				}
			}
			var chi2 float64
			want := float64(m*k) / float64(tt.bins)
			for _, c := range counts {
				chi2 += (c - want) * (c - want) / want
			}
			d := float64(tt.bins - 1)
			if bound := d + (sigmas+1)*math.Sqrt(2*d); !(chi2 <= bound) {
				t.Errorf("χ² = %.1f with %v degrees of freedom, want at most %.1f", chi2, d, bound)
			}
		})
	}
}

func normalBin(x float64) int { return min(63, int(64*0.5*math.Erfc(-x/math.Sqrt2))) }

// E⟨A, Z⟩² = ‖Z‖_F²: the mean over m measurements of a fixed Z of rank 2, with A and the norm computed from
// matrices. The variance of one ⟨A, Z⟩² is Σ_{j≠k} 2z_j²z_k² + (κ − 1) Σ z_k⁴ ≤ 2‖Z‖⁴, as no format's
// kurtosis κ is above 3.
func TestIsometryOnAverage(t *testing.T) {
	const m = 4000
	bound := sigmas * math.Sqrt(2.0/m)
	for _, entries := range formats {
		for _, space := range []Space{Sym{13}, Rect{7, 11}} {
			t.Run(fmt.Sprintf("%s/%s", entries, space.Name()), func(t *testing.T) {
				e := draw(t, space, m, entries, 4)
				n1, n2 := space.Dims()
				a := mat.NewDense(n1, n2, nil)
				rng := rand.New(rand.NewPCG(11, 12))
				for trial := range 3 {
					z := rankTwo(rng, space)
					var mean float64
					for i := range m {
						space.Matrix(a, rowValues(t, e, i))
						p := inner(a, z)
						mean += p * p / m
					}
					if want := inner(z, z); !(math.Abs(mean/want-1) <= bound) {
						t.Errorf("Z %d: mean ⟨A, Z⟩² = %.4f‖Z‖², want 1 ± %.3f", trial, mean/want, bound)
					}
				}
			})
		}
	}
}

// In a symmetric space A_i has variance 1 on the diagonal and ½ off it, also for signs.
func TestSymmetricVariances(t *testing.T) {
	const n, m = 9, 2000
	for _, entries := range formats {
		t.Run(string(entries), func(t *testing.T) {
			four, _, _ := moments(entries)
			e := draw(t, Sym{n}, m, entries, 8)
			a := mat.NewDense(n, n, nil)
			var on, off float64
			for i := range m {
				e.Space().Matrix(a, rowValues(t, e, i))
				for j := range n {
					on += a.At(j, j) * a.At(j, j) / (m * n)
					for k := range j {
						off += a.At(j, k) * a.At(j, k) / (m * n * (n - 1) / 2)
					}
				}
			}
			// 10⁻¹² allows for the rounding of the squares of signs, whose variance is zero.
			boundOn := sigmas*math.Sqrt((four-1)/(m*n)) + 1e-12
			boundOff := 0.5*sigmas*math.Sqrt((four-1)/(m*n*(n-1)/2)) + 1e-12
			if !(math.Abs(on-1) <= boundOn) {
				t.Errorf("the variance on the diagonal is %.5g, want 1 ± %.2g", on, boundOn)
			}
			if !(math.Abs(off-0.5) <= boundOff) {
				t.Errorf("the variance off the diagonal is %.5g, want 0.5 ± %.2g", off, boundOff)
			}
		})
	}
}

// rankTwo returns a random matrix of rank 2 in a space, symmetric and indefinite in a symmetric one.
func rankTwo(rng *rand.Rand, s Space) *mat.Dense {
	n1, n2 := s.Dims()
	z := mat.NewDense(n1, n2, nil)
	for _, weight := range []float64{1, -0.4} {
		u, v := make([]float64, n1), make([]float64, n2)
		for i := range u {
			u[i] = rng.NormFloat64()
		}
		for j := range v {
			v[j] = rng.NormFloat64()
		}
		if s.Name() == "sym" {
			v = u
		}
		for i := range u {
			for j := range v {
				z.Set(i, j, z.At(i, j)+weight*u[i]*v[j])
			}
		}
	}
	return z
}

// inner returns ⟨a, b⟩ = Σ a_jk·b_jk.
func inner(a, b *mat.Dense) float64 {
	var sum float64
	rows, cols := a.Dims()
	for i := range rows {
		for j := range cols {
			sum += a.At(i, j) * b.At(i, j)
		}
	}
	return sum
}
