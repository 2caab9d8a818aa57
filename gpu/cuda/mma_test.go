//go:build cuda && linux && cgo && (amd64 || arm64)

package cuda_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/matsense/matsense/gpu/driver"
)

// sums are orders in which an element of D = A·B + C may be computed. The first is the one that the emulator,
// the CPU driver and the kernels' tests assume. The ISA leaves it open.
var sums = []struct {
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

// TestGPUMatrixProduct finds out in which order the tensor cores of a device add the products of f64, and
// fails if it is not the order that everything else assumes. Among the numbers are some that differ by so much
// that products vanish in a sum, subnormal numbers and infinities.
func TestGPUMatrixProduct(t *testing.T) {
	d := open(t)
	info, err := d.Info()
	must(t, err)
	if info.Capability[0] < 8 {
		t.Skipf("%s has compute capability %d.%d, and matrix products in f64 need 8.0",
			info.Name, info.Capability[0], info.Capability[1])
	}
	const blocks = 256
	random := rand.New(rand.NewPCG(1, 2))
	in := make([][4]float64, 32*blocks) // of a lane: an element of A, of B, and two of C
	var data []byte
	for i := range in {
		for j := range in[i] {
			v := random.NormFloat64()
			switch block := i / 32; {
			case block >= 224 && random.IntN(20) == 0:
				v = math.Inf(int(v * 10))
			case block >= 192:
				v *= 0x1p-530 // products are subnormal
			case block >= 96:
				v *= math.Exp2(float64(random.IntN(60)))
			}
			in[i][j] = v
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v))
		}
	}
	from, to := alloc(t, d, int64(len(data))), alloc(t, d, 16*32*blocks)
	defer d.Free(from)
	defer d.Free(to)
	must(t, d.Upload(from, data))
	must(t, d.Launch(driver.Launch{
		Kernel: load(t, d, "mma"), Grid: driver.Dim{blocks, 1, 1}, Block: driver.Dim{32, 1, 1},
		Args: []driver.Arg{driver.Ptr(from), driver.Ptr(to)},
	}))
	got := make([]byte, 16*32*blocks)
	must(t, d.Download(got, to))

	wrong := make([]int, len(sums))
	for block := range blocks {
		lanes := in[32*block:]
		for row := range 8 {
			for column := range 8 {
				var a, b [4]float64
				for k := range 4 {
					a[k], b[k] = lanes[4*row+k][0], lanes[4*column+k][1]
				}
				c := lanes[4*row+column/2][2+column%2]
				v := math.Float64frombits(binary.LittleEndian.Uint64(got[8*(64*block+8*row+column):]))
				for i, s := range sums {
					want := s.of(c, a, b)
					if v != want && (v == v || want == want) {
						wrong[i]++
					}
				}
			}
		}
	}
	for i, s := range sums {
		t.Logf("%d of %d elements differ from %s", wrong[i], 64*blocks, s.name)
	}
	if wrong[0] > 0 {
		t.Errorf("the order of the sums is not %s: the bits of tensor products differ from the emulator's",
			sums[0].name)
	}
	for i := range sums[1:] {
		if wrong[i+1] == 0 {
			t.Errorf("%s gives the same bits: the test cannot tell it from the first", sums[i+1].name)
		}
	}
}
