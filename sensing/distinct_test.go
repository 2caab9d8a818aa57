package sensing

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// The numbers are those that a set gathers from the sequence that docs/random-numbers.md defines, for counts
// on both sides of where the way of sorting changes, and so close to k that most draws are repetitions.
func TestDistinct(t *testing.T) {
	for _, c := range []struct {
		k     uint64
		count int
	}{
		{1, 1}, {2, 1}, {2, 2}, {300, 150}, {1 << 13, 4095}, {1 << 13, 4096}, {1<<13 + 1, 1<<13 + 1},
		{1 << 22, 5000}, {1<<22 + 1, 5000}, {5_000_050_000, 100_000}, {math.MaxUint64, 20_000},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.count, c.k), func(t *testing.T) {
			s := NewStream(11, HeldOutStream)
			seen := map[uint64]bool{}
			var want []uint64
			for i := uint64(0); len(want) < c.count; i++ {
				if number := s.Below(i/2, i%2, c.k); !seen[number] {
					seen[number] = true
					want = append(want, number)
				}
			}
			slices.Sort(want)
			if got := distinct(s, c.k, c.count); !slices.Equal(got, want) {
				t.Error("the numbers are not the first different ones of the sequence, in ascending order")
			}
		})
	}
}
