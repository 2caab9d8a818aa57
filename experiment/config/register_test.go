package config

import (
	"strings"
	"testing"

	"github.com/matsense/matsense/sensing"
	"github.com/matsense/matsense/solver"
)

// TestRegisterRefuses: what cannot be added to the catalog is refused in a sentence, and leaves the catalog
// as it was.
func TestRegisterRefuses(t *testing.T) {
	before, keys := len(Catalog()), len(Keys())
	method := func(change func(*Method)) error {
		m := Method{
			Entry: Entry{Name: "mine", About: "mine"},
			Make:  func(c *Config) solver.Method { return solver.None{} },
		}
		change(&m)
		return RegisterMethod(m)
	}
	declares := func(s Setting) error { return method(func(m *Method) { m.Declared = []Setting{s} }) }
	ensemble := func(change func(*Ensemble)) error {
		e := Ensemble{
			Entry: Entry{Name: "mine", About: "mine"},
			Law: Law{
				Side: sensing.MaxRowSide, Count: countEntries,
				Make: func(*Config) (sensing.Ensemble, error) { return nil, nil },
			},
		}
		change(&e)
		return RegisterEnsemble(e)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{method(func(m *Method) { m.Name = "" }),
			`the name of a method is lower-case words joined by hyphens, got ""`},
		{method(func(m *Method) { m.Name = "My method" }),
			`lower-case words joined by hyphens, got "My method"`},
		{method(func(m *Method) { m.Name = "gd" }), `the method "gd" is there already`},
		{method(func(m *Method) { m.About = "" }), `the method "mine" has no About`},
		{method(func(m *Method) { m.Make = nil }), `the method "mine" has no Make`},
		{method(func(m *Method) { m.Settings = []string{"stepp"} }),
			`uses the setting "stepp", which does not exist`},
		{declares(Setting{Key: "step", Help: "mine", Default: 1.0}), `the setting "step" is there already`},
		{declares(Setting{Key: "Step", Help: "mine", Default: 1.0}),
			`the key of a setting is lower-case words`},
		{declares(Setting{Key: "my-step", Default: 1.0}), `the setting "my-step" has no Help`},
		{declares(Setting{Key: "my-step", Help: "mine", Default: true}),
			`is an int, a float64 or a string, got bool`},
		{ensemble(func(e *Ensemble) { e.Name = "gaussian" }), `the ensemble "gaussian" is there already`},
		{ensemble(func(e *Ensemble) { e.Name = "single-index" }),
			`the ensemble "single-index" is there already`},
		{ensemble(func(e *Ensemble) { e.Side = 0 }), `the ensemble "mine" has no Side`},
		{ensemble(func(e *Ensemble) { e.Count = nil }), `the ensemble "mine" has no Count`},
		{ensemble(func(e *Ensemble) { e.UserData = &UserData{} }), `the ensemble "mine" has UserData`},
		{RegisterStart(Start{Entry: Entry{Name: "random", About: "mine"}}),
			`the start "random" is there already`},
		{RegisterStart(Start{Entry: Entry{Name: "mine", About: "mine"}}), `the start "mine" has no Make`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v, want %s", c.err, c.want)
		}
	}
	if len(Catalog()) != before || len(Keys()) != keys {
		t.Errorf("the catalog has %d entries and %d settings, want %d and %d", len(Catalog()), len(Keys()),
			before, keys)
	}
}

// TestDeclaredValues: a setting that is not there, or is of another type, is a programmer's mistake.
func TestDeclaredValues(t *testing.T) {
	c := Default()
	if c.Int("n") != c.N || c.Float("step") != c.Step || c.Text("method") != c.Method {
		t.Error("the settings have other values")
	}
	for _, read := range []func(){func() { c.Float("none") }, func() { c.Float("n") },
		func() { c.Text("step") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a setting that is not there was read")
				}
			}()
			read()
		}()
	}
}
