package cpu

import (
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
		decodeQ8AVX2(&singles[0], (*byte)(unsafe.Pointer(&row[0])), len(row))
		check("singles")
		for i, e := range row {
			if got, want := float64(singles[i]), sensing.Q8Levels[e]; got != want {
				t.Fatalf("entry %d at %d is %v, want %v", e, i, got, want)
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
