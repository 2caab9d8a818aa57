// Package npy reads NumPy's .npy files of real numbers, and those in .npz files, and writes .npy files.
//
// The reader trusts nothing. It compares a header's shape with the number of bytes in the file before it
// allocates memory, and refuses object arrays, which would run code in Python. It reads versions 1, 2 and 3
// of the format, floating point numbers of 16, 32 and 64 bits, whole numbers and truth values, of both byte
// orders, in C and Fortran order; see NumPy Enhancement Proposal 1 and numpy.lib.format. Every number that it
// returns is the file's, exactly: a whole number that no float64 has is refused.
//
// An array of a .npz file is named as in a.npz:name; the name may be left out if there is one array.
package npy

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gorgonia.org/tensor"
)

const magic = "\x93NUMPY"

// maxHeader bounds the bytes of the header's text, of which NumPy writes some 120.
const maxHeader = 1 << 16

// Header describes the array in a file.
type Header struct {
	Shape   []int
	Fortran bool // the first index runs fastest
	kind    kind
	order   binary.ByteOrder
}

// Size returns the number of elements.
func (h Header) Size() int {
	n := 1
	for _, d := range h.Shape {
		n *= d
	}
	return n
}

// ShapeString writes a shape as Python does: (3, 4).
func ShapeString(shape []int) string {
	words := make([]string, len(shape))
	for i, d := range shape {
		words[i] = strconv.Itoa(d)
	}
	if len(words) == 1 {
		return "(" + words[0] + ",)"
	}
	return "(" + strings.Join(words, ", ") + ")"
}

// Reader reads one array's numbers in the order of the file.
type Reader struct {
	Header
	in   *bufio.Reader
	raw  []byte
	left int
	file io.Closer
	// sealed: a checksum follows the data, which in compares when it is read to its end.
	sealed bool
}

// Open opens an array file, or an array of a .npz file, and checks its header against its size.
func Open(path string) (*Reader, error) {
	s, f, err := openSource(path)
	if err != nil {
		return nil, err
	}
	r, err := s.reader()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.file = f
	return r, nil
}

// NewReader reads an array's header from in, which has size bytes in total.
func NewReader(in io.Reader, size int64) (*Reader, error) {
	r := &Reader{in: bufio.NewReaderSize(in, 1<<16)}
	headerBytes, err := r.readHeader()
	if err != nil {
		return nil, err
	}
	want := int64(r.kind.size)
	for _, d := range r.Shape {
		var ok bool
		if want, ok = mul(want, int64(d)); !ok {
			return nil, fmt.Errorf("the header claims the shape %s, more than any file holds",
				ShapeString(r.Shape))
		}
	}
	if have := size - int64(headerBytes); have < want {
		return nil, fmt.Errorf("truncated: the shape %s takes %d bytes of data and the file has %d",
			ShapeString(r.Shape), want, have)
	} else if have > want {
		return nil, fmt.Errorf("the shape %s takes %d bytes of data and the file has %d: %d too many",
			ShapeString(r.Shape), want, have, have-want)
	}
	r.left = r.Size()
	return r, nil
}

// mul returns the product of numbers that are not negative, and whether it fits.
func mul(a, b int64) (int64, bool) {
	if b != 0 && a > math.MaxInt64/b {
		return 0, false
	}
	return a * b, true
}

// readHeader reads everything before the data and returns its number of bytes.
func (r *Reader) readHeader() (int, error) {
	var start [8]byte
	if _, err := io.ReadFull(r.in, start[:]); err != nil || string(start[:6]) != magic {
		return 0, errors.New("not a .npy file: it does not begin with \\x93NUMPY")
	}
	var length, lengthBytes int
	switch version := start[6]; version {
	case 1:
		var b [2]byte
		if _, err := io.ReadFull(r.in, b[:]); err != nil {
			return 0, errors.New("truncated inside the header")
		}
		length, lengthBytes = int(binary.LittleEndian.Uint16(b[:])), 2
	case 2, 3:
		var b [4]byte
		if _, err := io.ReadFull(r.in, b[:]); err != nil {
			return 0, errors.New("truncated inside the header")
		}
		n := binary.LittleEndian.Uint32(b[:])
		if n > maxHeader {
			return 0, fmt.Errorf("the header claims to be %d bytes long", n)
		}
		length, lengthBytes = int(n), 4
	default:
		return 0, fmt.Errorf("version %d of the .npy format is not known (1, 2 and 3 are)", version)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r.in, text); err != nil {
		return 0, errors.New("truncated inside the header")
	}
	h, err := parseHeader(string(text))
	if err != nil {
		return 0, err
	}
	r.Header = h
	return len(start) + lengthBytes + length, nil
}

var (
	descrPattern = regexp.MustCompile(`'descr'\s*:\s*('[^']*'|"[^"]*"|\[)`)
	orderPattern = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	shapePattern = regexp.MustCompile(`'shape'\s*:\s*\(([^)]*)\)`)
)

func parseHeader(text string) (Header, error) {
	var h Header
	descr := descrPattern.FindStringSubmatch(text)
	order := orderPattern.FindStringSubmatch(text)
	shape := shapePattern.FindStringSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return h, errors.New("the header does not give descr, fortran_order and shape")
	}
	if descr[1] == "[" {
		return h, errors.New("a structured array; only plain arrays of numbers are read")
	}
	var err error
	if h.kind, h.order, err = kindOf(strings.Trim(descr[1], `'"`)); err != nil {
		return h, err
	}
	h.Fortran = order[1] == "True"
	dims := strings.Join(strings.Fields(shape[1]), " ") // on one line, for messages
	for _, word := range strings.Split(dims, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		d, err := strconv.ParseInt(strings.TrimSuffix(word, "L"), 10, 64)
		if err != nil {
			return h, fmt.Errorf("the header's shape (%s) is not a list of whole numbers", dims)
		}
		if d < 0 {
			return h, fmt.Errorf("the header's shape (%s) has a negative dimension", dims)
		}
		if d > math.MaxInt32 {
			return h, fmt.Errorf("the header's shape (%s) has the absurd dimension %d", dims, d)
		}
		h.Shape = append(h.Shape, int(d))
	}
	return h, nil
}

// Read fills dst with the next numbers of the file. Reading past the last element is an error.
func (r *Reader) Read(dst []float64) error {
	if len(dst) > r.left {
		return io.ErrUnexpectedEOF
	}
	r.left -= len(dst)
	size := r.kind.size
	if r.raw == nil {
		r.raw = make([]byte, 1<<15)
	}
	for len(dst) > 0 {
		n := min(len(dst), len(r.raw)/size)
		raw := r.raw[:n*size]
		if _, err := io.ReadFull(r.in, raw); err != nil {
			return fmt.Errorf("the file ended early: %w", err)
		}
		for i := range dst[:n] {
			var exact bool
			if dst[i], exact = r.kind.number(raw[i*size:(i+1)*size], r.order); !exact {
				return fmt.Errorf("element %d, counted from 0 in the file's order, is a whole number beyond "+
					"2^53 that float64 does not have", r.Size()-r.left-len(dst)+i)
			}
		}
		dst = dst[n:]
	}
	if r.sealed && r.left == 0 {
		if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("the .npz file is damaged: %w", cmp.Or(err, errors.New("data after the array")))
		}
	}
	return nil
}

// Close closes the file that Open opened.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// Load reads a whole array file as float64, into C order.
func Load(path string) (*tensor.Dense, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	a, err := r.array()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// array reads the whole array, of which nothing has been read yet.
func (r *Reader) array() (*tensor.Dense, error) {
	if len(r.Shape) == 0 {
		return nil, errors.New("a single number, not an array")
	}
	if r.Size() == 0 {
		return nil, fmt.Errorf("an empty array of shape %s", ShapeString(r.Shape))
	}
	data := make([]float64, r.Size())
	if err := r.Read(data); err != nil {
		return nil, err
	}
	if r.Fortran {
		data = fromFortran(data, r.Shape)
	}
	return tensor.New(tensor.WithShape(r.Shape...), tensor.WithBacking(data)), nil
}

// fromFortran returns the elements in C order.
func fromFortran(data []float64, shape []int) []float64 {
	out := make([]float64, len(data))
	stride := make([]int, len(shape)) // in C order
	step := 1
	for d := len(shape) - 1; d >= 0; d-- {
		stride[d] = step
		step *= shape[d]
	}
	index := make([]int, len(shape))
	at := 0
	for _, v := range data {
		out[at] = v
		for d := range shape {
			index[d]++
			at += stride[d]
			if index[d] < shape[d] {
				break
			}
			at -= index[d] * stride[d]
			index[d] = 0
		}
	}
	return out
}

// Write writes the numbers of a C-ordered float64 array of the given shape as version 1.0, little endian.
func Write(w io.Writer, shape []int, data []float64) error {
	if size := (Header{Shape: shape}).Size(); size != len(data) {
		return fmt.Errorf("npy: the shape %s takes %d numbers, got %d", ShapeString(shape), size, len(data))
	}
	text := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", ShapeString(shape))
	const align = 64
	text += strings.Repeat(" ", align-(len(magic)+4+len(text)+1)%align) + "\n"
	if len(text) > math.MaxUint16 {
		return fmt.Errorf("npy: a header of %d bytes, for %d dimensions, is too long", len(text), len(shape))
	}
	head := append([]byte(magic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(text)))
	out := bufio.NewWriterSize(w, 1<<16)
	out.Write(head)
	out.WriteString(text)
	var b [8]byte
	for _, v := range data {
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
		out.Write(b[:])
	}
	return out.Flush()
}
