package triplets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	want := List{Row: []int32{2, 0, 3}, Col: []int32{0, 1, 3}, Value: []float64{0.5, -1e-3, 7}}
	for name, c := range map[string]struct {
		file, text string
		header     Header
		lines      []int32
	}{
		"csv": {
			"a.csv", "2,0,0.5\n0,1,-1e-3\n3,3,7\n",
			Header{4, 4, false, false, 3, 0}, []int32{1, 2, 3},
		},
		"its header": {
			"a.CSV", "row,col,value\n2,0,0.5\n0,1,-1e-3\n3,3,7",
			Header{4, 4, false, false, 3, 0}, []int32{2, 3, 4},
		},
		"of Windows, with spaces and blank lines": {
			"a.csv", "\ufeffrow, col, value\r\n\r\n 2 , 0 , 0.5 \r\n0,1,-1e-3\r\n\n3,3,7\r\n\r\n",
			Header{4, 4, false, false, 3, 0}, []int32{3, 4, 6},
		},
		"market": {
			"a.mtx", "%%MatrixMarket matrix coordinate real general\n% words\n%\n5 4 3\n" +
				"3 1 0.5\n1 2 -1e-3\n4 4 7\n",
			Header{5, 4, true, false, 3, 1}, []int32{5, 6, 7},
		},
		"symmetric": {
			"a.mtx", "%%matrixmarket MATRIX coordinate integer symmetric\n5 5 3\n\n" +
				"3 1 0.5\n 1\t2 -1e-3\n4 4 7",
			Header{5, 5, true, true, 3, 1}, []int32{4, 5, 6},
		},
	} {
		path := write(t, c.file, c.text)
		l, err := Load(path, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if l.Header != c.header || !slices.Equal(l.Row, want.Row) || !slices.Equal(l.Col, want.Col) ||
			!slices.Equal(l.Value, want.Value) || !slices.Equal(l.Line, c.lines) {
			t.Errorf("%s: %+v", name, *l)
		}
		if h, err := Inspect(path, 0); err != nil || h != c.header {
			t.Errorf("%s: inspected: %+v, %v", name, h, err)
		}
	}
}

func TestRefused(t *testing.T) {
	const head = "%%MatrixMarket matrix coordinate real general\n"
	for _, c := range []struct{ file, text, want string }{
		{"a.csv", "", "there are no triplets"},
		{"a.csv", "row,col,value\n", "there are no triplets"},
		{"a.csv", "1,2\n", "line 1: must be a row, a column and a value, separated by commas, semicolons, " +
			`tabs or blanks, got "1,2"`},
		{"a.csv", "1,2,3\n1,2,3,4\n", `line 2: must have 3 fields separated by commas, as line 1 has, got ` +
			`"1,2,3,4"`},
		{"a.csv", "1,2,3\n\nrow,col,value\n",
			`line 3: the row must be a whole number from 0 to 16777215, got "row"`},
		{"a.csv", "-1,2,3\n", "line 1: the row must be"},
		{"a.csv", "1.5,2,3\n", "line 1: the row must be"},
		{"a.csv", "1,16777216,3\n", "line 1: the column must be"},
		{"a.csv", "1,99999999999999999999,3\n", "line 1: the column must be"},
		{"a.csv", "1,2,three\n", `line 1: the value must be a finite number, got "three"`},
		{"a.csv", "1,2,nan\n", "line 1: the value must be a finite number"},
		{"a.csv", "1,2,1e999\n", "line 1: the value must be a finite number"},
		{"a.csv", "1,2,\n", "line 1: the value must be a finite number"},
		{"a.csv", "1,2,3\n1,2," + strings.Repeat("0", 5000) + "\n", "line 2: longer than 4096 bytes"},
		{"a.npy", "\x93NUMPY\x01\x00v\x00", "not text"},
		{"a.mtx", "", "not a Matrix Market file"},
		{"a.mtx", "1 2 3\n", "not a Matrix Market file"},
		{"a.mtx", "\n" + head, "not a Matrix Market file"},
		{"a.mtx", strings.Replace(head, "coordinate", "array", 1), "line 1: an array has every entry"},
		{"a.mtx", strings.Replace(head, "real", "pattern", 1), "line 1: a pattern has no values"},
		{"a.mtx", strings.Replace(head, "real", "complex", 1), "line 1: complex numbers"},
		{"a.mtx", strings.Replace(head, "general", "hermitian", 1), "line 1: a hermitian matrix"},
		{"a.mtx", strings.Replace(head, "general", "skew-symmetric", 1), "line 1: a skew-symmetric matrix"},
		{"a.mtx", strings.Replace(head, "real", "quaternion", 1),
			"line 1: must say coordinate, real or integer"},
		{"a.mtx", head, "truncated before the line with the matrix's size"},
		{"a.mtx", head + "3 3\n", "line 2: must be the numbers of rows"},
		{"a.mtx", head + "3 3 0\n", "line 2: must be the numbers of rows"},
		{"a.mtx", head + "3 99999999 1\n", "line 2: must be the numbers of rows"},
		{"a.mtx", strings.Replace(head, "general", "symmetric", 1) + "3 4 1\n",
			"line 2: a symmetric matrix is square, not 3 × 4"},
		{"a.mtx", head + "3 3 2\n1 1 1\n", "truncated: it states 2 triplets and has 1"},
		{"a.mtx", head + "3 3 1\n1 1 1\n2 2 2\n", "line 4: one triplet more than the 1 that are stated"},
		{"a.mtx", head + "3 3 1\n0 1 1\n", "line 3: the row must be a whole number from 1 to 16777216"},
		{"a.mtx", head + "3 3 1\n1 4 1\n", "line 3: the entry (1, 4) lies outside of the 3 × 3 matrix"},
		{"a.mtx", head + "3 3 1\n1 1\n", "line 3: must be a row, a column and a value"},
	} {
		path := write(t, c.file, c.text)
		if _, err := Load(path, 0); err == nil || !strings.HasPrefix(err.Error(), path+": "+c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "nowhere.csv"), 0); err == nil {
		t.Error("a file that is not there was read")
	}
	if _, err := Inspect(t.TempDir()+".csv", 0); err == nil {
		t.Error("a folder was read")
	}
}
