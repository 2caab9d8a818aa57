package kerneltest

import (
	"math"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// shape is a batch of factors of n rows: one member for each rank.
type shape struct {
	n     int
	ranks []int
}

// shapes have sizes around those of a warp and a tile of 16, members 1, 4 and 7, rank 1 and ranks above n.
var shapes = []shape{
	{1, []int{1}},
	{1, []int{3, 1, 17, 2}},
	{2, []int{5}},
	{13, []int{1, 2, 3, 13, 16, 17, 40}},
	{31, []int{33, 1, 2, 16}},
	{32, []int{32}},
	{33, []int{40, 3, 1, 32, 33, 7, 2}},
	{67, []int{1, 71}},
	{255, []int{2}},
	{257, []int{1, 3, 2, 1}},
}

func (s shape) String() string { return name("n", s.n, "ranks", s.ranks) }

// most is the largest rank.
func (s shape) most() int {
	most := 0
	for _, d := range s.ranks {
		most = max(most, d)
	}
	return most
}

// tiles is a grid of 16 × 16 tiles for each member.
func (s shape) tiles(x, y int) driver.Dim { return driver.Dim{over(x, 16), over(y, 16), len(s.ranks)} }

var tile = driver.Dim{16, 16, 1}

// triangle is how many numbers svec of an n × n matrix has.
func triangle(n int) int { return n * (n + 1) / 2 }

// memberScale is the size of a member's numbers: of four one has subnormal ones.
func memberScale[T number](member int) float64 {
	if member%4 == 2 {
		return tiny[T]()
	}
	return 1
}

// svec is the reference of lift: svec(L·Rᵀ).
func svec[T number](l, r []T, n, d int) []T {
	z := make([]T, 0, triangle(n))
	for i := range n {
		for j := i; j < n; j++ {
			var sum T
			for c := range d {
				sum = fma(l[i*d+c], r[j*d+c], sum)
			}
			if i != j {
				sum *= T(math.Sqrt2)
			}
			z = append(z, sum)
		}
	}
	return z
}

func testLift[T number](t *testing.T, b *bench) {
	for _, s := range shapes {
		t.Run(s.String(), func(t *testing.T) {
			var members table
			var got []*buffer
			var want [][]T
			for i, d := range s.ranks {
				l := scaled(random[float64](s.n*d, uint64(i)), math.Sqrt(memberScale[T](i)))
				left := input(l)
				right := left
				r := l
				if i%2 == 1 {
					// L = (U V) and R = (U −V): symmetric and indefinite.
					r = make([]float64, s.n*d)
					for at, x := range l {
						if r[at] = x; at%d >= d/2 {
							r[at] = -x
						}
					}
					right = input(r)
				}
				z := output(poisoned[T](triangle(s.n)))
				members = append(members, [4]any{left, right, d, z})
				got = append(got, z)
				want = append(want, svec(converted[T](l), converted[T](r), s.n, d))
			}
			b.run(t, launch{grid: s.tiles(s.n, s.n), block: tile, args: []any{members, s.n}})
			for i := range got {
				check(t, name("z of member", i), got[i], want[i])
			}
		})
	}
}

// unsvecTimes is the reference of pullback: unsvec(g)·X.
func unsvecTimes[T number](g, x []T, n, d int) []float64 {
	at := func(i, l int) T {
		if i > l {
			i, l = l, i
		}
		v := g[i*n-i*(i-1)/2+l-i]
		if i != l {
			v *= T(1 / math.Sqrt2)
		}
		return v
	}
	dst := make([]float64, n*d)
	for i := range n {
		for j := range d {
			var sum T
			for l := range n {
				sum = fma(at(i, l), x[l*d+j], sum)
			}
			dst[i*d+j] = float64(sum)
		}
	}
	return dst
}

func testPullback[T number](t *testing.T, b *bench) {
	for _, s := range shapes {
		t.Run(s.String(), func(t *testing.T) {
			var members table
			var got []*buffer
			var want [][]float64
			for i, d := range s.ranks {
				g, x := scaled(random[T](triangle(s.n), uint64(2*i)), T(memberScale[T](i))), random[float64](s.n*d, uint64(2*i+1))
				dst := output(poisoned[float64](s.n * d))
				members = append(members, [4]any{input(g), input(x), d, dst})
				got = append(got, dst)
				want = append(want, unsvecTimes(g, converted[T](x), s.n, d))
			}
			b.run(t, launch{grid: s.tiles(s.most(), s.n), block: tile, args: []any{members, s.n}})
			for i := range got {
				check(t, name("∇ of member", i), got[i], want[i])
			}
		})
	}
}

func testGram(t *testing.T, b *bench) {
	for _, s := range shapes {
		t.Run(s.String(), func(t *testing.T) {
			var members table
			var got []*buffer
			var want [][]float64
			for m, d := range s.ranks {
				x := random[float64](s.n*d, uint64(2*m))
				left := input(x)
				right, y := left, x
				if m%2 == 1 {
					y = random[float64](s.n*d, uint64(2*m+1))
					right = input(y)
				}
				product := make([]float64, d*d)
				for i := range d {
					for j := range d {
						for l := range s.n {
							product[i*d+j] = math.FMA(x[l*d+i], y[l*d+j], product[i*d+j])
						}
					}
				}
				dst := output(poisoned[float64](d * d))
				members = append(members, [4]any{left, right, d, dst})
				got, want = append(got, dst), append(want, product)
			}
			b.run(t, launch{grid: s.tiles(s.most(), s.most()), block: tile, args: []any{members, s.n}})
			for i := range got {
				check(t, name("XᵀY of member", i), got[i], want[i])
			}
		})
	}
}

func testRightMultiply(t *testing.T, b *bench) {
	for _, s := range shapes {
		t.Run(s.String(), func(t *testing.T) {
			var members table
			var got []*buffer
			var want [][]float64
			for m, d := range s.ranks {
				x, y := random[float64](s.n*d, uint64(2*m)), random[float64](d*d, uint64(2*m+1))
				product := make([]float64, s.n*d)
				for i := range s.n {
					for j := range d {
						for l := range d {
							product[i*d+j] = math.FMA(x[i*d+l], y[l*d+j], product[i*d+j])
						}
					}
				}
				dst := output(poisoned[float64](s.n * d))
				members = append(members, [4]any{input(x), input(y), d, dst})
				got, want = append(got, dst), append(want, product)
			}
			b.run(t, launch{grid: s.tiles(s.most(), s.n), block: tile, args: []any{members, s.n}})
			for i := range got {
				check(t, name("X·Y of member", i), got[i], want[i])
			}
		})
	}
}
