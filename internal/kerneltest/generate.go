package kerneltest

import (
	"bytes"
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// generation is a case of generate.
type generation struct {
	seed   uint64
	number uint32
	first  uint64
	count  int
	k, gap int
}

func testGenerate(t *testing.T, b *bench, f sensing.Entries) {
	const high = 1 << 32
	cases := []generation{
		{0, 0, 0, 1, 1, 0},
		{7, 0, 0, 3, 2, 0},
		{7, 0, 3, 2, 31, 32},
		{seed, 1, high - 2, 5, 32, 0},
		{seed, 1, high, 4, 33, 64},
		{1 << 63, 2, 5*high + 17, 7, 255, 0},
		{seed, 3, 1<<63 + 11, 4, 257, 32},
		{high, 1<<32 - 1, 1<<64 - 3, 3, 4186, 0},
		{high - 1, 0, 67, 2, 8209, 96},
	}
	if f == sensing.BF16 {
		cases = append(cases, tie(0), tie(1))
	}
	for _, c := range cases {
		t.Run(name("k", c.k, "first", c.first, "count", c.count, "gap", c.gap), func(t *testing.T) {
			stream := sensing.NewStream(c.seed, c.number)
			want := newRows(f, stream, c.first, c.count, c.k, c.gap)
			got := output(poisoned[float64](len(want.data) / 8))
			width := unitBytes(f)
			key, number := stream.Key()
			b.run(t, launch{
				grid:  [3]int{over(want.stride/width, 256), c.count, 1},
				block: line(256),
				args: []any{
					got, c.first, c.k, uint64(want.stride), uint64(key[0]), uint64(key[1]), uint64(number),
				},
			})
			for i := range c.count {
				from, to := i*want.stride, (i+1)*want.stride
				if g, w := got.data[from:to], want.data[from:to]; !bytes.Equal(g, w) {
					at := 0
					for g[at] == w[at] {
						at++
					}
					t.Errorf("row %d is wrong from byte %d on: % x, want % x",
						c.first+uint64(i), at, g[at:min(at+16, len(g))], w[at:min(at+16, len(w))])
				}
			}
		})
	}
}

// unitBytes is how many bytes of a row one thread generates.
func unitBytes(f sensing.Entries) int {
	switch f {
	case sensing.F32:
		return 8
	case sensing.BF16:
		return 4
	}
	return 16
}

// tie finds a row with an entry half-way between two bf16 numbers; the number nearer to zero has the given
// last bit.
func tie(last uint32) generation {
	c := generation{seed: seed, number: 4, count: 1, k: 64}
	v := make([]float64, c.k)
	for ; ; c.first++ {
		sensing.NewStream(c.seed, c.number).Normals(c.first, v)
		for _, x := range v {
			if math.Float32bits(float32(x))&0x1FFFF == last<<16|0x8000 {
				return c
			}
		}
	}
}
