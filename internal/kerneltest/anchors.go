package kerneltest

import (
	"math"
	"testing"
)

// anchorWords returns an entry of a list of anchors: the addresses in their order in the head of
// anchor_distance, and 0 for those that a kernel does not use.
func anchorWords(uses map[string]*buffer) []any {
	var entry []any
	for _, name := range []string{
		"z", "z0", "delta", "scale", "parts", "chunks", "g0", "g", "dots", "res0", "res",
	} {
		if b, ok := uses[name]; ok {
			entry = append(entry, b)
		} else {
			entry = append(entry, 0)
		}
	}
	return entry
}

const distanceSegment = 8192

func testAnchorDistance(t *testing.T, b *bench) {
	for _, c := range []struct{ members, k int }{
		{1, 1}, {3, 33}, {2, 257}, {1, distanceSegment}, {2, distanceSegment + 1},
		{1, 2*distanceSegment + 300},
	} {
		t.Run(name("members", c.members, "k", c.k), func(t *testing.T) {
			var entries list
			var parts []*buffer
			var want [][]float64
			for member := range c.members {
				z, z0 := random[float64](c.k, uint64(2*member)), random[float64](c.k, uint64(2*member+1))
				difference := make([]float64, c.k)
				for k := range z {
					difference[k] = z[k] - z0[k]
				}
				var sums []float64
				for first := 0; first < c.k; first += distanceSegment {
					sums = append(sums, squaresOf(difference[first:min(first+distanceSegment, c.k)]))
				}
				want = append(want, sums)
				parts = append(parts, output(poisoned[float64](len(sums))))
				entries = append(entries, anchorWords(map[string]*buffer{
					"z": input(z), "z0": input(z0), "parts": parts[member],
				}))
			}
			b.run(t, launch{grid: [3]int{over(c.k, distanceSegment), c.members, 1}, block: line(256),
				args: []any{entries, c.k}})
			checkAll(t, "parts of member", parts, want)
		})
	}
}

func testAnchorSubtract(t *testing.T, b *bench) {
	for _, c := range []struct {
		name      string
		k         int
		size      float64 // of the coordinates
		parts     []float64
		wantUnits float64 // a power of two, by hand
	}{
		{"one part", 33, 1, []float64{9}, 2},                   // the norm is 3
		{"a power of 2", 1, 1, []float64{0.0625}, 0.25},        // it is its own unit
		{"below a power of 2", 5, 1, []float64{0.0624}, 0.125}, // 0.2498
		{"two parts", 8192 + 5, 1, []float64{60, 40}, 8},       // 10
		{"no difference", 257, 0, []float64{0}, 1},
		{"large", 1025, 1e100, []float64{0x1p800}, 0x1p400},
		{"small", 4096, 1e-100, []float64{0x1p-660}, 0x1p-330},
		{"infinite", 31, 1, []float64{math.Inf(1)}, 1},
		{"not a number", 31, 1, []float64{math.NaN()}, 1},
		{"many parts", 300 * 8192, 1, nil, 16}, // 300 ones: the norm is √300, 17.3
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := c.parts
			for len(parts) < over(c.k, distanceSegment) {
				parts = append(parts, 1)
			}
			var entries list
			var deltas, scales []*buffer
			var wantDeltas [][]float32
			var wantScales [][]float64
			kp := slabs(c.k) * slab
			for member := range 2 {
				z, z0 := random[float64](c.k, uint64(2*member)), random[float64](c.k, uint64(2*member+1))
				delta := make([]float32, kp)
				for k := range z {
					z[k] *= c.size
					z0[k] *= c.size
					delta[k] = float32((z[k] - z0[k]) / c.wantUnits)
				}
				var sum float64 // the parts are integers or few, so every order gives their sum
				for _, part := range parts {
					sum += part
				}
				wantDeltas = append(wantDeltas, delta)
				wantScales = append(wantScales, []float64{math.Sqrt(sum), c.wantUnits})
				deltas = append(deltas, output(poisoned[float32](kp)))
				scales = append(scales, output(poisoned[float64](2)))
				entries = append(entries, anchorWords(map[string]*buffer{
					"z": input(z), "z0": input(z0), "parts": input(parts), "delta": deltas[member],
					"scale": scales[member],
				}))
			}
			b.run(t, launch{grid: [3]int{kp / 1024, 2, 1}, block: line(256), args: []any{entries, c.k}})
			checkAll(t, "delta of member", deltas, wantDeltas)
			checkAll(t, "scale of member", scales, wantScales)
		})
	}
}

func testAnchorSum(t *testing.T, b *bench) {
	const factor = 1 + 0x1p-30
	for _, c := range []struct{ members, k, chunks int }{{1, 1, 1}, {2, 33, 2}, {3, 257, 7}, {1, 4097, 3}} {
		t.Run(name("members", c.members, "k", c.k, "chunks", c.chunks), func(t *testing.T) {
			kp := slabs(c.k) * slab
			var entries list
			var results []*buffer
			var want [][]float64
			for member := range c.members {
				chunks := random[float32](c.chunks*kp, uint64(2*member))
				g0, unit := random[float64](c.k, uint64(2*member+1)), math.Ldexp(1, -3*member)
				g := make([]float64, c.k)
				for k := range g {
					var sum float64
					for chunk := range c.chunks {
						sum += float64(chunks[chunk*kp+k])
					}
					g[k] = math.FMA(sum*factor, unit, g0[k])
				}
				want = append(want, g)
				results = append(results, output(poisoned[float64](c.k)))
				entries = append(entries, anchorWords(map[string]*buffer{
					"chunks": input(chunks), "g0": input(g0), "g": results[member],
					"scale": input([]float64{math.NaN(), unit}),
				}))
			}
			b.run(t, launch{grid: [3]int{over(c.k, 256), c.members, 1}, block: line(256),
				args: []any{entries, c.k, kp, c.chunks, factor}})
			checkAll(t, "g of member", results, want)
		})
	}
}

func testAnchorResiduals(t *testing.T, b *bench) {
	for _, c := range []struct{ members, m int }{{1, 1}, {2, 255}, {3, 256}, {1, 1009}} {
		t.Run(name("members", c.members, "m", c.m), func(t *testing.T) {
			var entries list
			var results []*buffer
			var want [][]float64
			for member := range c.members {
				dots, res0 := random[float64](c.m, uint64(2*member)), random[float64](c.m, uint64(2*member+1))
				unit := math.Ldexp(1, -3*member)
				res := make([]float64, c.m)
				for i := range res {
					res[i] = math.FMA(dots[i], unit, res0[i])
				}
				want = append(want, res)
				results = append(results, output(poisoned[float64](c.m)))
				entries = append(entries, anchorWords(map[string]*buffer{
					"dots": input(dots), "res0": input(res0), "res": results[member],
					"scale": input([]float64{math.NaN(), unit}),
				}))
			}
			b.run(t, launch{grid: [3]int{over(c.m, 256), c.members, 1}, block: line(256),
				args: []any{entries, c.m}})
			checkAll(t, "res of member", results, want)
		})
	}
}

// testRowSquares gives lists of matrices with different sizes.
func testRowSquares(t *testing.T, b *bench) {
	var entries list
	var results []*buffer
	var want [][]float64
	most := 0
	for at, c := range [][2]int{{1, 1}, {9, 31}, {8, 32}, {33, 33}, {7, 257}, {20, 2}} {
		rows, cols := c[0], c[1]
		x := random[float64](rows*cols, uint64(at))
		sums := make([]float64, rows)
		for i := range sums {
			var lanes [32]float64
			for l, v := range x[i*cols : (i+1)*cols] {
				lanes[l%32] = math.FMA(v, v, lanes[l%32])
			}
			sums[i] = acrossLanes(lanes[:])
		}
		want = append(want, sums)
		results = append(results, output(poisoned[float64](rows)))
		entries = append(entries, []any{input(x), results[at], rows, cols})
		most = max(most, rows)
	}
	b.run(t, launch{grid: [3]int{over(most, 8), len(entries), 1}, block: line(256), args: []any{entries}})
	checkAll(t, "sums of matrix", results, want)
}
