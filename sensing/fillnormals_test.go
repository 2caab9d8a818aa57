//go:build amd64 || arm64

package sensing

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// withNormalStep sets the instruction set of normal deviates for a test.
func withNormalStep(t *testing.T, step int) {
	before := normalStep
	normalStep = step
	t.Cleanup(func() { normalStep = before })
}

// Ten million deviates of plain Go, rounded to each format, are those of every instruction set, at rows and
// lengths around every boundary of the counter.
func TestNormalsMatchPlainGo(t *testing.T) {
	const length = 1_250_000
	streams := []struct {
		seed   uint64
		number uint32
		row    uint64
	}{
		{1, EntriesStream, 0}, {1, EntriesStream, 1<<32 - 1}, {1, EntriesStream, 1 << 32},
		{math.MaxUint64, NoiseStream, math.MaxUint64}, {1 << 32, math.MaxUint32, 1<<63 + 5},
		{0, TruthStream, 1}, {0xFEDCBA9876543210, StartStream, 12345}, {7, EstimateStream, 0xFFFFFFFE_FFFFFFFF},
	}
	want := make([]float64, length)
	for _, at := range streams {
		s := NewStream(at.seed, at.number)
		eachNormal(s, at.row, want)
		for _, step := range normalSteps() {
			if step == 0 {
				continue
			}
			t.Run(fmt.Sprintf("step %d seed %d row %d", step, at.seed, at.row), func(t *testing.T) {
				withNormalStep(t, step)
				matchNormals[float64](t, s, at.row, want)
				matchNormals[float32](t, s, at.row, want)
				matchNormals[BF16Entry](t, s, at.row, want)
			})
		}
	}
}

// matchNormals compares the bits of a row in one format with the deviates, rounded.
func matchNormals[E normalEntry](t *testing.T, s Stream, row uint64, want []float64) {
	t.Helper()
	got := make([]E, len(want))
	fillNormals(s, row, got)
	for j, x := range want {
		if entryBits(got[j]) != entryBits(roundNormal[E](x)) {
			t.Fatalf("%T %d is %v, want %v of %x", got[j], j, got[j], roundNormal[E](x), x)
		}
	}
}

func entryBits[E normalEntry](x E) uint64 {
	switch x := any(x).(type) {
	case float64:
		return math.Float64bits(x)
	case float32:
		return uint64(math.Float32bits(x))
	}
	return uint64(any(x).(BF16Entry))
}

// Every length up to two chunks and a step writes the deviates of plain Go, and nothing past the end.
func TestNormalsOfEveryLength(t *testing.T) {
	const most, row = 4*normalChunk + 70, 3<<32 + 9
	s := NewStream(5, NoiseStream)
	all := make([]float64, most)
	eachNormal(s, row, all)
	for _, step := range normalSteps() {
		withNormalStep(t, step)
		for length := range most {
			lengthMatches[float64](t, s, row, all, length)
			lengthMatches[float32](t, s, row, all, length)
			lengthMatches[BF16Entry](t, s, row, all, length)
		}
	}
}

func lengthMatches[E normalEntry](t *testing.T, s Stream, row uint64, all []float64, length int) {
	t.Helper()
	const sentinel = 77
	got, want := make([]E, length+40), make([]E, length+40)
	for j := range want {
		got[j], want[j] = sentinel, sentinel
		if j < length {
			want[j] = roundNormal[E](all[j])
		}
	}
	fillNormals(s, row, got[:length])
	if !slices.Equal(got, want) {
		t.Fatalf("step %d: %d numbers of type %T differ from plain Go's", normalStep, length, want[0])
	}
}

// The words at the ends of every field, and random ones for which every u and every angle is likely, give the
// pairs of plain Go. Blocks whose number passes 2³² − 1 have the number modulo 2³².
func TestNormalsOfExtremeWords(t *testing.T) {
	var blocks []uint32
	var want []float64
	for _, w := range append(words(10_000), [2]uint64{0, 0}, [2]uint64{math.MaxUint64, math.MaxUint64}) {
		blocks = append(blocks, uint32(w[0]), uint32(w[0]>>32), uint32(w[1]), uint32(w[1]>>32))
		x, y := normalPair(w[0], w[1])
		want = append(want, x, y)
	}
	for len(blocks)%(4*mostNormalStep) != 0 {
		blocks = append(blocks, 0)
	}
	for _, step := range normalSteps() {
		if step == 0 {
			continue
		}
		withNormalStep(t, step)
		extremesMatch[float64](t, blocks, want)
		extremesMatch[float32](t, blocks, want)
		extremesMatch[BF16Entry](t, blocks, want)

		s := NewStream(3, EntriesStream)
		const first = math.MaxUint32 - 5
		got := make([]uint32, 4*mostNormalStep)
		s.normalWords(8, first, &got[0], mostNormalStep)
		for b := range uint32(mostNormalStep) {
			if block := s.Block(8, first+b); !slices.Equal(got[4*b:4*b+4], block[:]) {
				t.Errorf("step %d: block 2³² − 6 + %d is %x, want %x", step, b, got[4*b:4*b+4], block)
			}
		}
	}
}

func extremesMatch[E normalEntry](t *testing.T, blocks []uint32, want []float64) {
	t.Helper()
	got := make([]E, len(blocks)/2)
	writeNormals(&got[0], &blocks[0], len(blocks)/4)
	for j, x := range want {
		if entryBits(got[j]) != entryBits(roundNormal[E](x)) {
			t.Fatalf("step %d: %T %d of the words %x is %v, want %v", normalStep, got[j], j%2,
				blocks[j/2*4:j/2*4+4], got[j], roundNormal[E](x))
		}
	}
}
