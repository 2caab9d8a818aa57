package kerneltest

import (
	"math"
	"math/rand/v2"
	"testing"
)

// tensorSums are orders in which an element of D = A·B + C may be computed; the ISA leaves the order open.
// The first is the one that contract_tensor needs, and that the emulator and the CPU driver have.
var tensorSums = []struct {
	name string
	of   func(c float64, a, b [4]float64) float64
}{
	{"fused multiply-adds, k ascending from c", func(c float64, a, b [4]float64) float64 {
		for k := range 4 {
			c = math.FMA(a[k], b[k], c)
		}
		return c
	}},
	{"fused multiply-adds, k descending from c", func(c float64, a, b [4]float64) float64 {
		for k := 3; k >= 0; k-- {
			c = math.FMA(a[k], b[k], c)
		}
		return c
	}},
	{"fused multiply-adds, k ascending from 0, then c", func(c float64, a, b [4]float64) float64 {
		sum := 0.0
		for k := range 4 {
			sum = math.FMA(a[k], b[k], sum)
		}
		return sum + c
	}},
	{"two pairs of fused multiply-adds, then c", func(c float64, a, b [4]float64) float64 {
		first, second := float64(a[0]*b[0]), float64(a[2]*b[2])
		return math.FMA(a[1], b[1], first) + math.FMA(a[3], b[3], second) + c
	}},
	{"products and sums rounded one by one", func(c float64, a, b [4]float64) float64 {
		for k := range 4 {
			c += float64(a[k] * b[k])
		}
		return c
	}},
}

// testTensorOrder finds out in which order the tensor cores of a device add the products of f64, and fails if
// contract_tensor's bits would differ from contract's. Among the numbers are some that differ by so much that
// products vanish in a sum, subnormal numbers and infinities.
func testTensorOrder(t *testing.T, b *bench) {
	const blocks = 256
	random := rand.New(rand.NewPCG(seed, 2))
	in := make([]float64, 4*32*blocks) // of a lane: an element of A, of B, and two of C
	for i := range in {
		v := random.NormFloat64()
		switch block := i / 128; {
		case block >= 224 && random.IntN(20) == 0:
			v = math.Inf(int(v * 10))
		case block >= 192:
			v *= 0x1p-530 // products are subnormal
		case block >= 96:
			v *= math.Exp2(float64(random.IntN(60)))
		}
		in[i] = v
	}
	out := output(poisoned[float64](64 * blocks))
	b.run(t, launch{grid: line(blocks), block: line(32), args: []any{input(in), out}})

	got := decode[float64](out.data)
	wrong := make([]int, len(tensorSums))
	for at, v := range got {
		lanes, row, column := in[at/64*128:], at%64/8, at%8
		var left, right [4]float64
		for k := range 4 {
			left[k], right[k] = lanes[4*(4*row+k)], lanes[4*(4*column+k)+1]
		}
		c := lanes[4*(4*row+column/2)+2+column%2]
		for i, s := range tensorSums {
			want := s.of(c, left, right)
			if bitsOf(v) != bitsOf(want) && (v == v || want == want) {
				wrong[i]++
			}
		}
	}
	for i, s := range tensorSums {
		t.Logf("%d of %d elements differ from %s", wrong[i], len(got), s.name)
		if i > 0 && wrong[i] == 0 {
			t.Errorf("%s gives the same bits: the test cannot tell it from the first", s.name)
		}
	}
	if wrong[0] > 0 {
		t.Errorf("the order of the sums is not %s: contract_tensor cannot have contract's bits here",
			tensorSums[0].name)
	}
}
