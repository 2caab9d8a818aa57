package sensing

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"sync"
	"unicode/utf8"
)

// Pauli is the ensemble of quantum state tomography on q qubits, n = 2^q: each measurement is the expectation
// of a Pauli word, a Kronecker product P of q of the matrices
//
//	I = [1 0; 0 1],   X = [0 1; 1 0],   Y = [0 −i; i 0],   Z = [1 0; 0 −1],
//
// times √(K/n). The leftmost letter is that of qubit 1, and its bit is the most significant bit of the row
// index. There are K = n(n+1)/2 words with an even number of Y; they are real symmetric matrices, and only
// they are measured. The unknown is a real symmetric matrix, a state of "rebits": on it the words with an odd
// number of Y, which are i times an antisymmetric matrix, have the expectation 0. A state with complex
// entries is measured as a real state on one more qubit: see [RealWord].
//
// Two different words differ in some letter. The product of these letters has the trace 0, and so has P·Q,
// while P·P = I. So the K matrices P/√n are orthonormal, and a basis of the symmetric matrices: over all
// words
//
//	E⟨A, Z⟩² = 1/K·Σ_P (K/n)·⟨P, Z⟩² = Σ_P ⟨P/√n, Z⟩² = ‖Z‖_F²
//
// as for Gaussian measurements, so that a step size means the same for both. A density matrix has the trace
// 1, which is not required here. The truth's largest eigenvalue is 1: a truth of rank 1 is a pure state, and
// any other truth is a state times its trace.
//
// A few times n·r·log²n of the words determine a state of rank r. (Gross, Liu, Flammia, Becker and Eisert,
// Quantum state tomography via compressed sensing, arXiv 0909.3304; Liu, Universal low-rank matrix recovery
// from Pauli measurements, arXiv 1103.2816.)
type Pauli struct {
	base
	masks func() (x, z []uint32)
}

var _ Ensemble = &Pauli{}

// NewPauli returns the ensemble of m different words of the K on log₂n qubits, in the order of their numbers;
// all sets of m words are equally likely. It draws the first m different numbers of a stream, or, if K − m is
// smaller, the K − m numbers to leave out.
func NewPauli(n, m int, seed uint64) (*Pauli, error) {
	b, err := newPauliBase(n, m)
	if err != nil {
		return nil, err
	}
	k := b.space.K()
	if m > k {
		return nil, fmt.Errorf("sensing: %d different Pauli words cannot be drawn: "+
			"%d qubits have %d with an even number of Y", m, qubits(n), k)
	}
	draw := func() (x, z []uint32) {
		numbers := distinct(NewStream(seed, EntriesStream), uint64(k), min(m, k-m))
		if m > k-m {
			numbers = complement(numbers, uint64(k))
		}
		x, z = make([]uint32, m), make([]uint32, m)
		for i, number := range numbers {
			x[i], z[i] = realMasks(uint64(n), number)
		}
		return x, z
	}
	return &Pauli{b, sync.OnceValues(draw)}, nil
}

// PaulisOf returns the ensemble of given words, in the order given. Each word has one letter I, X, Y or Z for
// each qubit. A word with an odd number of Y is an error. A word may be given more than once; each repetition
// is one more measurement.
func PaulisOf(words []string) (*Pauli, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("sensing: there are no Pauli words")
	}
	q := len(words[0])
	x, z := make([]uint32, len(words)), make([]uint32, len(words))
	for i, word := range words {
		var err error
		if x[i], z[i], err = parseWord(word, q); err != nil {
			return nil, fmt.Errorf("sensing: Pauli word %d: %w", i, err)
		}
	}
	b, err := newPauliBase(1<<q, len(words))
	return &Pauli{b, func() ([]uint32, []uint32) { return x, z }}, err
}

// Name implements [Ensemble].
func (*Pauli) Name() string { return "pauli" }

// Masks returns each word as two masks of the row index's bits: x has the bits of the letters X and Y, and z
// of Z and Y. As Y = i·XZ,
//
//	P = i^|x∧z|·X^x·Z^z,   P[j, j⊕x] = (−1)^(|x∧z|/2 + |z∧j|),
//
// with |·| the number of set bits, and every other element is 0. (Z^z has (−1)^|z∧k| in column k = j⊕x, and
// |z∧(j⊕x)| is |z∧j| up to |z∧x| and multiples of 2, both even.) The caller must not change the masks.
func (p *Pauli) Masks() (x, z []uint32) { return p.masks() }

// Word returns the letters of measurement i.
func (p *Pauli) Word(i int) string {
	x, z := p.masks()
	n, _ := p.space.Dims()
	var word strings.Builder
	for bit := uint32(n) >> 1; bit > 0; bit >>= 1 {
		letter := 0
		if x[i]&bit != 0 {
			letter++
		}
		if z[i]&bit != 0 {
			letter += 2
		}
		word.WriteByte("IXZY"[letter])
	}
	return word.String()
}

// Unit returns the factor √(K/n) of every word.
func (p *Pauli) Unit() float64 {
	n, _ := p.space.Dims()
	return math.Sqrt(float64(p.space.K()) / float64(n))
}

// Observations returns the observations of expectations tr(P·ρ), one for each word: [Pauli.Unit] times them.
func (p *Pauli) Observations(expectations []float64) []float64 {
	y := make([]float64, len(expectations))
	for i, e := range expectations {
		y[i] = p.Unit() * e
	}
	return y
}

// RealWord returns the word on one more qubit that measures a state ρ = UU† with complex entries, for any
// word P: I and the word if its number of Y is even, else Y and the word. With the real factor
// W = [Re U; −Im U], 2n × r,
//
//	⟨RealWord(P), WWᵀ⟩ = tr(P·ρ)
//
// for every P, so that gradient descent on W is gradient descent on U. The measurements do not determine WWᵀ:
// for unitary Q, U·Q has the same ρ and in general another WWᵀ. So a test error against one W says nothing.
func RealWord(word string) string {
	if strings.Count(word, "Y")%2 == 0 {
		return "I" + word
	}
	return "Y" + word
}

// maxQubits is the number of qubits for [MaxSide].
const maxQubits = 24

func newPauliBase(n, m int) (base, error) {
	if n < 2 || n&(n-1) != 0 {
		return base{}, fmt.Errorf("sensing: Pauli words measure matrices whose side is 2 to the power of "+
			"the number of qubits, not %d", n)
	}
	if m > math.MaxInt32 {
		return base{}, fmt.Errorf("sensing: at most %d Pauli words can be measured, got %d", math.MaxInt32, m)
	}
	return newBaseUpTo(MaxSide, Sym{n}, m)
}

// qubits is log₂n.
func qubits(n int) int { return bits.Len(uint(n)) - 1 }

// realMasks returns the masks of the word with a number below n(n+1)/2. The words with an even number of Y
// are numbered in ascending order of x, then of z. For x = 0 there are n words, one for each z. For every
// other x there are n/2: the rest of the number has all bits of z except the bit of x's lowest letter, and
// that bit makes |x∧z| even.
func realMasks(n, number uint64) (x, z uint32) {
	if number < n {
		return 0, uint32(number)
	}
	number -= n
	x = 1 + uint32(number/(n/2))
	rest := uint32(number % (n / 2))
	lowest := x & -x
	z = rest&^(lowest-1)<<1 | rest&(lowest-1)
	if bits.OnesCount32(x&z)%2 == 1 {
		z |= lowest
	}
	return x, z
}

// parseWord returns the masks of a word that must have q letters.
func parseWord(word string, q int) (x, z uint32, err error) {
	letters := utf8.RuneCountInString(word)
	if letters < 1 || letters > maxQubits {
		return 0, 0, fmt.Errorf("%s has %d letters: the number of qubits goes from 1 to %d",
			quoted(word), letters, maxQubits)
	}
	bit := uint32(1) << letters
	for _, letter := range word {
		bit >>= 1
		switch letter {
		case 'I':
		case 'X':
			x |= bit
		case 'Y':
			x, z = x|bit, z|bit
		case 'Z':
			z |= bit
		default:
			return 0, 0, fmt.Errorf("%s has %q where only I, X, Y and Z may be", quoted(word), letter)
		}
	}
	if letters != q {
		return 0, 0, fmt.Errorf("%s has %d letters and the first word %d", quoted(word), letters, q)
	}
	if bits.OnesCount32(x&z)%2 == 1 {
		return 0, 0, fmt.Errorf("%s has an odd number of Y: it is imaginary, "+
			"and its expectation in every real symmetric matrix is 0. For a complex state put Y before such "+
			"words, and I before the others", quoted(word))
	}
	return x, z, nil
}

// quoted returns a word, shortened if it is long, for an error message.
func quoted(word string) string {
	if letters := []rune(word); len(letters) > maxQubits+8 {
		return fmt.Sprintf("%q…", string(letters[:maxQubits+8]))
	}
	return fmt.Sprintf("%q", word)
}
