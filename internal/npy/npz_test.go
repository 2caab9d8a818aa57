package npy

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/matsense/matsense/internal/numtest"
)

// TestKinds: the bytes of numbers of every type, as C has them, are read as these numbers.
func TestKinds(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	for descr, c := range map[string]struct {
		raw  []byte
		want []float64
	}{
		"|i1": {[]byte{0, 1, 127, 128, 255}, []float64{0, 1, 127, -128, -1}},
		"|u1": {[]byte{0, 1, 127, 128, 255}, []float64{0, 1, 127, 128, 255}},
		"|b1": {[]byte{0, 1, 1, 0}, []float64{0, 1, 1, 0}},
		"<i2": {[]byte{0xff, 0xff, 0x00, 0x80, 0x39, 0x30}, []float64{-1, -32768, 12345}},
		">i2": {[]byte{0xff, 0xff, 0x80, 0x00, 0x30, 0x39}, []float64{-1, -32768, 12345}},
		"<u2": {[]byte{0xff, 0xff, 0x00, 0x80, 0x39, 0x30}, []float64{65535, 32768, 12345}},
		"<i4": {le.AppendUint32(le.AppendUint32(nil, 1<<31), 7), []float64{-1 << 31, 7}},
		">u4": {be.AppendUint32(be.AppendUint32(nil, 1<<31), 7), []float64{1 << 31, 7}},
		"<i8": {le.AppendUint64(le.AppendUint64(le.AppendUint64(nil, 1<<63), 1<<53), 1<<62+1<<10),
			[]float64{-1 << 63, 1 << 53, 1<<62 + 1<<10}},
		">u8": {be.AppendUint64(be.AppendUint64(nil, 1<<63), 1<<64-1<<11), []float64{1 << 63, 1<<64 - 1<<11}},
		// From the table of IEEE 754's binary16: 1, −2, 65504, 2⁻²⁴, 2⁻¹⁴, 1/3 rounded, ±0, ±∞.
		"<f2": {[]byte{0x00, 0x3c, 0x00, 0xc0, 0xff, 0x7b, 0x01, 0x00, 0x00, 0x04, 0x55, 0x35, 0, 0, 0, 0x80,
			0x00, 0x7c, 0x00, 0xfc},
			[]float64{1, -2, 65504, 0x1p-24, 0x1p-14, 0.333251953125, 0, math.Copysign(0, -1), math.Inf(1),
				math.Inf(-1)}},
		">f2": {[]byte{0x3c, 0x01, 0x03, 0xff}, []float64{1 + 0x1p-10, 0x1p-14 - 0x1p-24}},
	} {
		r, err := open(file(1, header(descr, false, fmt.Sprintf("(%d,)", len(c.want))), c.raw))
		if err != nil {
			t.Errorf("%s: %v", descr, err)
			continue
		}
		got := make([]float64, len(c.want))
		if err := r.Read(got); err != nil || !numtest.SameBits(got, c.want) {
			t.Errorf("%s: read %v, want %v; %v", descr, got, c.want, err)
		}
	}
	if v := half(0x7e00); !math.IsNaN(v) {
		t.Errorf("the half 7e00 is %v, no NaN", v)
	}
}

// TestInexact: a whole number that no float64 has is refused, and named.
func TestInexact(t *testing.T) {
	for _, c := range []struct {
		descr string
		bits  uint64
	}{{"<i8", 1<<53 + 1}, {"<i8", 1<<63 - 1}, {"<i8", ^uint64(1 << 53)}, {"<u8", 1<<64 - 1}, {"<u8",
		1<<63 + 1}} {
		raw := binary.LittleEndian.AppendUint64(make([]byte, 8), c.bits)
		r, err := open(file(1, header(c.descr, false, "(2,)"), raw))
		if err != nil {
			t.Fatal(err)
		}
		for at := range 2 {
			err = r.Read(make([]float64, 1))
			if at == 0 && err != nil {
				t.Fatal(err)
			}
		}
		checkError(t, err, "element 1", "beyond 2^53")
	}
}

// archive returns a zip archive of files, in order: name and contents in turn.
func archive(t testing.TB, method uint16, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: files[i], Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArchives reads archives that NumPy 2 wrote, with numpy.savez_compressed("many.npz", A=…, y=…) and
// numpy.savez("one.npz", …), and those of this test.
func TestArchives(t *testing.T) {
	y := string(file(1, header("<f8", false, "(2,)"), numtest.Encode("<f8", []float64{5, 6})))
	x := string(file(1, header("<f8", false, "(1,)"), numtest.Encode("<f8", []float64{7})))
	dir := t.TempDir()
	save := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string][]float64{
		"testdata/one.npz":                               {1.5, -2, 3},
		"testdata/one.npz:arr_0":                         {1.5, -2, 3},
		"testdata/many.npz:A":                            {1, 2, 3, 4, 5, 6}, // in Fortran order in the file
		"testdata/many.npz:y":                            {-1, 0, 250},       // int16
		"testdata/many.npz:y.npy":                        {-1, 0, 250},
		save("y.npz", archive(t, zip.Store, "y.npy", y)): {5, 6},
		save("Z.NPZ", archive(t, zip.Deflate, "y.npy", y, "notes.txt", "no array")) + ":y": {5, 6},
		save("misnamed.npy", archive(t, zip.Deflate, "y.npy", y)):                          {5, 6},
		save("two.npz", archive(t, zip.Deflate, "y.npy", y, "a/b:c.npy", x)) + ":a/b:c":    {7},
	} {
		a, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if !numtest.SameBits(a.Data().([]float64), want) {
			t.Errorf("%s: %v, want %v", path, a.Data(), want)
		}
		in, err := OpenContents(path)
		if err != nil {
			t.Error(err)
			continue
		}
		b, err := io.ReadAll(in)
		if err != nil || in.Close() != nil {
			t.Error(err)
		}
		if strings.Contains(path, ":") != strings.HasPrefix(string(b), magic) {
			t.Errorf("the contents of %s begin with %q", path, b[:4])
		}
	}
	whole := archive(t, zip.Store, "y.npy", y)
	flipped := bytes.Replace(whole, numtest.Encode("<f8", []float64{6}), numtest.Encode("<f8", []float64{8}),
		1)
	for path, want := range map[string]string{
		"testdata/many.npz":                    "it has the arrays A, y: name one, as in a.npz:A",
		"testdata/many.npz:x":                  `it has no array "x", but A, y`,
		"testdata/sparse.npz":                  "scipy.io.mmwrite",
		"testdata/sparse.npz:no":               "no array",
		save("cut.npz", whole[:len(whole)-30]): "damaged or truncated",
		save("flipped.npz", flipped):           "the .npz file is damaged",
		save("none.npz", archive(t, zip.Store, "notes.txt", "no array")):  "without arrays",
		save("empty.npz", archive(t, zip.Store)):                          "without arrays",
		save("short.npz", archive(t, zip.Deflate, "y.npy", y[:len(y)-1])): "truncated: the shape (2,)",
		save("text.npz", archive(t, zip.Deflate, "y.npy", "1 2 3")):       "not a .npy file",
		save("plain.npz", []byte(y)) + ":y":                               "not a .npz file",
		save("liar.npz", lying(t)):                                        "damaged",
		filepath.Join(dir, "absent.npz") + ":y":                           "no such file",
	} {
		_, err := Load(path)
		checkError(t, err, path[:strings.LastIndex(path, ".npz")], want)
	}
}

// lying returns an archive whose directory claims that an array of 2⁴⁰ bytes lies in a few.
func lying(t testing.TB) []byte {
	t.Helper()
	big := string(file(1, header("<f8", false, "(137438953472,)"), nil))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "y.npy", Method: zip.Store,
		CRC32:            crc32.ChecksumIEEE([]byte(big)),
		CompressedSize64: uint64(len(big)), UncompressedSize64: 1<<40 + uint64(len(big))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, big); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// FuzzArchive: no bytes make the reader panic or allocate much more than they have. An array that it accepts
// is the one that its contents alone give.
func FuzzArchive(f *testing.F) {
	y := string(file(1, header("<f8", false, "(2,)"), numtest.Encode("<f8", []float64{5, 6})))
	f.Add(archive(f, zip.Store, "y.npy", y))
	f.Add(archive(f, zip.Deflate, "y.npy", y))
	f.Add(archive(f, zip.Deflate, "y.npy", y, "x.npy", y))
	f.Add(archive(f, zip.Store, "a.txt", y))
	f.Add(lying(f))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		entry, unpacked, err := openEntry(bytes.NewReader(b), int64(len(b)), "")
		if err != nil {
			return
		}
		r, err := (&source{entry, unpacked, true}).reader()
		if err != nil {
			return
		}
		if r.Size() > mostDeflated*len(b) {
			t.Fatalf("%d numbers in %d bytes", r.Size(), len(b))
		}
		got := make([]float64, r.Size())
		if err := r.Read(got); err != nil {
			return
		}
		in, size, err := openEntry(bytes.NewReader(b), int64(len(b)), "")
		if err != nil {
			t.Fatal(err)
		}
		alone, err := NewReader(in, size)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float64, alone.Size())
		if err := alone.Read(want); err != nil || !numtest.SameBits(got, want) {
			t.Fatalf("%v, and alone %v; %v", got, want, err)
		}
	})
}
