package sensing

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// wordsOf returns the letters of all words.
func wordsOf(p *Pauli) (words []string) {
	for i := range p.Measurements() {
		words = append(words, p.Word(i))
	}
	return words
}

// TestPauliDialects: the words of files as programs and people write them.
func TestPauliDialects(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		qubits int
		words  string
		values []float64
	}{
		"letters":          {"# three qubits\n\n XIZ \r\nYYI", 0, "XIZ YYI", nil},
		"lower case":       {"xiz\nyyi\niii", 0, "XIZ YYI III", nil},
		"_ for I, as Stim": {"+X_Z\n+YY_", 0, "XIZ YYI", nil},
		"expectations":     {"XIZ,0.5\nYYI,-0.25\n", 0, "XIZ YYI", []float64{0.5, -0.25}},
		"a header": {"\ufeffPauli_String,Expectation\nXIZ,0.5\nYYI,-0.25\n", 0, "XIZ YYI",
			[]float64{0.5, -0.25}},
		"a header of words": {"pauli\nXIZ\n", 0, "XIZ", nil},
		"semicolons":        {"label; value\nXIZ; 5e-1\n", 0, "XIZ", []float64{0.5}},
		"tabs":              {"XIZ\t0.5\n", 0, "XIZ", []float64{0.5}},
		"blanks":            {"XIZ   .5\nyyi +1\n", 0, "XIZ YYI", []float64{0.5, 1}},
		"quotation marks": {"\"word\",\"value\"\n\"XIZ\",0.5\n'YYI',\"1\"\n", 0, "XIZ YYI",
			[]float64{0.5, 1}},
		"quoted as R": {"\"Pauli\",\"Value\"\n\"XIZ\",0.5\n", 0, "XIZ", []float64{0.5}},
		"signs": {"-XIZ,0.5\n−YYI,-0.25\n+III,1\n", 0, "XIZ YYI III", []float64{-0.5, 0.25,
			1}},
		"PennyLane": {"X(0) @ Z(2)\nY(1) @ Y(0)\nI(0)\n", 0, "XIZ YYI III", nil},
		"PennyLane, older": {"PauliX(0) @ PauliZ(2),0.5\nPauliY(0) @ PauliY(1),1", 0, "XIZ YYI",
			[]float64{0.5, 1}},
		"Cirq":                  {"X(0)*Z(2)\nI\n", 0, "XIZ III", nil},
		"OpenFermion":           {"X0 Z2 0.5\nY1 Y0 -1\n", 0, "XIZ YYI", []float64{0.5, -1}},
		"OpenFermion, 4 qubits": {"X0 Z2\nY1 Y2\n", 4, "XIZI IYYI", nil},
		"qubit 0 unused":        {"X1 Z2\n", 3, "IXZ", nil},
		"a tensor product":      {"X@I@Z\nY ⊗ Y ⊗ I\nX*X*X\n", 0, "XIZ YYI XXX", nil},
	} {
		l, err := ReadPaulis(strings.NewReader(c.text), c.qubits)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(wordsOf(l.Words), " "); got != c.words || !slices.Equal(l.Expectations,
			c.values) {
			t.Errorf("%s: %s %v, want %s %v", name, got, l.Expectations, c.words, c.values)
		}
	}
}

// TestPauliDialectsRefused: what is not clear is refused with its line and with what to do.
func TestPauliDialectsRefused(t *testing.T) {
	for _, c := range []struct {
		text   string
		qubits int
		want   string
	}{
		{"", 0, "no Pauli words"},
		{"# XX\n", 0, "no Pauli words"},
		{"pauli,value\n", 0, "no Pauli words"},
		{"XX\n\nXYX", 0, `line 3: "XYX" has 3 letters and the first word 2`},
		{"XX\nXY", 0, `line 2: "XY" has an odd number of Y: it is imaginary, and its expectation in every ` +
			`real ` +
			"symmetric matrix is 0. For a complex state put Y before such words, and I before the others"},
		{"XX YY", 0, `line 1: "XX YY" is not one Pauli word`},
		{"X Z", 0, `line 1: "X Z" may be one word or several: write it as XZ`},
		{"XX\n" + strings.Repeat("X", 9999), 0, "line 2 has more than 4096 bytes"},
		{"Ⅹ\n", 0, `line 1: "Ⅹ" has 'Ⅹ' where only I, X, Y and Z may be`},
		{"XХ\n", 0, `line 1: "XХ" has 'Х' where`}, // the second is Cyrillic
		{"iXX\n", 0, `line 1: "iXX" mixes upper and lower case, and i may be the imaginary unit`},
		{"-ZZ\nXX\n", 0, "line 1: the word has a sign: list it without, and give the opposite observation"},
		{"XX\nZZ,1\n", 0, `line 2: "ZZ" has an expectation, and the word on line 1 has none`},
		{"XX,1\n\nZZ\n", 0, `line 3: "ZZ" has none, and the word on line 1 has an expectation`},
		{"XX,\n", 0, `line 1: the expectation of "XX" must be one finite number, got ""`},
		{"XX,nan\n", 0, `line 1: the expectation of "XX" must be one finite number, got "nan"`},
		{"XX,0.5,0.01\n", 0, `line 1: the expectation of "XX" must be one finite number, got "0.5,0.01"`},
		{"XX,(0.5+0j)\n", 0, `line 1: the expectation of "XX" must be one finite number, got "(0.5+0j)"`},
		{"0.5*XX\n", 0, `line 1: "0.5*XX" has a factor before the word`},
		{"0.5 [X0 Z2] +\n", 0, `has a factor before the word`},
		{"(0.5+0j)*XX\n", 0, `has a factor before the word`},
		{"0.53,XX\n", 0, "line 1: "},
		{"{\"00\": 512, \"11\": 488}\n", 0, "are counts of shots: make the expectation of the word"},
		{"00,512\n11,488\n", 0, `line 1: "00,512" are counts of shots`},
		{"0\": 5\n", 0, "line 1: "},
		{"{\"XX\": 0.5}\n", 0, "line 1: JSON: write lines word,expectation"},
		{"SparsePauliOp(['XX', 'ZZ'])\n", 0, `operator.paulis.to_labels(), sep="\n")`},
		{",word,value\n0,XX,0.5\n", 0, "index=False"},
		{"+z+z\n", 0, `line 1: "Z+Z" has '+' where only`},
		{"X0 Z2\nXIZ\n", 0, `line 2: "XIZ" has a letter for each qubit, and other words name their qubits`},
		{"X0 Z2\n", 2, "line 1: a word has qubit 2, counted from 0, of 2 qubits"},
		{"X1 Z2\n", 0, "no word has qubit 0, so that the number of qubits is not clear"},
		{"X0 Z0\n", 0, `line 1: "X0 Z0" has qubit 0 twice`},
		{"X0 Z24\n", 0, `line 1: "X0 Z24" has qubit 24, and there are at most 24`},
		{"X0\nX0 Y1\n", 0, `line 2: "XY" has an odd number of Y`},
		{"X0 ZZ\n", 0, `line 1: "X0 ZZ" is not one Pauli word`},
		{"\x1f\x8b\x08\x00\n", 0, "line 1: not text"},
		{"word\nword\nXX\n", 0, "line 2: "},
	} {
		_, err := ReadPaulis(strings.NewReader(c.text), c.qubits)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := LoadPaulis("testdata/nothing", 0); err == nil {
		t.Error("a file that is not there was read")
	}
}

// TestPauliObservations: an expectation e is the observation √(K/n)·e, as the measurement of a state gives
// it.
func TestPauliObservations(t *testing.T) {
	p, err := PaulisOf([]string{"ZI", "XX", "II"})
	if err != nil {
		t.Fatal(err)
	}
	// |00⟩ and |11⟩ in equal parts: ⟨ZI⟩ = 0, ⟨XX⟩ = ⟨II⟩ = 1. K/n is 10/4.
	y := p.Observations([]float64{0, 1, -0.5})
	for i, want := range []float64{0, 1.5811388300841898, -0.7905694150420949} {
		if d := y[i] - want; d > 1e-15 || d < -1e-15 {
			t.Errorf("observation %d is %v, want %v", i, y[i], want)
		}
	}
}

// FuzzReadPaulis reads arbitrary text. ReadPaulis must not panic, and what it accepts is the same after it is
// written and read again.
func FuzzReadPaulis(f *testing.F) {
	for _, seed := range []string{
		"XIZ\nYYI\n", "# comment\n\nZ", "Y", "XX\nX", "\xff", "XIZY\r\n", strings.Repeat("I", 24),
		"word,value\nxi,0.5\n-zz,1", "X(0) @ Z(2)\nI", "X0 Z2 -.5\n", "X@Z;1", "\"X_\" 1e-3", "{\"00\": 3}",
		"iXX",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ReadPaulis(strings.NewReader(text), 0)
		if err != nil {
			return
		}
		written := ""
		for i, word := range wordsOf(l.Words) {
			written += word
			if l.Expectations != nil {
				written += "," + strconv.FormatFloat(l.Expectations[i], 'g', -1, 64)
			}
			written += "\n"
		}
		again, err := ReadPaulis(strings.NewReader(written), 0)
		if err != nil {
			t.Fatal(err)
		}
		x, z := l.Words.Masks()
		x2, z2 := again.Words.Masks()
		if !slices.Equal(x, x2) || !slices.Equal(z, z2) || !slices.Equal(l.Expectations, again.Expectations) {
			t.Errorf("%q is not the same when it is written and read again", text)
		}
	})
}
