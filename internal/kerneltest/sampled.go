package kerneltest

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
	"github.com/matsense/matsense/kernels"
)

// segmented is a sparse matrix whose rows are cut into segments, as the kernels of observed entries read it.
type segmented struct {
	begin, rows      []uint32 // of each segment; begin has the end too
	columns, entries []uint32 // of each entry
	firsts           []uint32 // of each row with several segments
	whole            int      // segments that are a whole row
	n                int      // rows
	others           int      // rows of R or X
	measurements     int
}

// segment makes a matrix whose row i has the given number of entries, in segments of at most `most`. Rows
// with several segments come last, as in package gpu. Columns and measurements are scattered; every third
// entry is marked as one on the diagonal.
func segment(counts []int, most, others int) *segmented {
	m := &segmented{begin: []uint32{0}, firsts: []uint32{0}, n: len(counts), others: others}
	for _, long := range []bool{false, true} {
		for row, count := range counts {
			if count > most != long {
				continue
			}
			for first := true; first || count > 0; first = false {
				size := min(count, most)
				count -= size
				for range size {
					at := len(m.columns)
					m.columns = append(m.columns, uint32((7*at+row)%others))
					m.entries = append(m.entries, uint32(at))
				}
				m.begin, m.rows = append(m.begin, uint32(len(m.columns))), append(m.rows, uint32(row))
			}
			if long {
				m.firsts = append(m.firsts, uint32(len(m.rows)-m.whole))
			} else {
				m.whole++
			}
		}
	}
	m.measurements = len(m.entries)
	for at := range m.entries { // a permutation, because 5 and the number have no common factor
		m.entries[at] = uint32((5*at + 2) % m.measurements)
		if at%3 == 1 {
			m.entries[at] |= 1 << 31
		}
	}
	return m
}

// segments are rows with no entry, with fewer and more than a batch of 32, and with several segments. No
// number of entries is a multiple of 5.
var segments = []*segmented{
	segment([]int{1}, 4, 1),
	segment([]int{3, 0, 31, 33, 1, 32, 64, 2, 65}, 128, 13),
	segment([]int{129, 0, 5, 700, 128, 127, 97, 2}, 128, 37),
	segment([]int{9, 2, 7, 1, 3, 4, 10, 6, 0, 1, 1, 33}, 3, 5),
}

func (m *segmented) String() string {
	return name("n", m.n, "entries", len(m.columns), "segments", len(m.rows), "whole", m.whole)
}

// parts is the number of segments that are not whole rows.
func (m *segmented) parts() int { return len(m.rows) - m.whole }

// unit splits an entry into its measurement and its unit.
func unit(entry uint32, on, off float64) (measurement int, u float64) {
	if entry >= 1<<31 {
		return int(entry - 1<<31), on
	}
	return int(entry), off
}

// lanesFor is the least power of two that is at least cols, but at most 32.
func lanesFor(cols int) int {
	lanes := 1
	for lanes < min(cols, 32) {
		lanes *= 2
	}
	return lanes
}

// halved adds up numbers, a power of two, half as many apart first.
func halved(v []float64) float64 {
	v = append([]float64(nil), v...)
	for apart := len(v) / 2; apart > 0; apart /= 2 {
		for i := range apart {
			v[i] += v[i+apart]
		}
	}
	return v[0]
}

// inner is ⟨l, r⟩ as sampled computes it: warps of 256 columns, lanes that take columns 32 apart. In each
// lane the first product is rounded.
func inner(l, r []float64, lanes int) float64 {
	var total float64
	for first := 0; first < len(l); first += 256 {
		sums := make([]float64, lanes)
		for lane := range sums {
			for c := first + lane; c < min(first+256, len(l)); c += 32 {
				if c == first+lane {
					sums[lane] = float64(l[c] * r[c])
				} else {
					sums[lane] = math.FMA(l[c], r[c], sums[lane])
				}
			}
		}
		if part := halved(sums); first == 0 {
			total = part
		} else {
			total += part
		}
	}
	return total
}

// testSampled tests a kernel that takes up to width columns. Members have different numbers of columns, and
// numbers that are subnormal in one member.
func testSampled(t *testing.T, b *bench) {
	width, err := strconv.Atoi(strings.TrimPrefix(b.kernel.Name(), "sampled_"))
	must(t, err)
	all := segments
	ranks := [][]int{{width}, {max(width/2+1, 1), 1, width, max(width-1, 1)}}
	if width > 256 { // large factors take long: fewer rows
		all = segments[3:]
		ranks = [][]int{{257}, {700, 512, 1}, {1025, 4096}}
	}
	lanes := min(width, 32)
	each := 32 / lanes
	for at, m := range all {
		for _, cols := range ranks {
			t.Run(name("cols", cols, "matrix", m), func(t *testing.T) {
				const scale = -1.0 / 3
				values := random[float64](len(m.columns), 1)
				var members list
				var dsts []*buffer
				var wants [][]float64
				most := 0
				for _, d := range cols {
					most = max(most, d)
				}
				room := m.parts()*most + 3
				squares := poisoned[float64](len(cols) * len(m.rows))
				partials := poisoned[float64](len(cols) * room)
				for at, d := range cols {
					size := math.Sqrt(memberScale[float64](at))
					l := scaled(random[float64](m.n*d, uint64(2*at)), size)
					r := scaled(random[float64](m.others*d, uint64(2*at+1)), size)
					want := poisoned[float64](m.n * d)
					for s, row := range m.rows {
						chains := make([][]float64, d)
						for c := range chains {
							chains[c] = make([]float64, each)
						}
						square := make([]float64, each)
						for q := m.begin[s]; q < m.begin[s+1]; q++ {
							left, right := l[int(row)*d:][:d], r[int(m.columns[q])*d:][:d]
							e, chain := inner(left, right, lanes)-values[q], int(q-m.begin[s])%each
							for c, v := range right {
								chains[c][chain] = math.FMA(e, v, chains[c][chain])
							}
							square[chain] = math.FMA(e, e, square[chain])
						}
						squares[at*len(m.rows)+s] = halved(square)
						for c := range chains {
							if s < m.whole {
								want[int(row)*d+c] = halved(chains[c]) * scale
							} else {
								partials[at*room+(s-m.whole)*d+c] = halved(chains[c])
							}
						}
					}
					dst := output(poisoned[float64](m.n * d))
					members = append(members, []any{input(l), input(r), d, dst})
					dsts, wants = append(dsts, dst), append(wants, want)
				}
				gotSquares := output(poisoned[float64](len(squares)))
				gotPartials := output(poisoned[float64](len(partials)))
				var wanted any = gotSquares
				if at%2 == 1 {
					wanted, squares = nil, poisoned[float64](len(squares))
				}
				grid, block := driver.Dim{over(len(m.rows), 8), 1, len(cols)}, line(256)
				if width > 256 {
					grid, block = driver.Dim{len(m.rows), 1, len(cols)}, line(32*over(most, 256))
				}
				b.run(t, launch{grid: grid, block: block, args: []any{
					members, words(m.begin), words(m.rows), words(m.columns), input(values), wanted,
					gotPartials, len(m.rows), m.whole, uint64(room), scale,
				}})
				checkAll(t, "dst of member", dsts, wants)
				check(t, "squares", gotSquares, squares)
				check(t, "partials", gotPartials, partials)
			})
		}
	}
}

func testSampledValues(t *testing.T, b *bench) {
	for _, m := range segments {
		t.Run(m.String(), func(t *testing.T) {
			const on, off = 3, 0.7
			y, want := random[float64](m.measurements, 1), make([]float64, len(m.entries))
			for q, entry := range m.entries {
				k, u := unit(entry, on, off)
				want[q] = y[k] / u
			}
			values := output(poisoned[float64](len(want)))
			b.run(t, launch{
				grid: line(over(len(want), 256)), block: line(256),
				args: []any{input(y), words(m.entries), values, len(want), float64(on), float64(off)},
			})
			check(t, "values", values, want)
		})
	}
}

// testSampledApply tests measurements and residuals; some entries below the diagonal are left out.
func testSampledApply(t *testing.T, b *bench) {
	const on, off = 3, -0.7
	for at, m := range segments {
		for _, cols := range []int{1, 2, 3, 8, 13, 32, 33, 70} {
			for _, residuals := range []bool{false, true} {
				t.Run(name("cols", cols, "residuals", residuals, "matrix", m), func(t *testing.T) {
					upper, lanes := at%2, lanesFor(cols)
					l, y := random[float64](m.n*cols, 1), random[float64](m.measurements, 3)
					r := random[float64](m.others*cols, 2)
					want := poisoned[float64](m.measurements)
					for s, row := range m.rows {
						for q := m.begin[s]; q < m.begin[s+1]; q++ {
							if upper == 1 && m.columns[q] < row {
								continue
							}
							sums := make([]float64, lanes)
							for c := range cols {
								sums[c%lanes] = math.FMA(
									l[int(row)*cols+c], r[int(m.columns[q])*cols+c], sums[c%lanes])
							}
							k, u := unit(m.entries[q], on, off)
							if want[k] = halved(sums) * u; residuals {
								want[k] -= y[k]
							}
						}
					}
					p := output(poisoned[float64](m.measurements))
					var observed any
					if residuals {
						observed = input(y)
					}
					b.run(t, launch{
						grid: line(over(len(m.rows), 8)), block: line(256),
						args: []any{
							input(l), input(r), p, observed, words(m.begin), words(m.rows), words(m.columns),
							words(m.entries), len(m.rows), cols, lanes, upper, float64(on), float64(off),
						},
					})
					check(t, "p", p, want)
				})
			}
		}
	}
}

// testSampledMultiply tests products with some or all columns of X.
func testSampledMultiply(t *testing.T, b *bench) {
	const on, off, scale = 3, -0.7, 0.3
	for at, m := range segments {
		for number, c := range []struct{ stride, width int }{
			{1, 1}, {5, 2}, {3, 3}, {16, 7}, {13, 13}, {32, 32}, {40, 33}, {70, 70},
		} {
			l := losses[(at+number)%len(losses)]
			sizes := name("stride", c.stride, "width", c.width, "matrix", m, "loss", l.name)
			t.Run(sizes, func(t *testing.T) {
				lanes := lanesFor(c.width)
				each := 32 / lanes
				x, w := random[float64](m.others*c.stride, 1), random[float64](m.measurements, 2)
				copy(w[:m.measurements/3], few)
				want, partials := poisoned[float64](m.n*c.stride), poisoned[float64](m.parts()*c.width)
				for s, row := range m.rows {
					for j := range c.width {
						chains := make([]float64, each)
						for q := m.begin[s]; q < m.begin[s+1]; q++ {
							k, u := unit(m.entries[q], on, off)
							chain := &chains[int(q-m.begin[s])%each]
							*chain = math.FMA(l.psi(w[k])*u, x[int(m.columns[q])*c.stride+j], *chain)
						}
						if s < m.whole {
							want[int(row)*c.stride+j] = halved(chains) * scale
						} else {
							partials[(s-m.whole)*c.width+j] = halved(chains)
						}
					}
				}
				dst, sums := output(poisoned[float64](len(want))), output(poisoned[float64](len(partials)))
				b.run(t, launch{
					grid: driver.Dim{over(len(m.rows), 8), over(c.width, 32), 1}, block: line(256),
					args: l.with(
						input(x), dst, input(w), words(m.begin), words(m.rows), words(m.columns),
						words(m.entries), sums, len(m.rows), m.whole, c.stride, c.width, lanes, float64(on),
						float64(off), scale,
					),
				})
				check(t, "dst", dst, want)
				check(t, "partials", sums, partials)
			})
		}
	}
}

// testSampledSegments tests sums of segments: of several members, and of some columns of a wider matrix.
func testSampledSegments(t *testing.T, b *bench) {
	const scale = -1.0 / 3
	for _, m := range segments {
		count := len(m.firsts) - 1
		if count == 0 {
			continue
		}
		rows := words(m.rows[m.whole:])
		// sum does the rows of several segments of want, which has stride numbers in each row.
		sum := func(want, partials []float64, stride, width int) {
			for i := range count {
				for c := range width {
					var chains [4]float64
					for s := m.firsts[i]; s < m.firsts[i+1]; s++ {
						chains[(s-m.firsts[i])%4] += partials[int(s)*width+c]
					}
					row := int(m.rows[m.whole+int(m.firsts[i])])
					want[row*stride+c] = ((chains[0] + chains[1]) + (chains[2] + chains[3])) * scale
				}
			}
		}
		for _, cols := range [][]int{{1}, {33, 5, 64}} {
			t.Run(name("cols", cols, "matrix", m), func(t *testing.T) {
				const most = 64
				room := m.parts()*most + 1
				partials := random[float64](len(cols)*room, 1)
				var members list
				var dsts []*buffer
				var wants [][]float64
				for at, d := range cols {
					want, dst := poisoned[float64](m.n*d), output(poisoned[float64](m.n*d))
					sum(want, partials[at*room:], d, d)
					members = append(members, []any{0, 0, d, dst})
					dsts, wants = append(dsts, dst), append(wants, want)
				}
				b.run(t, launch{
					grid: driver.Dim{over(count, 8), over(most, 32), len(cols)}, block: line(256),
					args: []any{members, nil, 0, 0, input(partials), uint64(room), words(m.firsts), rows,
						count, scale},
				})
				checkAll(t, "dst of member", dsts, wants)
			})
		}
		for _, c := range []struct{ stride, width int }{{1, 1}, {40, 33}, {9, 4}} {
			t.Run(name("stride", c.stride, "width", c.width, "matrix", m), func(t *testing.T) {
				partials := random[float64](m.parts()*c.width, 1)
				want, dst := poisoned[float64](m.n*c.stride), output(poisoned[float64](m.n*c.stride))
				sum(want, partials, c.stride, c.width)
				b.run(t, launch{
					grid: driver.Dim{over(count, 8), over(c.width, 32), 1}, block: line(256),
					args: []any{nil, dst, c.stride, c.width, input(partials), uint64(0), words(m.firsts),
						rows, count, scale},
				})
				check(t, "dst", dst, want)
			})
		}
	}
}

func testSampledSum(t *testing.T, b *bench) {
	const segment = 8192
	for _, c := range []struct{ members, count int }{
		{1, 1}, {2, 31}, {1, 257}, {3, segment - 1}, {2, segment}, {1, segment + 1}, {2, 2*segment + 259},
	} {
		t.Run(name("members", c.members, "count", c.count), func(t *testing.T) {
			x := random[float64](c.members*c.count, 1)
			var want []float64
			for at := range c.members {
				own := x[at*c.count:][:c.count]
				for first := 0; first < c.count; first += segment {
					var threads [256]float64
					for i := first; i < min(first+segment, c.count); i++ {
						threads[(i-first)%256] += own[i]
					}
					want = append(want, acrossBlock(&threads))
				}
			}
			sums := output(poisoned[float64](len(want)))
			b.run(t, launch{
				grid: driver.Dim{over(c.count, segment), c.members, 1}, block: line(256),
				args: []any{input(x), sums, c.count},
			})
			check(t, "sums", sums, want)
		})
	}
}

// sampledTests has the tests of the kernels of observed entries, by name.
func sampledTests() map[string]func(*testing.T, *bench) {
	all := map[string]func(*testing.T, *bench){
		"sampled_values":   testSampledValues,
		"sampled_apply":    testSampledApply,
		"sampled_multiply": testSampledMultiply,
		"sampled_segments": testSampledSegments,
		"sampled_sum":      testSampledSum,
	}
	for _, width := range kernels.SampledWidths {
		all["sampled_"+strconv.Itoa(width)] = testSampled
	}
	return all
}
