package triplets

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// FuzzCSV: the parser does not panic, whatever the bytes. The triplets that it accepts are in range and on
// increasing lines, and are the same after they are written and read again.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{
		"", "row,col,value\n", "1,2,3\n", "row,col,value\r\n0,0,-1e-3\r\n", "1,2\n", "1,2,3,4", "a,b,c",
		"1,2,nan", "16777216,0,1", "\ufeff1,2,3", " 1 , 2 , 0x1p-3 \n\n2,1,5",
		"# c\n\"a\";\"b\";\"c\"\n1;2;3,5", "i j x\n1 2.0 3e0 4\n2 1 0 7", ",r,c,v\n0,1,2,3\n",
		"userId\tmovieId\trating\ttime\n1\t2\t3\t4\n", "0,1,2\n1.0,0.0,2.0\n", "\"1\" \"2\" \"3\"\n",
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := accepted(t, b, false)
		if l == nil {
			return
		}
		text := "row,col,value\n"
		for k := range l.Row {
			text += fmt.Sprintf("%d,%d,%v\n", l.Row[k], l.Col[k], l.Value[k])
		}
		same(t, l, accepted(t, []byte(text), false))
	})
}

// FuzzMarket does the same for Matrix Market files.
func FuzzMarket(f *testing.F) {
	const head = "%%MatrixMarket matrix coordinate real general\n"
	for _, text := range []string{
		"", head, head + "3 3 1\n", head + "% c\n3 4 2\n1 1 1\n3 4 -2e5\n",
		head + "3 3 1\n4 1 1\n", head + "9999999999 1 1\n",
		strings.Replace(head, "general", "symmetric", 1) + "2 2 1\n2 1 0.5\n",
		strings.Replace(head, "real", "pattern", 1) + "2 2 1\n2 1\n",
		strings.Replace(head, "coordinate", "array", 1) + "1 1\n1\n", head + "2 2 2147483647\n1 1 1\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := accepted(t, b, true)
		if l == nil {
			return
		}
		symmetry := "general"
		if l.Symmetric {
			symmetry = "symmetric"
		}
		text := fmt.Sprintf("%%%%MatrixMarket matrix coordinate real %s\n%d %d %d\n",
			symmetry, l.Rows, l.Cols, l.Count)
		for k := range l.Row {
			text += fmt.Sprintf("%d %d %v\n", l.Row[k]+1, l.Col[k]+1, l.Value[k])
		}
		same(t, l, accepted(t, []byte(text), true))
	})
}

// accepted returns a list after checking that it is in range, or nil if the parser refused it.
func accepted(t *testing.T, b []byte, market bool) *List {
	r, err := newReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	l, err := r.load(market, 0)
	if err != nil {
		return nil
	}
	if l.Count < 1 || l.Count != len(l.Row) || l.Count != len(l.Col) || l.Count != len(l.Value) ||
		l.Count != len(l.Line) {
		t.Fatalf("%d triplets with %d rows, %d columns, %d values and %d lines",
			l.Count, len(l.Row), len(l.Col), len(l.Value), len(l.Line))
	}
	for k, v := range l.Value {
		if i, j := int(l.Row[k]), int(l.Col[k]); i < 0 || i >= l.Rows || j < 0 || j >= l.Cols ||
			math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("triplet %d is (%d, %d, %v) of a %d × %d matrix", k, i, j, v, l.Rows, l.Cols)
		}
		if k > 0 && l.Line[k] <= l.Line[k-1] || !r.zipped && int(l.Line[k]) > 1+bytes.Count(b, []byte{'\n'}) {
			t.Fatalf("triplet %d is on line %d, after line %d", k, l.Line[k], l.Line[max(k-1, 0)])
		}
	}
	return l
}

// same fails unless two lists have the same triplets.
func same(t *testing.T, l, again *List) {
	if again == nil || again.Header != l.Header || !slices.Equal(again.Row, l.Row) ||
		!slices.Equal(again.Col, l.Col) || !slices.Equal(again.Value, l.Value) {
		t.Fatalf("%+v comes back as %+v", l, again)
	}
}
