package config

import "slices"

// Entry is what the catalog says of every member of a family: of a method, a retraction, a parametrization,
// an ensemble, an observation model, a loss or a start.
type Entry struct {
	// Kind is the family: method, retraction, parametrization, ensemble, observation, loss or start. The
	// catalog fills it in.
	Kind string
	// Name is the member's name in flags and files.
	Name string
	// About says in a line what the member is.
	About string
	// References are the publications that the member comes from. After says that it differs from what they
	// describe.
	References []Reference
	After      bool
	// Settings are the keys of settings that not every member of the family uses. A member that does not use
	// a setting refuses it.
	Settings []string
	// Declared are settings that the member brings along, beside those of [Config]. They are among Settings
	// as well.
	Declared []Setting
	// Check finds mistakes in the settings and fills in defaults; nil if there is nothing to check.
	Check func(c *Config, m *Mistakes)
}

// entry makes whatever embeds an Entry a member.
func (e Entry) entry() Entry { return e }

// member is a member of a family.
type member interface{ entry() Entry }

// Catalog lists every method, retraction, parametrization, ensemble, observation model, loss and start.
func Catalog() []Entry {
	return slices.Concat(
		entriesOf("method", methods), entriesOf("retraction", retractions),
		entriesOf("parametrization", parametrizations),
		entriesOf("ensemble", ensembles), entriesOf("observation", observations), entriesOf("loss", losses),
		entriesOf("start", starts),
	)
}

// entriesOf lists the entries of a family.
func entriesOf[T member](kind string, family []T) (entries []Entry) {
	for _, x := range family {
		e := x.entry()
		e.Kind = kind
		entries = append(entries, e)
	}
	return entries
}

// namesOf lists the names of a family's members.
func namesOf[T member](family []T) (names []string) {
	for _, x := range family {
		names = append(names, x.entry().Name)
	}
	return names
}

// find returns the member of a name, and nil if there is none.
func find[T member](family []T, name string) *T {
	i := slices.IndexFunc(family, func(x T) bool { return x.entry().Name == name })
	if i < 0 {
		return nil
	}
	return &family[i]
}

// settingsOf lists the keys of settings that only some members of a family use.
func settingsOf[T member](family []T) (keys []string) {
	for _, x := range family {
		for _, key := range x.entry().Settings {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// usersOf names the members of a family that use a setting.
func usersOf[T member](family []T, key string) []string {
	return namesOf(slices.DeleteFunc(slices.Clone(family), func(x T) bool {
		return !slices.Contains(x.entry().Settings, key)
	}))
}

// checkMember refuses settings that the chosen member of a family does not use, fills in those that it
// declares, and has it check its own.
func checkMember[T member](c *Config, m *Mistakes, kind string, family []T, chosen string) {
	x := find(family, chosen)
	if x == nil { // Validate has said so
		return
	}
	its := (*x).entry()
	refuseOthers(c, m, kind, family, its.Settings, chosen)
	for _, d := range its.Declared {
		if f, _ := c.Field(d.Key); !c.Given(d.Key) {
			f.put(d.Default)
		}
	}
	if its.Check != nil {
		its.Check(c, m)
	}
}

// refuseOthers refuses the settings of a family's members that are not used, and says of whom they are. In a
// resolved configuration a setting that is not used is zero.
func refuseOthers[T member](c *Config, m *Mistakes, kind string, family []T, used []string, chosen string) {
	for _, key := range schema().ofKind[kind] {
		if slices.Contains(used, key) {
			continue
		}
		if f, _ := c.Field(key); !c.Given(key) {
			f.clear()
		} else if !f.isZero() {
			m.Bad(key, "%s is for %s %s, and this is %s", key, kind, orList(usersOf(family, key)), chosen)
		}
	}
}
