// Package triplets reads lists of matrix entries from text: lines of row, column and value, as CSV or in the
// coordinate format of the Matrix Market.
//
// CSV has lines like 3,1,0.25, with rows and columns counted from 0, and may begin with the line
// row,col,value. Files of the Matrix Market (Boisvert, Pozo and Remington, The Matrix Market exchange
// formats, NISTIR 5935, 1996) state the size of the matrix, and count from 1; real and integer numbers are
// read, general and symmetric. Errors name the line.
package triplets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MaxSide bounds rows and columns.
const MaxSide = 1 << 24

// maxCount bounds the triplets of a file, so that they can be numbered in 32 bits.
const maxCount = math.MaxInt32

// Header describes the matrix of a file.
type Header struct {
	// Rows and Cols are the matrix's size: as the file states it, or up to the largest row and column that it
	// lists.
	Rows, Cols int
	// Stated is true if the file states the size.
	Stated bool
	// Symmetric is true if an entry (i, j) stands for (j, i) too.
	Symmetric bool
	// Count is the number of triplets.
	Count int
}

// List is a file's triplets in the file's order, with rows and columns counted from 0.
type List struct {
	Header
	Row, Col []int32
	Value    []float64
	Line     []int32 // in the file, counted from 1
}

// Inspect returns a file's header. It reads only the first lines of a Matrix Market file, and all of a CSV.
func Inspect(path string) (h Header, err error) {
	err = open(path, func(r *reader, market bool) error {
		if market {
			h, err = r.marketHeader()
			return err
		}
		h, err = r.csv(func(_, _ int, _ float64) {})
		return err
	})
	return h, err
}

// Load returns all triplets of a file.
func Load(path string) (l *List, err error) {
	err = open(path, func(r *reader, market bool) error {
		l, err = r.load(market)
		return err
	})
	return l, err
}

// open calls read with a file, and says whether the file is in the Matrix Market's format, by the ending of
// its name.
func open(path string, read func(r *reader, market bool) error) error {
	ending := strings.ToLower(filepath.Ext(path))
	if ending != ".csv" && ending != ".mtx" {
		return fmt.Errorf("%s: triplets come as .csv or as .mtx", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := read(newReader(f), ending == ".mtx"); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// maxLine bounds the bytes of a line; three numbers take far fewer.
const maxLine = 1 << 12

// reader reads lines and counts them.
type reader struct {
	in   *bufio.Reader
	line int
}

func newReader(in io.Reader) *reader { return &reader{in: bufio.NewReaderSize(in, maxLine)} }

// next returns the next line that is not blank, without the white space around it, or io.EOF at the end. The
// line is valid until the next call.
func (r *reader) next() ([]byte, error) {
	for {
		text, err := r.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			r.line++
			return nil, r.errorf("longer than %d bytes: no triplet is that long", maxLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(text) > 0 {
			r.line++
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, nil
		}
		if err != nil {
			return nil, io.EOF
		}
	}
}

// errorf returns an error that names the current line.
func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", r.line, fmt.Sprintf(format, args...))
}

// load reads all triplets.
func (r *reader) load(market bool) (*List, error) {
	l := &List{}
	take := func(row, col int, value float64) {
		l.Row, l.Col = append(l.Row, int32(row)), append(l.Col, int32(col))
		l.Value, l.Line = append(l.Value, value), append(l.Line, int32(r.line))
	}
	var err error
	if market {
		l.Header, err = r.market(take)
	} else {
		l.Header, err = r.csv(take)
	}
	return l, err
}

// csv calls take with each triplet of a CSV.
func (r *reader) csv(take func(row, col int, value float64)) (h Header, err error) {
	for {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return h, err
		}
		if r.line == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
			if strings.ReplaceAll(string(text), " ", "") == "row,col,value" {
				continue
			}
		}
		row, rest, _ := bytes.Cut(text, []byte{','})
		col, value, both := bytes.Cut(rest, []byte{','})
		if !both || bytes.IndexByte(value, ',') >= 0 {
			return h, r.errorf("must be row,col,value, got %q", text)
		}
		i, j, v, err := r.triplet(row, col, value, 0)
		if err != nil {
			return h, err
		}
		h.Rows, h.Cols = max(h.Rows, i+1), max(h.Cols, j+1)
		if h.Count++; h.Count > maxCount {
			return h, r.errorf("more than %d triplets", maxCount)
		}
		take(i, j, v)
	}
	if h.Count == 0 {
		return h, errors.New("there are no triplets")
	}
	return h, nil
}

// triplet reads a row and a column, which are counted from first, and a value, which must be finite.
func (r *reader) triplet(row, col, value []byte, first int) (i, j int, v float64, err error) {
	index := func(what string, text []byte) (int, error) {
		k, err := strconv.Atoi(string(bytes.TrimSpace(text)))
		if err != nil || k < first || k >= MaxSide+first {
			return 0, r.errorf("the %s must be a whole number from %d to %d, got %q",
				what, first, MaxSide+first-1, text)
		}
		return k - first, nil
	}
	if i, err = index("row", row); err != nil {
		return 0, 0, 0, err
	}
	if j, err = index("column", col); err != nil {
		return 0, 0, 0, err
	}
	v, err = strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, 0, 0, r.errorf("the value must be a finite number, got %q", value)
	}
	return i, j, v, nil
}

// marketHeader reads a Matrix Market file up to its size.
func (r *reader) marketHeader() (h Header, err error) {
	text, err := r.next()
	if err != nil && !errors.Is(err, io.EOF) {
		return h, err
	}
	words := strings.Fields(strings.ToLower(string(text)))
	if r.line != 1 || len(words) != 5 || words[0] != "%%matrixmarket" || words[1] != "matrix" {
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
	h.Rows, h.Cols, h.Count, h.Stated = numbers[0], numbers[1], numbers[2], true
	if h.Symmetric && h.Rows != h.Cols {
		return h, r.errorf("a symmetric matrix is square, not %d × %d", h.Rows, h.Cols)
	}
	return h, nil
}

// market calls take with each triplet of a Matrix Market file.
func (r *reader) market(take func(row, col int, value float64)) (Header, error) {
	h, err := r.marketHeader()
	if err != nil {
		return h, err
	}
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
		words := bytes.Fields(text)
		if len(words) != 3 {
			return h, r.errorf("must be a row, a column and a value, got %q", text)
		}
		i, j, v, err := r.triplet(words[0], words[1], words[2], 1)
		if err != nil {
			return h, err
		}
		if i >= h.Rows || j >= h.Cols {
			return h, r.errorf("the entry (%d, %d) lies outside of the %d × %d matrix",
				i+1, j+1, h.Rows, h.Cols)
		}
		take(i, j, v)
	}
}
