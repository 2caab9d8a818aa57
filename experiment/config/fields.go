package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Field is a setting of one configuration.
type Field struct {
	*Setting
	owner *Config
}

// MayChange says whether a resumed run may change the setting: it changes no bit, or only how far the run
// goes.
func (s *Setting) MayChange() bool { return s.Free || s.Key == "iterations" }

// Fields lists a configuration's settings in their order.
func (c *Config) Fields() []Field {
	all := schema().settings
	fields := make([]Field, len(all))
	for i, s := range all {
		fields[i] = Field{s, c}
	}
	return fields
}

// Applied lists the settings in their order, without those that have no meaning for the configuration, which
// are zero once it is resolved, and those whose values follow from the data.
func (c *Config) Applied() []Field {
	return slices.DeleteFunc(c.Fields(), func(f Field) bool {
		return !f.isUsed() && (f.at == nil || f.isZero()) || f.implied != nil && f.implied(c)
	})
}

// isUsed says whether the setting has a meaning for the configuration.
func (f Field) isUsed() bool {
	switch {
	case f.File:
		return !f.isZero()
	case f.applies != nil:
		return f.applies(f.owner)
	}
	users := schema().users[f.Key]
	for _, u := range users {
		if f.owner.chosen(u.kind) == u.name && (u.kind != "ensemble" || f.owner.observation().Law == nil) {
			return true
		}
	}
	return len(users) == 0
}

// chosen is the name of the member of a family that the configuration names.
func (c *Config) chosen(kind string) string {
	switch kind {
	case "method":
		return c.Method
	case "retraction":
		return c.Retraction
	case "parametrization":
		return c.Parametrization
	case "ensemble":
		return c.Ensemble
	case "observation":
		return c.Observation
	case "loss":
		return c.LossName()
	}
	return c.Init
}

// Field returns the setting of a key, and whether there is one.
func (c *Config) Field(key string) (Field, bool) {
	s, known := schema().byKey[key]
	return Field{s, c}, known
}

// Value returns the setting's value: an int, a uint64, a float64 or a string.
func (f Field) Value() any {
	if f.at != nil {
		switch at := f.at(f.owner).(type) {
		case *int:
			return *at
		case *uint64:
			return *at
		case *float64:
			return *at
		case *string:
			return *at
		}
	}
	if v, ok := f.owner.declared[f.Key]; ok {
		return v
	}
	return zeroOf(f.Default)
}

// ValueOf returns the value that a text has as a setting: of the type of [Field.Value], or the text itself if
// the setting cannot have it or there is no such setting.
func ValueOf(key, text string) any {
	var c Config
	f, known := c.Field(key)
	if !known || f.Set(text, key) != nil {
		return text
	}
	return f.Value()
}

// zeroOf is the zero of a value's type.
func zeroOf(v any) any {
	switch v.(type) {
	case int:
		return 0
	case uint64:
		return uint64(0)
	case float64:
		return 0.0
	}
	return ""
}

// put gives the setting a value of its type.
func (f Field) put(v any) {
	if f.at != nil {
		switch at := f.at(f.owner).(type) {
		case *int:
			*at = v.(int)
		case *uint64:
			*at = v.(uint64)
		case *float64:
			*at = v.(float64)
		case *string:
			*at = v.(string)
		}
		return
	}
	declared := maps.Clone(f.owner.declared)
	if declared == nil {
		declared = map[string]any{}
	}
	declared[f.Key] = v
	f.owner.declared = declared
}

// nothing is the value that means nothing was given: zero or empty, unless the setting says another.
func (f Field) nothing() any {
	if f.unset != nil {
		return f.unset
	}
	return zeroOf(f.Value())
}

// isZero says whether the setting has the value that means nothing was given; −0 is not zero.
func (f Field) isZero() bool {
	v, nothing := f.Value(), f.nothing()
	if x, ok := v.(float64); ok {
		return math.Float64bits(x) == math.Float64bits(nothing.(float64))
	}
	return v == nothing
}

// clear gives the setting the value that means nothing was given.
func (f Field) clear() {
	if !f.isZero() {
		f.put(f.nothing())
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
	v, ok := f.Value().(T)
	if !ok {
		panic(fmt.Sprintf("config: the setting %q is a %s", key, f.Type()))
	}
	return v
}

// Type says what kind of value the field takes.
func (f Field) Type() string {
	switch f.Value().(type) {
	case int, uint64:
		return "int"
	case float64:
		return "float"
	}
	return "string"
}

// String returns the value as it is written in files, with all its digits.
func (f Field) String() string {
	if x, ok := f.Value().(float64); ok {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(f.Value())
}

// Set parses a value that was given at a place: "--alpha", "config.yaml:3".
func (f Field) Set(text, place string) error {
	text = strings.TrimSpace(text)
	switch f.Value().(type) {
	case int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number, got %q", f.Key, text)
		}
		f.put(int(n))
	case uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%s takes a whole number from 0 to 2⁶⁴−1, got %q", f.Key, text)
		}
		f.put(n)
	case float64:
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
	var key []byte
	for _, f := range c.problemFields() {
		key = append(strconv.AppendQuote(key, f.String()), ' ')
	}
	return string(key)
}

// problemFields lists the settings that [Config.ProblemKey] is made of.
func (c *Config) problemFields() (fields []Field) {
	drawn := !c.HasUserData() || c.HoldOut > 0
	for _, setting := range schema().settings {
		f := Field{setting, c}
		if !f.shared || f.at == nil && !f.isUsed() || f.Key == "seed" && !drawn { // nothing is drawn
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// OfProblem says whether the setting decides measurements, observations, the size of the factor or the loss,
// or how they are computed with.
func (s *Setting) OfProblem() bool { return s.shared || s.ofMember }

// ProblemDiffers lists the settings of c that make it another problem than other, or that change the size of
// the factor or the loss.
func (c *Config) ProblemDiffers(other *Config) (fields []Field) {
	asked := c.problemFields()
	for _, setting := range schema().settings {
		if setting.ofMember {
			asked = append(asked, Field{setting, c})
		}
	}
	for _, f := range asked {
		if there, _ := other.Field(f.Key); f.String() != there.String() {
			fields = append(fields, f)
		}
	}
	return fields
}
