package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestEnding(t *testing.T) {
	for _, simd := range available() {
		t.Run(string(simd), func(t *testing.T) {
			k64, k32 := newKernel[float64, float64](simd), newKernel[float32, float32](simd)
			testFold(t, k64.ending)
			testFold(t, k32.ending)
			testAddTo(t, k64.ending)
			testAddTo(t, k32.ending)
		})
	}
}

// testFold compares with the definition: the upper half of the lanes is added to the lower half until one is
// left.
func testFold[F number](t *testing.T, e ending[F]) {
	r := rand.New(rand.NewPCG(1, 2))
	var p, want [blockRows]float64
	var lanes [blockRows * maxLanes]F
	for i := range lanes {
		lanes[i] = F(r.NormFloat64() * math.Exp2(float64(r.IntN(20))))
	}
	count := laneCount[F]()
	for j := range want {
		p[j] = r.NormFloat64()
		left := append([]F(nil), lanes[j*count:(j+1)*count]...)
		for half := count / 2; half > 0; half /= 2 {
			for i := range half {
				left[i] += left[half+i]
			}
		}
		want[j] = p[j] + float64(left[0])
	}
	if e.foldInto(&p, &lanes); p != want {
		t.Errorf("%T: folded to %v, want %v", lanes[0], p, want)
	}
}

// testAddTo adds vectors of lengths around the step, off alignment.
func testAddTo[F number](t *testing.T, e ending[F]) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, plusStep - 1, plusStep, plusStep + 1, 5*plusStep + 7, 1000} {
		dst, checkDst := guarded[float64](t, n, n%8)
		src, checkSrc := guarded[F](t, n, (n+3)%8)
		want := make([]float64, n)
		for k := range want {
			dst[k], src[k] = r.NormFloat64(), F(r.NormFloat64())
			want[k] = dst[k] + float64(src[k])
		}
		e.addTo(dst, src)
		checkDst("dst")
		checkSrc("src")
		for k, v := range want {
			if dst[k] != v {
				t.Fatalf("%T, length %d: number %d is %v, want %v", *new(F), n, k, dst[k], v)
			}
		}
	}
}
