package triplets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// banner is how a Matrix Market file begins, in letters of either case.
const banner = "%%MatrixMarket"

// marketHeader reads a Matrix Market file up to its size.
func (r *reader) marketHeader() (h Header, err error) {
	text, err := r.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return h, err
	}
	words := strings.Fields(strings.ToLower(string(text)))
	if r.line != 1 || len(words) != 5 || words[0] != strings.ToLower(banner) || words[1] != "matrix" {
		return h, errors.New("not a Matrix Market file: " +
			"it does not begin with %%MatrixMarket matrix and three more words")
	}
	switch format, field, symmetry := words[2], words[3], words[4]; {
	case format == "array":
		return h, r.errorf("an array has every entry: only coordinate files are read")
	case field == "pattern":
		return h, r.errorf("a pattern has no values: only real and integer files are read")
	case field == "complex":
		return h, r.errorf("complex numbers cannot be measured: only real and integer files are read")
	case symmetry == "skew-symmetric" || symmetry == "hermitian":
		return h, r.errorf("a %s matrix cannot be recovered: only general and symmetric files are read",
			symmetry)
	case format != "coordinate" || field != "real" && field != "integer" ||
		symmetry != "general" && symmetry != "symmetric":
		return h, r.errorf("must say coordinate, real or integer, and general or symmetric, got %q",
			strings.Join(words[2:], " "))
	default:
		h.Symmetric = symmetry == "symmetric"
	}
	for {
		if text, err = r.next(); errors.Is(err, io.EOF) {
			return h, errors.New("truncated before the line with the matrix's size")
		} else if err != nil {
			return h, err
		}
		if text[0] != '%' {
			break
		}
	}
	size := bytes.Fields(text)
	var numbers [3]int
	for k := range numbers {
		most := MaxSide
		if k == 2 {
			most = maxCount
		}
		if len(size) == len(numbers) {
			numbers[k], err = strconv.Atoi(string(size[k]))
		}
		if len(size) != len(numbers) || err != nil || numbers[k] < 1 || numbers[k] > most {
			return h, r.errorf("must be the numbers of rows and columns, up to %d each, "+
				"and of triplets, got %q", MaxSide, text)
		}
	}
	h.Rows, h.Cols, h.Count, h.Stated, h.First = numbers[0], numbers[1], numbers[2], true, 1
	if h.Symmetric && h.Rows != h.Cols {
		return h, r.errorf("a symmetric matrix is square, not %d × %d", h.Rows, h.Cols)
	}
	return h, nil
}

// market reads a Matrix Market file into a list.
func (r *reader) market(into *List) (Header, error) {
	h, err := r.marketHeader()
	if err != nil {
		return h, err
	}
	var words [][]byte
	for count := 0; ; count++ {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			if count < h.Count {
				return h, fmt.Errorf("truncated: it states %d triplets and has %d", h.Count, count)
			}
			return h, nil
		}
		if err != nil {
			return h, err
		}
		if count == h.Count {
			return h, r.errorf("one triplet more than the %d that are stated", h.Count)
		}
		if words = splitBlanks(words[:0], text); len(words) != 3 {
			return h, r.errorf("must be a row, a column and a value, got %q", text)
		}
		i, j, v, err := r.triplet(words[0], words[1], words[2], h.First)
		if err != nil {
			return h, err
		}
		if i >= h.Rows || j >= h.Cols {
			return h, r.errorf("the entry (%d, %d) lies outside of the %d × %d matrix",
				i+h.First, j+h.First, h.Rows, h.Cols)
		}
		into.take(i, j, v, r.line)
	}
}
