//go:build amd64 || arm64

package sensing

import (
	"slices"
	"testing"
)

// TestBlockWriters: assembly writes the same bytes and signs as plain Go, for every length, row and seed, and
// nothing past the end.
func TestBlockWriters(t *testing.T) {
	all := blockWriters
	defer func() { blockWriters = all }()
	const seed, high = 0xFEDCBA9876543210, 1 << 33
	for length := range 700 {
		for _, i := range []int{0, 5, high + 7} {
			row := func(w []blockWriter) ([]Q8Entry, []SignWord) {
				blockWriters = w
				bytes, words := make([]Q8Entry, length+64), make([]SignWord, length+64)
				g := Gaussian[Q8Entry]{stream: NewStream(seed, EntriesStream)}
				g.Row(i, bytes[:length])
				r := Rademacher{base{Rect{N1: 1, N2: 32*length - length%32}, 1}, NewStream(seed, NoiseStream)}
				if length > 0 {
					r.Row(i, words[:length])
				}
				return bytes, words
			}
			wantBytes, wantWords := row(nil)
			for w := range all {
				bytes, words := row(all[w:])
				if !slices.Equal(bytes, wantBytes) || !slices.Equal(words, wantWords) {
					t.Fatalf("%s: row %d of length %d differs from plain Go's", all[w].name, i, length)
				}
			}
		}
	}
}
