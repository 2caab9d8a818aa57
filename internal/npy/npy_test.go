package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// file returns a .npy file of a version with its header's text and its data.
func file(version byte, text string, data []byte) []byte {
	out := append([]byte("\x93NUMPY"), version, 0)
	if version == 1 {
		out = binary.LittleEndian.AppendUint16(out, uint16(len(text)))
	} else {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	}
	return append(append(out, text...), data...)
}

// header returns a header's text as NumPy writes it.
func header(descr string, fortran bool, shape string) string {
	order := "False"
	if fortran {
		order = "True"
	}
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }      \n", descr, order, shape)
}

func open(b []byte) (*Reader, error) { return NewReader(bytes.NewReader(b), int64(len(b))) }

// numbers that both dtypes can represent: zeros of both signs, the ends of float32's range, infinities.
var numbers = []float64{
	0, math.Copysign(0, -1), 1, -2.5, math.MaxFloat32, -math.SmallestNonzeroFloat32, math.Inf(1),
	math.Inf(-1),
	0x1.fffffep-1,
	10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
}

func TestReadEveryKind(t *testing.T) {
	shapes := map[string][]int{
		"(24,)": {24}, "(4, 6)": {4, 6}, "(2, 3, 4)": {2, 3, 4}, "(1, 24, 1)": {1, 24, 1},
		"(2L, 12L)": {2, 12},
	}
	for _, version := range []byte{1, 2, 3} {
		for _, descr := range []string{"<f8", ">f8", "<f4", ">f4"} {
			for _, fortran := range []bool{false, true} {
				for text, shape := range shapes {
					name := fmt.Sprintf("v%d %s fortran=%t %s", version, descr, fortran, text)
					t.Run(name, func(t *testing.T) {
						b := file(version, header(descr, fortran, text), numtest.Encode(descr, numbers))
						r, err := open(b)
						if err != nil {
							t.Fatal(err)
						}
						if fmt.Sprint(r.Shape) != fmt.Sprint(shape) || r.Fortran != fortran ||
							r.Size() != 24 {
							t.Fatalf("header read as %+v", r.Header)
						}
						got := make([]float64, 24)
						// Read in pieces, the last of which is empty.
						for _, piece := range [][]float64{got[:1], got[1:1], got[1:20], got[20:], got[24:]} {
							if err := r.Read(piece); err != nil {
								t.Fatal(err)
							}
						}
						if !numtest.SameBits(got, numbers) {
							t.Errorf("read %v, want %v", got, numbers)
						}
						if err := r.Read(make([]float64, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
							t.Errorf("reading past the end gives %v, want io.ErrUnexpectedEOF", err)
						}
						if err := r.Close(); err != nil {
							t.Errorf("closing a reader of no file: %v", err)
						}

						r, err = open(b)
						if err != nil {
							t.Fatal(err)
						}
						a, err := r.array()
						if err != nil {
							t.Fatal(err)
						}
						want := numbers
						if fortran {
							want = toC(numbers, shape)
						}
						if fmt.Sprint([]int(a.Shape())) != fmt.Sprint(shape) ||
							!numtest.SameBits(a.Data().([]float64), want) {
							t.Errorf("array %v %v, want %v %v", a.Shape(), a.Data(), shape, want)
						}
					})
				}
			}
		}
	}
}

// toC returns numbers in Fortran order in C order, by the definition of both: element (i₀, i₁, …) is number
// i₀ + d₀(i₁ + d₁(i₂ + …)) in Fortran order and (…(i₀·d₁ + i₁)·d₂ + …) in C order.
func toC(fortran []float64, shape []int) []float64 {
	out := make([]float64, len(fortran))
	for c := range out {
		index := make([]int, len(shape))
		for rest, d := c, len(shape)-1; d >= 0; d-- {
			index[d], rest = rest%shape[d], rest/shape[d]
		}
		f := 0
		for d := len(shape) - 1; d >= 0; d-- {
			f = f*shape[d] + index[d]
		}
		out[c] = fortran[f]
	}
	return out
}

func TestToFortranByHand(t *testing.T) {
	// ((1, 2, 3), (4, 5, 6)) is 1, 4, 2, 5, 3, 6 in Fortran order.
	got := fromFortran([]float64{1, 4, 2, 5, 3, 6}, []int{2, 3})
	if !numtest.SameBits(got, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("got %v, want 1 to 6", got)
	}
}

// Headers as other programs write them, with the meaning that Python gives them.
func TestReadLenientHeaders(t *testing.T) {
	data := numtest.Encode("<f8", []float64{1, 2, 3, 4, 5, 6})
	for name, text := range map[string]string{
		"another order of keys": "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f8'}",
		"no spaces":             "{'descr':'<f8','fortran_order':False,'shape':(2,3)}",
		"many spaces":           "{ 'descr' : '<f8' , 'fortran_order' : False , 'shape' : ( 2 , 3 ) }\n",
		"double quotes":         `{'descr': "<f8", 'fortran_order': False, 'shape': (2, 3)}`,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := open(file(1, text, data))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Shape) != 2 || r.Shape[0] != 2 || r.Shape[1] != 3 || r.Fortran {
				t.Errorf("header read as %+v", r.Header)
			}
		})
	}
}

func TestReadLongArray(t *testing.T) {
	// More numbers than the reader's buffers hold, and a length that no power of two divides.
	const n = 40_009
	for _, descr := range []string{"<f8", "<f4"} {
		want := make([]float64, n)
		for i := range want {
			want[i] = float64(i) - 20_000.5
		}
		r, err := open(file(1, header(descr, false, fmt.Sprintf("(%d,)", n)), numtest.Encode(descr, want)))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, n)
		if err := r.Read(got); err != nil {
			t.Fatal(err)
		}
		if !numtest.SameBits(got, want) {
			t.Errorf("%s: other numbers are read", descr)
		}
	}
}

func TestRefusals(t *testing.T) {
	eight := make([]byte, 64)
	long := strings.Repeat(" ", 1<<16)
	lengthOnly := func(version byte, length ...byte) []byte {
		return append(append([]byte("\x93NUMPY"), version, 0), length...)
	}
	tests := []struct {
		name string
		file []byte
		want []string
	}{
		{"empty", nil, []string{"not a .npy file"}},
		{"text", []byte("1.0 2.0 3.0 4.0\n"), []string{"not a .npy file"}},
		{"zip", []byte("PK\x03\x04 and so on"), []string{"not a .npy file"}},
		{"magic alone", []byte("\x93NUMPY"), []string{"not a .npy file"}},
		{"version 0", lengthOnly(0, 10, 0), []string{"version 0"}},
		{"version 4", lengthOnly(4, 10, 0, 0, 0), []string{"version 4"}},
		{"no header length", lengthOnly(1), []string{"truncated", "header"}},
		{"half a header length", lengthOnly(2, 10, 0, 0), []string{"truncated", "header"}},
		{"header longer than the file", lengthOnly(1, 0xFF, 0xFF), []string{"truncated", "header"}},
		{"header longer than the file, version 2", lengthOnly(2, 0, 0, 1, 0),
			[]string{"truncated", "header"}},
		{"absurd header length", lengthOnly(2, 0xFF, 0xFF, 0xFF, 0xFF), []string{"header", "4294967295"}},
		{
			"header longer than the limit", file(3, header("<f8", false, "(8,)")+long, eight),
			[]string{"header", "bytes long"},
		},
		{"truncated header", file(1, header("<f8", false, "(8,)"), nil)[:40],
			[]string{"truncated", "header"}},
		{"empty header", file(1, "", eight), []string{"descr"}},
		{"no dictionary", file(1, "import os\n", eight), []string{"descr"}},
		{"no shape", file(1, "{'descr': '<f8', 'fortran_order': False}", eight), []string{"shape"}},
		{"no order", file(1, "{'descr': '<f8', 'shape': (8,)}", eight), []string{"fortran_order"}},
		{"no descr", file(1, "{'fortran_order': False, 'shape': (8,)}", eight), []string{"descr"}},
		{
			"order of neither kind", file(1, "{'descr': '<f8', 'fortran_order': 1, 'shape': (8,)}", eight),
			[]string{"fortran_order"},
		},
		{
			"shape without end", file(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (8, ", eight),
			[]string{"shape"},
		},
		{"shape no tuple", file(1, "{'descr': '<f8', 'fortran_order': False, 'shape': 8}", eight),
			[]string{"shape"}},

		{"objects", file(1, header("|O", false, "(8,)"), eight), []string{"objects", "never"}},
		{"objects with a byte order", file(1, header("<O8", false, "(8,)"), eight),
			[]string{"objects", "never"}},
		{
			"structured",
			file(1, "{'descr': [('a', '<f8'), ('b', '<f8')], 'fortran_order': False, 'shape': (4,)}", eight),
			[]string{"structured"},
		},
		{"complex", file(1, header("<c16", false, "(4,)"), eight), []string{"complex", `"<c16"`}},
		{"long double", file(1, header("<f16", false, "(4,)"), eight), []string{`"<f16"`}},
		{"128 bits", file(1, header("<i16", false, "(4,)"), eight), []string{`"<i16"`, "float64"}},
		{"times", file(1, header("<M8[s]", false, "(8,)"), eight), []string{`"<M8[s]"`}},
		{"text dtype", file(1, header("<U2", false, "(8,)"), eight), []string{`"<U2"`}},
		{"no dtype", file(1, header("", false, "(8,)"), eight), []string{`""`}},

		{"negative dimension", file(1, header("<f8", false, "(-8,)"), eight), []string{"(-8,)", "negative"}},
		{"two negative dimensions", file(1, header("<f8", false, "(-2, -4)"), eight),
			[]string{"(-2, -4)", "negative"}},
		{"fraction", file(1, header("<f8", false, "(8.0,)"), eight), []string{"8.0", "whole"}},
		{"name", file(1, header("<f8", false, "(n,)"), eight), []string{"(n,)", "whole"}},
		{"sum", file(1, header("<f8", false, "(4+4,)"), eight), []string{"whole"}},
		{"nested", file(1, header("<f8", false, "((8,),)"), eight), []string{"whole"}},
		{"hexadecimal", file(1, header("<f8", false, "(0x8,)"), eight), []string{"whole"}},
		{
			"dimension beyond 64 bits", file(1, header("<f8", false, "(99999999999999999999,)"), eight),
			[]string{"whole"},
		},
		{
			"dimension beyond 31 bits", file(1, header("<f8", false, "(2147483648,)"), eight),
			[]string{"absurd", "2147483648"},
		},
		{
			"2⁶³ bytes", file(1, header("<f8", false, "(1073741824, 1073741824)"), eight),
			[]string{"1073741824", "more than"},
		},
		{
			"2⁶⁷ bytes, none after overflow",
			file(1, header("<f8", false, "(1073741824, 1073741824, 16)"), eight),
			[]string{"more than"},
		},
		{
			"2⁶⁴ + 64 bytes, 64 after overflow",
			file(1, header("<f8", false, "(40, 107367629, 536903681)"), eight),
			[]string{"(40, 107367629, 536903681)"},
		},
		{
			"2⁴⁰ bytes in a file of 64", file(1, header("<f8", false, "(131072, 1048576)"), eight),
			[]string{"truncated", "1099511627776", "64"},
		},
		{"zero dimension with data", file(1, header("<f8", false, "(0, 8)"), eight),
			[]string{"(0, 8)", "64 too many"}},
		{
			"zero dimension hides an overflow",
			file(1, header("<f8", false, "(2147483647, 2147483647, 2147483647, 0)"), eight),
			[]string{"2147483647"},
		},

		{
			"one byte short", file(1, header("<f8", false, "(8,)"), eight[:63]),
			[]string{"truncated", "(8,)", "64", "63"},
		},
		{"no data", file(1, header("<f4", false, "(8, 2)"), nil), []string{"truncated", "(8, 2)", "64", "0"}},
		{
			"one byte too many", file(1, header("<f4", false, "(15,)"), eight[:61]),
			[]string{"(15,)", "60", "61", "1 too many"},
		},
		{"two arrays", file(1, header("<f8", true, "(2, 2)"), eight), []string{"(2, 2)", "32 too many"}},
		{"a number and more", file(1, header("<f8", false, "()"), eight), []string{"()", "56 too many"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			got := allocated(func() { _, err = open(tt.file) })
			checkError(t, err, tt.want...)
			// A buffer of 64 KiB, a header of up to 64 KiB as bytes and as a string, and the memory of the
			// patterns. The claimed shapes are of 10¹² bytes and more.
			if got > 1<<20 {
				t.Errorf("%d bytes allocated for a refused file of %d", got, len(tt.file))
			}
		})
	}
}

// allocated returns the bytes that the process allocates during a call.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func checkError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
}

// Headers may describe arrays of no numbers and single numbers. A Reader accepts them, but Load refuses them.
func TestNoArray(t *testing.T) {
	tests := []struct {
		shape string
		data  int
		want  []string
	}{
		{"()", 1, []string{"single number"}},
		{"(0,)", 0, []string{"empty", "(0,)"}},
		{"(3, 0)", 0, []string{"empty", "(3, 0)"}},
		{"(0, 2147483647, 2147483647, 2147483647)", 0, []string{"empty"}},
	}
	for _, tt := range tests {
		t.Run(tt.shape, func(t *testing.T) {
			b := file(1, header("<f8", false, tt.shape), make([]byte, 8*tt.data))
			r, err := open(b)
			if err != nil {
				t.Fatal(err)
			}
			if r.Size() != tt.data {
				t.Errorf("size %d, want %d", r.Size(), tt.data)
			}
			_, err = r.array()
			checkError(t, err, tt.want...)
		})
	}
}

func TestEndsEarly(t *testing.T) {
	// The file shrank after its size was read.
	b := file(1, header("<f8", false, "(8,)"), make([]byte, 64))
	r, err := NewReader(bytes.NewReader(b[:len(b)-1]), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Read(make([]float64, 8)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestWrite(t *testing.T) {
	nan := math.Float64frombits(0x7FF8_0000_DEAD_BEEF) // a NaN keeps its payload
	shapes := [][]int{{1}, {24}, {4, 6}, {2, 3, 4}, {1, 1, 24}, {2, 3, 2, 2}, {}, {0, 5}, {2147483647, 0}}
	// Headers of increasing lengths, so that the padding takes every length.
	for d := 5; d < 40; d++ {
		shape := make([]int, d)
		for i := range shape {
			shape[i] = 1
		}
		shape[0] = 12
		shapes = append(shapes, shape)
	}
	for _, shape := range shapes {
		t.Run(ShapeString(shape), func(t *testing.T) {
			size := Header{Shape: shape}.Size()
			data := make([]float64, size)
			copy(data, numbers)
			if size > 2 {
				data[2] = nan
			}
			var out bytes.Buffer
			if err := Write(&out, shape, data); err != nil {
				t.Fatal(err)
			}
			b := out.Bytes()
			if string(b[:8]) != "\x93NUMPY\x01\x00" {
				t.Fatalf("the file begins with %q", b[:8])
			}
			length := int(binary.LittleEndian.Uint16(b[8:]))
			if (10+length)%64 != 0 {
				t.Errorf("the data begins at byte %d, no multiple of 64", 10+length)
			}
			text := string(b[10 : 10+length])
			if !strings.HasSuffix(text, "\n") || strings.TrimRight(text, " \n") == text ||
				strings.Count(text, "\n") != 1 {
				t.Errorf("the header %q does not end with its only line feed", text)
			}
			want := "{'descr': '<f8', 'fortran_order': False, 'shape': " + ShapeString(shape) + ", }"
			if strings.TrimRight(text, " \n") != want {
				t.Errorf("the header is %q, want %q", text, want)
			}
			if !bytes.Equal(b[10+length:], numtest.Encode("<f8", data)) {
				t.Error("the data is not the numbers in little-endian order")
			}
			r, err := open(b)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float64, size)
			if err := r.Read(got); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(r.Shape) != fmt.Sprint(shape) || !numtest.SameBits(got, data) {
				t.Errorf("written %v %v, read %v %v", shape, data, r.Shape, got)
			}
		})
	}
}

// Version 1 counts the header's length in two bytes. A longer header is refused, or written in another
// version.
func TestWriteManyDimensions(t *testing.T) {
	shape := make([]int, 30_000) // "1, " each: 90,000 bytes
	for i := range shape {
		shape[i] = 1
	}
	var out bytes.Buffer
	if err := Write(&out, shape, []float64{7}); err != nil {
		return
	}
	b := out.Bytes()
	length, start := uint64(binary.LittleEndian.Uint16(b[8:])), uint64(10)
	if b[6] != 1 {
		length, start = uint64(binary.LittleEndian.Uint32(b[8:])), 12
	}
	if start+length+8 != uint64(len(b)) {
		t.Errorf("a file of %d bytes says that its header ends at byte %d and 8 bytes follow",
			len(b), start+length)
	}
}

func TestShapeString(t *testing.T) {
	for _, tt := range []struct {
		want  string
		shape []int
	}{{"()", nil}, {"(3,)", []int{3}}, {"(3, 4)", []int{3, 4}}, {"(1, 0, 7)", []int{1, 0, 7}}} {
		if got := ShapeString(tt.shape); got != tt.want {
			t.Errorf("%v is written as %s, want %s", tt.shape, got, tt.want)
		}
	}
}

// full is a writer that accepts a number of bytes and then fails.
type full struct{ left int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if len(b) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(b)
	return len(b), nil
}

func TestWriteFails(t *testing.T) {
	data := make([]float64, 20_000) // more than the writer's buffer
	for _, room := range []int{0, 64, 100_000, 128 + 8*len(data) - 1} {
		if err := Write(&full{room}, []int{len(data)}, data); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: error %v, want the writer's", room, err)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, b []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("load", func(t *testing.T) {
		path := save("good.npy",
			file(2, header(">f4", true, "(2, 3)"), numtest.Encode(">f4", []float64{1, 4, 2, 5, 3, 6})))
		a, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(a.Shape()) != "(2, 3)" ||
			!numtest.SameBits(a.Data().([]float64), []float64{1, 2, 3, 4, 5, 6}) {
			t.Errorf("loaded %v %v, want (2, 3) 1 to 6", a.Shape(), a.Data())
		}
	})
	t.Run("open", func(t *testing.T) {
		path := save("two.npy", file(1, header("<f8", false, "(2,)"), numtest.Encode("<f8", []float64{1, 2})))
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 2)
		if err := r.Read(got); err != nil {
			t.Fatal(err)
		}
		if !numtest.SameBits(got, []float64{1, 2}) {
			t.Errorf("read %v, want 1, 2", got)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed twice: %v; the first did not close the file", err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for path, want := range map[string]string{
			save("short.npy", file(1, header("<f8", false, "(2,)"), make([]byte, 15))): "truncated",
			save("number.npy", file(1, header("<f8", false, "()"), make([]byte, 8))):   "single number",
			save("empty.npy", nil): "not a .npy file",
			dir:                    "directory",
		} {
			_, err := Load(path)
			checkError(t, err, path, want)
		}
		if _, err := Load(filepath.Join(dir, "absent.npy")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a file that is not there: %v", err)
		}
	})
}
