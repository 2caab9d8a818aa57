package sensing

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PauliList is what a file of Pauli words says.
type PauliList struct {
	Words *Pauli
	// Expectations are tr(P·ρ) of the words, not scaled; nil if the file has words alone. See
	// [Pauli.Observations].
	Expectations []float64
}

// LoadPaulis reads a file of words. See [ReadPaulis].
func LoadPaulis(path string, qubits int) (*PauliList, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sensing: %w", err)
	}
	defer f.Close()
	return ReadPaulis(f, qubits)
}

// ReadPaulis reads words for [PaulisOf], one on each line. A line is in one of the forms
//
//	XIZY            all letters; - or _ for the number of qubits does not matter: _ is I
//	xizy            in lower case
//	X(0) @ Z(2)     letters with their qubits, joined by @, *, ⊗ or blanks, as PennyLane and Cirq write them
//	X0 Z2           the same, as OpenFermion writes it
//
// and may end with the expectation of the word after a comma, a semicolon, a tab or blanks: either every line
// does, or none. The expectation that follows −XIZY is that of −P, and the opposite is taken for P. A first
// line may name the columns. Spaces around a word, empty lines and lines that begin with # are ignored.
//
// Qubits are counted from 0, and qubit 0 is the leftmost letter. If words name their qubits, there are so
// many as the caller says, or up to the largest number in the file if the caller says 0. Errors name the
// line, counted from 1.
func ReadPaulis(r io.Reader, qubits int) (*PauliList, error) {
	const longest = 4096 // bytes of a line, comments included
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	p := pauliReader{qubits: qubits}
	number := 0
	for lines.Scan() {
		number++
		text := lines.Text()
		if number == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if text = strings.TrimSpace(text); text == "" || text[0] == '#' {
			continue
		}
		if err := p.line(number, text); err != nil {
			return nil, fmt.Errorf("sensing: line %d: %w", number, err)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("sensing: line %d has more than %d bytes: a line is one Pauli word",
			number+1, longest)
	} else if err != nil {
		return nil, fmt.Errorf("sensing: line %d: %w", number+1, err)
	}
	return p.list()
}

// pauliReader gathers the lines of a file.
type pauliReader struct {
	qubits int
	named  bool // a line named the columns
	words  []string
	lines  []int      // on which the words are
	sparse [][]factor // the words that name their qubits; nil for the others
	values []float64
	minus  int // the first line with a word of negative sign; 0 if there is none
}

// factor is a letter that acts on a qubit.
type factor struct {
	letter byte
	qubit  int
}

// line takes a line that is neither empty nor a comment.
func (p *pauliReader) line(number int, text string) error {
	word, value, valued, err := cutValue(text)
	if err != nil {
		return err
	}
	if isPauliHeader(word) && !p.named && len(p.words) == 0 {
		p.named = true
		return nil
	}
	sign, word := cutSign(word)
	letters, factors, err := parsePauli(word)
	if err != nil {
		return err
	}
	if factors == nil {
		q := len(letters)
		if first := slices.IndexFunc(p.sparse, func(f []factor) bool { return f == nil }); first >= 0 {
			q = len(p.words[first])
		}
		if _, _, err := parseWord(letters, q); err != nil {
			return err
		}
	}
	if len(p.words) > 0 && valued != (p.values != nil) {
		has := map[bool]string{true: "an expectation", false: "none"}
		return fmt.Errorf("%s has %s, and the word on line %d has %s", quoted(word), has[valued], p.lines[0],
			has[!valued])
	}
	if valued {
		p.values = append(p.values, sign*value)
	}
	if sign < 0 && p.minus == 0 {
		p.minus = number
	}
	p.words, p.sparse, p.lines = append(p.words, letters), append(p.sparse, factors), append(p.lines, number)
	return nil
}

// list makes the words of all lines.
func (p *pauliReader) list() (*PauliList, error) {
	if p.minus > 0 && p.values == nil {
		return nil, fmt.Errorf("sensing: line %d: the word has a sign: list it without, and give the "+
			"opposite observation; or give expectations in the same file, as -XZ,0.5", p.minus)
	}
	if err := p.spell(); err != nil {
		return nil, err
	}
	words, err := PaulisOf(p.words)
	if err != nil {
		return nil, err
	}
	return &PauliList{words, p.values}, nil
}

// spell writes words that name their qubits with a letter for each qubit.
func (p *pauliReader) spell() error {
	least, most, from := math.MaxInt, -1, 0 // numbers of qubits, and the line of the largest
	for i, factors := range p.sparse {
		for _, f := range factors {
			least = min(least, f.qubit)
			if f.qubit > most {
				most, from = f.qubit, p.lines[i]
			}
		}
	}
	if most < 0 {
		return nil
	}
	q := p.qubits
	switch {
	case q == 0 && least > 0:
		return errors.New("sensing: no word has qubit 0, so that the number of qubits is not clear: say it " +
			"(n is 2 to its power, and qubits are counted from 0), or write a letter for each qubit, as IXXI")
	case q == 0:
		q = most + 1
	case most >= q:
		return fmt.Errorf("sensing: line %d: a word has qubit %d, counted from 0, of %d qubits", from, most,
			q)
	}
	for i, factors := range p.sparse {
		if factors == nil && p.words[i] != "I" { // the identity names no qubit
			return fmt.Errorf("sensing: line %d: %s has a letter for each qubit, and other words name "+
				"their qubits", p.lines[i], quoted(p.words[i]))
		}
		word := []byte(strings.Repeat("I", q))
		for _, f := range factors {
			word[f.qubit] = f.letter
		}
		p.words[i] = string(word)
		if _, _, err := parseWord(p.words[i], q); err != nil {
			return fmt.Errorf("sensing: line %d: %w", p.lines[i], err)
		}
	}
	return nil
}

// cutValue divides a line into a word and the expectation after it, if there is one.
func cutValue(text string) (word string, value float64, valued bool, err error) {
	word, rest := text, ""
	if at := strings.IndexAny(text, ",;\t"); at >= 0 {
		word, rest = text[:at], strings.TrimSpace(text[at+1:])
		valued = true
	} else if at := strings.LastIndexFunc(text, unicode.IsSpace); at >= 0 && isNumberStart(text[at+1:]) {
		word, rest = text[:at], text[at+1:]
		valued = true
	}
	word = strings.Trim(strings.TrimSpace(word), `"'`)
	if err := foreignPauli(text, word); err != nil || !valued {
		return word, 0, valued, err
	}
	if isPauliHeader(word) {
		return word, 0, true, nil
	}
	value, err = strconv.ParseFloat(strings.Trim(rest, `"`), 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return "", 0, false, fmt.Errorf("the expectation of %s must be one finite number, got %s",
			quoted(word), quoted(rest))
	}
	return word, value, true, nil
}

// isNumberStart says whether a text begins as a number does, and no factor.
func isNumberStart(text string) bool {
	text = strings.TrimLeft(text, "+-.")
	return text != "" && text[0] >= '0' && text[0] <= '9'
}

// pauliHeaders are names of the column of words.
var pauliHeaders = []string{"word", "words", "pauli", "paulis", "paulistring", "paulistrings", "pauliword",
	"paulilabel", "label", "labels", "observable", "observables", "operator", "operators", "string", "term",
	"basis"}

func isPauliHeader(word string) bool {
	return slices.Contains(pauliHeaders, strings.ToLower(strings.NewReplacer("_", "", " ", "").Replace(word)))
}

// cutSign divides a word into its sign and the rest.
func cutSign(word string) (sign float64, rest string) {
	for _, minus := range []string{"-", "−"} {
		if rest, found := strings.CutPrefix(word, minus); found {
			return -1, strings.TrimSpace(rest)
		}
	}
	return 1, strings.TrimSpace(strings.TrimPrefix(word, "+"))
}

var (
	counts      = regexp.MustCompile(`^([{\s]*["'][01]{1,64}["']\s*:|[01]{2,64}(["',;:\s]|$))`)
	qiskit      = regexp.MustCompile(`Pauli(Op|List|SumOp)?\(\[?\s*["']`)
	coefficient = regexp.MustCompile(`^[-+(]*[0-9.]+[-+0-9.ej]*\)?\s*[*\[ ]\s*\[?\s*[A-Za-z]`)
	joint       = regexp.MustCompile(`\s*[@*⊗]\s*|\s+`)
	indexed     = regexp.MustCompile(`^(?:Pauli)?([IXYZixyz])_?(?:\(([0-9]+)\)|([0-9]+))$`)
	single      = regexp.MustCompile(`^(?:Pauli)?([IXYZixyz])$`)
)

// foreignPauli refuses what is known to be no Pauli word, with what to do.
func foreignPauli(text, word string) error {
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return errors.New("not text: a file of Pauli words has one word a line")
	case counts.MatchString(text):
		return fmt.Errorf("%s are counts of shots: make the expectation of the word that was measured, in "+
			`Python sum((-1)**bits.count("1") * shots for bits, shots in counts.items()) / `+
			"sum(counts.values()), with the bits of its letters that are not I, and list word,expectation",
			quoted(text))
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		return errors.New("JSON: write lines word,expectation, in Python " +
			`print(*(f"{w},{e}" for w, e in json.load(open(FILE)).items()), sep="\n")`)
	case qiskit.MatchString(text):
		return fmt.Errorf("%s is an operator of Qiskit: list its words, in Python "+
			`print(*operator.paulis.to_labels(), sep="\n")`, quoted(text))
	case coefficient.MatchString(text):
		return fmt.Errorf("%s has a factor before the word: words are measured, not their sums: list the "+
			"word and its expectation, as XZ,0.53", quoted(text))
	case word == "":
		return fmt.Errorf("%s has no word before its expectation (pandas: df.to_csv(FILE, index=False))",
			quoted(text))
	}
	return nil
}

// parsePauli returns a word's letters, one for each qubit, or the factors of a word that names its qubits.
func parsePauli(word string) (letters string, factors []factor, err error) {
	parts := joint.Split(word, -1)
	if len(parts) == 1 && !indexed.MatchString(word) {
		letters, err = dense(word)
		return letters, nil, err
	}
	if !slices.ContainsFunc(parts, func(part string) bool { return !single.MatchString(part) }) {
		if !strings.ContainsAny(word, "@*⊗") {
			return "", nil, fmt.Errorf("%s may be one word or several: write it as %s", quoted(word),
				strings.Join(parts, ""))
		}
		for i, part := range parts {
			parts[i] = single.FindStringSubmatch(part)[1]
		}
		letters, err = dense(strings.Join(parts, ""))
		return letters, nil, err
	}
	factors = []factor{}
	for _, part := range parts {
		m := indexed.FindStringSubmatch(part)
		if m == nil {
			return "", nil, fmt.Errorf("%s is not one Pauli word, such as XIZ, X(0) @ Z(2) or X0 Z2",
				quoted(word))
		}
		qubit, err := strconv.Atoi(m[2] + m[3])
		if err != nil || qubit >= maxQubits {
			return "", nil, fmt.Errorf("%s has qubit %s, and there are at most %d, counted from 0",
				quoted(word), m[2]+m[3], maxQubits)
		}
		if slices.ContainsFunc(factors, func(f factor) bool { return f.qubit == qubit }) {
			return "", nil, fmt.Errorf("%s has qubit %d twice", quoted(word), qubit)
		}
		factors = append(factors, factor{strings.ToUpper(m[1])[0], qubit})
	}
	return "", factors, nil
}

// dense returns a word of one letter for each qubit in upper case, with I for _.
func dense(word string) (string, error) {
	upper := strings.ToUpper(word)
	if word != upper && word != strings.ToLower(word) {
		return "", fmt.Errorf("%s mixes upper and lower case, and i may be the imaginary unit: write all "+
			"letters in one case", quoted(word))
	}
	return strings.ReplaceAll(upper, "_", "I"), nil
}
