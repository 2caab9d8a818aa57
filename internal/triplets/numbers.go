package triplets

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// triplet reads a row and a column, which are counted from first, and a value, which must be finite.
func (r *reader) triplet(row, col, value []byte, first int) (i, j int, v float64, err error) {
	if i, err = r.index("row", row, first); err != nil {
		return 0, 0, 0, err
	}
	if j, err = r.index("column", col, first); err != nil {
		return 0, 0, 0, err
	}
	v, err = strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, 0, 0, r.badValue(bytes.TrimSpace(value))
	}
	return i, j, v, nil
}

// index reads a row or a column and returns it counted from 0.
func (r *reader) index(what string, text []byte, first int) (int, error) {
	k, whole := digits(text)
	if !whole {
		k, whole = wholeNumber(bytes.TrimSpace(text))
	}
	if whole && k >= first && k < MaxSide+first {
		return k - first, nil
	}
	text = bytes.TrimSpace(text)
	const renumber = ": number the rows and the columns from 0 (pandas: df[name] = " +
		"pandas.factorize(df[name])[0])"
	cure := ""
	switch _, err := strconv.ParseFloat(string(text), 64); {
	case whole && k == 0:
		cure = ": this file is read as one that counts from 1"
	case isMissing(text):
		cure = ": leave lines without a row, a column or a value out"
	case err != nil || whole && k >= MaxSide:
		cure = renumber
	}
	return 0, r.errorf("the %s must be a whole number from %d to %d, got %q%s", what, first, MaxSide+first-1,
		text, cure)
}

// digits reads a number of up to nine digits with nothing around it, which nearly every index is.
func digits(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 9 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// mostWhole bounds the numbers that wholeNumber reads: larger ones are no row of a matrix.
const mostWhole = 1 << 40

// wholeNumber reads a number such as 3, 3.0 or 3.000e+00, and says whether it is a whole number from 0 to
// mostWhole. The decimal digits decide, not a double that is near them.
func wholeNumber(text []byte) (n int, whole bool) {
	mantissa, exponent := text, 0
	if at := bytes.IndexAny(text, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(string(text[at+1:])); err != nil {
			return 0, false
		}
		mantissa = text[:at]
	}
	negative := bytes.HasPrefix(mantissa, []byte{'-'})
	if negative || bytes.HasPrefix(mantissa, []byte{'+'}) {
		mantissa = mantissa[1:]
	}
	before, after, _ := bytes.Cut(mantissa, []byte{'.'})
	if len(before)+len(after) == 0 {
		return 0, false
	}
	place := len(before) + exponent // the number of digits before the point
	for at, c := range slices.Concat(before, after) {
		switch {
		case c < '0' || c > '9':
			return 0, false
		case at < place:
			if n = 10*n + int(c-'0'); n > mostWhole {
				return 0, false
			}
		case c != '0': // a fraction
			return 0, false
		}
	}
	for at := len(before) + len(after); at < place && n > 0; at++ {
		if n *= 10; n > mostWhole {
			return 0, false
		}
	}
	return n, !negative || n == 0
}

// missing are the words that programs write where there is no number.
var missing = []string{"", "nan", "na", "n/a", "null", "none", "nil", "?", "-", "-nan", "missing"}

func isMissing(text []byte) bool {
	return slices.Contains(missing, strings.ToLower(string(text)))
}

var decimalComma = regexp.MustCompile(`^[-+]?\d*,\d+([eE][-+]?\d+)?$`)

// badValue says what is wrong with a value.
func (r *reader) badValue(text []byte) error {
	cure := ""
	switch {
	case isMissing(text):
		cure = ": leave out entries that were not observed (pandas: df.dropna())"
	case decimalComma.Match(text):
		cure = ": write a decimal point, not a comma"
	}
	return r.errorf("the value must be a finite number, got %q%s", text, cure)
}
