package config

import (
	"fmt"
	"math"

	"github.com/matsense/matsense/internal/triplets"
	"github.com/matsense/matsense/sensing"
)

// The values of keep.
const (
	keepLast = "last"
	keepBest = "best"
)

// HoldsOut says whether some measurements are held out.
func (c *Config) HoldsOut() bool { return c.HoldOut > 0 || c.TestTriplets != "" }

// KeepsBest says whether the result is the best iterate that was measured, and not the last one.
func (c *Config) KeepsBest() bool { return c.Keep == keepBest }

// ErrorName is the metric by which keep and patience compare iterates, whether they are used or not; "" if
// there is none.
func (c *Config) ErrorName() string {
	switch {
	case c.HoldsOut():
		return "held_out_rmse"
	case !c.HasUserData() || c.Truth != "":
		return "test_error"
	}
	return ""
}

// dividesMeasurements says whether some of the measurements can be held out.
func (c *Config) dividesMeasurements() bool {
	return c.HasUserData() || c.law().Divisible && c.IsLinear()
}

// mentionsHoldOut says whether hold-out is a setting of the configuration. With measurements that are
// generated one by one it is only if some are held out: the files of earlier versions do not have it.
func (c *Config) mentionsHoldOut() bool {
	return c.HoldOut != 0 || c.dividesMeasurements() && !c.CanGenerate()
}

// comparesIterates says whether there is an error by which iterates can be compared, and more than one
// iterate.
func (c *Config) comparesIterates() bool { return c.takesSteps() && c.ErrorName() != "" }

// checkHoldOut checks what is held out, and what is done with the error on it.
func (c *Config) checkHoldOut(m *Mistakes) {
	switch {
	case !(c.HoldOut >= 0 && c.HoldOut < 1):
		m.Bad("hold-out", "hold-out is a fraction of the measurements, at least 0 and below 1, got %v",
			c.HoldOut)
	case c.HoldOut > 0 && c.TestTriplets != "":
		m.Bad("hold-out", "hold-out and test-triplets are two ways to hold entries out: give one of them")
	case c.HoldOut > 0 && !c.dividesMeasurements():
		m.Bad("hold-out", "hold-out is for linear observations with ensembles %s, and for user data",
			listOf(divisibleEnsembles(), "and"))
	}
	m.OneOf("keep", c.Keep, keepLast, keepBest)
	if c.Patience < 0 {
		m.Bad("patience", "patience must not be negative, got %d", c.Patience)
	}
	for _, key := range []string{"keep", "patience"} {
		switch used := key == "keep" && c.KeepsBest() || key == "patience" && c.Patience > 0; {
		case !used:
		case c.EstimatesOnly():
			m.Bad(key, "%s compares iterates, and method %s takes no steps", key, c.Method)
		case c.ErrorName() == "":
			m.Bad(key, "%s compares iterates by an error, and there is none: hold measurements out with "+
				"hold-out or test-triplets, or give the truth", key)
		}
	}
}

// divisibleEnsembles names the ensembles that are drawn and can be divided.
func divisibleEnsembles() (names []string) {
	for _, e := range ensembles {
		if e.Divisible {
			names = append(names, e.Name)
		}
	}
	return names
}

// heldOutCount returns how many of m measurements hold-out holds out.
func (c *Config) heldOutCount(m int) (int, error) {
	count := int(math.Round(c.HoldOut * float64(m)))
	switch {
	case count < 1:
		return 0, fmt.Errorf("hold-out %v of %d measurements is less than one: give at least %.2g", c.HoldOut,
			m, 1/float64(m))
	case count >= m:
		return 0, fmt.Errorf("hold-out %v of %d measurements leaves none to fit: give less", c.HoldOut, m)
	}
	return count, nil
}

// tests are the headers of the entries to hold out.
var tests cache[triplets.Header]

// checkHeldOutSize compares what is held out with the size of the problem. Of the file it reads as much as
// that takes.
func (c *Config) checkHeldOutSize(m *Mistakes) {
	if c.HoldOut > 0 && c.Measurements > 0 {
		if _, err := c.heldOutCount(c.Measurements); err != nil {
			m.Bad("hold-out", "%v", err)
		}
	}
	if c.TestTriplets == "" {
		return
	}
	h, err := tests.of([]string{c.TestTriplets}, fmt.Sprint(c.TripletsBase), func() (triplets.Header, error) {
		return triplets.Inspect(c.TestTriplets, c.TripletsBase)
	})
	n1, n2 := c.Sides()
	switch {
	case err != nil:
		m.Bad("test-triplets", "%v", err)
	case h.Stated && (h.Rows != n1 || h.Cols != n2):
		m.Bad("test-triplets", "test-triplets %s is of a %d × %d matrix, and the matrix is %d × %d",
			c.TestTriplets, h.Rows, h.Cols, n1, n2)
	case h.Rows > n1 || h.Cols > n2:
		m.Bad("test-triplets", "test-triplets %s lists rows up to %d and columns up to %d, counted from %d, "+
			"and the matrix is %d × %d: %s", c.TestTriplets, h.Rows-1+h.First, h.Cols-1+h.First, h.First, n1,
			n2, c.enlarge())
	}
	c.testEntries = h.Count
}

// enlarge says how the matrix is made larger than the largest indices of triplets.
func (c *Config) enlarge() string {
	if c.ChosenParametrization().Rectangular {
		return "give n and n2 if it is larger"
	}
	return "give n if it is larger"
}

// HeldOutBytes is how much memory of the host the measurements that are held out take at most, beside the
// memory of all measurements, for a configuration that was found sound by [Config.Check].
func (c *Config) HeldOutBytes() float64 {
	if !c.HoldsOut() {
		return 0
	}
	const number = 8
	if c.TestTriplets != "" {
		// The list, sorted positions and values, products, and the map of [Config.apart].
		return (5*number + 4 + 4*number) * float64(c.testEntries)
	}
	m := float64(c.Measurements)
	// The held-out measurements, what was observed with them, their products, and a copy of all observations.
	return number * (c.HoldOut*(c.EntryCount()+2*m) + m)
}

// holdOut moves some of the measurements to the problem's held-out ones.
func (d *Data) holdOut(c *Config) error {
	p := d.Problem
	e, ok := p.Ensemble.(sensing.Divisible)
	if !ok {
		return fmt.Errorf("config: the %s ensemble cannot be divided", p.Ensemble.Name())
	}
	count, err := c.heldOutCount(e.Measurements())
	if err != nil {
		return Usagef("%s: %v", c.At("hold-out"), err)
	}
	m := e.Measurements()
	p.HoldOut(count, c.Seed)
	d.Notices = append(d.Notices, fmt.Sprintf("%d of %d measurements are held out: the other %d are fitted",
		count, m, m-count))
	return nil
}

// loadTestTriplets reads the entries to hold out.
func (d *Data) loadTestTriplets(c *Config, fitted *triplets.List) error {
	list, err := triplets.Load(c.TestTriplets, c.TripletsBase)
	if err != nil {
		return err
	}
	e, y, err := completionOf(c.TestTriplets, c.Space(), list)
	if err != nil {
		return err
	}
	if err := c.apart(fitted, list); err != nil {
		return err
	}
	d.Problem.HeldOut = &sensing.HeldOut{Ensemble: e, Observations: y}
	return nil
}

// apart refuses an entry that is among both those to fit and those to hold out.
func (c *Config) apart(fitted, held *triplets.List) error {
	type position struct{ row, col int32 }
	_, symmetric := c.Space().(sensing.Sym)
	at := func(l *triplets.List, k int) position {
		if row, col := l.Row[k], l.Col[k]; !symmetric || row <= col {
			return position{row, col}
		}
		return position{l.Col[k], l.Row[k]}
	}
	there := make(map[position]int, len(held.Row))
	for k := range held.Row {
		there[at(held, k)] = k
	}
	for k := range fitted.Row {
		if h, both := there[at(fitted, k)]; both {
			return fmt.Errorf("%s: line %d: the entry %s is on line %d of %s too: an entry is either fitted "+
				"or held out", c.TestTriplets, held.Line[h], held.Entry(h), fitted.Line[k], c.Triplets)
		}
	}
	return nil
}
