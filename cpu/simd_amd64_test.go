package cpu

import (
	"math"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// TestQ8Tables: the levels are what the assembly takes them for: singles, and odd about the middle, so that
// the four planes of bytes have them all.
func TestQ8Tables(t *testing.T) {
	for k, want := range sensing.Q8Levels {
		at, sign := k-128, 1.0
		if k < 128 {
			at, sign = 127-k, -1
		}
		var bits uint32
		for p, plane := range q8Planes {
			bits |= uint32(plane[at]) << (8 * p)
		}
		if got := sign * float64(math.Float32frombits(bits)); got != want || q8Levels[k] != want ||
			float64(q8Singles[k]) != want {
			t.Errorf("level %d is %v in planes, %v and %v in the tables, want %v", k, got, q8Levels[k],
				q8Singles[k], want)
		}
	}
}
