package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// gzipped returns a text compressed.
func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDialectsAreOneProblem: the same data in the forms that people have give the same bits.
func TestDialectsAreOneProblem(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, content []byte) string { return write(t, filepath.Join(dir, name), content) }

	// Entries of the 7 × 4 matrix (i + 1)·(j − 1.5), two of three.
	var zero, one, market strings.Builder
	count := 0
	for i := range 7 {
		for j := range 4 {
			if v := float64(i+1) * (float64(j) - 1.5) / 10; (i+j)%3 != 1 || j == 3 && i == 6 {
				fmt.Fprintf(&zero, "%d,%d,%v\n", i, j, v)
				fmt.Fprintf(&one, "\"%d\"\t%v\t%d.0\t%d\n", count, v, j+1, i+1)
				fmt.Fprintf(&market, "%d %d %v\n", i+1, j+1, v)
				count++
			}
		}
	}
	head := fmt.Sprintf("%%%%MatrixMarket matrix coordinate real general\n7 4 %d\n", count)

	// A state of two qubits, (|00⟩ + |11⟩)/√2. Its expectations are 1, 1 and −1 of XX, ZZ and YY.
	e := []float64{1, 1, -1, 0}
	y := make([]float64, len(e))
	for i := range e {
		y[i] = math.Sqrt(10.0/4) * e[i]
	}
	words := file("words.txt", []byte("XX\nZZ\nYY\nIX\n"))
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, array := range []struct {
		name    string
		numbers []float64
	}{{"y", y}, {"e", e}} {
		f, err := w.Create(array.name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(npyFile("<f8", false, array.numbers, len(e))); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	arrays := file("arrays.npz", archive.Bytes())

	for name, forms := range map[string][][]string{
		"entries": {
			{"--triplets", file("zero.csv", []byte(zero.String())), "--parametrization", "uv"},
			{"--triplets", file("one.tsv.gz", gzipped(t, "\tstars\tmovieId\tuserId\n"+one.String())),
				"--triplets-base", "1", "--parametrization", "uv"},
			{"--triplets", file("m.mtx.gz", gzipped(t, head+market.String())), "--parametrization", "uv"},
		},
		"state": {
			{"--paulis", words, "--observations", file("y.npy", npyFile("<f8", false, y, len(y)))},
			{"--paulis", words, "--observations", arrays + ":y"},
			{"--paulis", words, "--expectations", arrays + ":e"},
			{"--paulis", file("p.csv", []byte("pauli,value\nX(0) @ X(1),1\nZ0 Z1,1\n-Y0 Y1,1\nX(1),0\n"))},
		},
	} {
		first := ""
		for i, flags := range forms {
			out := filepath.Join(dir, fmt.Sprint(name, i))
			r := must(t, exitDone, append([]string{"run", "--out", out, "--iterations", "20",
				"--factor-rank", "2",
				"--step", "0.1"}, flags...)...)
			if strings.Contains(r.err+r.out, "note: ") {
				t.Errorf("%q: %s%s", flags, r.out, r.err)
			}
			if i == 0 {
				first = out
				continue
			}
			sameBits(t, out, first)
		}
	}
}
