package config

// Value returns the setting's value: an int, a uint64, a float64 or a string.
func (f Field) Value() any { return f.value() }

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
