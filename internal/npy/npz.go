package npy

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// extension is the ending of the files with several arrays.
const extension = ".npz"

// cut divides a path into that of a file and the name of one of its arrays; "" if it names none.
func cut(path string) (file, name string) {
	at := strings.LastIndex(strings.ToLower(path), extension+":")
	if at < 0 {
		return path, ""
	}
	return path[:at+len(extension)], path[at+len(extension)+1:]
}

// File returns the file that a path names, without the name of one of its arrays.
func File(path string) string {
	file, _ := cut(path)
	return file
}

// OpenContents opens the bytes of what a path names: of one array of a .npz file, or of a file.
func OpenContents(path string) (io.ReadCloser, error) {
	file, name := cut(path)
	f, err := os.Open(file)
	if err != nil || name == "" {
		return f, err
	}
	info, err := f.Stat()
	var in io.ReadCloser
	if err == nil {
		in, _, err = openEntry(f, info.Size(), name)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entry{in, f}, nil
}

// entry is a file of an archive, which is closed with it.
type entry struct {
	io.ReadCloser
	archive io.Closer
}

func (e entry) Close() error { return errors.Join(e.ReadCloser.Close(), e.archive.Close()) }

// source is where the bytes of one array are read from.
type source struct {
	io.Reader
	size   int64
	sealed bool // as in Reader
}

// openSource opens the file of an array that a path names, in an array file or in a .npz file.
func openSource(path string) (*source, *os.File, error) {
	file, name := cut(path)
	// Opening a pipe would wait for its other end.
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s: is a directory, a pipe or a device, and no file", path)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	var s *source
	info, err := f.Stat()
	if err == nil {
		s, err = sourceOf(f, info.Size(), name)
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, f, nil
}

// sourceOf finds an array in a file of size bytes: the only one, or, in a .npz file, the one with a name.
func sourceOf(f interface {
	io.Reader
	io.ReaderAt
}, size int64, name string,
) (*source, error) {
	switch {
	case isArchive(f):
		in, unpacked, err := openEntry(f, size, name)
		return &source{in, unpacked, true}, err
	case name != "":
		return nil, errors.New("not a .npz file")
	}
	return &source{f, size, false}, nil
}

// reader reads the array's header.
func (s *source) reader() (*Reader, error) {
	r, err := NewReader(s, s.size)
	if err == nil {
		r.sealed = s.sealed
	}
	return r, err
}

// isArchive says whether a file begins as a zip archive does, whatever its name is.
func isArchive(f io.ReaderAt) bool {
	var start [4]byte
	_, err := f.ReadAt(start[:], 0)
	return err == nil && (string(start[:]) == "PK\x03\x04" || string(start[:]) == "PK\x05\x06")
}

// mostDeflated is how many times longer than compressed data what it expands to can be: the format stores 258
// bytes in two bits at best.
const mostDeflated = 1032

// openEntry opens an array's file in an archive, and says how many bytes it has. No entry claims more than
// its compressed data can come to.
func openEntry(f io.ReaderAt, size int64, name string) (io.ReadCloser, int64, error) {
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return nil, 0, fmt.Errorf("a damaged or truncated zip archive: %w", err)
	}
	const ending = ".npy"
	var names []string
	var found []*zip.File
	for _, e := range archive.File {
		its, isArray := strings.CutSuffix(e.Name, ending)
		if !isArray {
			continue
		}
		names = append(names, its)
		if name == "" || name == its || name == e.Name {
			found = append(found, e)
		}
	}
	switch {
	case len(names) == 0:
		return nil, 0, errors.New("a zip archive without arrays: save arrays with numpy.savez")
	case name == "" && slices.Contains(names, "indptr") && slices.Contains(names, "indices"):
		return nil, 0, errors.New("a sparse matrix of SciPy: bring its entries as triplets, with " +
			"scipy.io.mmwrite(\"A.mtx\", scipy.sparse.load_npz(\"A.npz\"))")
	case len(found) == 0:
		return nil, 0, fmt.Errorf("it has no array %q, but %s", name, strings.Join(names, ", "))
	case len(found) > 1:
		return nil, 0, fmt.Errorf("it has the arrays %s: name one, as in a%s:%s", strings.Join(names, ", "),
			extension, names[0])
	}
	e := found[0]
	most := e.CompressedSize64
	if e.Method == zip.Deflate {
		most = mostDeflated * min(most, uint64(size))
	}
	if e.CompressedSize64 > uint64(size) || e.UncompressedSize64 > most {
		return nil, 0, fmt.Errorf("a damaged zip archive: %s claims to have %d bytes", e.Name,
			e.UncompressedSize64)
	}
	in, err := e.Open()
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", e.Name, err)
	}
	return in, int64(e.UncompressedSize64), nil
}
