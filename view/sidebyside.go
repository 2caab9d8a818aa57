package view

import (
	"maps"
	"slices"
	"strconv"

	"github.com/matsense/matsense/experiment/sweep"
)

// sideBySide returns a selection whose points are all at one place of the horizontal axis with its lines
// beside each other, each at a place of its own: a line through one point, or several points one above the
// other, show little. Other selections stay.
func sideBySide(s *sweep.Selection) *sweep.Selection {
	if s.OverTrajectories() || s.Categories != nil {
		return s
	}
	var at []float64
	for _, l := range s.Lines {
		at = slices.Compact(slices.Sorted(slices.Values(append(at, l.X...))))
	}
	if len(at) != 1 {
		return s
	}
	place := strconv.FormatFloat(at[0], 'g', -1, 64)
	moved := *s
	moved.Where = maps.Clone(s.Where) // the caption names the place
	if moved.Where == nil {
		moved.Where = map[string][]string{}
	}
	moved.Where[s.X] = []string{place}
	moved.XLog, moved.Lines = false, []sweep.Series{{}}
	for i, l := range s.Lines {
		moved.Categories = append(moved.Categories, lineName(l.Value))
		for range l.X {
			moved.Lines[0].X = append(moved.Lines[0].X, float64(i))
		}
		moved.Lines[0].Y = append(moved.Lines[0].Y, l.Y...)
	}
	if s.By == "" {
		moved.Categories = []string{lineName(place)}
	} else {
		moved.X, moved.By = s.By, ""
	}
	return &moved
}
