package config

import (
	"slices"
	"sync/atomic"
)

// table is what follows from the catalog alone. It is made once, and again after a member was registered.
type table struct {
	// settings are those of Config, in their order, then those that members declare.
	settings []*Setting
	byKey    map[string]*Setting
	// users are the members that use a setting, if not all of a family do, by its key.
	users map[string][]user
	// ofKind has the keys of settings that only some members of a family use, by the family's kind.
	ofKind map[string][]string
	// sources are the kinds of user data, in the order of the settings that name their files.
	sources []*Ensemble
}

// user is a member of the catalog.
type user struct{ kind, name string }

// made is the table; nil if it has to be made.
var made atomic.Pointer[table]

// schema returns the table.
func schema() *table {
	if t := made.Load(); t != nil {
		return t
	}
	t := &table{
		settings: builtinSettings(), byKey: map[string]*Setting{}, users: map[string][]user{},
		ofKind: map[string][]string{},
	}
	for _, e := range Catalog() {
		for _, d := range e.Declared {
			d.Group, d.shared, d.at = groupOf[e.Kind], e.Kind == "ensemble", nil
			t.settings = append(t.settings, &d)
		}
		for _, key := range e.Settings {
			t.users[key] = append(t.users[key], user{e.Kind, e.Name})
			if !slices.Contains(t.ofKind[e.Kind], key) {
				t.ofKind[e.Kind] = append(t.ofKind[e.Kind], key)
			}
		}
	}
	for _, s := range t.settings {
		t.byKey[s.Key] = s
		for i := range ensembles {
			if u := ensembles[i].UserData; u != nil && u.key() == s.Key {
				t.sources = append(t.sources, &ensembles[i])
			}
		}
	}
	made.Store(t)
	return t
}
