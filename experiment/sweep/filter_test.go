package sweep

import (
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/experiment/config"
)

// slow are filters that would take long for each run, or for the first.
var slow = []struct{ text, want string }{
	{"all(1..1000000, all(1..1000000, # > 0))", "no condition on the elements of a list"},
	{"count(1..100000000, {n > 1}) > 0", "no .."},
	{"let a = [n]; n > 1", "no let"},
	{"$env != 1", "no $env"},
	{`$env["n"] > 3`, "no part of a value"},
	{"n in 1..100000000", "no .."},
	{"max(1..100000000) > n", "no .."},
	{`init matches "(a*a*a*a*){1000}"`, "no matches"},
	{`init matches init`, "no matches"},
	{"{a: n} == {a: 1}", "no {}"},
	{"n > 1; n > 2", "no ;"},
	{"nil == n", "no Nil"},
	{"n?.a == 1", "no part of a value"},
	{"[1, 2, 3][n] == 1", "no part of a value"},
	{"ensemble[0:1] == 'g'", "no part of a value"},
	{"n in [" + strings.Repeat("1, ", maxParts) + "1]", "more than 2000"},
	{strings.Repeat("not ", 2499) + "true", "more than 2000"},
}

// sound are filters that may be written.
var sound = []string{
	"factor_rank >= rank and alpha < 1e-3",
	`method == "rgd" or (method == "rsgd") == (alpha == 0)`,
	"kappa in [1, 5] and not (seed in [3])",
	`entries startsWith "f" or ensemble contains "x" or init endsWith ".npy"`,
	"max(n, rank, 3) > min([n, 2]) and round(step) == int(kappa) and float(n) / 2 > floor(1.5)",
	"n > 10 ? alpha > 0 : alpha == 0",
	"if n > 10 { true } else { false }",
	"n % 2 == 0 and n ** 2 < 1e6 && -n < 0 || !(n ^ 2 == 3)",
	"(" + strings.Repeat("(", 2000) + "n > 1" + strings.Repeat(")", 2001),
}

// TestFilterIsBounded: what could make a filter slow is refused by name, at once.
func TestFilterIsBounded(t *testing.T) {
	for _, c := range slow {
		began := time.Now()
		_, err := newFilter(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: the error is %v, want %q", c.text, err, c.want)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%.60s: refused after %v", c.text, took)
		}
	}
	for _, text := range sound {
		if _, err := newFilter(text); err != nil {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

// FuzzFilter: whatever the text, a filter is refused or evaluated in a moment, and its value depends on the
// configuration alone.
func FuzzFilter(f *testing.F) {
	for _, c := range slow {
		f.Add(c.text)
	}
	for _, text := range sound {
		f.Add(text)
	}
	c := config.Default()
	if err := c.Validate(); err != nil {
		f.Fatal(err)
	}
	const moment = 2 * time.Second // the time of a machine with other work to do; a filter takes microseconds
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		filter, err := newFilter(text)
		if err == nil {
			k := filter.on(&c)
			first, err1 := k.keeps()
			again, err2 := k.keeps()
			if first != again || (err1 == nil) != (err2 == nil) {
				t.Errorf("%v (%v), and then %v (%v)", first, err1, again, err2)
			}
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("the error has several lines: %q", err)
		}
		if took := time.Since(began); took > moment {
			t.Errorf("it takes %v", took)
		}
	})
}
