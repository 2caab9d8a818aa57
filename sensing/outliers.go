package sensing

import "fmt"

// Outliers are gross errors of a few observations, drawn beside the noise. The zero value is none.
//
// The outliers are at Count different measurements, which are [Choose] of the seed's stream [OutlierStream].
// In ascending order of measurements, outlier k adds Size times deviate k of row 2⁶³ of the same stream.
type Outliers struct {
	// Count is how many observations have an outlier, from 0 to m.
	Count int
	// Size is the standard deviation of an outlier, in units of the observations.
	Size float64
}

// outlierRow is the row of the outliers' sizes. [Choose] reads the rows below it.
const outlierRow = 1 << 63

// check returns an error if the outliers do not belong to m observations.
func (o Outliers) check(m int) error {
	switch {
	case o.Count < 0 || o.Count > m:
		return fmt.Errorf("sensing: the number of outliers goes from 0 to %d, got %d", m, o.Count)
	case !(o.Size >= 0 && o.Size <= Largest/10): // no deviate reaches 10
		return fmt.Errorf("sensing: the size of outliers goes from 0 to %g, got %v", Largest/10, o.Size)
	}
	return nil
}

// addTo adds the outliers of a seed to observations.
func (o Outliers) addTo(y []float64, seed uint64) {
	if o.Count == 0 || o.Size == 0 {
		return
	}
	s := NewStream(seed, OutlierStream)
	w := make([]float64, o.Count)
	s.Normals(outlierRow, w)
	for k, i := range Choose(s, len(y), o.Count) {
		y[i] += float64(o.Size * w[k])
	}
}
