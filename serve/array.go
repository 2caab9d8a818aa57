package serve

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"gonum.org/v1/gonum/mat"

	"github.com/matsense/matsense/experiment/config"
)

// array is an array of a request: where its numbers are, or for a result where they are to go. Numbers are
// float64, row by row.
type array struct {
	// Memory and Offset, in bytes, are the place of an array in shared memory.
	Memory int   `json:"memory"`
	Offset int64 `json:"offset"`
	// Shape has the rows and columns, or the length of a vector, which is a matrix of one column.
	Shape []int `json:"shape"`
	// Data has the numbers themselves, and Base64 their bytes, the least significant first.
	Data   *numbers `json:"data"`
	Base64 []byte   `json:"base64"`
	// As is "base64" for a result that is to come as Base64 and not as Data.
	As string `json:"as"`
}

// numbers are the numbers of an inline array, and their shape if they are lists of lists.
type numbers struct {
	list  []float64
	shape []int
}

// UnmarshalJSON implements json.Unmarshaler. The text is valid JSON.
func (n *numbers) UnmarshalJSON(text []byte) error {
	rest, shape, err := n.parse(text, 0)
	if err == nil && len(rest) > 0 {
		err = config.Usagef("data: the numbers of an array are a list")
	}
	n.shape = shape
	return err
}

// parse reads one value, a number or a list, and returns its shape and the text behind it.
func (n *numbers) parse(text []byte, depth int) (rest []byte, shape []int, err error) {
	if text = unspaced(text); len(text) == 0 || text[0] != '[' {
		rest, err = n.parseNumber(text)
		return rest, nil, err
	}
	if depth == 2 {
		return nil, nil, config.Usagef("data: an array is a list of numbers or a list of rows")
	}
	text = unspaced(text[1:])
	count := 0
	var inner []int
	for ; text[0] != ']'; count++ {
		var its []int
		if text, its, err = n.parse(text, depth+1); err != nil {
			return nil, nil, err
		}
		if count == 0 {
			inner = its
		} else if !slices.Equal(inner, its) {
			return nil, nil, config.Usagef("data: the rows of an array have the same length")
		}
		if text = unspaced(text); text[0] == ',' {
			text = unspaced(text[1:])
		}
	}
	return unspaced(text[1:]), append([]int{count}, inner...), nil
}

// parseNumber reads a number, or the text for one that JSON lacks.
func (n *numbers) parseNumber(text []byte) (rest []byte, err error) {
	end := slices.IndexFunc(text, func(c byte) bool { return c == ',' || c == ']' || c <= ' ' })
	if end < 0 {
		end = len(text)
	}
	word := text[:end]
	switch string(word) {
	case `"NaN"`:
		n.list = append(n.list, math.NaN())
	case `"Infinity"`:
		n.list = append(n.list, math.Inf(1))
	case `"-Infinity"`:
		n.list = append(n.list, math.Inf(-1))
	case "null":
		return nil, config.Usagef(`data: null is no number: write "NaN", "Infinity" or "-Infinity"`)
	default:
		v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(word), len(word)), 64)
		if err != nil || word[0] == '"' {
			return nil, config.Usagef(`data: %.40s is no number that fits: the texts for others are "NaN", `+
				`"Infinity" and "-Infinity"`, word)
		}
		n.list = append(n.list, v)
	}
	return text[end:], nil
}

// unspaced is a text without the spaces at its beginning.
func unspaced(text []byte) []byte {
	for len(text) > 0 && text[0] <= ' ' {
		text = text[1:]
	}
	return text
}

// isPlaced says whether an array is in shared memory.
func (x *array) isPlaced() bool { return x != nil && x.Memory != 0 }

// dims returns the rows and columns that a shape says.
func dims(shape []int) (rows, cols int, ok bool) {
	switch len(shape) {
	case 0:
		return 1, 1, true
	case 1:
		rows, cols = shape[0], 1
	case 2:
		rows, cols = shape[0], shape[1]
	default:
		return 0, 0, false
	}
	return rows, cols, rows >= 0 && cols >= 0 && (cols == 0 || rows <= math.MaxInt/8/cols)
}

// size returns the rows and columns of an operand.
func (x *array) size(name string) (rows, cols int, err error) {
	shape := x.Shape
	if shape == nil && x.Data != nil {
		shape = x.Data.shape
	} else if shape == nil {
		return 0, 0, config.Usagef("%s: the array has no shape", name)
	}
	rows, cols, ok := dims(shape)
	if !ok {
		return 0, 0, config.Usagef("%s: a shape is [rows, columns] or [length], got %v", name, shape)
	}
	return rows, cols, nil
}

// in returns the numbers of an operand with so many numbers, in shared memory or inline.
func (s *session) in(x *array, name string, count int) ([]float64, error) {
	ways := 0
	for _, there := range []bool{x.isPlaced(), x.Data != nil, x.Base64 != nil} {
		if there {
			ways++
		}
	}
	switch {
	case ways != 1:
		return nil, config.Usagef("%s: an array has memory, data or base64, and one of them only", name)
	case x.isPlaced():
		return s.place(x, name, count)
	case x.Data != nil:
		if have := len(x.Data.list); have != count {
			return nil, config.Usagef("%s: the shape has %d numbers, and data has %d", name, count, have)
		}
		return x.Data.list, nil
	}
	if len(x.Base64) != 8*count {
		return nil, config.Usagef("%s: the shape has %d numbers of 8 bytes, and base64 has %d bytes", name, count,
			len(x.Base64))
	}
	list := make([]float64, count)
	for i := range list {
		list[i] = math.Float64frombits(binary.LittleEndian.Uint64(x.Base64[8*i:]))
	}
	return list, nil
}

// place returns the part of shared memory that an array names.
func (s *session) place(x *array, name string, count int) ([]float64, error) {
	m, err := numbered(s.memories, "memory", x.Memory)
	if err != nil {
		return nil, err
	}
	switch most := int64(len(m.data)); {
	case x.Offset < 0 || x.Offset%8 != 0:
		return nil, config.Usagef("%s: offset is a multiple of 8 bytes, got %d", name, x.Offset)
	case x.Offset/8 > most:
		return nil, config.Usagef("%s: the array begins at byte %d, and memory %d has %d bytes", name, x.Offset,
			x.Memory, len(m.bytes))
	case int64(count) > most-x.Offset/8:
		return nil, config.Usagef("%s: the array ends at byte %d, and memory %d has %d bytes", name,
			x.Offset+8*int64(count), x.Memory, len(m.bytes))
	}
	return m.data[x.Offset/8:][:count], nil
}

// matrix copies an operand to a matrix of the given size.
func (s *session) matrix(dst *mat.Dense, x *array, name string) error {
	rows, cols, err := x.size(name)
	if err != nil {
		return err
	}
	if r, c := dst.Dims(); r != rows || c != cols {
		return config.Usagef("%s: the array is %d × %d and must be %d × %d", name, rows, cols, r, c)
	}
	list, err := s.in(x, name, rows*cols)
	if err != nil {
		return err
	}
	copy(dst.RawMatrix().Data, list)
	return nil
}

// results are the arrays that a call is to fill: parts of shared memory, or what the answer will hold.
type results struct {
	session          *session
	operands, places []span
}

// span is a part of shared memory, in numbers.
type span struct {
	name        string
	memory      int
	from, until int64
}

// spanOf returns the part of shared memory of an array of so many numbers.
func spanOf(name string, x *array, count int) span {
	return span{name, x.Memory, x.Offset / 8, x.Offset/8 + int64(count)}
}

// overlaps says whether two parts have a number in common.
func (p span) overlaps(q span) bool {
	return p.memory == q.memory && p.from < q.until && q.from < p.until
}

// reads notes an operand, which no result may overwrite.
func (r *results) reads(name string, x *array) {
	if rows, cols, err := x.size(name); err == nil && x.isPlaced() {
		r.operands = append(r.operands, spanOf(name, x, rows*cols))
	}
}

// maxInline bounds the numbers of a result that is written into the answer.
const maxInline = 1 << 24

// place checks where a result of the given size is to go. It returns the part of shared memory, or nil if the
// result comes inline.
func (r *results) place(x *array, name string, rows, cols int) ([]float64, error) {
	count := rows * cols
	if x != nil && x.Shape != nil {
		if have, across, ok := dims(x.Shape); !ok || have != rows || across != cols {
			return nil, config.Usagef("%s: the result is %d × %d, and the shape of its place is %v", name, rows,
				cols, x.Shape)
		}
	}
	switch {
	case x != nil && (x.Data != nil || x.Base64 != nil):
		return nil, config.Usagef("%s: a result has no data: it names a place in shared memory, or nothing", name)
	case x != nil && x.As != "" && x.As != "base64":
		return nil, config.Usagef(`%s: as is "base64" or missing, got %q`, name, x.As)
	case !x.isPlaced() && count > maxInline:
		return nil, config.Usagef("%s: the result has %d numbers, and at most %d come inline: name a place in "+
			"shared memory", name, count, maxInline)
	case !x.isPlaced():
		return nil, nil
	}
	part, err := r.session.place(x, name, count)
	if err != nil {
		return nil, err
	}
	its := spanOf(name, x, count)
	for _, others := range [][]span{r.operands, r.places} {
		for _, other := range others {
			if its.overlaps(other) {
				return nil, config.Usagef("%s: the place overlaps that of %s", name, other.name)
			}
		}
	}
	r.places = append(r.places, its)
	return part, nil
}

// appendArray writes a result into an answer.
func appendArray(line []byte, x *array, list []float64, shape ...int) []byte {
	line = append(line, `{"shape":[`...)
	for i, n := range shape {
		if i > 0 {
			line = append(line, ',')
		}
		line = strconv.AppendInt(line, int64(n), 10)
	}
	line = append(line, "],"...)
	if x == nil || x.As == "" {
		line = appendNumbers(append(line, `"data":`...), list)
	} else {
		bytes := make([]byte, 0, 8*len(list))
		for _, v := range list {
			bytes = binary.LittleEndian.AppendUint64(bytes, math.Float64bits(v))
		}
		line = append(base64.StdEncoding.AppendEncode(append(line, `"base64":"`...), bytes), '"')
	}
	return append(line, '}')
}
