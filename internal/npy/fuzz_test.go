package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// FuzzReader: the reader does not panic, whatever the bytes. A file that it accepts has exactly as many bytes
// of data as its shape takes, so that it allocates nothing larger than the input. The numbers of such a file
// are the same after they are written and read again.
func FuzzReader(f *testing.F) {
	data := numtest.Encode("<f8", numbers)
	f.Add([]byte(nil))
	f.Add([]byte("\x93NUMPY\x01\x00"))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	for _, version := range []byte{1, 2, 3} {
		f.Add(file(version, header("<f8", false, "(24,)"), data))
		f.Add(file(version, header(">f4", true, "(2, 3, 4)"), numtest.Encode(">f4", numbers)))
	}
	f.Add(file(1, header("<f8", false, "()"), data[:8]))
	for _, descr := range []string{"<f2", "|i1", "|u1", "|b1", ">i2", "<u2", "<i4", ">u4", "<i8", ">u8"} {
		size := int(descr[2] - '0')
		f.Add(file(1, header(descr, false, "(3,)"), data[8:8+3*size]))
	}
	f.Add(file(1, header("<f8", true, "(0, 3)"), nil))
	f.Add(file(1, header("<f8", false, "(1073741824, 1073741824, 16)"), data))
	f.Add(file(1, header("<f8", false, "(-4, -6)"), data))
	f.Add(file(1, header("|O", false, "(24,)"), data))
	f.Add(file(1, "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (24,)}", data))
	f.Add(file(1, header("<f4", false, "("+strings.Repeat("1, ", 100)+")"), data[:4]))

	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := open(b)
		if err != nil {
			return
		}
		body := b[dataStart(b):]
		want := big.NewInt(int64(r.kind.size))
		for _, d := range r.Shape {
			if d < 0 {
				t.Fatalf("accepted the shape %v", r.Shape)
			}
			want.Mul(want, big.NewInt(int64(d)))
		}
		if want.Cmp(big.NewInt(int64(len(body)))) != 0 {
			t.Fatalf("the shape %v takes %v bytes, and %d are there", r.Shape, want, len(body))
		}
		got := make([]float64, r.Size())
		if err := r.Read(got); err != nil {
			if r.kind.size == 8 && strings.Contains(err.Error(), "that float64 does not have") {
				return
			}
			t.Fatalf("reading what was accepted: %v", err)
		}
		if err := r.Read(make([]float64, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("reading past the end gives %v", err)
		}

		r, err = open(b)
		if err != nil {
			t.Fatalf("the second time: %v", err)
		}
		a, err := r.array()
		if len(r.Shape) == 0 || r.Size() == 0 {
			if err == nil {
				t.Fatalf("the shape %v is taken for an array", r.Shape)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		inC := a.Data().([]float64)
		if r.Fortran {
			got = toC(got, r.Shape)
		}
		if !numtest.SameBits(inC, got) {
			t.Fatal("the array has other numbers than the file")
		}
		var out bytes.Buffer
		if err := Write(&out, r.Shape, inC); err != nil {
			t.Fatal(err)
		}
		again, err := open(out.Bytes())
		if err != nil {
			t.Fatalf("reading what was written: %v", err)
		}
		if ShapeString(again.Shape) != ShapeString(r.Shape) {
			t.Fatalf("the shape %v comes back as %v", r.Shape, again.Shape)
		}
		back := make([]float64, again.Size())
		if err := again.Read(back); err != nil {
			t.Fatal(err)
		}
		if !numtest.SameBits(back, inC) {
			t.Fatal("the numbers change in writing and reading")
		}
	})
}

// dataStart returns where the data of an accepted file begins: after the magic, the version, the header's
// length (two bytes in version 1, four in later ones) and the header.
func dataStart(b []byte) int {
	if b[6] == 1 {
		return 10 + int(binary.LittleEndian.Uint16(b[8:]))
	}
	return 12 + int(binary.LittleEndian.Uint32(b[8:]))
}
