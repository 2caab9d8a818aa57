package kerneltest

import (
	"math"
	"slices"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// lists are lists of draws of m measurements, in ascending order: runs of equal draws begin and end at,
// before and after the ends of blocks and of the list.
var lists = []struct {
	name string
	m    int
	list []uint32
}{
	{"one", 1, []uint32{0}},
	{"the last", 9, []uint32{8}},
	{"two", 7, []uint32{0, 6}},
	{"one, twice", 5, []uint32{3, 3}},
	{"one, often", 3, repeated(1, 600)},
	{"runs of one to four", 1009, runs(0, 1, 257, 100, 4)},
	{"each of a block", 256, runs(0, 1, 256, 1, 1)},
	{"a run across two blocks", 4099, slices.Concat(runs(7, 16, 254, 1, 1), repeated(4098, 5))},
	{"a run from a block's first", 4099, slices.Concat(runs(7, 16, 256, 1, 1), repeated(4098, 2))},
	{"a run to a block's last", 4099,
		slices.Concat(runs(7, 16, 253, 1, 1), repeated(4097, 3), []uint32{4098})},
}

// repeated returns i, count times.
func repeated(i uint32, count int) []uint32 { return slices.Repeat([]uint32{i}, count) }

// runs returns first, first + step, …, count different numbers: the first every times once, the next every
// twice, up to most times and again once.
func runs(first, step uint32, count, every, most int) (list []uint32) {
	for j := range count {
		list = append(list, repeated(first+uint32(j)*step, 1+j/every%most)...)
	}
	return list
}

func testDrawWeights(t *testing.T, b *bench) {
	const scale = 1.0 / 3
	for at, c := range lists {
		for _, listed := range []bool{true, false} {
			for _, shifted := range []bool{true, false} {
				l := losses[at%len(losses)]
				if shifted {
					l = losses[(at+1)%len(losses)]
				}
				sizes := name("m", c.m, c.name, len(c.list), "listed", listed, "shifted", shifted)
				t.Run(sizes+"/"+l.name, func(t *testing.T) {
					p, y, e := random[float64](c.m, 0), random[float64](c.m, 1), random[float64](c.m, 2)
					w := random[float64](c.m, 3)
					if c.m > 8 {
						p[3], y[5], e[7] = math.Inf(1), math.NaN(), math.Inf(-1)
					}
					for k, v := range few {
						if i := k * c.m / len(few); c.m > 100 {
							p[i], y[i], e[i] = v, 0, 0
						}
					}
					times, count := make([]float64, c.m), c.m
					for i := range times {
						times[i] = 1
					}
					args := l.with(nil, input(p), input(y), nil, nil, 0, scale)
					if listed {
						clear(times)
						for _, i := range c.list {
							times[i]++
						}
						count, args[4] = len(c.list), words(c.list)
					}
					if shifted {
						args[3] = input(e)
					}
					got := output(w)
					args[0], args[5] = got, count
					want := slices.Clone(w)
					for i, n := range times {
						if n == 0 {
							continue
						}
						res := p[i] - y[i]
						if shifted {
							res -= e[i]
						}
						want[i] += float64(float64(l.psi(res)*n) * scale)
					}
					b.run(t, launch{grid: line(over(count, 256)), block: line(256), args: args})
					check(t, "w", got, want)
				})
			}
		}
	}
}

func testGather(t *testing.T, b *bench) {
	for _, c := range lists {
		for _, shifted := range []bool{true, false} {
			t.Run(name("m", c.m, c.name, len(c.list), "shifted", shifted), func(t *testing.T) {
				x, e := random[float64](c.m, 0), random[float64](c.m, 1)
				x[0], e[c.m-1] = math.Copysign(0, -1), math.NaN()
				shift, want := any(nil), make([]float64, len(c.list))
				if shifted {
					shift = input(e)
				}
				for k, i := range c.list {
					want[k] = x[i]
					if shifted {
						want[k] += e[i]
					}
				}
				got := output(poisoned[float64](len(want)))
				b.run(t, launch{grid: line(over(len(want), 256)), block: line(256),
					args: []any{got, input(x), shift, words(c.list), len(want)}})
				check(t, "dst", got, want)
			})
		}
	}
}

func testGatherRows(t *testing.T, b *bench) {
	for _, c := range []struct {
		m, numbers int // rows, and numbers of 8 bytes in each
		list       []uint32
	}{
		{1, 4, []uint32{0}},
		{3, 8, []uint32{2, 2}},
		{5, 508, []uint32{0, 1, 4}},
		{7, 512, []uint32{6, 6, 6, 6}},
		{7, 516, []uint32{0, 3, 3, 5, 6}},
		{300, 12, runs(0, 1, 300, 100, 2)},
		{2, 1536, []uint32{1}},
	} {
		t.Run(name("m", c.m, "stride", 8*c.numbers, "count", len(c.list)), func(t *testing.T) {
			all := random[float64](c.m*c.numbers, 0)
			var want []float64
			for _, i := range c.list {
				want = append(want, all[int(i)*c.numbers:][:c.numbers]...)
			}
			got := output(poisoned[float64](len(want)))
			b.run(t, launch{grid: [3]int{over(8*c.numbers, 4096), len(c.list), 1}, block: line(256),
				args: []any{got, input(all), words(c.list), uint64(8 * c.numbers)}})
			check(t, "tile", got, want)
		})
	}
}

func testGenerateListed(t *testing.T, b *bench, f sensing.Entries) {
	for _, c := range []struct {
		seed   uint64
		number uint32
		list   []uint32
		k, gap int
	}{
		{0, 0, []uint32{0}, 1, 0},
		{7, 0, []uint32{3, 3}, 31, 32},
		{seed, 1, []uint32{0, 1, 1<<31 - 2}, 32, 0},
		{1 << 63, 2, []uint32{17, 18, 18, 40}, 257, 32},
		{1 << 32, 1<<32 - 1, []uint32{5}, 4186, 0},
	} {
		t.Run(name("k", c.k, "count", len(c.list), "gap", c.gap), func(t *testing.T) {
			stream := sensing.NewStream(c.seed, c.number)
			stride := rowBytes(f, c.k) + c.gap
			var want []byte
			for _, i := range c.list {
				want = append(want, newRows(f, stream, uint64(i), 1, c.k, c.gap).data...)
			}
			got := output(poisoned[float64](len(want) / 8))
			key, number := stream.Key()
			b.run(t, launch{grid: [3]int{over(stride/unitBytes(f), 256), len(c.list), 1}, block: line(256),
				args: []any{got, words(c.list), c.k, uint64(stride), uint64(key[0]), uint64(key[1]),
					uint64(number)}})
			check(t, "rows", got, decode[float64](want))
		})
	}
}

// draws are the sizes and rows of testNormals and testSigns.
var draws = []struct {
	count int
	row   uint64
}{
	{1, 0}, {2, 1}, {31, 7}, {32, 1 << 32}, {33, 1<<32 - 1}, {127, 3}, {128, 4}, {129, 5}, {255, 1 << 40},
	{257, 1<<64 - 1}, {511, 6}, {512, 7}, {513, 8}, {1009, 1 << 63},
}

func testNormals(t *testing.T, b *bench) {
	for _, c := range draws {
		t.Run(name("count", c.count, "row", c.row), func(t *testing.T) {
			stream := sensing.NewStream(seed, 7)
			want := make([]float64, c.count)
			stream.Normals(c.row, want)
			testDrawn(t, b, stream, c.row, 512, want)
		})
	}
}

func testSigns(t *testing.T, b *bench) {
	for _, c := range draws {
		t.Run(name("count", c.count, "row", c.row), func(t *testing.T) {
			stream := sensing.NewStream(seed, 6)
			want := make([]float64, c.count)
			for i := range want {
				block := stream.Block(c.row, uint32(i/128))
				want[i] = 1
				if block[i/32%4]>>(i%32)&1 == 1 {
					want[i] = -1
				}
			}
			testDrawn(t, b, stream, c.row, 256, want)
		})
	}
}

// testDrawn runs normals or signs, whose blocks make the given number of numbers.
func testDrawn(t *testing.T, b *bench, stream sensing.Stream, row uint64, each int, want []float64) {
	t.Helper()
	key, number := stream.Key()
	got := output(poisoned[float64](len(want)))
	b.run(t, launch{grid: line(over(len(want), each)), block: line(256),
		args: []any{got, len(want), row, uint64(key[0]), uint64(key[1]), uint64(number)}})
	check(t, "dst", got, want)
}
