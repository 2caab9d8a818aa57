package sensing

import "unsafe"

// Rademacher is the ensemble of signs: the K entries of each a_i are independent, +1 or −1 with equal
// probability, and take one bit each. In a symmetric space A_i has ±1 on its diagonal and ±1/√2 off it, so
// that E⟨A_i, Z⟩² = ‖Z‖_F². Word w of a row is word w mod 4 of the row's random block ⌊w/4⌋; bits past the
// K-th are zero.
type Rademacher struct {
	base
	stream Stream
}

var _ RowSource[SignWord] = Rademacher{}

// NewRademacher returns the ensemble of m rows of signs in a space.
func NewRademacher(s Space, m int, seed uint64) (Rademacher, error) {
	b, err := newBase(s, m)
	return Rademacher{b, NewStream(seed, EntriesStream)}, err
}

// Name implements [Ensemble].
func (Rademacher) Name() string { return "rademacher" }

// Entries implements [Ensemble].
func (Rademacher) Entries() Entries { return Signs }

// Stream returns the source of the signs' random words, so that a device can make the rows itself.
func (r Rademacher) Stream() Stream { return r.stream }

// Row implements [RowSource].
func (r Rademacher) Row(i int, dst []SignWord) {
	done := r.stream.writeBlocks(uint64(i), unsafe.Pointer(unsafe.SliceData(dst)), len(dst)/4)
	for w := 4 * done; w < len(dst); w += 4 {
		x := r.stream.Block(uint64(i), uint32(w/4))
		for j := 0; j < 4 && w+j < len(dst); j++ {
			dst[w+j] = SignWord(x[j])
		}
	}
	if tail := r.space.K() % 32; tail != 0 {
		dst[len(dst)-1] &= 1<<tail - 1
	}
}
