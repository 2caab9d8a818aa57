package kerneltest

import (
	"math"
	"testing"
)

// matrix is a row-major matrix with gaps between its rows, as a view has them, and some numbers before it.
type matrix struct {
	values           []float64 // with gaps
	rows, cols, lead int
	before           int
	buffer           *buffer
	transposed       bool
}

// gapped returns a matrix of random numbers with gaps of poison.
func gapped(rows, cols, gap, before int, seed uint64) matrix {
	m := matrix{rows: rows, cols: cols, lead: cols + gap, before: before}
	m.values = poisoned[float64](before + (rows-1)*m.lead + cols)
	numbers := random[float64](rows*cols, seed)
	for i := range rows {
		copy(m.values[before+i*m.lead:][:cols], numbers[i*cols:])
	}
	m.buffer = input(m.values)
	return m
}

// at returns number (i, j) of the matrix, or of its transpose.
func (m matrix) at(i, j int) float64 {
	if m.transposed {
		i, j = j, i
	}
	return m.values[m.before+i*m.lead+j]
}

func (m matrix) address() offset { return offset{m.buffer, m.before} }

// multiplication is a product of the multiply kernels.
type multiplication struct {
	rows, cols, depth, segment int
	gap, before                int
	alpha, beta                float64
}

// multiplications are lists of products, with sizes around those of a tile and of a segment.
var multiplications = [][]multiplication{
	{{1, 1, 1, 16, 0, 0, 1, 0}},
	{{3, 2, 5, 16, 0, 0, 1, 0}, {33, 1, 17, 32, 2, 3, -0.5, 0}, {1, 40, 33, 48, 1, 0, 1, 1}},
	{{31, 33, 16, 16, 0, 0, 1, 0}},
	{{32, 32, 32, 16, 0, 0, 1, 0}},
	{{7, 5, 131, 32, 3, 1, 1.0 / 3, 0}, {17, 67, 31, 16, 0, 0, 2, -1}, {2, 2, 3, 16, 0, 5, 1, 0}},
	{{65, 31, 49, 16, 0, 2, -1, 0.1}},
	{{1, 2, 257, 16, 0, 0, 1, 0}},
}

// segments is the number of segments of a product.
func (m multiplication) segments() int { return over(m.depth, m.segment) }

// operand returns op(A) of a shape.
func operand(rows, cols, gap, before int, transposed bool, seed uint64) matrix {
	if transposed {
		m := gapped(cols, rows, gap, before, seed)
		m.transposed = true
		return m
	}
	return gapped(rows, cols, gap, before, seed)
}

// scaledSum is alpha·sum + beta·old, or alpha·sum if beta is 0.
func scaledSum(alpha, sum, beta, old float64) float64 {
	if beta == 0 {
		return float64(alpha * sum)
	}
	return float64(float64(alpha*sum) + float64(beta*old))
}

func testMultiply(transA, transB bool) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		for _, products := range multiplications {
			t.Run(name("products", products), func(t *testing.T) {
				var entries list
				var dsts, parts []*buffer
				var wantDsts, wantParts [][]float64
				rows, cols, segments := 0, 0, 0
				for at, p := range products {
					seed := uint64(3 * at)
					x := operand(p.rows, p.depth, p.gap, p.before, transA, seed)
					y := operand(p.depth, p.cols, 2*p.gap, p.before, transB, seed+1)
					dst := gapped(p.rows, p.cols, p.gap, p.before, seed+2)
					if p.beta == 0 {
						dst.values = poisoned[float64](len(dst.values))
					}
					want := append([]float64{}, dst.values...)
					count := p.segments()
					part := poisoned[float64](count * p.rows * p.cols)
					wantPart := append([]float64{}, part...)
					for s := range count {
						for i := range p.rows {
							for j := range p.cols {
								var sum float64
								for l := s * p.segment; l < min((s+1)*p.segment, p.depth); l++ {
									sum = math.FMA(x.at(i, l), y.at(l, j), sum)
								}
								if to := dst.before + i*dst.lead + j; count == 1 {
									want[to] = scaledSum(p.alpha, sum, p.beta, dst.values[to])
								} else {
									wantPart[(s*p.rows+i)*p.cols+j] = sum
								}
							}
						}
					}
					dst.buffer = output(dst.values)
					partBuffer := output(part)
					entries = append(entries, []any{
						x.address(), y.address(), dst.address(), partBuffer, x.lead, y.lead, dst.lead,
						p.rows, p.cols, p.depth, p.segment, p.alpha, p.beta,
					})
					dsts, parts = append(dsts, dst.buffer), append(parts, partBuffer)
					wantDsts, wantParts = append(wantDsts, want), append(wantParts, wantPart)
					rows, cols, segments = max(rows, p.rows), max(cols, p.cols), max(segments, count)
				}
				b.run(t, launch{
					grid:  [3]int{over(rows, 32), over(cols, 32), segments * len(products)},
					block: tile, args: []any{entries, segments},
				})
				checkAll(t, "dst of product", dsts, wantDsts)
				checkAll(t, "parts of product", parts, wantParts)
			})
		}
	}
}

func testMultiplySum(t *testing.T, b *bench) {
	for _, products := range multiplications {
		t.Run(name("products", products), func(t *testing.T) {
			var entries list
			var dsts []*buffer
			var wants [][]float64
			numbers := 0
			for at, p := range products {
				dst := gapped(p.rows, p.cols, p.gap, p.before, uint64(2*at))
				if p.beta == 0 {
					dst.values = poisoned[float64](len(dst.values))
				}
				dst.buffer = output(dst.values)
				want := append([]float64{}, dst.values...)
				count, size := p.segments(), p.rows*p.cols
				parts := random[float64](count*size, uint64(2*at+1))
				for e := range size {
					sum := parts[e]
					for s := 1; s < count; s++ {
						sum += parts[s*size+e]
					}
					if to := dst.before + e/p.cols*dst.lead + e%p.cols; count > 1 {
						want[to] = scaledSum(p.alpha, sum, p.beta, dst.values[to])
					}
				}
				entries = append(entries, []any{
					0, 0, dst.address(), input(parts), 0, 0, dst.lead,
					p.rows, p.cols, p.depth, p.segment, p.alpha, p.beta,
				})
				dsts, wants = append(dsts, dst.buffer), append(wants, want)
				numbers = max(numbers, size)
			}
			b.run(t, launch{
				grid: [3]int{over(numbers, 256), len(products), 1}, block: line(256), args: []any{entries},
			})
			checkAll(t, "dst of product", dsts, wants)
		})
	}
}
