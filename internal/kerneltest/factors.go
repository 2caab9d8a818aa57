package kerneltest

import (
	"math"
	"slices"
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

// rect is a batch of factors of rectangular matrices: n1 rows on the left, n2 rows on the right.
type rect struct {
	n1, n2 int
	ranks  []int
}

// rects have one side or rank longer than the other two, with sizes around that of a tile.
var rects = []rect{
	{1, 1, []int{1}},
	{1, 19, []int{3, 1, 17}},
	{18, 1, []int{2}},
	{13, 5, []int{1, 2, 16, 40}},
	{16, 17, []int{16, 1}},
	{33, 31, []int{17, 1, 2, 7, 33}},
	{2, 129, []int{1, 3}},
	{67, 32, []int{5}},
}

func (r rect) String() string { return name("n1", r.n1, "n2", r.n2, "ranks", r.ranks) }

// tiles is a grid of 16 × 16 tiles for each member.
func (s shape) tiles(x, y int) driver.Dim { return tiles(x, y, len(s.ranks)) }

// tiles is a grid of 16 × 16 tiles for each member.
func tiles(x, y, members int) driver.Dim { return driver.Dim{over(x, 16), over(y, 16), members} }

var tile = driver.Dim{16, 16, 1}

// triangle is how many numbers the svec of an n × n matrix has.
func triangle(n int) int { return n * (n + 1) / 2 }

// memberScale is the scale of a member's numbers: those of every fourth member are subnormal.
func memberScale[T number](member int) float64 {
	if member%4 == 2 {
		return tiny[T]()
	}
	return 1
}

// svec is the reference of lift: svec(L·Rᵀ).
func svec[T number](l, r []T, n, d int) []T {
	z := make([]T, 0, triangle(n))
	whole := vec(l, r, n, n, d)
	for i := range n {
		z = append(z, whole[i*n+i])
		for j := i + 1; j < n; j++ {
			z = append(z, whole[i*n+j]*T(math.Sqrt2))
		}
	}
	return z
}

func testLift[T number](t *testing.T, b *bench) {
	for _, s := range shapes {
		t.Run(s.String(), func(t *testing.T) {
			var members list
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
				members = append(members, []any{left, right, d, z})
				got = append(got, z)
				want = append(want, svec(converted[T](l), converted[T](r), s.n, d))
			}
			b.run(t, launch{grid: s.tiles(s.n, s.n), block: tile, args: []any{members, s.n}})
			checkAll(t, "z of member", got, want)
		})
	}
}

// vec is the reference of lift_rect: vec(L·Rᵀ).
func vec[T number](l, r []T, n1, n2, d int) []T {
	z := make([]T, 0, n1*n2)
	for i := range n1 {
		for j := range n2 {
			var sum T
			for c := range d {
				sum = fma(l[i*d+c], r[j*d+c], sum)
			}
			z = append(z, sum)
		}
	}
	return z
}

func testLiftRect[T number](t *testing.T, b *bench) {
	for _, s := range rects {
		t.Run(s.String(), func(t *testing.T) {
			var members list
			var got []*buffer
			var want [][]T
			for i, d := range s.ranks {
				l := scaled(random[float64](s.n1*d, uint64(2*i)), memberScale[T](i))
				left := input(l)
				r, right := l, left
				if s.n1 != s.n2 {
					r = random[float64](s.n2*d, uint64(2*i+1))
					right = input(r)
				}
				z := output(poisoned[T](s.n1 * s.n2))
				members = append(members, []any{left, right, d, z})
				got = append(got, z)
				want = append(want, vec(converted[T](l), converted[T](r), s.n1, s.n2, d))
			}
			b.run(t, launch{
				grid: tiles(s.n2, s.n1, len(s.ranks)), block: tile, args: []any{members, s.n1, s.n2},
			})
			checkAll(t, "z of member", got, want)
		})
	}
}

// unsvec returns the matrix, row by row, whose svec is g.
func unsvec[T number](g []T, n int) []T {
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
	var out []T
	for i := range n {
		for l := range n {
			out = append(out, at(i, l))
		}
	}
	return out
}

// turned returns the transpose of an n1 × n2 matrix.
func turned[T number](a []T, n1, n2 int) []T {
	var out []T
	for j := range n2 {
		for i := range n1 {
			out = append(out, a[i*n2+j])
		}
	}
	return out
}

// times is the reference of the pullbacks: scale·G·X of n1 × n2 and n2 × d.
func times[T number](scale float64, g, x []T, n1, n2, d int) []float64 {
	dst := make([]float64, n1*d)
	for i := range n1 {
		for j := range d {
			var sum T
			for l := range n2 {
				sum = fma(g[i*n2+l], x[l*d+j], sum)
			}
			dst[i*d+j] = float64(sum) * scale
		}
	}
	return dst
}

// scales are the factors by which pullbacks are multiplied, in turn.
var scales = []float64{1, 0.5, -1.0 / 3}

func testPullback[T number](t *testing.T, b *bench) {
	for at, s := range shapes {
		t.Run(s.String(), func(t *testing.T) {
			scale := scales[at%len(scales)]
			var members list
			var got []*buffer
			var want [][]float64
			for i, d := range s.ranks {
				g := scaled(random[T](triangle(s.n), uint64(2*i)), T(memberScale[T](i)))
				x := random[float64](s.n*d, uint64(2*i+1))
				dst := output(poisoned[float64](s.n * d))
				members = append(members, []any{input(g), input(x), d, dst})
				got = append(got, dst)
				want = append(want, times(scale, unsvec(g, s.n), converted[T](x), s.n, s.n, d))
			}
			b.run(t, launch{
				grid: s.tiles(slices.Max(s.ranks), s.n), block: tile, args: []any{members, s.n, scale},
			})
			checkAll(t, "∇ of member", got, want)
		})
	}
}

func testPullbackRect[T number](transposed bool) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		for at, s := range rects {
			t.Run(s.String(), func(t *testing.T) {
				scale, rows, depth := scales[at%len(scales)], s.n1, s.n2
				if transposed {
					rows, depth = depth, rows
				}
				var members list
				var got []*buffer
				var want [][]float64
				for i, d := range s.ranks {
					g := scaled(random[T](s.n1*s.n2, uint64(2*i)), T(memberScale[T](i)))
					x := random[float64](depth*d, uint64(2*i+1))
					dst := output(poisoned[float64](rows * d))
					members = append(members, []any{input(g), input(x), d, dst})
					got = append(got, dst)
					if transposed {
						g = turned(g, s.n1, s.n2)
					}
					want = append(want, times(scale, g, converted[T](x), rows, depth, d))
				}
				grid := tiles(slices.Max(s.ranks), rows, len(s.ranks))
				b.run(t, launch{grid: grid, block: tile, args: []any{members, s.n1, s.n2, scale}})
				checkAll(t, "∇ of member", got, want)
			})
		}
	}
}
