package config

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/sensing"
)

// loadTriplets checks and loads a configuration with triplets, and returns what is wrong, or the notices.
func loadTriplets(t *testing.T, settings ...string) (c Config, d *Data, told string) {
	t.Helper()
	c = configOf(t, settings...)
	if problems := problemsOf(t, c.Check()); len(problems) > 0 {
		return c, nil, strings.Join(problems, "\n")
	}
	d, err := c.Load()
	if err != nil {
		return c, nil, strings.Join(problemsOf(t, err), "\n")
	}
	return c, d, strings.Join(d.Notices, "\n")
}

// ratings lists entries of a 9 × 5 matrix, with rows and columns counted from first, on both sides of the
// diagonal and never with their mirror image.
func ratings(first int) string {
	text := "userId,movieId,rating\n"
	for i := range 9 {
		for j := range 5 {
			if i != j && (i > 4 || (i+j)%2 == 1 == (i > j)) {
				text += fmt.Sprintf("%d,%d,%g\n", i+first, j+first, 1+float64(i*j%9)/2)
			}
		}
	}
	return text
}

// TestRatingsWithoutUV: a matrix of users × items that is taken for a symmetric one is told what it needs.
// Symmetric matrices are taken as ever: one triangle, both, or either side of the diagonal.
func TestRatingsWithoutUV(t *testing.T) {
	rectangle := fileOf(t, "r.csv", ratings(0))
	if _, _, told := loadTriplets(t, "triplets="+rectangle, "parametrization=uv"); told != "" {
		t.Errorf("with uv: %s", told)
	}
	_, d, told := loadTriplets(t, "triplets="+rectangle)
	if d != nil || told != "--triplets: "+rectangle+" lists entries on both sides of the diagonal, and "+
		"none has a mirror image, of a 9 × 5 matrix: a matrix of users × items needs parametrization uv; "+
		"if the matrix is symmetric, and each entry listed once, say parametrization psd" {
		t.Errorf("without: %s", told)
	}
	const note = "A matrix of users × items needs parametrization uv"
	for _, c := range []struct {
		text, more string
		want       string // in the notice
	}{
		{ratings(0), "parametrization=psd", note},
		{ratings(0), "parametrization=indefinite", note},
		{"0,1,2\n2,1,3\n0,2,5\n", "n=9", note}, // square
		{"0,1,2\n0,2,3\n1,2,5\n", "n=9", ""},   // above the diagonal: fewer rows than columns
		{"1,0,2\n2,0,3\n2,1,5\n3,3,1\n", "n=9", ""},
		{"0,1,2\n1,0,2\n0,2,3\n", "n=9", "1 entries are listed on both sides"},
	} {
		_, d, told := loadTriplets(t, "triplets="+fileOf(t, "t.csv", c.text), c.more)
		if d == nil || !strings.Contains(told, c.want) || c.want == "" && told != "" {
			t.Errorf("%q, %s: %s", c.text, c.more, told)
		}
	}
	for text, want := range map[string]string{
		"0,2,3.5\n5,5,1\n2,0,4\n": "line 3: the entry (2, 0) is 4, and on line 1 its mirror image (0, 2) " +
			"is 3.5: in a " +
			"symmetric matrix they are one entry. A matrix of users × items needs parametrization uv",
		"0,2,3.5\n0,2,3.5\n": "line 2: the entry (0, 2) is given again, after line 1: list each entry once",
		"%%MatrixMarket matrix coordinate real general\n3 3 2\n1 3 3.5\n3 1 2\n": "line 4: the entry (3, " +
			"1) is 2, and on line 3 its mirror image (1, 3) is 3.5",
		"%%MatrixMarket matrix coordinate real general\n3 3 2\n1 3 3.5\n1 3 2\n": "line 4: the entry (1, " +
			"3) is given again, after line 3",
	} {
		path := fileOf(t, "t.txt", text)
		if _, _, told := loadTriplets(t, "triplets="+path); !strings.HasPrefix(told,
			"--triplets: "+path+": "+want) {
			t.Errorf("%q: %s", text, told)
		}
	}
}

// TestTripletsCountedFromOne: a list counted from 1 is noticed, and with triplets-base 1 it is the problem of
// the list counted from 0.
func TestTripletsCountedFromOne(t *testing.T) {
	zero, one := fileOf(t, "zero.csv", ratings(0)), fileOf(t, "one.csv", ratings(1))
	_, want, told := loadTriplets(t, "triplets="+zero, "parametrization=uv")
	if told != "" {
		t.Fatal(told)
	}
	c, _, told := loadTriplets(t, "triplets="+one, "parametrization=uv")
	if c.N != 10 || c.N2 != 6 || !strings.Contains(told, "has no entry in row 0 or column 0, and seems to "+
		"count from 1: say --triplets-base 1 if it does, and --triplets-base 0 if it does not") {
		t.Errorf("%d × %d: %s", c.N, c.N2, told)
	}
	if _, _, told := loadTriplets(t, "triplets="+one, "parametrization=uv", "triplets-base=0"); told != "" {
		t.Errorf("counted from 0, as was said: %s", told)
	}
	c, got, told := loadTriplets(t, "triplets="+one, "parametrization=uv", "triplets-base=1")
	if told != "" || c.N != 9 || c.N2 != 5 {
		t.Fatalf("%d × %d: %s", c.N, c.N2, told)
	}
	wantRows, wantCols := want.Problem.Ensemble.(*sensing.Completion).Positions()
	rows, cols := got.Problem.Ensemble.(*sensing.Completion).Positions()
	if !slices.Equal(rows, wantRows) || !slices.Equal(cols, wantCols) ||
		!slices.Equal(got.Problem.Observations, want.Problem.Observations) {
		t.Error("the list counted from 1 is another problem")
	}

	market := fileOf(t, "m.mtx", "%%MatrixMarket matrix coordinate real general\n3 3 1\n3 1 0.5\n")
	c, _, told = loadTriplets(t, "triplets="+market)
	if told != "" || c.TripletsBase != 1 {
		t.Errorf("a Matrix Market file counts from %d: %s", c.TripletsBase, told)
	}
	again := c // a resolved configuration is one
	if err := again.Check(); err != nil {
		t.Error(err)
	}
	for settings, want := range map[string]string{
		"triplets=" + zero + " triplets-base=1 parametrization=uv": "--triplets: " + zero + ": line 2: the " +
			`row must be a whole number from 1 to 16777216, got "0": this file is read as one that counts ` +
			`from 1`,
		"triplets=" + market + " triplets-base=0": "--triplets: " + market + " is a Matrix Market file, " +
			"which counts from 1, and triplets-base is 0",
		"triplets=" + one + " triplets-base=2": "--triplets-base is 0 or 1, got 2",
		"triplets=" + one + " triplets-base=1 n=8": "--triplets: " + one + " lists number 9, counted from " +
			"1, and n is 8",
		"triplets-base=1": "--triplets-base is for ensemble completion, and this is gaussian",
		"triplets-base=1 ensemble=completion": "--triplets-base belongs to user data, " +
			"which needs triplets",
		"triplets-base=1 matrices=A.npy observations=y.npy": "--triplets-base is for the " +
			"completion ensemble, not for user matrices",
	} {
		if _, _, told := loadTriplets(t, strings.Fields(settings)...); !strings.HasPrefix(told, want) {
			t.Errorf("%s: %s", settings, told)
		}
	}
}

// TestTripletsZipped: a compressed list is the list, and its SHA-256 is that of the file as it is.
func TestTripletsZipped(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(ratings(0))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, want, _ := loadTriplets(t, "triplets="+fileOf(t, "r.csv", ratings(0)), "parametrization=uv")
	_, got, told := loadTriplets(t, "triplets="+fileOf(t, "r.csv.gz", b.String()), "parametrization=uv")
	if told != "" || !slices.Equal(got.Problem.Observations, want.Problem.Observations) {
		t.Errorf("%s: other observations", told)
	}
}
