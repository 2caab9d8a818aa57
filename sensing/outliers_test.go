package sensing

import (
	"math"
	"slices"
	"testing"
)

// TestOutliers: the outliers are as many as Count says, at different places, which are the first different
// numbers of their stream; their sizes have the standard deviation Size; and nothing else changes. The page
// docs/random-numbers.md defines them; here they are written down once more.
func TestOutliers(t *testing.T) {
	const m, count, size, seed = 20000, 4000, 7.0, 1<<40 + 3
	p := &Problem{NoiseSeed: seed, Outliers: Outliers{count, size}}
	got := make([]float64, m)
	for i := range got {
		got[i] = 1
	}
	p.AddNoise(got)

	s := NewStream(seed, 10)
	where := map[int]bool{}
	for i := uint64(0); len(where) < count; i++ {
		where[int(s.Below(i/2, i%2, m))] = true
	}
	var places []int
	for i := range where {
		places = append(places, i)
	}
	slices.Sort(places)
	w := make([]float64, count)
	s.Normals(1<<63, w)
	want := make([]float64, m)
	for i := range want {
		want[i] = 1
	}
	var square float64
	for k, i := range places {
		want[i] += float64(size * w[k])
		square += (got[i] - 1) * (got[i] - 1)
	}
	if !slices.Equal(got, want) {
		t.Error("the outliers are not those of the stream")
	}
	// The root mean square of 4000 deviates has the standard deviation 1/√8000; this allows five of them.
	if rms := math.Sqrt(square / count); !(math.Abs(rms/size-1) < 5/math.Sqrt(2*count)) {
		t.Errorf("the outliers have the size %v, want %v", rms, size)
	}
}

// TestOutliersOfAll: every observation may have one, or none.
func TestOutliersOfAll(t *testing.T) {
	for _, count := range []int{0, 1, 7} {
		y := make([]float64, 7)
		(&Problem{Outliers: Outliers{count, 3}}).AddNoise(y)
		if zeros := len(slices.DeleteFunc(y, func(v float64) bool { return v != 0 })); zeros != 7-count {
			t.Errorf("of 7 observations %d have no outlier, with %d outliers", zeros, count)
		}
	}
	e, err := NewGaussian(Sym{3}, 7, F64, 1)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := NewTruth(3, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []Outliers{{-1, 1}, {8, 1}, {1, -1}, {1, math.NaN()}, {1, math.Inf(1)}} {
		if (&Problem{Ensemble: e, Truth: truth, Outliers: o}).Validate() == nil {
			t.Errorf("outliers %+v were taken", o)
		}
	}
}
