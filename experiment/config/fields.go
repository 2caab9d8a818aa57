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
	value  reflect.Value
	owner  *Config
}

// Groups lists what settings are about, in the order of the settings.
func Groups() (groups []string) {
	for _, s := range schema() {
		if !slices.Contains(groups, s.Group) {
			groups = append(groups, s.Group)
		}
	}
	return groups
}

// described is a field of the struct Config, by its index there.
type described struct {
	Field
	index int
}

// settings is what schema found out; nil before that.
var settings atomic.Pointer[[]described]

// schema describes the settings in their order.
func schema() []described {
	if known := settings.Load(); known != nil {
		return *known
	}
	var all []described
	t := reflect.TypeFor[Config]()
	group := ""
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		if name := tag.Get("group"); name != "" { // the first of a group names it
			group = name
		}
		if key := tag.Get("key"); key != "" {
			all = append(all, described{Field{
				Key: key, Help: helpOf(key, tag.Get("help")), Group: group, Free: tag.Get("free") != "",
				shared: tag.Get("shared") != "",
			}, i})
		}
	}
	settings.Store(&all)
	return all
}

// MayChange says whether a resumed run may change the setting: it changes no bit, or only how far the run goes.
func (f Field) MayChange() bool { return f.Free || f.Key == "iterations" }

// of is the field of a configuration.
func (d described) of(c *Config) Field {
	f := d.Field
	f.value, f.owner = reflect.ValueOf(c).Elem().Field(d.index), c
	return f
}

// Fields lists a configuration's settings in their order.
func (c *Config) Fields() (fields []Field) {
	for _, d := range schema() {
		fields = append(fields, d.of(c))
	}
	return fields
}

// Keys lists the settings' names.
func Keys() (keys []string) {
	for _, d := range schema() {
		keys = append(keys, d.Key)
	}
	return keys
}

// Field returns the setting of a key, and whether there is one.
func (c *Config) Field(key string) (Field, bool) {
	for _, d := range schema() {
		if d.Key == key {
			return d.of(c), true
		}
	}
	return Field{}, false
}

// isZero says whether the setting is zero or empty.
func (f Field) isZero() bool { return f.value.IsZero() }

// clear makes the setting zero or empty.
func (f Field) clear() { f.value.SetZero() }

// Type says what kind of value the field takes.
func (f Field) Type() string {
	switch f.value.Kind() {
	case reflect.Int, reflect.Uint64:
		return "int"
	case reflect.Float64:
		return "float"
	}
	return "string"
}

// String returns the value as it is written in files, with all its digits.
func (f Field) String() string {
	switch f.value.Kind() {
	case reflect.Float64:
		return strconv.FormatFloat(f.value.Float(), 'g', -1, 64)
	default:
		return fmt.Sprint(f.value.Interface())
	}
}

// Set parses a value that was given at a place: "--alpha", "config.yaml:3".
func (f Field) Set(text, place string) error {
	text = strings.TrimSpace(text)
	switch f.value.Kind() {
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number, got %q", f.Key, text)
		}
		f.value.SetInt(n)
	case reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number from 0 to 2⁶⁴−1, got %q", f.Key, text)
		}
		f.value.SetUint(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%s takes a number, got %q", f.Key, text)
		}
		f.value.SetFloat(x)
	default:
		f.value.SetString(text)
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

// ProblemKey is the same text for configurations that have the same measurements and observations, and compute in the same
// arithmetic on the same device.
func (c *Config) ProblemKey() string {
	var key strings.Builder
	for _, f := range c.Fields() {
		if !f.shared || f.Key == "seed" && c.HasUserData() { // nothing is drawn
			continue
		}
		fmt.Fprintf(&key, "%q ", f.String())
	}
	return key.String()
}
