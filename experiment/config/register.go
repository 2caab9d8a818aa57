package config

import (
	"fmt"
	"regexp"
	"slices"
)

// RegisterMethod adds a method of a library's user to the catalog: configurations can then name it, in run
// directories, sweeps, resumed runs and reports. The error says in a sentence why it cannot be added. Members
// are registered before configurations are made, from one goroutine.
func RegisterMethod(m Method) error {
	if err := register("method", &m.Entry, namesOf(methods), m.Make != nil); err != nil {
		return err
	}
	methods = append(methods, m)
	return nil
}

// RegisterEnsemble adds an ensemble, as [RegisterMethod] adds a method. A backend must know how to compute
// with its measurements; those that are [sensing.Rows] go with the cpu.
func RegisterEnsemble(e Ensemble) error {
	switch {
	case e.Side < 1:
		return fmt.Errorf("config: the ensemble %q has no Side, the largest n", e.Name)
	case e.Count == nil:
		return fmt.Errorf("config: the ensemble %q has no Count, how many numbers its measurements have",
			e.Name)
	case e.UserData != nil:
		return fmt.Errorf("config: the ensemble %q has UserData, which only the settings of Config can name",
			e.Name)
	}
	names := slices.Concat(namesOf(ensembles), namesOf(observations))
	if err := register("ensemble", &e.Entry, names, e.Make != nil); err != nil {
		return err
	}
	if len(e.Formats) > 0 && !slices.Contains(e.Settings, "entries") {
		e.Settings = append(e.Settings, "entries")
	}
	ensembles = append(ensembles, e)
	return nil
}

// RegisterStart adds a start, as [RegisterMethod] adds a method.
func RegisterStart(s Start) error {
	if err := register("start", &s.Entry, namesOf(starts), s.Make != nil); err != nil {
		return err
	}
	starts = append(starts, s)
	return nil
}

// word is what names and keys are made of.
var word = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// register refuses an entry that lacks something or is there already, and makes its declared settings known.
func register(kind string, e *Entry, taken []string, makes bool) error {
	switch {
	case !word.MatchString(e.Name):
		return fmt.Errorf("config: the name of a %s is lower-case words joined by hyphens, got %q", kind,
			e.Name)
	case slices.Contains(taken, e.Name):
		return fmt.Errorf("config: the %s %q is there already", kind, e.Name)
	case e.About == "":
		return fmt.Errorf("config: the %s %q has no About, a line that says what it is", kind, e.Name)
	case !makes:
		return fmt.Errorf("config: the %s %q has no Make", kind, e.Name)
	}
	keys := Keys()
	e.Settings = slices.Clone(e.Settings)
	for _, key := range e.Settings {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("config: the %s %q uses the setting %q, which does not exist: declare it in "+
				"Declared", kind, e.Name, key)
		}
	}
	for _, d := range e.Declared {
		switch d.Default.(type) {
		case int, float64, string:
		default:
			return fmt.Errorf("config: the default of the setting %q is an int, a float64 or a string, got "+
				"%T", d.Key, d.Default)
		}
		switch {
		case !word.MatchString(d.Key):
			return fmt.Errorf("config: the key of a setting is lower-case words joined by hyphens, got %q",
				d.Key)
		case slices.Contains(keys, d.Key):
			return fmt.Errorf("config: the setting %q is there already", d.Key)
		case d.Help == "":
			return fmt.Errorf("config: the setting %q has no Help, a line that says what it is", d.Key)
		}
		keys = append(keys, d.Key)
		e.Settings = append(e.Settings, d.Key)
	}
	made.Store(nil) // the declared settings, and help that names members, are found out anew
	return nil
}
