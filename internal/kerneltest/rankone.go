package kerneltest

import (
	"math"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
	"github.com/matsense/matsense/sensing"
)

// vectors are count vectors of two sides, n1 and n2 numbers, one vector after another in memory with gap more
// bytes between them than necessary. For n2 = 0 there is one side.
type vectors struct {
	*rows
	n1, n2 int
}

func newVectors(count, n1, n2, gap int) vectors {
	return vectors{newRows(sensing.F64, entries, 0, count, n1+n2, gap), n1, n2}
}

// side returns the argument for a side, its vectors, and their length.
func (v vectors) side(right bool) (arg *buffer, numbers [][]float64, length int) {
	first, length := 0, v.n1
	if right {
		first, length = v.n1, v.n2
	}
	for i := range v.count {
		numbers = append(numbers, inT[float64](v.rows, i)[first:first+length])
	}
	return &buffer{data: v.data[8*first:]}, numbers, length
}

// sided is a case of the kernels that read one side of vectors.
type sided struct {
	count, n1, n2, gap int
	right              bool
	ranks              []int // columns of each member's matrix
}

func (c sided) String() string {
	return name("count", c.count, "n1", c.n1, "n2", c.n2, "gap", c.gap, "right", c.right, "ranks", c.ranks)
}

// sidedCases have counts, lengths and columns around those of a block: 64, 16 or 64, and 16 at a time. Odd
// n1 puts the numbers of the right side between the borders of sectors.
var sidedCases = []sided{
	{1, 1, 0, 0, false, []int{1}},
	{2, 3, 0, 32, false, []int{2, 1}},
	{63, 15, 0, 0, false, []int{16}},
	{64, 16, 0, 0, false, []int{17}},
	{65, 17, 0, 0, false, []int{3, 12, 2}},
	{130, 33, 0, 64, false, []int{33, 40, 1}},
	{5, 7, 4, 0, true, []int{5}},
	{67, 31, 65, 0, true, []int{1, 63, 2}},
	{33, 64, 5, 32, false, []int{65}},
	{17, 129, 3, 0, true, []int{7, 2}},
	{16, 67, 0, 0, false, []int{129}},
}

func testRankOneTimes(tile int) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		for _, c := range sidedCases {
			t.Run(c.String(), func(t *testing.T) {
				v := newVectors(c.count, c.n1, c.n2, c.gap)
				arg, numbers, length := v.side(c.right)
				width := 0
				for _, r := range c.ranks {
					width += r
				}
				pitch := width + 3 // numbers between the products of two vectors stay as they are
				want := poisoned[float64](c.count * pitch)
				products := output(want)
				want = poisoned[float64](c.count * pitch)
				var columns list
				for member, r := range c.ranks {
					x := scaled(random[float64](length*r, uint64(member)), memberScale[float64](member+1))
					matrix := input(x)
					for k := range r {
						at := len(columns)
						columns = append(columns,
							[]any{offset{matrix, k}, 0, r, offset{products, at}})
						for i, a := range numbers {
							var sum float64
							for j, aj := range a {
								sum = math.FMA(aj, x[j*r+k], sum)
							}
							want[i*pitch+at] = sum
						}
					}
				}
				b.run(t, launch{
					grid: driver.Dim{over(width, tile), over(c.count, 64), 1}, block: driver.Dim{16, 16, 1},
					args: []any{arg, columns, c.count, length, uint64(v.stride), width, pitch},
				})
				check(t, "p", products, want)
			})
		}
	}
}

func testRankOneResiduals(t *testing.T, b *bench) {
	for at, c := range []struct {
		count, first, more int // more measurements follow the tile
		ranks              []int
	}{
		{1, 0, 0, []int{1}},
		{31, 3, 2, []int{2, 8}},
		{32, 0, 1, []int{9, 1, 7}},
		{33, 64, 0, []int{16, 3}},
		{65, 1, 5, []int{33}},
	} {
		t.Run(name("count", c.count, "first", c.first, "more", c.more, "ranks", c.ranks), func(t *testing.T) {
			m, pitch, scale := c.first+c.count+c.more, 2, -1.0/3
			for _, r := range c.ranks {
				pitch += 2 * r
			}
			l := losses[at%len(losses)]
			products := random[float64](c.count*pitch, 1)
			y := random[float64](m, 2)
			all := input(products)
			positions := len(c.ranks) + 1
			res, weights := poisoned[float64](m*positions), poisoned[float64](m*positions)
			gotRes, gotWeights := output(res), output(weights)
			var members list
			at := 1
			for member, r := range c.ranks {
				v, w := at, at+r
				if member%2 == 1 {
					w = v // a symmetric matrix LLᵀ
				}
				at += 2 * r
				position := (member + 1) % positions
				members = append(members, []any{offset{all, v}, offset{all, w}, r, position})
				for i := range c.count {
					var lanes [8]float64
					for k := range r {
						p := products[i*pitch:]
						lanes[k%8] = math.FMA(p[v+k], p[w+k], lanes[k%8])
					}
					for apart := 4; apart > 0; apart /= 2 {
						for l := range apart {
							lanes[l] += lanes[l+apart]
						}
					}
					number := position*m + c.first + i
					res[number] = lanes[0] - y[c.first+i]
					weights[number] = float64(l.psi(res[number]) * scale)
				}
			}
			b.run(t, launch{
				grid: driver.Dim{over(c.count, 32), len(c.ranks), 1}, block: line(256),
				args: l.with(members, pitch, input(y), gotRes, gotWeights, c.first, c.count, m, scale),
			})
			check(t, "res", gotRes, res)
			check(t, "weights", gotWeights, weights)
		})
	}
}

func testRankOneAccumulate(tile int) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		for at, c := range sidedCases {
			// The tile is the whole, or it begins and ends in the middle of chunks.
			for _, cut := range []int{0, 11} {
				t.Run(c.String()+name("/cut", cut), func(t *testing.T) {
					v := newVectors(c.count, c.n1, c.n2, c.gap)
					arg, numbers, length := v.side(c.right)
					width := 0
					for _, r := range c.ranks {
						width += r
					}
					m := cut + c.count + cut
					starts := []uint32{0}
					for next := 5 + at; next < m; next += 16 + 3*at {
						starts = append(starts, uint32(next))
					}
					starts = append(starts, uint32(m))
					pitch := width + 1
					products := random[float64](c.count*pitch, 1)
					all := input(products)
					sums := random[float64]((len(starts)-1)*length*width, 2)
					got := output(sums)
					var columns list
					var weights [][]float64
					for member, r := range c.ranks {
						w := scaled(random[float64](m, uint64(3+member)), memberScale[float64](member+1))
						arg := input(w)
						for range r {
							columns = append(columns,
								[]any{offset{all, len(columns)}, arg, 0, 0})
							weights = append(weights, w)
						}
					}
					want := append([]float64(nil), sums...)
					chunk0, chunks := -1, 0
					for k := range len(starts) - 1 {
						begin := max(int(starts[k]), cut)
						end := min(int(starts[k+1]), cut+c.count)
						if begin >= end {
							continue
						}
						if chunks++; chunk0 < 0 {
							chunk0 = k
						}
						for j := range length {
							for col := range width {
								sum := &want[(k*length+j)*width+col]
								if int(starts[k]) >= cut {
									*sum = 0
								}
								for i := begin; i < end; i++ {
									p := float64(products[(i-cut)*pitch+col] * weights[col][i])
									*sum = math.FMA(numbers[i-cut][j], p, *sum)
								}
							}
						}
					}
					b.run(t, launch{
						grid:  driver.Dim{over(width, tile), over(length, 64), chunks},
						block: driver.Dim{16, 16, 1},
						args: []any{arg, columns, got, words(starts), cut, c.count, uint64(v.stride), length,
							width, pitch, chunk0},
					})
					check(t, "sums", got, want)
				})
			}
		}
	}
}

func testRankOneCollect(t *testing.T, b *bench) {
	for at, c := range []struct {
		side, chunks int
		ranks        []int
	}{
		{1, 1, []int{1}},
		{7, 3, []int{2, 1}},
		{8, 2, []int{32}},
		{9, 5, []int{31, 2}},
		{33, 1, []int{17, 40, 8}},
	} {
		t.Run(name("side", c.side, "chunks", c.chunks, "ranks", c.ranks), func(t *testing.T) {
			width, scale := 0, scales[at%len(scales)]
			for _, r := range c.ranks {
				width += r
			}
			sums := random[float64](c.chunks*c.side*width, 1)
			var columns list
			var got []*buffer
			var want [][]float64
			for _, r := range c.ranks {
				dst := output(poisoned[float64](c.side * r))
				member := make([]float64, c.side*r)
				for k := range r {
					for j := range c.side {
						sum := sums[j*width+len(columns)]
						for chunk := 1; chunk < c.chunks; chunk++ {
							sum += sums[(chunk*c.side+j)*width+len(columns)]
						}
						member[j*r+k] = float64(sum * scale)
					}
					columns = append(columns, []any{0, 0, r, offset{dst, k}})
				}
				got, want = append(got, dst), append(want, member)
			}
			b.run(t, launch{
				grid: driver.Dim{over(c.side, 8), over(width, 32), 1}, block: driver.Dim{32, 8, 1},
				args: []any{columns, input(sums), c.side, width, c.chunks, scale},
			})
			checkAll(t, "dst of member", got, want)
		})
	}
}

// fusedCase is a case of rank_one_contract; n2 is 0 if matrices are symmetric.
type fusedCase struct {
	count, cut, n1, n2, gap int
	ranks                   []int
}

// fusedCases are the cases of a kernel with so many slots and columns. The tile begins and ends in the middle
// of chunks if cut is not 0. The lengths are around a slot of 256 numbers, and fill all slots.
func fusedCases(size kernels.FusedSize, rect bool) []fusedCase {
	most := size.Columns
	cases := []fusedCase{
		{1, 0, 1, 0, 0, []int{1}},
		{3, 5, 7, 0, 32, []int{most, 1}},
		{9, 0, 255, 0, 0, []int{1, most, most}},
		{18, 7, 257, 0, 64, []int{most}},
		{5, 2, size.Slots * 256, 0, 0, []int{(most + 1) / 2}},
	}
	if rect {
		for i, n2 := range []int{1, 5, 256, 258, 3} {
			cases[i].n2 = n2
		}
		cases[4].n1 -= 256
		cases = append(cases, fusedCase{4, 1, 2, (size.Slots - 1) * 256, 0, []int{1}})
	}
	return cases
}

func testRankOneContract(size kernels.FusedSize, rect bool) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		for at, c := range fusedCases(size, rect) {
			sizes := name("count", c.count, "cut", c.cut, "n1", c.n1, "n2", c.n2, "ranks", c.ranks)
			for _, l := range []loss{squaredLoss, losses[1+at%3]} {
				t.Run(sizes+"/"+l.name, func(t *testing.T) { fused(t, b, rect, c, l) })
			}
		}
	}
}

// fused runs one case of rank_one_contract.
func fused(t *testing.T, b *bench, rect bool, c fusedCase, l loss) {
	v := newVectors(c.count, c.n1, c.n2, c.gap)
	m, scale, width := c.cut+c.count+c.cut, -1.0/3, 1
	for _, r := range c.ranks {
		width += r
	}
	starts := []uint32{0}
	for next := 5; next < m; next += 7 {
		starts = append(starts, uint32(next))
	}
	starts = append(starts, uint32(m))
	chunks := len(starts) - 1
	y := random[float64](m, 90)
	res := poisoned[float64](m * (len(c.ranks) + 1))
	sums := [2][]float64{random[float64](chunks*c.n1*width, 91), random[float64](chunks*c.n2*width, 92)}
	gotRes, gotSums := output(res), [2]*buffer{output(sums[0]), output(sums[1])}
	want := [2][]float64{append([]float64(nil), sums[0]...), append([]float64(nil), sums[1]...)}
	sides := [2]int{c.n1, c.n2}
	kinds := 1
	if rect {
		kinds = 2
	}
	var members list
	column := 1 // the columns before are another launch's
	for member, r := range c.ranks {
		position := (member + 1) % (len(c.ranks) + 1)
		var x [2][]float64
		row := []any{0, 0, uint64(position)<<32 | uint64(r), column}
		for kind := range kinds {
			x[kind] = random[float64](sides[kind]*r, uint64(2*member+kind))
			scaled(x[kind], memberScale[float64](member))
			row[kind] = input(x[kind])
		}
		members = append(members, row)
		for i := range c.count {
			number := c.cut + i
			chunk := 0
			for int(starts[chunk+1]) <= number {
				chunk++
			}
			a := inT[float64](v.rows, i)
			numbers := [2][]float64{a[:c.n1], a[c.n1:]}
			var products [2][]float64
			for kind := range kinds {
				for k := range r {
					var threads [256]float64
					for j, aj := range numbers[kind] {
						threads[j%256] = math.FMA(aj, x[kind][j*r+k], threads[j%256])
					}
					products[kind] = append(products[kind], acrossBlock(&threads))
				}
			}
			var p float64
			for k := range r {
				p = math.FMA(products[0][k], products[kinds-1][k], p)
			}
			res[position*m+number] = p - y[number]
			weight := float64(l.psi(res[position*m+number]) * scale)
			for kind := range kinds {
				for k := range r {
					q := float64(products[kinds-1-kind][k] * weight)
					for j, aj := range numbers[kind] {
						sum := &want[kind][(chunk*sides[kind]+j)*width+column+k]
						if number == int(starts[chunk]) {
							*sum = 0 // a chunk that begins in the tile
						}
						*sum = math.FMA(aj, q, *sum)
					}
				}
			}
		}
		column += r
	}
	chunk0, touched := 0, 1
	for int(starts[chunk0+1]) <= c.cut {
		chunk0++
	}
	for chunk0+touched < chunks && int(starts[chunk0+touched]) < c.cut+c.count {
		touched++
	}
	args := []any{&buffer{data: v.data}, members, input(y), gotRes, gotSums[0]}
	if rect {
		args = append(args, gotSums[1])
	}
	args = append(args, words(starts), c.cut, c.count, m, uint64(v.stride), c.n1)
	if rect {
		args = append(args, c.n2)
	}
	args = l.with(append(args, width, len(c.ranks), chunk0, scale)...)
	b.run(t, launch{grid: line(len(c.ranks) * touched), block: line(256), args: args})
	check(t, "res", gotRes, res)
	check(t, "left", gotSums[0], want[0])
	if rect {
		check(t, "right", gotSums[1], want[1])
	}
}
