package sensing

import "math/bits"

// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC'11).
const (
	philoxM0 = 0xD2511F53
	philoxM1 = 0xCD9E8D57
	philoxW0 = 0x9E3779B9 // golden ratio
	philoxW1 = 0xBB67AE85 // √3 − 1
)

// philox applies the ten rounds of the bijection keyed by key to the 128-bit counter ctr.
func philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	c0, c1, c2, c3 := ctr[0], ctr[1], ctr[2], ctr[3]
	k0, k1 := key[0], key[1]
	for round := 0; ; round++ {
		hi0, lo0 := bits.Mul32(philoxM0, c0)
		hi1, lo1 := bits.Mul32(philoxM1, c2)
		c0, c1, c2, c3 = hi1^c1^k0, lo1, hi0^c3^k1, lo0
		if round == 9 {
			return [4]uint32{c0, c1, c2, c3}
		}
		k0 += philoxW0
		k1 += philoxW1
	}
}

// The streams of one seed. Their numbers never change, so that a stored seed always means the same draw.
const (
	EntriesStream   uint32 = iota // the entries of the measurement rows
	TruthStream                   // the ground truth
	NoiseStream                   // the noise on the observations
	StartStream                   // the small random start
	EstimateStream                // the vectors that the spectral estimate begins with
	BatchStream                   // which measurements a step draws
	LabelStream                   // the noise that a step adds to the observations
	DirectionStream               // the directions in which a step evaluates f
	ValueStream                   // the noise on the values of f that a step uses
	HeldOutStream                 // which measurements are held out
	OutlierStream                 // which observations have outliers, and the outliers
)

// Stream is a table of random words with 2⁶⁴ rows, any part of which can be read at any time: block b of row
// i is Philox4x32-10 of the counter (b, i mod 2³², ⌊i/2³²⌋, stream) under the key (seed mod 2³², ⌊seed/2³²⌋).
type Stream struct {
	key    [2]uint32
	number uint32
}

// NewStream returns the stream with the given number of a seed.
func NewStream(seed uint64, number uint32) Stream {
	return Stream{key: [2]uint32{uint32(seed), uint32(seed >> 32)}, number: number}
}

// Key returns what a device needs to read the stream: the key's two words and the stream's number.
func (s Stream) Key() (key [2]uint32, number uint32) { return s.key, s.number }

// Block returns the four words of block b of a row.
func (s Stream) Block(row uint64, b uint32) [4]uint32 {
	return philox([4]uint32{b, uint32(row), uint32(row >> 32), s.number}, s.key)
}

// Word returns the 64-bit word k of a row: two words of a block, the less significant one first.
func (s Stream) Word(row, k uint64) uint64 {
	block := s.Block(row, uint32(k/2))
	half := block[2*(k%2):]
	return uint64(half[0]) | uint64(half[1])<<32
}

// Below returns number k of a row as a number below n: ⌊w·n/2⁶⁴⌋ of the 64-bit word w. The probability of
// each number is exact up to a relative error of n·2⁻⁶⁴.
func (s Stream) Below(row, k, n uint64) uint64 {
	number, _ := bits.Mul64(s.Word(row, k), n)
	return number
}

// Normals fills dst with the first len(dst) standard normal deviates of a row, two from each block: for the
// block's words (x₀, x₁, x₂, x₃) they are the Box–Muller pair of x₀ + 2³²·x₁ and x₂ + 2³²·x₃. The formula is
// in docs/random-numbers.md.
func (s Stream) Normals(row uint64, dst []float64) { fillNormals(s, row, dst) }

func (s Stream) normals(row uint64, b uint32) (float64, float64) {
	x := s.Block(row, b)
	return normalPair(uint64(x[0])|uint64(x[1])<<32, uint64(x[2])|uint64(x[3])<<32)
}
