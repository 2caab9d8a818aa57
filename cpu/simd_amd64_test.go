package cpu

import (
	"math"
	"slices"
	"testing"
	"unsafe"

	"github.com/matsense/matsense/sensing"
)

// TestDecodeQ8: assembly decodes all entries, at every place of its loop, to the levels that sensing defines.
func TestDecodeQ8(t *testing.T) {
	if !slices.Contains(available(), AVX2) {
		t.Skip("no AVX2")
	}
	for shift := range 8 {
		row, _ := guarded[sensing.Q8Entry](t, 256*stride, shift)
		singles, check := guarded[float32](t, len(row), shift)
		for i := range row {
			row[i] = sensing.Q8Entry(i + i/256)
		}
		decodeQ8AVX2(&singles[0], (*byte)(unsafe.Pointer(&row[0])), len(row), decodedStrip)
		check("singles")
		for i, e := range row {
			if got, want := float64(singles[i]), sensing.Q8Levels[e]; got != want {
				t.Fatalf("entry %d at %d is %v, want %v", e, i, got, want)
			}
		}
	}
}

// TestTables: the tables of AVX-512 for q8, and of AVX2 for q8 and for signs, have what their loops look up.
func TestTables(t *testing.T) {
	for k, want := range sensing.Q8Levels {
		larger := max(k, 255-k) - 128
		bits := uint32(q8Planes[0][larger])<<16 | uint32(q8Planes[1][larger])<<24

		place := 127 - larger
		var lower byte
		for table := range place/16 + 1 {
			lower ^= q8Cascade.lower[table][place%16]
		}
		upper := q8Cascade.upper[max(place-112, 0)]
		for _, step := range q8Cascade.steps {
			if place > int(step[0]) {
				upper--
			}
		}
		if cascade := uint32(lower)<<16 | uint32(upper)<<24; cascade != bits ||
			float64(math.Float32frombits(bits)) != math.Abs(want) {
			t.Errorf("level %d has the bits %x in planes, %x in the cascade, want %v", k, bits, cascade, want)
		}
	}
	for b := range 256 {
		for i := range 8 {
			want := []float64{1, -1}[b>>i&1]
			if signsDouble[b][i] != want || float64(signsSingle[b][i]) != want {
				t.Errorf("sign %d of %x is %v, %v, want %v", i, b, signsDouble[b][i], signsSingle[b][i], want)
			}
		}
	}
}

// TestLongRows: rows too long to stay decoded give plain Go's bits.
func TestLongRows(t *testing.T) {
	for _, n := range []int{mostDecoded, mostDecoded + 1, mostDecoded + decodedStrip + stride} {
		same[sensing.Q8Entry, float64](t, n, 0, 5)
		same[sensing.Q8Entry, float32](t, n, 0, 6)
	}
}
