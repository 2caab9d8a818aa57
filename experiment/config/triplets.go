package config

import (
	"errors"
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

// tripletsSize inspects observed entries. If the file does not state the matrix's size, n and n2 do, or else
// its largest indices.
func (c *Config) tripletsSize(rectangular bool) (DataSize, error) {
	h, err := triplets.Inspect(c.Triplets, c.TripletsBase)
	if err != nil {
		return DataSize{}, err
	}
	if c.Given("triplets-base") && h.First != c.TripletsBase {
		return DataSize{}, fmt.Errorf("%s is a Matrix Market file, which counts from %d, and triplets-base "+
			"is %d", c.Triplets, h.First, c.TripletsBase)
	}
	size := DataSize{M: h.Count, N1: h.Rows, N2: h.Cols, First: h.First,
		Says: fmt.Sprintf("triplets %s has %d entries of a %d × %d matrix", c.Triplets, h.Count, h.Rows,
			h.Cols)}
	switch {
	case h.Stated && !rectangular && h.Rows != h.Cols:
		return size, fmt.Errorf("%s; matrices that are not square need parametrization uv", size.Says)
	case h.Symmetric && rectangular:
		return size, fmt.Errorf("%s is symmetric: parametrization psd takes it; for uv list both triangles "+
			"in a general file", c.Triplets)
	case c.ChosenParametrization().Vector && h.Cols != 1:
		return size, fmt.Errorf("%s; with parametrization sparse the unknown is a vector, and all entries "+
			"are in column 0", size.Says)
	case h.Stated:
		return size, nil
	case !rectangular:
		size.N1 = max(h.Rows, h.Cols)
		size.N2 = size.N1
	}
	for _, side := range []struct {
		key         string
		given, size *int
	}{{"n", &c.N, &size.N1}, {"n2", &c.N2, &size.N2}} {
		if !c.Given(side.key) || side.key == "n2" && !rectangular { // a resolved configuration says 0 of it
			continue
		}
		if *side.given < *side.size {
			return size, fmt.Errorf("%s lists number %d, counted from %d, and %s is %d", c.Triplets,
				*side.size-1+h.First, h.First, side.key, *side.given)
		}
		*side.size = min(*side.given, sensing.MaxSide)
	}
	if !rectangular {
		size.N2 = size.N1
	}
	return size, nil
}

// loadTriplets reads observed entries with their values.
func (d *Data) loadTriplets(c *Config, space sensing.Space) error {
	list, err := triplets.Load(c.Triplets, c.TripletsBase)
	if err != nil {
		return err
	}
	e, y, err := completionOf(c.Triplets, space, list)
	if err != nil {
		return err
	}
	d.Problem.Ensemble, d.Problem.Observations = e, y
	notices, err := c.judgeTriplets(list, list.Count-e.Measurements())
	if d.Notices = append(d.Notices, notices...); err != nil {
		return err
	}
	if c.TestTriplets == "" {
		return nil
	}
	if err := d.loadTestTriplets(c, list); err != nil {
		return Usagef("%s: %v", c.At("test-triplets"), err)
	}
	return nil
}

// observedTriplets reads the values of entries, as observations.
func (c *Config) observedTriplets() ([]float64, error) {
	list, err := triplets.Load(c.Triplets, c.TripletsBase)
	if err != nil {
		return nil, err
	}
	_, y, err := completionOf(c.Triplets, c.Space(), list)
	return y, err
}

// completionOf makes the ensemble and the observations of listed entries. Its errors name lines.
func completionOf(path string, space sensing.Space, list *triplets.List) (
	*sensing.Completion, []float64, error,
) {
	e, y, err := sensing.CompletionOf(space, list.Row, list.Col, list.Value)
	if repeated := (*sensing.Repeated)(nil); errors.As(err, &repeated) {
		err = fmt.Errorf("%s: %w", path, repeatedTriplet(list, repeated))
	}
	return e, y, err
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
		"symmetric matrix they are one entry. A matrix of users × items needs parametrization uv",
		l.Line[second], l.Entry(second), l.Value[second], l.Line[first], l.Entry(first), l.Value[first])
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
			"counts as one of %d measurements", mirrored, l.Count-mirrored)), nil
	}
	if c.ChosenParametrization().Rectangular || !onBothSides(l) {
		return notices, nil
	}
	said := fmt.Sprintf("%s lists entries on both sides of the diagonal, and none has a mirror image",
		c.Triplets)
	if l.Rows != l.Cols && !c.Given("parametrization") {
		return notices, fmt.Errorf("%s, of a %d × %d matrix: a matrix of users × items needs "+
			"parametrization uv; if the matrix is symmetric, and each entry listed once, say "+
			"parametrization %s", said, l.Rows, l.Cols, c.Parametrization)
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
