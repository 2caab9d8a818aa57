// Package triplets reads lists of matrix entries from text: lines of row, column and value, or files in the
// coordinate format of the Matrix Market. Either may be compressed with gzip.
//
// A list has lines like 3,1,0.25. Its dialect is found from its first lines and holds for the whole file:
// fields are separated by commas, semicolons, tabs or blanks, and may be quoted. A first line without numbers
// names the columns. Names that say which column is the row, the column and the value decide; otherwise the
// order does. Lines that begin with # or % are comments. Rows and columns are counted from 0 or from 1, as
// the caller says.
//
// Files of the Matrix Market (Boisvert, Pozo and Remington, The Matrix Market exchange formats, NISTIR 5935,
// 1996) state the size of the matrix, and count from 1. Real and integer numbers are read, general and
// symmetric. Errors name the line.
package triplets

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode"
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
	// First is the number of the first row and column in the file: 0 or 1.
	First int
}

// List is a file's triplets in the file's order, with rows and columns counted from 0.
type List struct {
	Header
	Row, Col []int32
	Value    []float64
	Line     []int32 // in the file, counted from 1
}

// take appends a triplet.
func (l *List) take(row, col int, value float64, line int) {
	l.Row, l.Col = append(l.Row, int32(row)), append(l.Col, int32(col))
	l.Value, l.Line = append(l.Value, value), append(l.Line, int32(line))
}

// Entry names the position of triplet k as the file counts.
func (l *List) Entry(k int) string {
	return fmt.Sprintf("(%d, %d)", int(l.Row[k])+l.First, int(l.Col[k])+l.First)
}

// Inspect returns a file's header. It reads only the first lines of a Matrix Market file, and all of a list,
// whose rows and columns are counted from first, 0 or 1.
func Inspect(path string, first int) (h Header, err error) {
	err = open(path, func(r *reader, market bool) error {
		if market {
			h, err = r.marketHeader()
			return err
		}
		h, err = r.list(first, nil)
		return err
	})
	return h, err
}

// Load returns all triplets of a file. The rows and columns of a list are counted from first, 0 or 1.
func Load(path string, first int) (l *List, err error) {
	err = open(path, func(r *reader, market bool) error {
		l, err = r.load(market, first)
		return err
	})
	return l, err
}

// open calls read with a file's text, and says whether it is in the Matrix Market's format: its first line
// says so, or the ending of its name.
func open(path string, read func(r *reader, market bool) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := newReader(f)
	if err == nil {
		name := strings.TrimSuffix(strings.ToLower(path), ".gz")
		err = read(r, r.hasBanner() || filepath.Ext(name) == ".mtx")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// maxLine bounds the bytes of a line; a triplet takes far fewer. So no line, however long, fills the memory,
// and neither does a small compressed file that expands to a long one.
const maxLine = 1 << 12

// reader reads lines and counts them.
type reader struct {
	in     *bufio.Reader
	line   int
	zipped bool
}

// newReader returns a reader of text, which may be compressed.
func newReader(in io.Reader) (*reader, error) {
	r := &reader{in: bufio.NewReaderSize(in, 1<<16)}
	if start, _ := r.in.Peek(2); string(start) == "\x1f\x8b" {
		unzipped, err := gzip.NewReader(r.in)
		r.zipped = true
		if err != nil {
			return nil, r.failed(err)
		}
		r.in = bufio.NewReaderSize(unzipped, 1<<16)
	}
	if start, _ := r.in.Peek(2); string(start) == "\xff\xfe" || string(start) == "\xfe\xff" {
		return nil, errors.New("the text is UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 FILE > NEW)")
	}
	return r, nil
}

// hasBanner says whether the text begins as a Matrix Market file does.
func (r *reader) hasBanner() bool {
	start, _ := r.in.Peek(len(banner))
	return strings.EqualFold(string(start), banner)
}

// next returns the next line that is not blank, without the white space around it, or io.EOF at the end. A
// tab before the line stays: an index without a name may stand before it. The line is valid until the next
// call.
func (r *reader) next() ([]byte, error) {
	for {
		text, err := r.in.ReadSlice('\n')
		if len(text) > maxLine || errors.Is(err, bufio.ErrBufferFull) {
			r.line++
			return nil, r.errorf("longer than %d bytes: no triplet is that long", maxLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, r.failed(err)
		}
		if len(text) > 0 {
			r.line++
		}
		if text = trim(text); len(text) > 0 {
			return text, nil
		}
		if err != nil {
			return nil, io.EOF
		}
	}
}

// trim removes the white space around a line, but no tab before it.
func trim(text []byte) []byte {
	return bytes.TrimLeft(bytes.TrimRightFunc(text, unicode.IsSpace), " ")
}

// failed says what is wrong with a file that cannot be read on.
func (r *reader) failed(err error) error {
	switch {
	case !r.zipped:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return fmt.Errorf("the gzip data is truncated, after %d lines: copy the file again", r.line)
	default:
		return fmt.Errorf("the gzip data is damaged, after %d lines: %w", r.line, err)
	}
}

// errorf returns an error that names the current line.
func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", r.line, fmt.Sprintf(format, args...))
}

// load reads all triplets.
func (r *reader) load(market bool, first int) (l *List, err error) {
	l = &List{}
	if market {
		l.Header, err = r.market(l)
	} else {
		l.Header, err = r.list(first, l)
	}
	return l, err
}
