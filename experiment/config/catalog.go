package config

import (
	"slices"
)

// Entry is something that a configuration can name.
type Entry struct {
	// Kind is method, parametrization, ensemble or start.
	Kind string
	// Name is what flags and files call it.
	Name string
	// About says in a line what it is.
	About string
	// Source is where it comes from.
	Source string
}

// Catalog lists every method, parametrization, ensemble and start.
func Catalog() []Entry {
	var all []Entry
	for _, m := range methods {
		all = append(all, Entry{"method", m.Name(), m.about, m.source})
	}
	for _, p := range parametrizations {
		all = append(all, Entry{"parametrization", p.Name(), p.about, p.source})
	}
	for _, e := range ensembles {
		all = append(all, Entry{"ensemble", e.Name(), e.about, e.source})
	}
	all = append(all, Entry{"ensemble", dense, "your own matrices, with --matrices and --observations", ""})
	for _, s := range starts {
		all = append(all, Entry{"start", s.Name(), s.about, s.source})
	}
	return all
}

// named is what has a name in flags and files.
type named interface{ Name() string }

// namesOf lists the names of all.
func namesOf[T named](all []T) (names []string) {
	for _, x := range all {
		names = append(names, x.Name())
	}
	return names
}

// find returns the one of a name, which is among them.
func find[T named](all []T, name string) *T {
	return &all[slices.IndexFunc(all, func(x T) bool { return x.Name() == name })]
}

// entry is what methods, parametrizations and ensembles have in common.
type entry struct{ name, about, source string }

// Name is the entry's in flags and files.
func (e entry) Name() string { return e.name }

// own are the settings of a configuration that only some entries of a kind have a use for.
type own struct {
	// settings are their keys. Where another entry is chosen they are refused.
	settings []string
	// check finds mistakes in them, and fills in what they are by default; nil where there is nothing to say.
	check func(c *Config, m *mistakes)
}

// checkSettings refuses settings that the chosen entry of a kind has no use for, and has it check its own.
func checkSettings[T named](c *Config, m *mistakes, kind string, all []T, of func(T) own, chosen string) {
	if !slices.Contains(namesOf(all), chosen) { // said elsewhere
		return
	}
	its := of(*find(all, chosen))
	var told []string
	for _, x := range all {
		for _, key := range of(x).settings {
			if slices.Contains(its.settings, key) || slices.Contains(told, key) {
				continue
			}
			told = append(told, key)
			// A resolved configuration has zero where a setting does not apply.
			if f, _ := c.Field(key); !c.Given(key) {
				f.value.SetZero()
			} else if !f.value.IsZero() {
				users := namesOf(slices.DeleteFunc(slices.Clone(all), func(x T) bool { return !slices.Contains(of(x).settings, key) }))
				m.bad(key, "%s is for %s %s, and this is %s", key, kind, orList(users), chosen)
			}
		}
	}
	if its.check != nil {
		its.check(c, m)
	}
}
