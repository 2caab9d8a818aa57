package triplets

import (
	"bytes"
	"errors"
	"io"
)

// list reads a list, whose rows and columns are counted from first. It appends the triplets to into, if that
// is not nil.
func (r *reader) list(first int, into *List) (Header, error) {
	h := Header{First: first}
	d, text, err := r.dialect()
	var fields [][]byte
	for ; err == nil; text, err = r.content() {
		if fields, err = split(fields[:0], text, d.separator); err != nil {
			return h, r.errorf("%v", err)
		}
		if err := r.checkFields(d, fields, text, h.Count); err != nil {
			return h, err
		}
		if h.Count == 1 && d.maybeNames {
			d.maybeNames = false
			if bytes.IndexByte(fields[d.row], '.') >= 0 { // the first line was names
				h = Header{First: first}
				if into != nil {
					*into = List{}
				}
			}
		}
		i, j, v, err := r.triplet(fields[d.row], fields[d.col], fields[d.value], first)
		if err != nil {
			return h, err
		}
		h.Rows, h.Cols = max(h.Rows, i+1), max(h.Cols, j+1)
		if h.Count++; h.Count > maxCount {
			return h, r.errorf("more than %d triplets", maxCount)
		}
		if into != nil {
			into.take(i, j, v, r.line)
		}
	}
	if !errors.Is(err, io.EOF) {
		return h, err
	}
	if h.Count == 0 {
		return h, errors.New("there are no triplets")
	}
	return h, nil
}

// checkFields compares a line with the dialect. Before it there were count triplets.
func (r *reader) checkFields(d *dialect, fields [][]byte, text []byte, count int) error {
	if len(fields) != d.columns {
		return r.errorf("must have %d fields separated by %s, as line %d has, got %q", d.columns,
			nameOf(d.separator), d.from, text)
	}
	if d.numbered {
		if k, whole := wholeNumber(fields[0]); !whole || k != d.numberedFrom+count {
			return r.errorf("the first of %d fields has no name, and must count the lines: %d, got %q; "+
				"name every column", d.columns, d.numberedFrom+count, fields[0])
		}
	}
	return nil
}

// content returns the next line that is neither blank nor a comment.
func (r *reader) content() ([]byte, error) {
	for {
		text, err := r.next()
		if err != nil || !isComment(text) {
			return text, err
		}
	}
}

func isComment(text []byte) bool { return text[0] == '#' || text[0] == '%' }

// split appends the fields of a line. A field in quotation marks is what stands between them.
func split(fields [][]byte, text []byte, separator byte) ([][]byte, error) {
	if bytes.IndexByte(text, '"') >= 0 {
		return splitQuoted(fields, text, separator)
	}
	if separator == blank {
		return splitBlanks(fields, text), nil
	}
	for {
		end := bytes.IndexByte(text, separator)
		if end < 0 {
			return append(fields, text), nil
		}
		fields = append(fields, text[:end])
		text = text[end+1:]
	}
}

// splitBlanks appends the words between blanks and tabs.
func splitBlanks(fields [][]byte, text []byte) [][]byte {
	if bytes.IndexByte(text, '\t') >= 0 {
		return append(fields, bytes.Fields(text)...)
	}
	for len(text) > 0 {
		end := bytes.IndexByte(text, ' ')
		if end < 0 {
			return append(fields, text)
		}
		if end > 0 {
			fields = append(fields, text[:end])
		}
		text = text[end+1:]
	}
	return fields
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// splitQuoted appends the fields of a line with quotation marks. In a quoted field "" is a quotation mark;
// the fields that are read have none, so that it stays as it is.
func splitQuoted(fields [][]byte, text []byte, separator byte) ([][]byte, error) {
	around := " "
	if separator != '\t' {
		around = " \t"
	}
	for {
		text = bytes.TrimLeft(text, around)
		field, rest := text, []byte(nil)
		if len(text) > 0 && text[0] == '"' {
			end := closing(text)
			if end < 0 {
				return fields, errors.New("a quotation mark is not closed on its line")
			}
			field, rest = text[1:end], text[end+1:]
			if trimmed := bytes.TrimLeft(rest, around); separator != blank || len(trimmed) == 0 {
				rest = trimmed
			}
			if len(rest) > 0 && rest[0] != separator && (separator != blank || !isBlank(rest[0])) {
				return fields, errors.New("there is text after a closing quotation mark")
			}
		} else {
			ends := string(separator)
			if separator == blank {
				ends = around
			}
			if end := bytes.IndexAny(text, ends); end >= 0 {
				field, rest = text[:end], text[end:]
			}
		}
		fields = append(fields, field)
		if len(rest) == 0 {
			return fields, nil
		}
		text = rest[1:]
	}
}

// closing is where the quotation that begins a text ends; −1 if it does not.
func closing(text []byte) int {
	for at := 1; at < len(text); at++ {
		if text[at] != '"' {
			continue
		}
		if at+1 == len(text) || text[at+1] != '"' {
			return at
		}
		at++
	}
	return -1
}
