package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrComplex is wrapped by the error for an array of complex numbers where real ones are read. Complex reads
// it.
var ErrComplex = errors.New("an array of complex numbers")

// Complex is an array of complex numbers, complex64 or complex128.
type Complex struct {
	// Shape is the array's.
	Shape []int
	// Re and Im are the real and the imaginary parts, in C order; nil if only the header was read.
	Re, Im []float64
}

// ComplexShape reads the shape of a file of complex numbers and compares it with the file's size.
func ComplexShape(path string) ([]int, error) {
	c, err := readComplex(path, false)
	if err != nil {
		return nil, err
	}
	return c.Shape, nil
}

// LoadComplex reads a file of complex numbers.
func LoadComplex(path string) (*Complex, error) { return readComplex(path, true) }

func readComplex(path string, data bool) (*Complex, error) {
	s, f, err := openSource(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := newComplex(s, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// newComplex reads complex numbers as the real numbers that the file has: an array with one axis more, of two
// elements, which runs fastest. A header of such an array takes the place of the file's.
func newComplex(in *source, data bool) (*Complex, error) {
	start := make([]byte, len(magic)+6)
	got, err := io.ReadFull(in, start)
	if err != nil || string(start[:len(magic)]) != magic {
		return nil, errors.New("not a .npy file of complex numbers")
	}
	at, length := 10, int64(binary.LittleEndian.Uint16(start[8:]))
	if start[len(magic)] > 1 {
		at, length = 12, int64(binary.LittleEndian.Uint32(start[8:]))
	}
	if length > maxHeader || int64(at)+length < int64(got) {
		return nil, fmt.Errorf("the header claims to be %d bytes long", length)
	}
	text := append([]byte(nil), start[at:]...)
	text = append(text, make([]byte, int64(at)+length-int64(got))...)
	if _, err := io.ReadFull(in, text[got-at:]); err != nil {
		return nil, errors.New("truncated inside the header")
	}
	header, err := realHeader(string(text))
	if err != nil {
		return nil, err
	}
	head := append([]byte(magic), 2, 0)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(header)))
	head = append(head, header...)
	rest := in.size - int64(at) - length
	real := source{io.MultiReader(bytes.NewReader(head), in), int64(len(head)) + rest, in.sealed}
	r, err := real.reader()
	if err != nil {
		return nil, err
	}
	c := &Complex{}
	if r.Fortran {
		c.Shape = r.Shape[1:]
	} else {
		c.Shape = r.Shape[:len(r.Shape)-1]
	}
	if !data {
		return c, nil
	}
	a, err := r.array()
	if err != nil {
		return nil, err
	}
	numbers := a.Data().([]float64)
	half := len(numbers) / 2
	if r.Fortran { // the parts are the first axis
		c.Re, c.Im = numbers[:half], numbers[half:]
		return c, nil
	}
	c.Re, c.Im = make([]float64, half), make([]float64, half)
	for i := range half {
		c.Re[i], c.Im[i] = numbers[2*i], numbers[2*i+1]
	}
	return c, nil
}

// realHeader changes the text of a header of complex numbers into one of their parts.
func realHeader(text string) (string, error) {
	descr := descrPattern.FindStringSubmatchIndex(text)
	order := orderPattern.FindStringSubmatch(text)
	shape := shapePattern.FindStringSubmatch(text)
	if descr == nil || order == nil || shape == nil {
		return "", errors.New("the header does not give descr, fortran_order and shape")
	}
	kind := text[descr[2]:descr[3]]
	parts := map[string]string{"<c8": "<f4", ">c8": ">f4", "<c16": "<f8", ">c16": ">f8"}
	part, is := parts[strings.Trim(kind, `'"`)]
	if !is {
		return "", fmt.Errorf("an array of type %s, where complex numbers are read", kind)
	}
	axes := slices.DeleteFunc(strings.Split(shape[1], ","), func(s string) bool {
		return strings.TrimSpace(s) == ""
	})
	if order[1] == "True" {
		axes = append([]string{"2"}, axes...)
	} else {
		axes = append(axes, "2")
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s,)}", part, order[1],
		strings.Join(axes, ",")), nil
}
