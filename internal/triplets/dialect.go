package triplets

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// dialect is how a list is written.
type dialect struct {
	separator       byte
	columns         int // the number of fields of each line
	row, col, value int // their places among the fields
	from            int // the line of the first triplet
	// numbered: the first field has no name, and counts the lines from numberedFrom.
	numbered     bool
	numberedFrom int
	// maybeNames: the first triplet is 0, 1, 2, and so are the names that pandas gives to columns which have
	// none. They are names if the next line has rows and columns with a decimal point.
	maybeNames bool
}

// blank is the separator that stands for any number of blanks and tabs.
const blank = ' '

// separators are what may stand between fields, in the order in which they are tried. A value may have a
// decimal comma, so that the comma comes late.
var separators = []struct {
	byte
	name string
}{{'\t', "tabs"}, {';', "semicolons"}, {',', "commas"}, {blank, "blanks"}}

func nameOf(separator byte) string {
	for _, s := range separators {
		if s.byte == separator {
			return s.name
		}
	}
	return ""
}

// separatorOf returns the first separator that divides a line into three fields or more.
func separatorOf(text []byte) (separator byte, ok bool) {
	for _, s := range separators {
		if fields, err := split(nil, text, s.byte); err == nil && len(fields) >= 3 {
			return s.byte, true
		}
	}
	return 0, false
}

// dialect reads a list up to its first triplet, and returns that line.
func (r *reader) dialect() (d *dialect, text []byte, err error) {
	var comment []byte // the last one before the first line
	for {
		if text, err = r.next(); err != nil {
			return nil, nil, err
		}
		if r.line == 1 {
			text = trim(bytes.TrimPrefix(text, []byte("\ufeff")))
		}
		if len(text) > 0 && !isComment(text) {
			break
		}
		if bytes.Contains(bytes.ToLower(text), []byte("matrixmarket")) {
			return nil, nil, r.errorf("a Matrix Market file begins with %s, at the first byte, got %q",
				banner, text)
		}
		comment = append(comment[:0], text...)
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, nil, errors.New("not text: triplets are lines of row, column and value")
	}
	separator, ok := separatorOf(text)
	if !ok {
		return nil, nil, r.notThree(text)
	}
	d = &dialect{separator: separator}
	naming := r.line
	fields, _ := split(nil, text, separator) // separatorOf has found no mistake
	above, _ := split(nil, bytes.TrimLeft(comment, "#% \t"), separator)
	var names []string
	switch {
	case isHeader(fields):
		names = namesOf(fields)
		if text, err = r.content(); err != nil {
			return nil, nil, err
		}
		if fields, err = split(nil, text, separator); err != nil {
			return nil, nil, r.errorf("%v", err)
		}
	case len(above) == len(fields) && isHeader(above):
		names = namesOf(above)
	}
	d.columns, d.from = len(fields), r.line
	d.maybeNames = names == nil && slices.EqualFunc(fields, []string{"0", "1", "2"},
		func(field []byte, name string) bool { return string(bytes.TrimSpace(field)) == name })
	if err := d.place(names, naming, fields, text[0] == '"'); err != nil {
		return nil, nil, r.errorf("%v", err)
	}
	return d, text, nil
}

// notThree says what is wrong with a first line that has fewer than three fields.
func (r *reader) notThree(text []byte) error {
	cure := ""
	switch {
	case bytes.Contains(text, []byte("::")):
		cure = " (sed 's/::/,/g' FILE | cut -d, -f1-3 > NEW.csv)"
	case bytes.IndexByte(text, '|') >= 0:
		cure = " (tr '|' ',' < FILE > NEW.csv)"
	}
	return r.errorf("must be a row, a column and a value, separated by commas, semicolons, tabs or blanks, "+
		"got %q%s", text, cure)
}

// isHeader says whether fields are names, and not numbers. An index without a name comes first.
func isHeader(fields [][]byte) bool {
	if len(bytes.TrimSpace(fields[0])) == 0 {
		return true
	}
	return !slices.ContainsFunc(fields, func(field []byte) bool {
		text := bytes.TrimSpace(field)
		_, err := strconv.ParseFloat(string(text), 64)
		return err == nil || decimalComma.Match(text)
	})
}

// namesOf returns fields as names: letters and digits, in lower case.
func namesOf(fields [][]byte) (names []string) {
	for _, field := range fields {
		name := strings.Map(func(c rune) rune {
			if strings.ContainsRune(" \t_-.#%\"'", c) {
				return -1
			}
			return c
		}, strings.ToLower(string(field)))
		if name == "unnamed:0" { // what pandas calls the index of a file that it reads
			name = ""
		}
		names = append(names, name)
	}
	return names
}

// roles are the names that say which column is the row, the column and the value.
var roles = [3][]string{
	{"row", "rows", "i", "rowid", "rowindex", "rowidx", "user", "userid", "useridx", "userindex", "uid"},
	{"col", "cols", "column", "columns", "j", "colid", "colindex", "colidx", "columnid", "columnindex",
		"item", "itemid", "itemidx", "itemindex", "iid", "movie", "movieid", "product", "productid", "book",
		"bookid"},
	{"value", "values", "val", "entry", "data", "rating", "ratings", "score", "stars", "weight"},
}

// place finds out which of the first triplet's fields are its row, its column and its value. If the names of
// columns on line naming say so, they decide, and further columns are left out. Otherwise there must be
// three, and the order decides. A column without a name is an index. So is the first one if it has no name
// and every other column has; it must count the lines then, because a decimal comma may be what makes one
// field more than there are names.
func (d *dialect) place(names []string, naming int, fields [][]byte, quoted bool) error {
	const cure = "name the columns row, col and value, or leave further columns out"
	switch {
	case names == nil && d.columns == 3:
		d.row, d.col, d.value = 0, 1, 2
		return nil
	case names == nil:
		return fmt.Errorf("%d fields, and no line above names them (if one has a decimal comma, write a "+
			"point): %s", d.columns, cure)
	case len(names) == d.columns-1 && quoted: // a row name of R
		names = slices.Insert(names, 0, "")
	case len(names) == d.columns-1 && d.separator != ',':
		from, whole := wholeNumber(fields[0])
		if !whole || from > 1 {
			return fmt.Errorf("%d fields, and line %d names %d columns: name every column", d.columns, naming,
				len(names))
		}
		d.numbered, d.numberedFrom = true, from
		names = slices.Insert(names, 0, "")
	case len(names) != d.columns:
		return fmt.Errorf("%d fields, and line %d names %d columns (if a value has a decimal comma, write a "+
			"point): name every column", d.columns, naming, len(names))
	}
	var named []int // places of columns that have a name
	found := [3][]int{}
	for at, name := range names {
		if name == "" {
			continue
		}
		named = append(named, at)
		for role, known := range roles {
			if slices.Contains(known, name) {
				found[role] = append(found[role], at)
			}
		}
	}
	places, ok := settle(found, named)
	if !ok {
		return fmt.Errorf("the names of the %d columns on line %d do not say which are the row, the column "+
			"and the value: %s", len(named), naming, cure)
	}
	d.row, d.col, d.value = places[0], places[1], places[2]
	return nil
}

// settle returns the places of row, column and value, if the columns that have a name leave no doubt.
func settle(found [3][]int, named []int) (places [3]int, ok bool) {
	rest := slices.Clone(named) // columns without a role
	var open []int              // roles without a column
	for role, at := range found {
		switch len(at) {
		case 0:
			open = append(open, role)
		case 1:
			places[role] = at[0]
			rest = slices.DeleteFunc(rest, func(place int) bool { return place == at[0] })
		default:
			return places, false
		}
	}
	switch {
	case len(open) == 0:
		return places, true
	case len(named) != 3:
		return places, false
	case len(open) == 1:
		places[open[0]] = rest[0]
		return places, true
	}
	for role, at := range found { // the order decides, if the one known role is in its place
		if len(at) == 1 && named[role] != at[0] {
			return places, false
		}
	}
	return [3]int(named), true
}
