package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/matsense/matsense/experiment/config"
)

// head is what every request has.
type head struct {
	// ID is what the answer repeats: any JSON value.
	ID   json.RawMessage `json:"id"`
	Call string          `json:"call"`
}

// headOf reads the head of a request.
func headOf(text []byte) (h head, err error) {
	if err = json.Unmarshal(text, &h); err != nil {
		return h, mistake(err, &h)
	}
	return h, nil
}

// decode reads a request, whose members are the fields of r, and refuses others.
func decode(text []byte, r any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return mistake(err, r)
	}
	return nil
}

// mistake says in a sentence what is wrong with a request.
func mistake(err error, r any) error {
	var usage *config.UsageError
	var kind *json.UnmarshalTypeError
	quoted, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &usage):
		return usage
	case errors.As(err, &kind) && kind.Field == "":
		return config.Usagef("a request is a JSON object, not a JSON %s", kind.Value)
	case errors.As(err, &kind):
		return config.Usagef("%s: %s, not a JSON %s", kind.Field, takes(kind.Type), kind.Value)
	case unknown:
		name, _ := strconv.Unquote(quoted)
		names := membersOf(reflect.TypeOf(r))
		return config.Usagef("unknown member %q; did you mean %q?", name, config.Nearest(name, names))
	}
	return config.Usagef("the request is not JSON: %v", err)
}

// takes says what a member of a Go type takes.
func takes(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "this takes a whole number"
	case reflect.Float64:
		return "this takes a number"
	case reflect.String:
		return "this takes a text"
	case reflect.Bool:
		return "this takes true or false"
	case reflect.Slice:
		return "this takes a list"
	}
	return "this takes an object"
}

// membersOf lists the names of the members of a request, and of the objects in it.
func membersOf(t reflect.Type) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return membersOf(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if name := f.Tag.Get("json"); name != "" {
				names = append(names, name)
			}
			names = append(names, membersOf(f.Type)...)
		}
	}
	return names
}

// answer is the line of an answer, to which a call appends members.
type answer struct{ line []byte }

// begin begins the answer to a request, anew.
func (a *answer) begin(id json.RawMessage) {
	if len(id) == 0 {
		id = json.RawMessage("null")
	}
	a.line = append(append(a.line[:0], `{"id":`...), id...)
}

// end returns the whole line.
func (a *answer) end() []byte {
	a.line = append(a.line, "}\n"...)
	return a.line
}

// name appends a member's name.
func (a *answer) name(name string) {
	a.line = append(append(append(a.line, `,"`...), name...), `":`...)
}

func (a *answer) whole(name string, v int) {
	a.name(name)
	a.line = strconv.AppendInt(a.line, int64(v), 10)
}

func (a *answer) number(name string, v float64) {
	a.name(name)
	a.line = appendNumber(a.line, v)
}

func (a *answer) numbers(name string, list []float64) {
	a.name(name)
	a.line = appendNumbers(a.line, list)
}

// text appends a text.
func (a *answer) text(name, v string) { a.value(name, v) }

// value appends any value that has a form in JSON.
func (a *answer) value(name string, v any) {
	a.name(name)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("serve: the member %s of an answer: %v", name, err))
	}
	a.line = append(a.line, bytes.TrimSpace(b.Bytes())...)
}

// appendNumber writes a number with the fewest digits from which it can be read back. JSON has no NaN and no
// infinity: these are texts.
func appendNumber(line []byte, v float64) []byte {
	switch {
	case math.IsNaN(v):
		return append(line, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(line, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(line, `"-Infinity"`...)
	}
	return strconv.AppendFloat(line, v, 'g', -1, 64)
}

func appendNumbers(line []byte, list []float64) []byte {
	line = append(line, '[')
	for i, v := range list {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendNumber(line, v)
	}
	return append(line, ']')
}
