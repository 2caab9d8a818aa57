package config

import (
	"fmt"
	"slices"

	"github.com/matsense/matsense/internal/triplets"
	"github.com/matsense/matsense/sensing"
)

// checkTriplets wants a number from which rows and columns are counted.
func (c *Config) checkTriplets(m *Mistakes) {
	if c.TripletsBase != 0 && c.TripletsBase != 1 {
		m.Bad("triplets-base", "triplets-base is 0 or 1, got %d", c.TripletsBase)
	}
}

// judgeTriplets says what a user should know of triplets, of which a number are the mirror images of others,
// or that they are not what the configuration takes them for.
func (c *Config) judgeTriplets(l *triplets.List, mirrored int) (notices []string, err error) {
	if !c.Given("triplets-base") && l.First == 0 && slices.Min(l.Row) > 0 && slices.Min(l.Col) > 0 {
		notices = append(notices, fmt.Sprintf("%s has no entry in row 0 or column 0, and seems to count "+
			"from 1: say --triplets-base 1 if it does, and --triplets-base 0 if it does not. It is read as "+
			"counted from 0: row k of the factor is row k of the file", c.Triplets))
	}
	if mirrored > 0 {
		return append(notices, fmt.Sprintf("%d entries are listed on both sides of the diagonal: each "+
			"counts as "+
			"one of %d measurements", mirrored, l.Count-mirrored)), nil
	}
	if c.ChosenParametrization().Rectangular || !onBothSides(l) {
		return notices, nil
	}
	said := fmt.Sprintf("%s lists entries on both sides of the diagonal, and none has a mirror image",
		c.Triplets)
	if l.Rows != l.Cols && !c.Given("parametrization") {
		return notices, fmt.Errorf("%s, of a %d × %d matrix: a matrix of users × items needs "+
			"parametrization uv; "+
			"if the matrix is symmetric, and each entry listed once, say parametrization %s", said, l.Rows,
			l.Cols,
			c.Parametrization)
	}
	return append(notices, fmt.Sprintf("%s: each stands for its mirror image too, because the matrix is "+
		"symmetric with parametrization %s. A matrix of users × items needs parametrization uv", said,
		c.Parametrization)), nil
}

// onBothSides says whether there are entries above the diagonal and below it.
func onBothSides(l *triplets.List) bool {
	above, below := false, false
	for k, i := range l.Row {
		above, below = above || i < l.Col[k], below || i > l.Col[k]
	}
	return above && below
}

// repeatedTriplet says which entry is given twice, as the file has it.
func repeatedTriplet(l *triplets.List, r *sensing.Repeated) error {
	first, second := r.First, r.Second
	if l.Row[first] == l.Row[second] && l.Col[first] == l.Col[second] {
		return fmt.Errorf("line %d: the entry %s is given again, after line %d: list each entry once "+
			"(pandas: df.groupby([row, col], as_index=False).mean())", l.Line[second], l.Entry(second),
			l.Line[first])
	}
	return fmt.Errorf("line %d: the entry %s is %v, and on line %d its mirror image %s is %v: in a "+
		"symmetric "+
		"matrix they are one entry. A matrix of users × items needs parametrization uv", l.Line[second],
		l.Entry(second), l.Value[second], l.Line[first], l.Entry(first), l.Value[first])
}
