package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeignFormats: files that are not read are told by their first bytes, or by their ending, with the
// line that converts them. The first bytes are those that the formats' descriptions give.
func TestForeignFormats(t *testing.T) {
	const mat5 = "MATLAB 5.0 MAT-file, Platform: GLNXA64, Created on: Mon Nov  2 10:00:00 " +
		"2026\x00\x01IM\x0e\x00\x00\x00"
	zip := func(name string) string {
		return "PK\x03\x04\x14\x00\x00\x00\x08\x00\x00\x00\x21\x00" + strings.Repeat("\x00", 12) +
			fmt.Sprintf("%c\x00\x00\x00", len(name)) + name
	}
	npyOf := func(shape string) string {
		return "\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }\n"
	}
	for _, c := range []struct {
		name, content string
		array, list   string // what is said of it as an array and as triplets; "" if its reader speaks
	}{
		{"A.mat", mat5, `is a MATLAB file: convert it in Python: numpy.save(OUT.npy", ` +
			`scipy.io.loadmat(IN)["NAME"])`,
			`numpy.savetxt(OUT.csv", scipy.io.loadmat(IN)["NAME"], delimiter=",")`},
		{"A.npy", mat5, `a MATLAB file: convert it in Python: numpy.save(OUT-converted.npy", ` +
			`scipy.io.loadmat(IN)["NAME"])`,
			"a MATLAB file"},
		{"v4.mat", "\x00\x00\x00\x00\x03\x00\x00\x00", "scipy.io.loadmat(IN)", "scipy.io.loadmat(IN)"},
		{"B.mat", "MATLAB 7.3 MAT-file, Platform: GLNXA64\x00", `h5py.File(IN)["NAME"][()].T)`,
			"h5py.File(IN)"},
		{"A.h5", "\x89HDF\r\n\x1a\n\x00", `h5py.File(IN)["NAME"][()])`, "h5py.File(IN)"},
		{"A.dat", "PAR1\x15\x04\x15", "pandas.read_parquet(IN).to_numpy()", `.to_csv(OUT.csv", index=False)`},
		{"A.feather", "ARROW1\x00\x00", "pandas.read_feather(IN)", "pandas.read_feather(IN)"},
		{"A.xlsx", zip("[Content_Types].xml"), "pandas.read_excel(IN, header=None)", "pandas.read_excel(IN)"},
		{"A.pt", zip("A/data.pkl"), "torch.load(IN).numpy()", "torch.load(IN).numpy()"},
		{"A.npz", zip("archive/data.pkl"), "torch.load(IN).numpy()", "torch.load(IN).numpy()"},
		{"A.safetensors", "\x40\x00\x00\x00\x00\x00\x00\x00{\"a\":{\"dtype\":\"F64\"",
			`load_file(IN)["NAME"]`,
			`load_file(IN)["NAME"]`},
		{"A.pkl", "\x80\x04\x95\x00", `pickle.load(open(IN, "rb"))`, `pickle.load(open(IN, "rb"))`},
		{"A.rds", "\x1f\x8b\x08\x00\xff", `pyreadr.read_r(IN)["NAME"]`, `pyreadr.read_r(IN)["NAME"]`},
		{"A.npy.gz", "\x1f\x8b\x08\x00\xff", "compressed with gzip: unpack it: gunzip IN", ""},
		{"A.csv.zst", "\x28\xb5\x2f\xfd\x04", "unpack it: zstd -d IN", "unpack it: zstd -d IN"},
		{"A.bz2", "BZh91AY\x00", "unpack it: bunzip2 IN", "unpack it: bunzip2 IN"},
		{"A.xz", "\xfd7zXZ\x00\x00", "unpack it: unxz IN", "unpack it: unxz IN"},
		{"t.csv", npyOf("(80, 3)"), "", `three columns: convert it in Python: numpy.savetxt(` +
			`OUT-converted.csv", numpy.load(IN), delimiter=",")`},
		{"A.npy", npyOf("(80, 30)"), "", `is a NumPy file: convert it in Python: M = numpy.load(IN); ` +
			`i, j = numpy.nonzero(~numpy.isnan(M)); ` +
			`numpy.savetxt(OUT.csv", numpy.c_[i, j, M[i, j]], delimiter=",")`},
		{"ml.zip", zip("ml/ratings.csv"), "ZIP archive: unpack it: unzip IN", "unpack it: unzip IN"},
		{"ml.csv", zip("ml/ratings.csv"), "ZIP archive: unpack it: unzip IN", "unpack it: unzip IN"},
		{"cut.npz", zip("indices.npy")[:20], "", "scipy.sparse.load_npz(IN)"},
		{"S.npz", zip("indices.npy"), "", `scipy.io.mmwrite(OUT.mtx", scipy.sparse.load_npz(IN))`},
		{"y.csv", "1.5,2\n3,inf\n", `is text: convert it in Python: numpy.save(OUT.npy", numpy.loadtxt(IN, ` +
			`delimiter=","))`,
			""},
		{"y.npy", "1.5 2e-3\n", `is text: convert it in Python: numpy.save(OUT-converted.npy", ` +
			`numpy.loadtxt(IN))`, ""},
		{"y.txt", "größe;b\n1;2\n", `numpy.loadtxt(IN, delimiter=";", skiprows=1)`, ""},
		{"A.mtx", "%%MatrixMarket matrix array real general\n", "scipy.io.mmread(IN))", ""},
		{"A.mtx", "%%MatrixMarket matrix coordinate real general\n", "scipy.io.mmread(IN).toarray())", ""},
		{"A.json", "[[1, 2]]", "json.load(open(IN))", ""},
		{"empty.npy", "", "", ""},
		{"noise.bin", "\x00\x01\x02", "", ""},
	} {
		path := fileOf(t, c.name, c.content)
		stem := strings.TrimSuffix(path, filepath.Ext(path))
		for text, want := range map[bool]string{false: c.array, true: c.list} {
			err := checkFormat(path, text)
			if want == "" {
				if err != nil {
					t.Errorf("%s, text %t: %v", c.name, text, err)
				}
				continue
			}
			want = strings.NewReplacer("IN", fmt.Sprintf("%q", path), "OUT", `"`+stem).Replace(want)
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%s, text %t: %v; want %s", c.name, text, err, want)
			}
		}
	}
	if err := checkFormat(filepath.Join(t.TempDir(), "absent.npy"), false); err == nil {
		t.Error("a file that is not there is of a format that is read")
	}
}

// TestForeignArrays: a name after a file that is not .npz is that of an array, and the line that converts the
// file has it.
//
// Symptom: of v5.mat:A it was said that there is no such file.
func TestForeignArrays(t *testing.T) {
	mat := fileOf(t, "v5.mat", "MATLAB 5.0 MAT-file, Platform: GLNXA64\x00\x01IM\x0e\x00\x00\x00")
	array := fileOf(t, "y.npy", "\x93NUMPY\x01\x00")
	folder := filepath.Dir(mat)
	for _, c := range []struct{ key, path, want string }{
		{"matrices", mat + ":A", fmt.Sprintf(`%s is a MATLAB file: convert it in Python: numpy.save(%q, `+
			`scipy.io.loadmat(%q)["A"])`, mat, filepath.Join(folder, "v5-A.npy"), mat)},
		{"triplets", mat + ":g/t", fmt.Sprintf(`numpy.savetxt(%q, scipy.io.loadmat(%q)["g/t"], `,
			filepath.Join(folder, "v5-g-t.csv"), mat)},
		{"observations", array + ":y", "only in a .npz file does an array have a name: give " + array +
			" without :y"},
		{"matrices", mat + "x:A", "open " + mat + "x:A: no such file"},
		{"matrices", mat + "/data.npz:A", "not a directory"},
	} {
		settings := []string{"matrices=" + c.path, "observations=" + c.path}
		if c.key == "triplets" {
			settings = []string{"triplets=" + c.path}
		}
		config := configOf(t, settings...)
		if err := config.Check(); !strings.Contains(fmt.Sprint(err), "--"+c.key+": ") ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.path, err, c.want)
		}
	}
	file := configOf(t)
	path := fileOf(t, "c.yaml", "matrices: "+mat+":A\n")
	if err := ReadConfig(path, &file); err != nil {
		t.Fatal(err)
	}
	if missing := file.Missing(); len(missing) > 0 {
		t.Errorf("missing: %q", missing)
	}
}
