package kerneltest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// pauliTile is how many numbers of a vector a block of the kernels of Pauli words takes.
const pauliTile = 4096

// pauliUnit is the factor of the words in the tests.
const pauliUnit = 1.7

// pauliWord is a word as the kernels read it: the number of its measurement, and z, with bit 31 set if its
// sign is negative.
type pauliWord struct{ entry, z uint32 }

// value returns ±unit·v_z.
func (w pauliWord) value(v float64) float64 {
	if w.z>>31 == 1 {
		return -float64(v * pauliUnit)
	}
	return float64(v * pauliUnit)
}

// mask returns z without the sign.
func (w pauliWord) mask() int { return int(w.z &^ (1 << 31)) }

// pauliWords are groups of words with the same x.
type pauliWords struct {
	n     int
	xs    []uint32
	words [][]pauliWord // of each group
	m     int
}

// newPauliWords draws words of the given x, so many of each group, sorted by z. Every fourth word repeats the
// one before.
func newPauliWords(n int, xs []uint32, counts []int) pauliWords {
	r := rand.New(rand.NewPCG(uint64(n), uint64(len(xs))))
	p := pauliWords{n: n, xs: xs}
	for _, count := range counts {
		p.m += count
	}
	numbers := r.Perm(p.m)
	for _, count := range counts {
		var zs []uint32
		for i := range count {
			z := r.Uint32N(uint32(n))
			if i%4 == 3 {
				z = zs[i-1]
			}
			zs = append(zs, z)
		}
		slices.Sort(zs)
		group := make([]pauliWord, count)
		for i, z := range zs {
			group[i] = pauliWord{uint32(numbers[i]), z | z*2654435761>>31<<31}
		}
		numbers = numbers[count:]
		p.words = append(p.words, group)
	}
	return p
}

// buffers returns the lists of groups and of words.
func (p pauliWords) buffers() (groups, sorted *buffer) {
	var table, all []uint32
	for g, x := range p.xs {
		table = append(table, x, uint32(len(all)/2))
		for _, w := range p.words[g] {
			all = append(all, w.entry, w.z)
		}
	}
	return words(append(table, math.MaxUint32, uint32(len(all)/2))), words(all)
}

// pauliDots returns d_j = l_j·r_{j⊕x}: four chains side by side.
func pauliDots(l, r []float64, n, d int, x uint32) []float64 {
	out := make([]float64, n)
	for j := range out {
		k := j ^ int(x)
		var chains [4]float64
		for c := range d {
			chains[c%4] = math.FMA(l[j*d+c], r[k*d+c], chains[c%4])
		}
		out[j] = (chains[0] + chains[2]) + (chains[1] + chains[3])
	}
	return out
}

// levels does the levels of a Walsh–Hadamard transform for the bits from ≤ bit < to of v's numbers.
func levels(v []float64, from, to int) {
	for bit := from; bit < to; bit++ {
		for j := range v {
			if k := j | 1<<bit; k != j {
				v[j], v[k] = v[j]+v[k], v[j]-v[k]
			}
		}
	}
}

// bitsBelow is log₂n of a power of two.
func bitsBelow(n int) int {
	q := 0
	for 1<<q < n {
		q++
	}
	return q
}

// pauliCase is a batch, and words of at most 12 qubits.
type pauliCase struct {
	n      int
	xs     []uint32
	counts []int
	ranks  []int
	from   int // the first group to take
	take   int // groups to take
}

func (c pauliCase) String() string {
	return name("n", c.n, "groups", len(c.xs), "from", c.from, "take", c.take, "ranks", c.ranks)
}

// pauliCases have groups of one word, of fewer words than a block has threads, and of more; x of one bit and
// of many; all n of the groups; an odd and an even number of levels.
var pauliCases = []pauliCase{
	{2, []uint32{0}, []int{1}, []int{1}, 0, 1},
	{2, []uint32{0, 1}, []int{2, 5}, []int{7, 1, 2, 3}, 0, 2},
	{4, []uint32{0, 1, 2, 3}, []int{1, 9, 4, 2}, []int{5}, 0, 4},
	{8, []uint32{1, 4, 6, 7}, []int{3, 1, 8, 31}, []int{4, 1, 9}, 1, 2},
	{32, []uint32{0, 5, 16, 18, 24, 30, 31}, []int{31, 1, 2, 40, 33, 32, 7}, []int{1, 2, 3, 4, 5, 6, 33},
		2, 5},
	{64, []uint32{0, 32}, []int{64, 17}, []int{65}, 0, 2},
	{128, []uint32{1, 2, 100}, []int{255, 256, 257}, []int{3, 6}, 0, 3},
	{256, []uint32{128, 255}, []int{300, 9}, []int{2}, 0, 1},
	{512, []uint32{0, 12}, []int{513, 1}, []int{1, 3}, 1, 1},
	{1024, []uint32{3, 1000}, []int{40, 600}, []int{2}, 0, 2},
	{2048, []uint32{1024}, []int{77}, []int{1}, 0, 1},
	{4096, []uint32{2049, 4095}, []int{3, 700}, []int{3}, 0, 2},
}

// sides returns L and R of member number b, and their arguments. Every second member has two matrices.
func (c pauliCase) sides(b int) (l, r []float64, left, right *buffer) {
	d := c.ranks[b]
	l = scaled(random[float64](c.n*d, uint64(2*b)), math.Sqrt(memberScale[float64](b)))
	r, left = l, input(l)
	right = left
	if b%2 == 1 {
		r = random[float64](c.n*d, uint64(2*b+1))
		right = input(r)
	}
	return l, r, left, right
}

func testPauliResiduals(t *testing.T, b *bench) {
	for at, c := range pauliCases {
		t.Run(c.String(), func(t *testing.T) {
			p := newPauliWords(c.n, c.xs, c.counts)
			groups, sorted := p.buffers()
			var members list
			var got []*buffer
			var want [][]float64
			y := random[float64](p.m, 99)
			var observed any = input(y)
			if at%3 == 1 {
				y, observed = make([]float64, p.m), nil
			}
			for number, d := range c.ranks {
				l, r, left, right := c.sides(number)
				out := poisoned[float64](p.m)
				res := output(out)
				for g := c.from; g < c.from+c.take; g++ {
					v := pauliDots(l, r, c.n, d, p.xs[g])
					levels(v, 0, bitsBelow(c.n))
					for _, w := range p.words[g] {
						out[w.entry] = w.value(v[w.mask()])
						if observed != nil {
							out[w.entry] -= y[w.entry]
						}
					}
				}
				members = append(members, []any{left, right, d, res})
				got, want = append(got, res), append(want, out)
			}
			b.run(t, launch{
				grid: [3]int{c.take, 1, len(c.ranks)}, block: line(256),
				args: []any{members, groups, sorted, observed, c.n, c.from, pauliUnit},
			})
			checkAll(t, "res of member", got, want)
		})
	}
}

func testPauliWeights(t *testing.T, b *bench) {
	long := []pauliCase{
		{8192, []uint32{7, 8000}, []int{600, 5}, []int{1}, 0, 2},
		{16384, []uint32{0, 1, 2}, []int{1, 2, 900}, []int{1}, 1, 2},
	}
	for at, c := range append(slices.Clone(pauliCases), long...) {
		l := losses[at%len(losses)]
		t.Run(c.String()+"/"+l.name, func(t *testing.T) {
			const scale = 0.3
			p := newPauliWords(c.n, c.xs, c.counts)
			groups, sorted := p.buffers()
			w := random[float64](len(c.ranks)*p.m, 3)
			copy(w[:p.m/2], few)
			var want []float64
			for member := range c.ranks {
				for g := c.from; g < c.from+c.take; g++ {
					v := make([]float64, c.n)
					for _, word := range p.words[g] {
						v[word.mask()] += word.value(float64(l.psi(w[member*p.m+int(word.entry)]) * scale))
					}
					levels(v, 0, min(bitsBelow(c.n), bitsBelow(pauliTile)))
					want = append(want, v...)
				}
			}
			out := output(poisoned[float64](len(want)))
			b.run(t, launch{
				grid: [3]int{c.take, over(c.n, pauliTile), len(c.ranks)}, block: line(256),
				args: l.with(input(w), groups, sorted, out, c.n, p.m, c.from, pauliUnit, scale),
			})
			check(t, "c", out, want)
		})
	}
}

func testPauliPairs(t *testing.T, b *bench) {
	for _, c := range []pauliCase{
		{4096, []uint32{9}, []int{1}, []int{1}, 0, 1},
		{8192, []uint32{0, 5, 4096, 8191}, []int{1, 2, 1, 1}, []int{2, 1}, 1, 3},
		{16384, []uint32{12288, 16000}, []int{1, 1}, []int{5}, 0, 1},
	} {
		t.Run(c.String(), func(t *testing.T) {
			p := newPauliWords(c.n, c.xs, c.counts)
			groups, _ := p.buffers()
			var members list
			var want []float64
			for number, d := range c.ranks {
				l, r, left, right := c.sides(number)
				members = append(members, []any{left, right, d, 0})
				for g := c.from; g < c.from+c.take; g++ {
					v := pauliDots(l, r, c.n, d, p.xs[g])
					levels(v, 0, bitsBelow(pauliTile))
					want = append(want, v...)
				}
			}
			out := output(poisoned[float64](len(want)))
			b.run(t, launch{
				grid: [3]int{c.take, c.n / pauliTile, len(c.ranks)}, block: line(256),
				args: []any{members, groups, out, c.n, c.from},
			})
			check(t, "v", out, want)
		})
	}
}

func testHadamard(t *testing.T, b *bench) {
	for _, c := range []struct{ n, vectors int }{
		{8192, 3}, {16384, 1}, {32768, 2}, {1 << 17, 1}, {1 << 18, 1},
	} {
		t.Run(name("n", c.n, "vectors", c.vectors), func(t *testing.T) {
			want := random[float64](c.vectors*c.n, 5)
			v := output(want)
			for i := range c.vectors {
				levels(want[i*c.n:][:c.n], bitsBelow(pauliTile), bitsBelow(c.n))
			}
			b.run(t, launch{
				grid: [3]int{c.n / pauliTile, c.vectors, 1}, block: line(256), args: []any{v, c.n},
			})
			check(t, "v", v, want)
		})
	}
}

func testPauliGather(t *testing.T, b *bench) {
	for at, c := range pauliCases {
		t.Run(c.String(), func(t *testing.T) {
			p := newPauliWords(c.n, c.xs, c.counts)
			groups, sorted := p.buffers()
			v := random[float64](c.take*c.n, 4)
			y := random[float64](p.m, 99)
			var observed any = input(y)
			if at%2 == 1 {
				observed = nil
			}
			want := poisoned[float64](p.m)
			for g := range c.take {
				for _, w := range p.words[c.from+g] {
					want[w.entry] = w.value(v[g*c.n+w.mask()])
					if observed != nil {
						want[w.entry] -= y[w.entry]
					}
				}
			}
			res := output(poisoned[float64](p.m))
			b.run(t, launch{
				grid: line(c.take), block: line(256),
				args: []any{input(v), groups, sorted, observed, res, c.n, c.from, pauliUnit},
			})
			check(t, "res", res, want)
		})
	}
}

func testPauliCombine(t *testing.T, b *bench) {
	cases := append(slices.Clone(pauliCases),
		pauliCase{16, []uint32{0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 13, 15}, make([]int, 12), []int{17, 3}, 1, 11},
		pauliCase{8192, []uint32{4097, 8191}, []int{1, 1}, []int{1}, 0, 2})
	for at, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			scale, fresh := scales[at%len(scales)], at%2
			p := newPauliWords(c.n, c.xs, c.counts)
			groups, _ := p.buffers()
			var members list
			var got []*buffer
			var want [][]float64
			for number, d := range c.ranks {
				weights := scaled(random[float64](c.take*c.n, uint64(3*number)), memberScale[float64](number))
				x := random[float64](c.n*d, uint64(3*number+1))
				sums := random[float64](c.n*d, uint64(3*number+2))
				if fresh == 1 {
					sums = poisoned[float64](c.n * d)
				}
				dst := output(sums)
				for j := range c.n {
					for k := range d {
						sum := sums[j*d+k]
						if fresh == 1 {
							sum = 0
						}
						for g := range c.take {
							other := j ^ int(p.xs[c.from+g])
							sum = math.FMA(weights[g*c.n+j], x[other*d+k], sum)
						}
						sums[j*d+k] = float64(sum * scale)
					}
				}
				members = append(members, []any{input(weights), input(x), d, dst})
				got, want = append(got, dst), append(want, sums)
			}
			b.run(t, launch{
				grid: [3]int{over(c.n*slices.Max(c.ranks), 256), 1, len(c.ranks)}, block: line(256),
				args: []any{members, groups, c.n, c.from, c.take, fresh, scale},
			})
			checkAll(t, "dst of member", got, want)
		})
	}
}
