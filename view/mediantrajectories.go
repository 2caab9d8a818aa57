package view

import (
	"fmt"

	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/report"
	"github.com/matsense/matsense/solver"
)

// medianTrajectories returns a chart of a metric over the iterations with a line for each point of the grid,
// which is the median over the runs that differ in their seeds alone. Of a large grid it has a smaller one,
// with evenly spaced values of each axis, both ends among them. Evenly spaced runs would show values of one
// axis that have nothing to do with those of another.
func medianTrajectories(r *sweep.Results, y string) report.Chart {
	metric, _ := solver.MetricNamed(y)
	f := &report.Lines{X: "iteration", Y: metric.Label, Curves: true, LogY: true}
	points := 1
	var axes []sweep.Axis // those that are not of seeds alone
	var lengths []int
	for _, a := range r.Spec.Axes {
		if a.Setting() == "" {
			continue
		}
		points *= a.Len()
		axes = append(axes, a)
		lengths = append(lengths, a.Len())
	}
	for _, place := range subgrid(lengths, maxTrajectories) {
		where := map[string][]string{}
		var keys, values []string
		for i, a := range axes {
			for k, key := range a.Keys {
				where[key] = []string{a.Values[k][place[i]]}
				keys = append(keys, key)
				values = append(values, a.Values[k][place[i]])
			}
		}
		s, err := r.Select(sweep.Query{X: sweep.Iteration, Y: y, Where: where})
		if err != nil { // the filter left no run here, or none of them has the number
			continue
		}
		name := ""
		if len(values) > 0 {
			name = runName(keys, values)
		}
		f.Series = append(f.Series, report.Replicas{Name: name, X: s.Lines[0].X, Y: s.Lines[0].Y})
	}
	c := f.Chart()
	c.Title = "Trajectories"
	text := fmt.Sprintf("%d of %d points of the grid, evenly spaced on each axis", len(f.Series), points)
	if len(f.Series) == points {
		text = "all points of the grid"
	}
	c.Notes = append(c.Notes, fmt.Sprintf("%s, without runs that diverged; trajectories.parquet has all %s",
		text, Count(len(r.Records), "run")))
	return c
}

// subgrid returns at most so many places of a grid with axes of the given lengths: those of a smaller grid,
// whose values are evenly spaced on each axis.
func subgrid(lengths []int, most int) (places [][]int) {
	counts := make([]int, len(lengths))
	total := 1
	for i := range counts {
		counts[i] = 1
	}
	for grown := true; grown; { // the axis with the fewest values gets one more, if that is not too many
		grown = false
		best := -1
		for i, n := range counts {
			fits := n < lengths[i] && total/n*(n+1) <= most
			if fits && (best < 0 || n < counts[best]) {
				best, grown = i, true
			}
		}
		if grown {
			total = total / counts[best] * (counts[best] + 1)
			counts[best]++
		}
	}
	places = [][]int{nil}
	for i, n := range counts {
		var longer [][]int
		for _, place := range places {
			for k := range n {
				at := (lengths[i] - 1) / 2 // of a single value, the middle
				if n > 1 {
					at = k * (lengths[i] - 1) / (n - 1)
				}
				longer = append(longer, append(place[:len(place):len(place)], at))
			}
		}
		places = longer
	}
	return places
}
