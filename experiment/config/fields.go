package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Field is one setting of a Config.
type Field struct {
	Key, Help string
	// Group says what the setting is about: one of [Groups].
	Group string
	// Free says that the setting changes no bit of the result: a resumed run may change it.
	Free bool
	// shared says that the setting decides measurements and observations, or how a batch computes.
	shared bool
	// place is the setting's index in the struct Config; a declared setting has none, and lies in
	// Config.declared.
	place int
	// zero is the zero value of a declared setting.
	zero reflect.Value
	// kind is the family of the member that declares the setting.
	kind  string
	owner *Config
}

// Groups lists what settings are about, in the order of the settings.
func Groups() (groups []string) {
	for _, f := range schema() {
		if !slices.Contains(groups, f.Group) {
			groups = append(groups, f.Group)
		}
	}
	return groups
}

// settings is what schema found out; nil before that.
var settings atomic.Pointer[[]Field]

// schema describes the settings in their order: those of the struct Config, then those that members declare.
func schema() []Field {
	if known := settings.Load(); known != nil {
		return *known
	}
	var all []Field
	t := reflect.TypeFor[Config]()
	group := ""
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if name := tag.Get("group"); name != "" { // the first of a group names it
			group = name
		}
		if key := tag.Get("key"); key != "" {
			all = append(all, Field{
				Key: key, Help: helpOf(key, tag.Get("help")), Group: group, Free: tag.Get("free") != "",
				shared: tag.Get("shared") != "", place: i,
			})
		}
	}
	for _, e := range Catalog() {
		for _, d := range e.Declared {
			all = append(all, Field{
				Key: d.Key, Help: fmt.Sprintf("%s (%s %s, default %v)", d.Help, e.Kind, e.Name, d.Default),
				Group: groupOf[e.Kind], shared: e.Kind == "ensemble", place: -1,
				zero: reflect.Zero(reflect.TypeOf(d.Default)), kind: e.Kind,
			})
		}
	}
	settings.Store(&all)
	return all
}

// groupOf is the group of the settings that a family's members declare.
var groupOf = map[string]string{"method": "method", "ensemble": "problem", "start": "factor and start"}

// MayChange says whether a resumed run may change the setting: it changes no bit, or only how far the run
// goes.
func (f Field) MayChange() bool { return f.Free || f.Key == "iterations" }

// of is the field of a configuration.
func (f Field) of(c *Config) Field {
	f.owner = c
	return f
}

// Fields lists a configuration's settings in their order.
func (c *Config) Fields() (fields []Field) {
	for _, f := range schema() {
		fields = append(fields, f.of(c))
	}
	return fields
}

// Used lists the settings in their order, without those that are declared by members which the configuration
// does not name.
func (c *Config) Used() []Field {
	return slices.DeleteFunc(c.Fields(), func(f Field) bool {
		return f.place < 0 && !slices.Contains(c.chosen(f.kind).Settings, f.Key)
	})
}

// Keys lists the settings' names.
func Keys() (keys []string) {
	for _, f := range schema() {
		keys = append(keys, f.Key)
	}
	return keys
}

// Field returns the setting of a key, and whether there is one.
func (c *Config) Field(key string) (Field, bool) {
	for _, f := range schema() {
		if f.Key == key {
			return f.of(c), true
		}
	}
	return Field{}, false
}

// value is the setting's value; that of a declared setting cannot be set in place.
func (f Field) value() reflect.Value {
	if f.place >= 0 {
		return reflect.ValueOf(f.owner).Elem().Field(f.place)
	}
	if v, ok := f.owner.declared[f.Key]; ok {
		return reflect.ValueOf(v)
	}
	return f.zero
}

// put gives the setting a value of its type.
func (f Field) put(v any) {
	if f.place >= 0 {
		to := f.value()
		to.Set(reflect.ValueOf(v).Convert(to.Type()))
		return
	}
	declared := maps.Clone(f.owner.declared)
	if declared == nil {
		declared = map[string]any{}
	}
	declared[f.Key] = v
	f.owner.declared = declared
}

// isZero says whether the setting is zero or empty.
func (f Field) isZero() bool { return f.value().IsZero() }

// clear makes the setting zero or empty.
func (f Field) clear() {
	if !f.isZero() {
		f.put(reflect.Zero(f.value().Type()).Interface())
	}
}

// Int is the value of a whole number that a member declares.
func (c *Config) Int(key string) int { return declaredValue[int](c, key) }

// Float is the value of a number that a member declares.
func (c *Config) Float(key string) float64 { return declaredValue[float64](c, key) }

// Text is the value of a text that a member declares.
func (c *Config) Text(key string) string { return declaredValue[string](c, key) }

// declaredValue is the value of a setting; a setting of another type, or none, is a programmer's mistake.
func declaredValue[T any](c *Config, key string) T {
	f, known := c.Field(key)
	if !known {
		panic(fmt.Sprintf("config: there is no setting %q", key))
	}
	v, ok := f.value().Interface().(T)
	if !ok {
		panic(fmt.Sprintf("config: the setting %q is a %s", key, f.Type()))
	}
	return v
}

// Type says what kind of value the field takes.
func (f Field) Type() string {
	switch f.value().Kind() {
	case reflect.Int, reflect.Uint64:
		return "int"
	case reflect.Float64:
		return "float"
	}
	return "string"
}

// String returns the value as it is written in files, with all its digits.
func (f Field) String() string {
	switch f.value().Kind() {
	case reflect.Float64:
		return strconv.FormatFloat(f.value().Float(), 'g', -1, 64)
	default:
		return fmt.Sprint(f.value().Interface())
	}
}

// Set parses a value that was given at a place: "--alpha", "config.yaml:3".
func (f Field) Set(text, place string) error {
	text = strings.TrimSpace(text)
	switch f.value().Kind() {
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number, got %q", f.Key, text)
		}
		f.put(int(n))
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number from 0 to 2⁶⁴−1, got %q", f.Key, text)
		}
		f.put(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s takes a number, got %q", f.Key, text)
		}
		f.put(x)
	default:
		f.put(text)
	}
	if f.owner.from[f.Key] != place {
		from := maps.Clone(f.owner.from)
		if from == nil {
			from = map[string]string{}
		}
		from[f.Key] = place
		f.owner.from = from
	}
	return nil
}

// Given says whether a key was given a value.
func (c *Config) Given(key string) bool { return c.from[key] != "" }

// At names the place where a key was given, for messages.
func (c *Config) At(key string) string {
	if place := c.from[key]; place != "" {
		return place
	}
	return key
}

// ProblemKey is the same text for configurations that have the same measurements and observations, and
// compute in the same arithmetic on the same device.
func (c *Config) ProblemKey() string {
	var key strings.Builder
	for _, f := range c.Used() {
		if !f.shared || f.Key == "seed" && c.HasUserData() { // nothing is drawn
			continue
		}
		fmt.Fprintf(&key, "%q ", f.String())
	}
	return key.String()
}
