package kerneltest

import (
	"fmt"
	"math"
	"testing"
)

// panel is the number of columns that the Cholesky kernels take at a time.
const panel = 32

// system is a system of the Cholesky kernels: S, d × d, and X of rows × d.
type system struct {
	rows, d int
	spoiled string // what makes S not positive definite; "" if it is
}

var systems = [][]system{
	{{1, 1, ""}},
	{{3, 2, ""}, {40, 31, ""}, {1, 33, ""}},
	{{33, 32, ""}},
	{{31, 65, ""}, {64, 7, ""}},
	{{5, 100, ""}},
	{{2, 3, "zero"}, {2, 40, "negative"}, {2, 3, "NaN"}, {2, 33, "infinite"}, {2, 4, ""}},
}

// definite returns S = A·Aᵀ + I/2, with A of d × d random numbers, or an S that is not positive definite.
func (s system) definite(seed uint64) []float64 {
	a := random[float64](s.d*s.d, seed)
	out := make([]float64, s.d*s.d)
	for i := range s.d {
		for j := range s.d {
			for l := range s.d {
				out[i*s.d+j] += a[i*s.d+l] * a[j*s.d+l]
			}
		}
		out[i*s.d+i] += 0.5
	}
	at := (s.d - 1) * (s.d + 1) // the last number of the diagonal
	switch s.spoiled {
	case "zero":
		clear(out)
	case "negative":
		out[at] = -1
	case "NaN":
		out[0] = math.NaN()
	case "infinite":
		out[at] = math.Inf(1)
	}
	return out
}

// cholesky is the reference of the factorization, column by column: on and below the diagonal, C takes the
// place of S. It does the rows below the diagonal's block of the panels before number panels, and in panel
// number panels only those of the block.
func cholesky(s []float64, d int, lambda float64, panels int) {
	for j := range min(d, (panels+1)*panel) {
		for i := j; i < d; i++ {
			if j >= panels*panel && i >= (panels+1)*panel {
				continue
			}
			t := s[i*d+j]
			if i == j {
				t += lambda
			}
			for l := range j {
				t = math.FMA(-s[i*d+l], s[j*d+l], t)
			}
			switch {
			case i != j && i/panel > j/panel:
				s[i*d+j] = t * (1 / s[j*d+j])
			case i != j:
				s[i*d+j] = t / s[j*d+j]
			case t > 0 && t < math.Inf(1):
				s[i*d+j] = math.Sqrt(t)
			default:
				s[i*d+j] = math.NaN()
			}
		}
	}
}

// forward is the reference of cholesky_forward.
func forward(dst, x, c []float64, rows, d, first, from, to int) {
	for i := first; i < rows; i++ {
		for j := from * panel; j < min(to*panel, d); j++ {
			t := x[i*d+j]
			for l := range j {
				t = math.FMA(-dst[i*d+l], c[j*d+l], t)
			}
			dst[i*d+j] = t * (1 / c[j*d+j])
		}
	}
}

// backward is the reference of cholesky_backward.
func backward(dst, c []float64, rows, d int) {
	for i := range rows {
		for j := d - 1; j >= 0; j-- {
			t := dst[i*d+j]
			for l := d - 1; l > j; l-- {
				t = math.FMA(-dst[i*d+l], c[l*d+j], t)
			}
			dst[i*d+j] = t * (1 / c[j*d+j])
		}
	}
}

func testCholesky(t *testing.T, b *bench) {
	const lambda = 0.1
	for _, all := range systems {
		for k := range 4 {
			t.Run(name("systems", all, "k", k), func(t *testing.T) {
				var entries list
				var got []*buffer
				var want [][]float64
				for at, s := range all {
					c := s.definite(uint64(at))
					if k > 0 {
						cholesky(c, s.d, lambda, k-1)
						forward(c, c, c, s.d, s.d, k*panel, k-1, k)
					}
					out := output(c)
					entries = append(entries, []any{out, 0, 0, input([]float64{lambda}), s.rows, s.d})
					// The whole factorization from the start, in one order that knows no launches.
					whole := s.definite(uint64(at))
					cholesky(whole, s.d, lambda, k)
					got, want = append(got, out), append(want, whole)
				}
				b.run(t, launch{grid: line(len(all)), block: tile, args: []any{entries, k}})
				checkAll(t, "C of system", got, want)
			})
		}
	}
}

// testSolutions tests a kernel that solves triangular systems. solve returns its matrices X, 0 for none, and
// dst, and what dst must become, for a factor C and an X of random numbers. args follow the list of systems.
func testSolutions(
	t *testing.T, b *bench, args []any,
	solve func(t *testing.T, s system, at int, c, x []float64) (left any, dst *buffer, want []float64),
) {
	for _, all := range systems {
		t.Run(name("systems", all), func(t *testing.T) {
			var entries list
			var got []*buffer
			var want [][]float64
			rows := 0
			for at, s := range all {
				c := s.factor(uint64(at))
				left, dst, solution := solve(t, s, at, c, random[float64](s.rows*s.d, uint64(at+10)))
				entries = append(entries, []any{input(c), left, dst, 0, s.rows, s.d})
				got, want = append(got, dst), append(want, solution)
				rows = max(rows, s.rows)
			}
			b.run(t, launch{
				grid: [3]int{over(rows, 32), len(all), 1}, block: tile, args: append([]any{entries}, args...),
			})
			checkAll(t, "dst of system", got, want)
		})
	}
}

func testCholeskyForward(t *testing.T, b *bench) {
	testSolutions(t, b, []any{0, 0, 1 << 20}, func(
		_ *testing.T, s system, at int, c, x []float64,
	) (left any, dst *buffer, want []float64) {
		want = make([]float64, len(x))
		forward(want, x, c, s.rows, s.d, 0, 0, over(s.d, panel))
		if at%2 == 1 {
			dst = output(x)
			return dst, dst, want
		}
		return input(x), output(poisoned[float64](len(x))), want
	})
	// A panel of the factorization itself, in place.
	for _, c := range []struct{ d, k int }{{33, 0}, {65, 0}, {65, 1}, {100, 1}, {100, 2}} {
		t.Run(fmt.Sprint("panel ", c), func(t *testing.T) {
			s := system{c.d, c.d, ""}
			values := s.definite(1)
			cholesky(values, c.d, 0, c.k)
			dst := output(values)
			forward(values, values, values, c.d, c.d, (c.k+1)*panel, c.k, c.k+1)
			b.run(t, launch{
				grid: [3]int{over(c.d-(c.k+1)*panel, 32), 1, 1}, block: tile,
				args: []any{list{{dst, dst, dst, 0, c.d, c.d}}, (c.k + 1) * panel, c.k, c.k + 1},
			})
			check(t, "C", dst, values)
		})
	}
}

// factor returns the whole C of a system.
func (s system) factor(seed uint64) []float64 {
	c := s.definite(seed)
	cholesky(c, s.d, 0, over(s.d, panel))
	return c
}

func testCholeskyBackward(t *testing.T, b *bench) {
	testSolutions(t, b, nil, func(
		t *testing.T, s system, at int, c, x []float64,
	) (left any, dst *buffer, want []float64) {
		if s.spoiled != "" { // what cholesky_forward leaves: NaN in the last column
			forward(x, x, c, s.rows, s.d, 0, 0, over(s.d, panel))
		}
		dst = output(x)
		backward(x, c, s.rows, s.d)
		for _, v := range x {
			if s.spoiled != "" && !math.IsNaN(v) {
				t.Fatalf("the solution of system %d is %v without an inverse", at, v)
			}
		}
		return 0, dst, x
	})
}
