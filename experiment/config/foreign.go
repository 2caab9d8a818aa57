package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/matsense/matsense/internal/npy"
	"github.com/matsense/matsense/internal/userfile"
)

// foreign is a format of files that matsense does not read, and the line that converts a file of it.
type foreign struct {
	name string
	// begins says whether a file begins as the format does; nil if the format has no sign of its own.
	begins func(start []byte) bool
	// endings are those of the format's files, in lower case.
	endings []string
	// array and list are lines of Python, or of a shell, that make an array file or a file of lines of text.
	// IN and OUT stand for the two files, and NAME for a variable, which the user may have named. An empty
	// line means that the format is read.
	array, list string
	// vague: files of other formats begin so as well, and the ending decides if it is one of theirs.
	vague bool
}

// prefixed says whether a file begins with one of some texts.
func prefixed(texts ...string) func([]byte) bool {
	return func(start []byte) bool {
		begins := func(text string) bool { return bytes.HasPrefix(start, []byte(text)) }
		return slices.ContainsFunc(texts, begins)
	}
}

// zipped says whether a file begins as a zip archive whose first entries have a name.
func zipped(name string) func([]byte) bool {
	return func(start []byte) bool {
		return bytes.HasPrefix(start, []byte("PK\x03\x04")) && bytes.Contains(start, []byte(name))
	}
}

// compressed is a format that another program unpacks.
func compressed(name, program, ending string, starts ...string) foreign {
	line := program + " IN"
	return foreign{name: name, begins: prefixed(starts...), endings: []string{ending}, array: line,
		list: line}
}

// foreigners are the formats that are known, those with a sign of their own first.
var foreigners = []foreign{
	{
		name: "a MATLAB 7.3 file", begins: prefixed("MATLAB 7.3"),
		array: `numpy.save(OUT, h5py.File(IN)["NAME"][()].T)`,
		list:  `numpy.savetxt(OUT, h5py.File(IN)["NAME"][()].T, delimiter=",")`,
	}, {
		name: "a MATLAB file", begins: prefixed("MATLAB 5.0"), endings: []string{".mat"},
		array: `numpy.save(OUT, scipy.io.loadmat(IN)["NAME"])`,
		list:  `numpy.savetxt(OUT, scipy.io.loadmat(IN)["NAME"], delimiter=",")`,
	}, {
		name: "an HDF5 file", begins: prefixed("\x89HDF\r\n\x1a\n"), endings: []string{".h5", ".hdf5"},
		array: `numpy.save(OUT, h5py.File(IN)["NAME"][()])`,
		list:  `numpy.savetxt(OUT, h5py.File(IN)["NAME"][()], delimiter=",")`,
	}, {
		name: "a Parquet file", begins: prefixed("PAR1"), endings: []string{".parquet"},
		array: "numpy.save(OUT, pandas.read_parquet(IN).to_numpy())",
		list:  "pandas.read_parquet(IN).to_csv(OUT, index=False)",
	}, {
		name: "a Feather file", begins: prefixed("ARROW1", "FEA1"), endings: []string{".feather", ".arrow"},
		array: "numpy.save(OUT, pandas.read_feather(IN).to_numpy())",
		list:  "pandas.read_feather(IN).to_csv(OUT, index=False)",
	}, {
		name: "an Excel file", begins: zipped("[Content_Types].xml"), endings: []string{".xlsx", ".xls"},
		array: "numpy.save(OUT, pandas.read_excel(IN, header=None).to_numpy())",
		list:  "pandas.read_excel(IN).to_csv(OUT, index=False)",
	}, {
		name: "a PyTorch file", begins: zipped("data.pkl"), endings: []string{".pt", ".pth"},
		array: "numpy.save(OUT, torch.load(IN).numpy())",
		list:  `numpy.savetxt(OUT, torch.load(IN).numpy(), delimiter=",")`,
	}, {
		name: "a safetensors file", begins: isSafetensors, endings: []string{".safetensors"},
		array: `numpy.save(OUT, safetensors.numpy.load_file(IN)["NAME"])`,
		list:  `numpy.savetxt(OUT, safetensors.numpy.load_file(IN)["NAME"], delimiter=",")`,
	}, {
		name: "a pickle of Python", begins: prefixed("\x80\x02", "\x80\x03", "\x80\x04", "\x80\x05"),
		endings: []string{".pkl", ".pickle"},
		array:   `numpy.save(OUT, pickle.load(open(IN, "rb")))`,
		list:    `numpy.savetxt(OUT, pickle.load(open(IN, "rb")), delimiter=",")`,
	}, {
		name: "a file of R", begins: prefixed("RDX2", "RDX3"), endings: []string{".rds", ".rda", ".rdata"},
		array: `numpy.save(OUT, pyreadr.read_r(IN)["NAME"].to_numpy())`,
		list:  `pyreadr.read_r(IN)["NAME"].to_csv(OUT, index=False)`,
	}, {
		name: "a NumPy file with three columns", begins: threeColumns.Match,
		list: `numpy.savetxt(OUT, numpy.load(IN), delimiter=",")`,
	}, {
		name: "a NumPy file", begins: prefixed("\x93NUMPY"), endings: []string{".npy"},
		list: `M = numpy.load(IN); i, j = numpy.nonzero(~numpy.isnan(M)); ` +
			`numpy.savetxt(OUT, numpy.c_[i, j, M[i, j]], delimiter=",")`,
	}, {
		name: "an archive of arrays", begins: zipped(".npy"), endings: []string{".npz"},
		list: "scipy.io.mmwrite(OUT, scipy.sparse.load_npz(IN))",
	},
	{
		name: "a ZIP archive", begins: zipped(""), endings: []string{".zip"}, array: "unzip IN",
		list: "unzip IN", vague: true,
	},
	compressed("compressed with zstd", "zstd -d", ".zst", "\x28\xb5\x2f\xfd"),
	compressed("compressed with bzip2", "bunzip2", ".bz2", "BZh"),
	compressed("compressed with xz", "unxz", ".xz", "\xfd7zXZ\x00"),
	{name: "compressed with gzip", begins: prefixed("\x1f\x8b"), array: "gunzip IN", vague: true},
}

// threeColumns matches the beginning of a NumPy file that may be a list of entries already: rows, columns and
// values. Every other array is the matrix itself, with NaN in the entries that were not observed.
var threeColumns = regexp.MustCompile(`^.NUMPY(?s:.*)'shape': \(\d+, 3\)`)

// isSafetensors says whether a file begins with the length of a JSON text, in eight bytes, and that text.
func isSafetensors(start []byte) bool {
	return len(start) > 9 && string(start[4:8]) == "\x00\x00\x00\x00" && string(start[8:10]) == `{"`
}

// checkFormat refuses a data file of another format than the one that is read, and says how to convert it.
// The first bytes decide, and the ending if they say nothing.
func checkFormat(path string, text bool) error { return checkFormatOf(path, "", text) }

// checkArrayIn refuses the name of an array after that of a file, as in A.mat:X, unless the file is a .npz
// file or there is no such file.
func checkArrayIn(path string, text bool) error {
	at := strings.LastIndexByte(path, ':')
	if npy.File(path) != path || at < 0 || userfile.CheckRegular(path[:at]) != nil {
		return nil
	}
	file, name := path[:at], path[at+1:]
	if err := checkFormatOf(file, name, text); err != nil {
		return err
	}
	return fmt.Errorf("%s: only in a .npz file does an array have a name: give %s without :%s", path, file, name)
}

// checkFormatOf is checkFormat for the array of a name in a file; "" if the user gave no name.
func checkFormatOf(path, name string, text bool) error {
	start, err := beginning(npy.File(path))
	if err != nil {
		return err
	}
	ending := strings.ToLower(filepath.Ext(path))
	at := slices.IndexFunc(foreigners, func(f foreign) bool { return f.begins(start) })
	if at < 0 && !looksLikeText(start) || at >= 0 && foreigners[at].vague {
		its := func(f foreign) bool { return slices.Contains(f.endings, ending) }
		if named := slices.IndexFunc(foreigners, its); named >= 0 {
			at = named
		}
	}
	var f foreign
	switch {
	case at >= 0:
		f = foreigners[at]
	case looksLikeText(start) && len(start) > 0:
		f = foreign{name: "text", array: textLine(start, ending)}
	}
	line, out := f.array, ".npy"
	if text {
		line, out = f.list, ".csv"
	}
	if line == "" { // it is read, or its reader says what is wrong
		return nil
	}
	if strings.Contains(line, "mmwrite") {
		out = ".mtx"
	}
	stem := strings.TrimSuffix(path, filepath.Ext(path))
	if name != "" { // another array of the file has another file
		stem += "-" + strings.ReplaceAll(name, "/", "-")
	} else if stem+out == path {
		stem += "-converted"
	}
	out = stem + out
	how := "convert it in Python: "
	if !strings.Contains(line, "(") {
		how = "unpack it: "
	}
	line = strings.NewReplacer("IN", strconv.Quote(path), "OUT", strconv.Quote(out),
		`"NAME"`, strconv.Quote(cmp.Or(name, "NAME"))).Replace(line)
	return fmt.Errorf("%s is %s: %s%s", path, f.name, how, line)
}

// textLine is the line that makes an array of a text with the same separators as its beginning.
func textLine(start []byte, ending string) string {
	if bytes.HasPrefix(start, []byte("%%MatrixMarket matrix array")) {
		return "numpy.save(OUT, scipy.io.mmread(IN))"
	}
	if bytes.HasPrefix(start, []byte("%%MatrixMarket")) {
		return "numpy.save(OUT, scipy.io.mmread(IN).toarray())"
	}
	if ending == ".json" {
		return "numpy.save(OUT, json.load(open(IN)))"
	}
	first, _, _ := bytes.Cut(start, []byte{'\n'})
	options := ""
	for _, separator := range []string{",", ";"} {
		if bytes.Contains(first, []byte(separator)) {
			options = fmt.Sprintf(", delimiter=%q", separator)
			break
		}
	}
	// Letters that are in no number, nan and inf included, are those of a header.
	if bytes.ContainsAny(bytes.ToLower(first), "bcdghjklmopqrstuvwxyz") && first[0] != '#' {
		options += ", skiprows=1"
	}
	return "numpy.save(OUT, numpy.loadtxt(IN" + options + "))"
}

// beginning returns the first bytes of a file; of a directory none.
func beginning(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, 512)
	n, _ := io.ReadFull(f, start) // a directory cannot be read, and says so elsewhere
	return start[:n], nil
}

// looksLikeText says whether bytes are the beginning of a text. The last letter may be cut.
func looksLikeText(start []byte) bool {
	for cut := range min(utf8.UTFMax, len(start)+1) {
		if utf8.Valid(start[:len(start)-cut]) {
			return bytes.IndexByte(start, 0) < 0
		}
	}
	return false
}
