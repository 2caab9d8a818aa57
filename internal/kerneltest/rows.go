package kerneltest

import (
	"cmp"
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// entries is the stream of the entries in tests of kernels that read rows.
var entries = sensing.NewStream(seed, 0)

// dots is the reference of dots for one row, one member and one slab of the row: a_ik and z_bk for the slab's
// coordinates.
func dots[T number](a, z []T) T {
	var threads [256]T
	for thread := range threads {
		for u := range 4 {
			for e := range 4 {
				if k := 1024*u + 4*thread + e; k < len(a) {
					threads[thread] = fma(a[k], z[k], threads[thread])
				}
			}
		}
	}
	return acrossBlock(&threads)
}

// allDots returns members × count × ⌈k/length⌉ partial dot products, for slabs of length coordinates.
func allDots[T number](r *rows, z []T, members, length int) []T {
	parts, kp := over(r.k, length), slabs(r.k)*slab
	out := make([]T, members*r.count*parts)
	for i := range r.count {
		row := inT[T](r, i)
		for b := range members {
			for s := range parts {
				own := row[s*length : min((s+1)*length, r.k)]
				out[(b*r.count+i)*parts+s] = dots(own, z[b*kp+s*length:])
			}
		}
	}
	return out
}

// residual is the reference of residuals for one row: res and w, both computed in T.
func residual[T number](partials []T, y, scale float64, l loss) (res float64, w T) {
	var lanes [32]T
	for s, v := range partials {
		if s < 32 {
			lanes[s] = v
		} else {
			lanes[s%32] += v
		}
	}
	difference := acrossLanes(lanes[:]) - T(y)
	return float64(difference), T(scale) * T(l.psi(float64(difference)))
}

// accumulate is the reference of accumulate for one row of one member: it adds w·a to a sum.
func accumulate[T number](sum []T, w T, a []T) {
	for k, v := range a {
		sum[k] = fma(w, v, sum[k])
	}
}

// leaveOpen copies to want the numbers that a kernel wrote between the k-th of each chunk and the next
// multiple of 4, because the heads do not define these.
func leaveOpen[T number](want []T, chunks *buffer, k, kp int) {
	got := decode[T](chunks.data)
	for at := 0; at < len(want); at += kp {
		copy(want[at+k:at+over(k, 4)*4], got[at+k:])
	}
}

func testDots[T number](t *testing.T, b *bench, f sensing.Entries) {
	for _, c := range []struct {
		members, count, k, gap int
		kind                   kind
		slab                   int // 0 for the longest
	}{
		{1, 1, 1, 0, "", 0},
		{4, 2, 2, 0, "", 0},
		{7, 3, 31, 0, "", 0},
		{1, 4, 32, 32, "", 0},
		{5, 5, 33, 0, "", 0},
		{1, 3, 8, 0, "", 0}, // k fills sectors exactly for f64 and f32; 256 and 1024 do for every format
		{4, 5, 256, 0, "", 0},
		{1, 6, 1024, 0, "", 0},
		{2, 1, 2048, 0, "", 0},
		{3, 7, 255, 0, "", 0},
		{4, 9, 257, 64, "", 0},
		{1, 67, 91, 0, "", 0},
		{2, 8, 1009, 0, "", 0},
		{1, 5, 4095, 0, "", 0},
		{4, 4, 4096, 0, "", 0},
		{7, 5, 4097, 0, "", 0},
		{1, 9, 4186, 32, "", 0},
		{1, 2, 8209, 0, "", 0},
		{2, 1, 32*slab + 1, 0, "", 0},
		{1, 3, 5003, 0, small, 0},
		{4, 6, 4099, 0, special, 0},
		{2, 5, 301, 0, otherLevels, 0},
		{5, 5, 300, 32, "", 128},
		{2, 7, 5000, 0, "", 2432},
		{1, 4, 7680, 0, "", 3840},
	} {
		if c.kind == otherLevels && f != sensing.Q8 {
			continue
		}
		sizes := name("members", c.members, "count", c.count, "k", c.k, "gap", c.gap, "slab", c.slab) +
			string(c.kind)
		t.Run(sizes, func(t *testing.T) {
			a, z := newRows(f, entries, 0, c.count, c.k, c.gap), padded[T](c.members, c.k, 1)
			switch c.kind {
			case small:
				z = padded[T](c.members, c.k, tiny[T]())
			case special:
				specials(a, z[:c.k])
			case otherLevels:
				a.otherLevels()
			}
			length := cmp.Or(c.slab, slab)
			parts := over(c.k, length)
			partials := output(poisoned[T](c.members * c.count * parts))
			b.run(t, launch{
				grid:  [3]int{parts, over(c.count, 4), over(c.members, 4)},
				block: line(256),
				args: []any{
					a.buffer(), input(z), partials, a.table(), c.count, uint64(a.stride), c.k, parts,
					length, c.members,
				},
			})
			check(t, "partials", partials, allDots(a, z, c.members, length))
		})
	}
}

// specials puts special values into rows, or into z or w if the format has none.
func specials[T number](a *rows, z []T) {
	if bits := a.format.EntryBits(); bits >= 16 {
		for i, v := range []float64{
			math.Copysign(0, -1), math.Inf(1), math.NaN(), 0x1p-149, math.MaxFloat32, 0x1p200,
		} {
			a.set(i%a.count, a.k-1-i, v)
		}
		return
	}
	z[0], z[1] = T(math.Copysign(0, -1)), T(math.Inf(-1))
}

func testResiduals[T number](t *testing.T, b *bench) {
	for at, c := range []struct{ members, slabs, first, count, m int }{
		{1, 1, 0, 1, 1},
		{4, 2, 0, 2, 2},
		{7, 3, 0, 7, 8},
		{1, 1, 1, 8, 9},
		{4, 1, 31, 9, 67},
		{1, 31, 0, 31, 31},
		{7, 32, 5, 33, 129},
		{1, 33, 96, 33, 129},
		{4, 67, 2, 13, 17},
		{1, 97, 0, 257, 257},
		{1, 2, 255, 1, 257},
	} {
		for _, l := range losses {
			sizes := name("slabs", c.slabs, "first", c.first, "count", c.count, "m", c.m, "loss", l.name)
			t.Run(name("members", c.members)+"/"+sizes, func(t *testing.T) {
				const scale = 1.0 / 3
				partials, y := random[T](c.members*c.count*c.slabs, 0), random[float64](c.m, 1)
				if c.count > 8 {
					y[c.first+3], y[c.first+5] = math.Inf(1), math.NaN()
					partials[6*c.slabs], partials[7*c.slabs] = T(math.Inf(-1)), T(math.NaN())
					y[c.first+8] *= tiny[T]()
					scaled(partials[8*c.slabs:9*c.slabs], T(tiny[T]()))
				}
				for i, v := range few[:min(len(few), c.count)] {
					if at%2 == 1 { // the residuals of the first member are those numbers
						clear(partials[i*c.slabs:][:c.slabs])
						partials[i*c.slabs], y[c.first+i] = T(v), 0
					}
				}
				wantRes, wantW := poisoned[float64](c.members*c.m), poisoned[T](c.members*c.m)
				for member := range c.members {
					for i := range c.count {
						at := member*c.m + c.first + i
						parts := partials[(member*c.count+i)*c.slabs:][:c.slabs]
						wantRes[at], wantW[at] = residual(parts, y[c.first+i], scale, l)
					}
				}
				res, w := output(poisoned[float64](c.members*c.m)), output(poisoned[T](c.members*c.m))
				b.run(t, launch{
					grid:  [3]int{over(c.count, 8), c.members, 1},
					block: line(256),
					args: l.with(
						input(partials), input(y), res, w, c.slabs, c.first, c.count, c.m, scale),
				})
				check(t, "res", res, wantRes)
				check(t, "w", w, wantW)
			})
		}
	}
}

// testAccumulate handles all rows tile by tile, and checks all chunks after each tile.
func testAccumulate[T number](t *testing.T, b *bench, f sensing.Entries) {
	for _, c := range []struct {
		members, m, k, gap int
		chunk, tile        int // rows
		kind               kind
	}{
		{1, 1, 1, 0, 1, 1, ""},
		{4, 2, 2, 0, 2, 1, ""},
		{7, 7, 31, 0, 3, 5, ""},
		{1, 9, 32, 32, 4, 4, ""},
		{2, 9, 8, 0, 4, 4, ""},
		{1, 5, 256, 0, 4, 4, ""},
		{3, 8, 33, 0, 3, 8, ""},
		{5, 13, 255, 0, 5, 6, ""},
		{4, 67, 257, 64, 25, 31, ""},
		{1, 129, 91, 0, 17, 64, ""},
		{2, 5, 1023, 0, 8, 2, ""},
		{1, 6, 1024, 0, 2, 3, ""},
		{4, 3, 1025, 0, 1, 2, ""},
		{1, 9, 4096, 0, 4, 7, ""},
		{7, 4, 4097, 0, 3, 3, ""},
		{1, 9, 4186, 32, 2, 5, ""},
		{2, 3, 8209, 0, 2, 2, ""},
		{1, 7, 1009, 0, 7, 3, small},
		{4, 7, 301, 0, 3, 7, special},
		{2, 5, 301, 0, 5, 5, otherLevels},
	} {
		if c.kind == otherLevels && f != sensing.Q8 {
			continue
		}
		sizes := name("members", c.members, "m", c.m, "k", c.k, "gap", c.gap,
			"chunk", c.chunk, "tile", c.tile)
		t.Run(sizes+string(c.kind), func(t *testing.T) {
			a, w := newRows(f, entries, 0, c.m, c.k, c.gap), random[T](c.members*c.m, 0)
			switch c.kind {
			case small:
				scaled(w, T(tiny[T]()))
			case special:
				specials(a, w)
			case otherLevels:
				a.otherLevels()
			}
			parts, chunkCount := slabs(c.k), over(c.m, c.chunk)
			kp := parts * slab
			want := poisoned[T](c.members * chunkCount * kp)
			got := output(want)
			for first := 0; first < c.m; first += c.tile {
				count := min(c.tile, c.m-first)
				for i := first; i < first+count; i++ {
					row := inT[T](a, i)
					for member := range c.members {
						sum := want[(member*chunkCount+i/c.chunk)*kp:][:c.k]
						if i%c.chunk == 0 {
							clear(sum)
						}
						accumulate(sum, w[member*c.m+i], row)
					}
				}
				chunk0 := first / c.chunk
				touched := (first+count-1)/c.chunk - chunk0 + 1
				tile := *a
				tile.data = a.data[first*a.stride : (first+count)*a.stride]
				b.run(t, launch{
					grid:  [3]int{over(c.k, 1024), touched, over(c.members, 4)},
					block: line(256),
					args: []any{tile.buffer(), input(w), got, a.table(), first, count, uint64(a.stride),
						c.k, kp, c.members,
						c.m, words(starts(c.m, c.chunk)), chunk0, chunkCount},
				})
				leaveOpen(want, got, c.k, kp)
				check(t, name("chunks after row", first+count), got, want)
			}
		})
	}
}
