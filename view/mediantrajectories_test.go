package view

import (
	"fmt"
	"slices"
	"testing"

	"github.com/matsense/matsense/experiment/sweep"
)

// A smaller grid has both ends of each axis of which it has two values, evenly spaced ones, and no more
// places than asked for.
func TestSubgrid(t *testing.T) {
	for _, c := range []struct {
		lengths []int
		want    [][]int // the values of each axis
	}{
		{nil, nil}, {[]int{1}, [][]int{{0}}}, {[]int{5}, [][]int{{0, 1, 2, 3, 4}}},
		{[]int{13}, [][]int{{0, 1, 3, 5, 6, 8, 10, 12}}},
		{[]int{7, 3}, [][]int{{0, 2, 4, 6}, {0, 2}}}, {[]int{2, 2, 2}, [][]int{{0, 1}, {0, 1}, {0, 1}}},
		{[]int{5, 5, 5, 5}, [][]int{{0, 4}, {0, 4}, {0, 4}, {2}}},
	} {
		places := subgrid(c.lengths, 8)
		seen := map[string]bool{}
		for _, p := range places {
			seen[fmt.Sprint(p)] = true
		}
		total := 1
		for i, want := range c.want {
			total *= len(want)
			var got []int
			for _, p := range places {
				got = append(got, p[i])
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Errorf("%v: axis %d has %v, want %v", c.lengths, i, got, want)
			}
		}
		if len(places) != total || len(seen) != total {
			t.Errorf("%v: places %v", c.lengths, places)
		}
	}
}

// Points above one place stand beside each other, by line, and keep their numbers.
func TestBesides(t *testing.T) {
	s := &sweep.Selection{Query: sweep.Query{X: "alpha", Y: "test_error", By: "rank"}, XLog: true,
		Lines: []sweep.Series{{Value: "1e-06", X: []float64{3, 3}, Y: []float64{5, 7}},
			{Value: "2", X: []float64{3}, Y: []float64{9}}}}
	got := sideBySide(s)
	if got.X != "rank" || got.By != "" || got.XLog || fmt.Sprint(got.Categories) != "[10^−6 2]" ||
		fmt.Sprint(got.Lines) != "[{ [0 0 1] [5 7 9]}]" || fmt.Sprint(got.Where) != "map[alpha:[3]]" {
		t.Errorf("%+v", got)
	}
	s.Lines[1].X[0] = 4
	if sideBySide(s) != s {
		t.Error("two places were moved")
	}
}

// The runs of an axis of seeds are replicas: the trajectories are medians over them, and none is left out.
func TestMedianTrajectoriesSeedAxis(t *testing.T) {
	spec, err := sweep.Parse("s.yaml", []byte("axes: [{seed: [1, 2, 3]}, {alpha: [1e-6, 1e-4]}]"))
	if err != nil {
		t.Fatal(err)
	}
	runs, err := spec.Runs()
	if err != nil {
		t.Fatal(err)
	}
	r := &sweep.Results{Spec: spec, Runs: runs}
	for _, run := range runs {
		var p sweep.Point
		p.Set("test_error", float64(run.Index+1))
		r.Records = append(r.Records, &sweep.Record{Index: run.Index, Values: run.Values, Final: p,
			Trajectory: []sweep.Point{p}})
	}
	c := medianTrajectories(r, "test_error")
	var got []string
	for _, s := range c.Panels[0].Series {
		got = append(got, fmt.Sprint(s.Name, " ", s.Y))
	}
	// alpha = 1e-6 has the errors 1, 3 and 5, and 1e-4 has 2, 4 and 6.
	if want := "[alpha 10⁻⁶ [3] alpha 10⁻⁴ [4]]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}
