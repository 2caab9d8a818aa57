package cpu

import (
	"golang.org/x/sys/cpu"

	"github.com/matsense/matsense/sensing"
)

// available lists the instruction sets that this machine has, the best first.
func available() []SIMD {
	var have []SIMD
	x := &cpu.X86
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VBMI {
		have = append(have, AVX512)
	}
	if x.HasAVX2 && x.HasFMA && x.HasBMI2 {
		have = append(have, AVX2)
	}
	return append(have, Off)
}

// assembly has the vectors of each entry type, by the type's zero value.
var assembly = map[any]map[SIMD]vectors{
	float64(0): {
		AVX512: {
			vector[float64]{dotF64DoubleAVX512, addF64DoubleAVX512, dotsF64DoubleAVX512, addsF64DoubleAVX512},
			vector[float32]{dotF64SingleAVX512, addF64SingleAVX512, dotsF64SingleAVX512, addsF64SingleAVX512},
		},
		AVX2: {
			vector[float64]{dotF64DoubleAVX2, addF64DoubleAVX2, dotsF64DoubleAVX2, addsF64DoubleAVX2},
			vector[float32]{dotF64SingleAVX2, addF64SingleAVX2, dotsF64SingleAVX2, addsF64SingleAVX2},
		},
	},
	float32(0): {
		AVX512: {
			vector[float64]{dotF32DoubleAVX512, addF32DoubleAVX512, dotsF32DoubleAVX512, addsF32DoubleAVX512},
			vector[float32]{dotF32SingleAVX512, addF32SingleAVX512, dotsF32SingleAVX512, addsF32SingleAVX512},
		},
		AVX2: {
			vector[float64]{dotF32DoubleAVX2, addF32DoubleAVX2, dotsF32DoubleAVX2, addsF32DoubleAVX2},
			vector[float32]{dotF32SingleAVX2, addF32SingleAVX2, dotsF32SingleAVX2, addsF32SingleAVX2},
		},
	},
	sensing.BF16Entry(0): {
		AVX512: {
			vector[float64]{
				dotBF16DoubleAVX512, addBF16DoubleAVX512, dotsBF16DoubleAVX512, addsBF16DoubleAVX512,
			},
			vector[float32]{
				dotBF16SingleAVX512, addBF16SingleAVX512, dotsBF16SingleAVX512, addsBF16SingleAVX512,
			},
		},
		AVX2: {
			vector[float64]{dotBF16DoubleAVX2, addBF16DoubleAVX2, dotsBF16DoubleAVX2, addsBF16DoubleAVX2},
			vector[float32]{dotBF16SingleAVX2, addBF16SingleAVX2, dotsBF16SingleAVX2, addsBF16SingleAVX2},
		},
	},
	sensing.Q8Entry(0): {
		AVX512: {
			vector[float64]{dotQ8DoubleAVX512, addQ8DoubleAVX512, dotsQ8DoubleAVX512, addsQ8DoubleAVX512},
			vector[float32]{dotQ8SingleAVX512, addQ8SingleAVX512, dotsQ8SingleAVX512, addsQ8SingleAVX512},
		},
	},
	sensing.SignWord(0): {
		AVX512: {
			vector[float64]{dot: dotSignsDoubleAVX512, add: addSignsDoubleAVX512},
			vector[float32]{dot: dotSignsSingleAVX512, add: addSignsSingleAVX512},
		},
		AVX2: {
			vector[float64]{dot: dotSignsDoubleAVX2, add: addSignsDoubleAVX2},
			vector[float32]{dot: dotSignsSingleAVX2, add: addSignsSingleAVX2},
		},
	},
}

// newKernel returns the kernel of an entry type for the given instruction set, which must be available.
func newKernel[E sensing.Entry, F number](simd SIMD) (k kernel[E, F]) {
	v := assembly[*new(E)][simd]
	if _, q8 := any(*new(E)).(sensing.Q8Entry); q8 && simd == AVX2 {
		k.decode, v = decodeQ8SingleAVX2, assembly[float32(0)][simd]
	}
	if simd != Off {
		k.use(v, endingsAVX2)
	}
	return k
}

// endingsAVX2 is for AVX2, which every machine with AVX-512 has.
var endingsAVX2 = endings{
	ending[float64]{foldDoubleAVX2, plusDoubleAVX2}, ending[float32]{foldSingleAVX2, plusSingleAVX2},
}

// q8Cascade is the tables of q8 levels that the assembly of AVX2 reads.
var q8Cascade = cascade()

// The tables of AVX2 for signs: for each byte its eight numbers, −1 where a bit is set.
var (
	signsDouble = signTable[float64]()
	signsSingle = signTable[float32]()
)

func signTable[F number]() (numbers [256][8]F) {
	for b := range numbers {
		for i := range numbers[b] {
			numbers[b][i] = 1 - 2*F(b>>i&1)
		}
	}
	return numbers
}

// q8Tables are the tables of AVX2. Place p belongs to level 255 − p, the largest first.
type q8Tables struct {
	lower [8][16]byte // of the lower bytes: each table xor the one before
	upper [16]byte    // the upper bytes of the last places, one more for each step
	steps [2][32]byte // the upper byte is one larger up to place s; all bytes of a row are s
}

func cascade() (t q8Tables) {
	at := func(plane, p int) byte { return q8Planes[plane][127-p] }
	for p := range 128 {
		t.lower[p/16][p%16] = at(0, p)
		if p >= 16 {
			t.lower[p/16][p%16] ^= at(0, p-16)
		}
	}
	const last = 128 - 16
	for p := range t.upper {
		t.upper[p] = at(1, last+p) + byte(len(t.steps))
	}
	step := 0
	for p := range last {
		for range at(1, p) - at(1, p+1) {
			for i := range t.steps[step] {
				t.steps[step][i] = byte(p)
			}
			step++
		}
	}
	return t
}
