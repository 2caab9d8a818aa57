package sensing

import (
	"fmt"
	"testing"
)

// Bit j mod 32 of word ⌊j/32⌋ is entry j. The words are those of the row's blocks, one after another, and all
// bits after the last entry are zero.
func TestRademacherBits(t *testing.T) {
	const seed, m = 3 << 33, 5
	for _, k := range lengths {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			e, err := NewRademacher(Rect{1, k}, m, seed)
			if err != nil {
				t.Fatal(err)
			}
			for i := range m {
				for w, got := range rawRow(t, e, i) {
					counter := [4]uint32{uint32(w / 4), uint32(i), 0, EntriesStream}
					block := philox(counter, [2]uint32{0, 3 << 1})
					for bit := range 32 {
						want := block[w%4] >> bit & 1
						if 32*w+bit >= k {
							want = 0
						}
						if uint32(got)>>bit&1 != want {
							t.Fatalf("row %d word %d bit %d is not %d (K = %d)", i, w, bit, want, k)
						}
					}
				}
			}
		})
	}
}
