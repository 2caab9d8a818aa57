package sensing

import (
	"math"
	"math/bits"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// TestPauliNumbers: the numbers below K are all real words, each once, in ascending order of masks.
func TestPauliNumbers(t *testing.T) {
	for n := 2; n <= 128; n *= 2 {
		e, err := NewPauli(n, n*(n+1)/2, 1)
		if err != nil {
			t.Fatal(err)
		}
		x, z := e.Masks()
		for i := range x {
			if bits.OnesCount32(x[i]&z[i])%2 == 1 || x[i] >= uint32(n) || z[i] >= uint32(n) {
				t.Fatalf("n = %d: word %d has the masks %b and %b", n, i, x[i], z[i])
			}
			if i > 0 && (x[i] < x[i-1] || x[i] == x[i-1] && z[i] <= z[i-1]) {
				t.Fatalf("n = %d: word %d does not come after the one before", n, i)
			}
		}
	}
}

// TestPauliBasis: multiplied out from their letters, all words are an orthogonal basis whose elements have
// the norm √K, so that the mean of ⟨A, Z⟩² is ‖Z‖_F². Masks gives the same elements.
func TestPauliBasis(t *testing.T) {
	const n = 8
	k := n * (n + 1) / 2
	e, err := NewPauli(n, k, 1)
	if err != nil {
		t.Fatal(err)
	}
	x, z := e.Masks()
	rows := mat.NewDense(k, k, nil)
	for i := range k {
		a := kronecker(t, e.Word(i))
		for j := range n {
			for c := range n {
				want := 0.0
				if c == j^int(x[i]) {
					want = 1
					if (bits.OnesCount32(x[i]&z[i])/2+bits.OnesCount32(z[i]&uint32(j)))%2 == 1 {
						want = -1
					}
				}
				if a.At(j, c) != want {
					t.Fatalf("%s has %v at (%d, %d), and its masks say %v", e.Word(i), a.At(j, c), j, c, want)
				}
			}
		}
		a.Scale(e.Unit(), a)
		e.Space().Coordinates(rows.RawRowView(i), a)
	}
	var gram mat.Dense
	gram.Mul(rows, rows.T())
	for i := range k {
		for j := range k {
			want := 0.0
			if i == j {
				want = float64(k)
			}
			if !(math.Abs(gram.At(i, j)-want) < 1e-12*float64(k)) {
				t.Fatalf("⟨%s, %s⟩ is %v, want %v", e.Word(i), e.Word(j), gram.At(i, j), want)
			}
		}
	}
}

// kronecker returns the matrix of a real word, multiplied out.
func kronecker(t *testing.T, word string) *mat.Dense {
	t.Helper()
	// Y = i·[0 −1; 1 0], and an even number of i is ±1.
	letters := map[rune]*mat.Dense{
		'I': mat.NewDense(2, 2, []float64{1, 0, 0, 1}), 'X': mat.NewDense(2, 2, []float64{0, 1, 1, 0}),
		'Y': mat.NewDense(2, 2, []float64{0, -1, 1, 0}), 'Z': mat.NewDense(2, 2, []float64{1, 0, 0, -1}),
	}
	p := mat.NewDense(1, 1, []float64{1})
	for _, letter := range word {
		var next mat.Dense
		next.Kronecker(p, letters[letter])
		p = &next
	}
	if strings.Count(word, "Y")%4 == 2 {
		p.Scale(-1, p)
	}
	return p
}

// TestPauliDraw: words are different, the same seed gives the same words, and each word is drawn equally
// often: in 2000 draws of 4 of the 10 words of two qubits, a word is drawn 800 times, with a standard
// deviation of 22. So it is if the words to leave out are drawn.
func TestPauliDraw(t *testing.T) {
	for _, m := range []int{4, 7} {
		counts := map[string]int{}
		for seed := range uint64(2000) {
			e, err := NewPauli(4, m, seed)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for i := range m {
				seen[e.Word(i)] = true
				counts[e.Word(i)]++
			}
			if len(seen) != m {
				t.Fatalf("seed %d: %d different words of %d", seed, len(seen), m)
			}
		}
		if len(counts) != 10 {
			t.Errorf("%d words were drawn", len(counts))
		}
		for word, count := range counts {
			if want := 200 * m; max(count-want, want-count) > 5*22 {
				t.Errorf("%s was drawn %d times, expected %d", word, count, want)
			}
		}
	}
	for _, bad := range []struct{ n, m int }{{1, 1}, {0, 1}, {-4, 1}, {6, 1}, {4, 0}, {4, 11}, {1 << 25, 1}} {
		if _, err := NewPauli(bad.n, bad.m, 1); err == nil {
			t.Errorf("%d words on a side of %d were drawn", bad.m, bad.n)
		}
	}
}

// TestPaulisOf: words keep their order and may be repeated. A text that is not a word is refused with the
// reason.
func TestPaulisOf(t *testing.T) {
	words := []string{"XIZ", "YYI", "III", "XIZ", "ZXZ"}
	e, err := PaulisOf(words)
	if err != nil {
		t.Fatal(err)
	}
	for i, word := range words {
		if got := e.Word(i); got != word {
			t.Errorf("word %d is %s, want %s", i, got, word)
		}
	}
	if n, _ := e.Space().Dims(); n != 8 || e.Measurements() != 5 {
		t.Errorf("%d measurements on a side of %d", e.Measurements(), n)
	}
	for _, bad := range []struct {
		words []string
		want  string
	}{
		{nil, "no Pauli words"},
		{[]string{""}, "letters"},
		{[]string{strings.Repeat("I", 25)}, "25 letters"},
		{[]string{"XX", "XXX"}, `word 1: "XXX" has 3 letters and the first word 2`},
		{[]string{"XY"}, "odd number of Y"},
		{[]string{"xx"}, "'x'"},
		{[]string{"X é"}, "only I, X, Y and Z"},
		{[]string{"Xé"}, `has 'é' where only`},
	} {
		if _, err := PaulisOf(bad.words); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q: %v", bad.words, err)
		}
	}
}

// TestRealWord: a word with an odd number of Y gets one more Y.
func TestRealWord(t *testing.T) {
	for word, want := range map[string]string{"XZ": "IXZ", "YY": "IYY", "XY": "YXY", "Y": "YY"} {
		if got := RealWord(word); got != want {
			t.Errorf("%s is %s, want %s", word, got, want)
		}
	}
}

// TestPauliWords: the words that a seed draws, as docs/random-numbers.md defines them. The expected words
// were made in Python, with testdata/reference/philox.py, by sorting all words by their masks.
func TestPauliWords(t *testing.T) {
	for _, c := range []struct {
		n, m int
		seed uint64
		want string
	}{{8, 6, 5, "IZI ZIX ZYY XZI XZX YXY"}, {4, 7, 1, "II ZI ZZ IX ZX XI YY"}} {
		e, err := NewPauli(c.n, c.m, c.seed)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for i := range c.m {
			words = append(words, e.Word(i))
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("n = %d, m = %d, seed %d: %s, want %s", c.n, c.m, c.seed, got, c.want)
		}
	}
}
