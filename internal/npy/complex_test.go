package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// In memory a complex number is its real part and then its imaginary part. Element (i, j) of the array here
// is 10i + j and has the imaginary part −(10i + j)/2.
func TestComplex(t *testing.T) {
	shape := "(2, 3)"
	at := func(i, j int) (re, im float64) { return float64(10*i + j), -float64(10*i+j) / 2 }
	var c, fortran, re, im []float64
	for i := range 2 {
		for j := range 3 {
			x, y := at(i, j)
			c, re, im = append(c, x, y), append(re, x), append(im, y)
		}
	}
	for j := range 3 {
		for i := range 2 {
			x, y := at(i, j)
			fortran = append(fortran, x, y)
		}
	}
	dir := t.TempDir()
	for descr, part := range map[string]string{"<c16": "<f8", ">c16": ">f8", "<c8": "<f4", ">c8": ">f4"} {
		for _, inFortran := range []bool{false, true} {
			for _, version := range []byte{1, 2} {
				numbers := c
				if inFortran {
					numbers = fortran
				}
				content := file(version, header(descr, inFortran, shape), numtest.Encode(part, numbers))
				path := filepath.Join(dir, "a.npy")
				if err := os.WriteFile(path, content, 0o600); err != nil {
					t.Fatal(err)
				}
				got, err := LoadComplex(path)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got.Shape) != "[2 3]" || !numtest.SameBits(got.Re, re) ||
					!numtest.SameBits(got.Im, im) {
					t.Errorf("%s, Fortran order %v: %+v", descr, inFortran, got)
				}
				if only, err := ComplexShape(path); err != nil || fmt.Sprint(only) != "[2 3]" {
					t.Errorf("the shape is %v, %v", only, err)
				}
				if _, err := Load(path); !errors.Is(err, ErrComplex) {
					t.Errorf("read as real numbers: %v", err)
				}
			}
		}
	}
}

func TestComplexRefuses(t *testing.T) {
	data := make([]byte, 64)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"text":            {[]byte("1.0 2.0 and so on"), "not a .npy file"},
		"short":           {[]byte("\x93NUMPY"), "not a .npy file"},
		"real numbers":    {file(1, header("<f8", false, "(8,)"), data), "complex"},
		"truncated":       {file(1, header("<c16", false, "(5,)"), data), "truncated"},
		"too long":        {file(1, header("<c16", false, "(3,)"), data), "too many"},
		"negative":        {file(1, header("<c16", false, "(-4,)"), data), "negative"},
		"cut in the head": {file(1, header("<c16", false, "(4,)"), data)[:30], "truncated"},
	} {
		_, err := newComplex(&source{bytes.NewReader(c.file), int64(len(c.file)), false}, true)
		t.Run(name, func(t *testing.T) { checkError(t, err, c.want) })
	}
}

// TestComplexInArchive: complex numbers in a .npz file are compared with its checksum, as real ones are.
func TestComplexInArchive(t *testing.T) {
	numbers := numtest.Encode("<f8", []float64{1, 2, 3, 4})
	content := archive(t, zip.Store, "a.npy", string(file(1, header("<c16", false, "(2,)"), numbers)))
	path := filepath.Join(t.TempDir(), "a.npz")
	load := func() (*Complex, error) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadComplex(path)
	}
	got, err := load()
	if err != nil || !numtest.SameBits(got.Re, []float64{1, 3}) ||
		!numtest.SameBits(got.Im, []float64{2, 4}) {
		t.Fatal(got, err)
	}
	content[bytes.Index(content, numbers)] ^= 1
	_, err = load()
	checkError(t, err, "the .npz file is damaged")
}
