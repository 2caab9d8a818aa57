package triplets

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// zip returns a text compressed.
func zip(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDialects: the same three triplets as programs and people write them.
func TestDialects(t *testing.T) {
	plain := "2,0,0.5\n0,1,-1e-3\n3,3,7\n"
	for name, text := range map[string]string{
		"no header":                      plain,
		"any header":                     "a,b,c\n" + plain,
		"letters of both cases":          "Row, Col, Value\n" + plain,
		"R, write.csv without row names": "\"row\",\"col\",\"value\"\n" + plain,
		"R, write.csv": "\"\",\"row\",\"col\",\"value\"\n" +
			"\"1\",2,0,0.5\n\"2\",0,1,-0.001\n\"3\",3,3,7\n",
		"R, write.table": "\"row\" \"col\" \"value\"\n" +
			"\"1\" 2 0 0.5\n\"2\" 0 1 -0.001\n\"3\" 3 3 7\n",
		"R, write.table of a subset": "\"row\" \"col\" \"value\"\n\"17\" 2 0 0.5\n\"20\" 0 1 -0.001\n" +
			"\"21\" 3 3 7\n",
		"R, write.table without quotes": "row col value\n1 2 0 0.5\n2 0 1 -0.001\n3 3 3 7\n",
		"R, write.csv2": "\"\";\"row\";\"col\";\"value\"\n" +
			"\"1\";2;0;0.5\n\"2\";0;1;-1e-3\n\"3\";3;3;7\n",
		"pandas":                 ",row,col,value\n0,2,0,0.5\n1,0,1,-0.001\n2,3,3,7.0\n",
		"pandas, a part":         ",row,col,value\n5,2,0,0.5\n17,0,1,-0.001\n3,3,3,7.0\n",
		"pandas, index of words": ",row,col,value\na,2,0,0.5\nb,0,1,-0.001\nc,3,3,7.0\n",
		"pandas, read and written": ",Unnamed: 0,row,col,value\n0,0,2,0,0.5\n1,1,0,1,-0.001\n" +
			"2,2,3,3,7.0\n",
		"pandas, of an array":               ",0,1,2\n0,2.0,0.0,0.5\n1,0.0,1.0,-0.001\n2,3.0,3.0,7.0\n",
		"pandas, of an array without index": "0,1,2\n2.0,0.0,0.5\n0.0,1.0,-0.001\n3.0,3.0,7.0\n",
		"pandas, tabs": "\trow\tcol\tvalue\n0\t2\t0\t0.5\n1\t0\t1\t-0.001\n" +
			"2\t3\t3\t7.0\n",
		"pandas, tabs, a part": "\trow\tcol\tvalue\n7\t2\t0\t0.5\n9\t0\t1\t-0.001\n8\t3\t3\t7.0\n",
		"tabs at the ends":     "row\tcol\tvalue\t\n2\t0\t0.5\t\n0\t1\t-0.001\t\n3\t3\t7.0 \t\n",
		"index with tabs":      "row\tcol\tvalue\n0\t2\t0\t0.5\n1\t0\t1\t-0.001\n2\t3\t3\t7.0\n",
		"NumPy": "2.000000000000000000e+00,0.000000000000000000e+00,5.000000000000000000e-01\n" +
			"0.000000000000000000e+00,1.000000000000000000e+00,-1.000000000000000021e-03\n" +
			"3.000000000000000000e+00,3.000000000000000000e+00,7.000000000000000000e+00\n",
		"NumPy, blanks and a header": "# row col value\n2.0e+00 0.0e+00 5.0e-01\n0.0 1.0 -1.0e-03\n3.0 " +
			"3.0 7.0\n",
		"NumPy, a header that orders": "# value,col,row\n0.5,0,2\n-1e-3,1,0\n7,3,3\n",
		"tabs":                        strings.ReplaceAll(plain, ",", "\t"),
		"semicolons":                  "r;c;v\n" + strings.ReplaceAll(plain, ",", ";"),
		"blanks":                      "  2   0  0.5\n  0   1 -1e-3\n  3   3  7\n",
		"blanks and tabs":             "2 \t0 0.5\n0 1\t \t-1e-3\n3 3 7\n",
		"quoted":                      "\"2\",\"0\",\"0.5\"\n\"0\" , \"1\",\"-1e-3\"\n3,3,7\n",
		"comments":                    "# drawn by hand\n% and more\n\n" + plain + "# the end\n",
		"MovieLens": "userId,movieId,rating,timestamp\n2,0,0.5,964982703\n" +
			"0,1,-1e-3,964981247\n3,3,7,9\n",
		"names in another order": "rating,item_id,user_id\n0.5,0,2\n-1e-3,1,0\n7,3,3\n",
		"two names":              "user,anime,score\n" + plain,
		"the last name":          "x,y,value\n" + plain,
		"R, of a sparse matrix":  "i j x\n2 0 0.5\n0 1 -1e-3\n3 3 7\n",
		"titles in quotation marks": "row,title,col,value\n2,\"A, \"\"B\"\"\",0,0.5\n0,C,1,-1e-3\n" +
			"3,\"\",3,7\n",
		"Windows":    "\ufeffrow;col;value\r\n2;0;0.5\r\n0;1;-1e-3\r\n3;3;7\r\n",
		"plus signs": "+2,0,+0.5\n-0,1,-1e-3\n3e0,0.3E+1,7\n",
	} {
		for ending, text := range map[string]string{".csv": text, ".tsv": text, ".txt": text, "": text,
			".csv.gz": zip(t, text), ".gz": zip(t, text), ".misnamed": zip(t, text)} {
			path := write(t, "a"+ending, text)
			l, err := Load(path, 0)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			want := Header{Rows: 4, Cols: 4, Count: 3}
			if l.Header != want || !slices.Equal(l.Row, []int32{2, 0, 3}) ||
				!slices.Equal(l.Col, []int32{0, 1, 3}) || !slices.Equal(l.Value, []float64{0.5, -1e-3, 7}) {
				t.Errorf("%s%s: %+v", name, ending, *l)
			}
			if h, err := Inspect(path, 0); h != want || err != nil {
				t.Errorf("%s%s: inspected: %+v, %v", name, ending, h, err)
			}
		}
	}
}

// TestDialectsRefused: what is not clear is refused, with what to do.
func TestDialectsRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"1,2,3,5\n", "line 1: 4 fields, and no line above names them (if one has a decimal comma, write a " +
			"point)"},
		{"0,1,2,3.5\n1,1,3,4.5\n", "line 1: 4 fields, and no line above names them"},
		{"a,b,c,d\n0,1,2,3\n", "line 2: the names of the 4 columns on line 1 do not say which"},
		{"user,item,row,value\n0,1,2,3\n", "line 2: the names of the 4 columns on line 1 do not say which"},
		{"value,a,b\n0,1,2\n", "line 2: the names of the 3 columns on line 1 do not say which"},
		{"user,row,value\n0,1,2\n", "line 2: the names of the 3 columns on line 1 do not say which"},
		// A decimal comma, and no index.
		{"row,col,value\n0,0,2,5\n1,1,3,5\n", "line 2: 4 fields, and line 1 names 3 columns (if a value " +
			"has a decimal comma, write a point)"},
		{"row;col;value\n0;1;2;3\n5;1;2;3\n", "line 3: the first of 4 fields has no name, and must count " +
			`the lines: 1, got "5"`},
		{"row;col;value\n7;1;2;3\n", "line 2: 4 fields, and line 1 names 3 columns: name every column"},
		{"a;b;c;d;e\n0;1;2\n", "line 2: 3 fields, and line 1 names 5 columns"},
		{"0;1;2,5\n", `line 1: the value must be a finite number, got "2,5": write a decimal point, not a ` +
			`comma`},
		{"0 1 2,5\n", `line 1: the value must be a finite number, got "2,5": write a decimal point, not a ` +
			`comma`},
		{"0,1,\"2,5\"\n", `line 1: the value must be a finite number, got "2,5": write a decimal point`},
		{"0,1,\n", `line 1: the value must be a finite number, got "": leave out entries that were not ` +
			`observed`},
		{"0,0,1\n0,1,NA\n", `line 2: the value must be a finite number, got "NA": leave out entries`},
		{"0,0,1\n0,1,NaN\n", `line 2: the value must be a finite number, got "NaN": leave out entries`},
		{"0,0,1\n,1,3\n", `line 2: the row must be a whole number from 0 to 16777215, got "": leave lines`},
		{"alice,7,3\n", `line 1: the row must be a whole number from 0 to 16777215, got "alice": number ` +
			`the rows`},
		{"0,44900000,3\n", `line 1: the column must be a whole number from 0 to 16777215, got "44900000": ` +
			`number`},
		{"0.5,1,3\n", `line 1: the row must be a whole number from 0 to 16777215, got "0.5"`},
		{"1.00000000000000000001,1,3\n", "line 1: the row must be a whole number"},
		{"1e400000000,1,3\n", "line 1: the row must be a whole number"},
		{"1e99999999999999999999,1,3\n", "line 1: the row must be a whole number"},
		{"0x10,1,3\n", "line 1: the row must be a whole number"},
		{".,1,3\n", "line 1: the row must be a whole number"},
		{"1193::5::4\n", "line 1: must be a row, a column and a value, separated by commas, semicolons, " +
			`tabs or blanks, got "1193::5::4" (sed 's/::/,/g' FILE | cut -d, -f1-3 > NEW.csv)`},
		{"1|2|3\n", `line 1: must be a row, a column and a value, separated by commas, semicolons, tabs or ` +
			`blanks, got "1|2|3" (tr '|' ',' < FILE > NEW.csv)`},
		{"0,1,2\n0;1;2\n", `line 2: must have 3 fields separated by commas, as line 1 has, got "0;1;2"`},
		{"row,col,value\n0 1 2\n", "line 2: 1 fields, and line 1 names 3 columns"},
		{"0,1,2\n0,1,\"2\n", "line 2: a quotation mark is not closed on its line"},
		{"0,1,2\n0,\"1\"0,2\n", "line 2: there is text after a closing quotation mark"},
		{"a,b,c\n", "there are no triplets"},
		{"# only words\n", "there are no triplets"},
		{"a,b,c\n\"", "line 2: a quotation mark is not closed"},
		{"\xff\xfe0\x00,\x001\x00", "the text is UTF-16: save it as UTF-8"},
		{"PK\x03\x04\x14\x00 0,1,2", "not text"},
		{"%MatrixMarket matrix coordinate real general\n3 3 1\n1 1 2\n",
			"line 1: a Matrix Market file begins with %%MatrixMarket, at the first byte"},
		{"\n%%MatrixMarket matrix coordinate real general\n3 3 1\n1 1 2\n",
			"line 2: a Matrix Market file begins with %%MatrixMarket, at the first byte"},
	} {
		path := write(t, "a.csv", c.text)
		if _, err := Load(path, 0); err == nil || !strings.HasPrefix(err.Error(), path+": "+c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
		if _, err := Inspect(path, 0); err == nil || !strings.HasPrefix(err.Error(), path+": "+c.want) {
			t.Errorf("%q, inspected: %v, want %q", c.text, err, c.want)
		}
	}
}

// TestCountedFromOne: a list that counts from 1 is the one that counts from 0, and its entries are named as
// it counts. A Matrix Market file counts from 1, whatever the caller says.
func TestCountedFromOne(t *testing.T) {
	path := write(t, "a.csv", "3,1,0.5\n1,2,-1e-3\n16777216,4,7\n")
	l, err := Load(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Header{Rows: MaxSide, Cols: 4, Count: 3, First: 1}); l.Header != want ||
		!slices.Equal(l.Row, []int32{2, 0, MaxSide - 1}) || !slices.Equal(l.Col, []int32{0, 1, 3}) {
		t.Errorf("%+v", *l)
	}
	if l.Entry(0) != "(3, 1)" {
		t.Errorf("triplet 0 is named %s", l.Entry(0))
	}
	path = write(t, "a.csv", "1,1,1\n0,1,2\n")
	if _, err := Load(path, 1); err == nil || !strings.Contains(err.Error(),
		`line 2: the row must be a whole number from 1 to 16777216, got "0": this file is read as one that `+
			`counts from 1`) {
		t.Errorf("a row 0 counted from 1: %v", err)
	}
	text := "%%MatrixMarket matrix coordinate real general\n3 3 1\n3.0 1e0 0.5\n"
	for name, text := range map[string]string{"a.mtx": text, "a.mtx.gz": zip(t, text), "a.txt": text} {
		path := write(t, name, text)
		for first := range 2 {
			l, err := Load(path, first)
			if err != nil || l.Row[0] != 2 || l.Col[0] != 0 || l.Entry(0) != "(3, 1)" {
				t.Errorf("%s: %+v, %v", name, l, err)
			}
		}
		if h, err := Inspect(path, 0); h != (Header{3, 3, true, false, 1, 1}) || err != nil {
			t.Errorf("%s inspected: %+v, %v", name, h, err)
		}
	}
}

// TestZipped: gzip data that is cut or changed is told from data that ends, and a small file that expands to
// gigabytes fills no memory.
func TestZipped(t *testing.T) {
	var text strings.Builder
	for k := range 5000 {
		fmt.Fprintf(&text, "%d,%d,%d.5\n", k, 7*k%1000, k*k)
	}
	whole := zip(t, text.String())
	for _, c := range []struct{ text, want string }{
		{whole[:len(whole)/2], "the gzip data is truncated, after "},
		{whole[:len(whole)-1], "the gzip data is truncated, after 5000 lines"},
		{whole[:5], "the gzip data is truncated, after 0 lines"},
		{whole[:len(whole)-8] + "abcdefgh", "the gzip data is damaged, after 5000 lines"},
		{"\x1f\x8b no gzip at all", "the gzip data is damaged, after 0 lines"},
		{zip(t, strings.Repeat("0", 1<<26)), "line 1: longer than 4096 bytes"},
		{zip(t, "0,1,2\n"+strings.Repeat("0,", 1<<25)), "line 2: longer than 4096 bytes"},
	} {
		path := write(t, "a.csv.gz", c.text)
		if _, err := Load(path, 0); err == nil || !strings.HasPrefix(err.Error(), path+": "+c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	// Two members are one text, as pigz and cat write it.
	path := write(t, "a.csv.gz", zip(t, "0,0,1\n")+zip(t, "1,1,2\n"))
	if l, err := Load(path, 0); err != nil || l.Count != 2 {
		t.Errorf("two members: %+v, %v", l, err)
	}
}

// TestWholeNumber compares with the definition, in exact decimal arithmetic by hand.
func TestWholeNumber(t *testing.T) {
	for text, want := range map[string]int{
		"3": 3, "3.0": 3, "3.": 3, "3.000000000000000000e+00": 3, "3e0": 3, "+3": 3, "30e-1": 3, "0.3e1": 3,
		"1.5e1": 15, "1e3": 1000, ".5e1": 5, "0": 0, "-0": 0, "0e99": 0, "0.000e-7": 0, "000012": 12,
		"1099511627776": 1 << 40,
		"":              -1, ".": -1, "e3": -1, "-3": -1, "3.5": -1, "35e-1": -1, "1e-1": -1, "3.0.0": -1,
		"3e":    -1,
		"3e1.5": -1, "0x3": -1, "1_000": -1, "1,000": -1, "inf": -1, "nan": -1, "1e41": -1,
		"1099511627777":                -1,
		"3.00000000000000000000000001": -1, "--3": -1, "3 4": -1,
	} {
		n, whole := wholeNumber([]byte(text))
		if !whole {
			n = -1
		}
		if n != want {
			t.Errorf("%q is %d, want %d", text, n, want)
		}
	}
}
