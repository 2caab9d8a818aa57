package report

import (
	"math"
	"slices"
	"strconv"
)

// maxPoints is how many points of a curve a page or a figure has at most.
const maxPoints = 2000

// stops returns which samples of a curve the reader can stop at: all, if a page can have them; otherwise
// half of them are evenly spaced and half are closer together towards the start, for an axis that is
// logarithmic. Curves of one length have the same stops, so that their values at one of them can stand side
// by side.
func stops(n int) []int {
	var at []int
	if n <= maxPoints {
		for i := range n {
			at = append(at, i)
		}
		return at
	}
	const half = maxPoints/8 - 1 // from each stop to the next there are at most four points
	for i := range half {
		at = append(at, i*(n-1)/half, int(math.Pow(float64(n-1), float64(i)/half)))
	}
	at = append(at, n-1)
	slices.Sort(at)
	return slices.Compact(at)
}

// thin returns which points of a curve are drawn: the stops, and between one and the next the least, the
// greatest and the first unknown.
func thin(y []float64) []int {
	at := stops(len(y))
	if len(at) == len(y) {
		return at
	}
	var keep []int
	for i, from := range at[:len(at)-1] {
		least, greatest, unknown := -1, -1, -1
		for k := from; k < at[i+1]; k++ {
			switch {
			case !finite(y[k]):
				if unknown < 0 {
					unknown = k
				}
				continue
			case least < 0:
				least, greatest = k, k
			}
			if y[k] < y[least] {
				least = k
			}
			if y[k] > y[greatest] {
				greatest = k
			}
		}
		for _, k := range []int{from, least, greatest, unknown} {
			if k >= 0 {
				keep = append(keep, k)
			}
		}
	}
	keep = append(keep, len(y)-1)
	slices.Sort(keep)
	return slices.Compact(keep)
}

// numbers are written to JSON with all their digits, and null if they are not finite.
type numbers []float64

// MarshalJSON implements json.Marshaler.
func (n numbers) MarshalJSON() ([]byte, error) {
	text := []byte{'['}
	for i, v := range n {
		if i > 0 {
			text = append(text, ',')
		}
		if finite(v) {
			text = strconv.AppendFloat(text, v, 'g', -1, 64)
		} else {
			text = append(text, "null"...)
		}
	}
	return append(text, ']'), nil
}

// chartData is a chart as page.js takes it.
type chartData struct {
	Title  string      `json:"-"`
	X      Axis        `json:"x"`
	Spans  []Span      `json:"spans"`
	Marks  []Mark      `json:"marks"`
	Panels []panelData `json:"panels"`
	// Stops are where the rule can stand, and Xs the places of the points: series often share theirs.
	Stops numbers   `json:"stops"`
	Xs    []numbers `json:"xs"`
	// Drawn and Samples are the points of the longest curve, when not all are drawn.
	Drawn, Samples int      `json:"-"`
	Notes          []string `json:"-"`
}

type panelData struct {
	Title  string       `json:"title"`
	Y      Axis         `json:"y"`
	Series []seriesData `json:"series"`
}

type seriesData struct {
	Name   string  `json:"name"`
	Ink    Ink     `json:"ink"`
	Dash   numbers `json:"dash"`
	Points bool    `json:"points,omitempty"`
	X      int     `json:"x"` // which of Xs
	Y      numbers `json:"y"`
	Low    numbers `json:"low,omitempty"`
	High   numbers `json:"high,omitempty"`
}

// data thins the curves.
func (c Chart) data() chartData {
	d := chartData{Title: c.Title, X: c.X, Spans: c.Spans, Marks: c.Marks, Notes: c.Notes}
	for _, p := range c.Panels {
		panel := panelData{Title: p.Title, Y: p.Y}
		for _, s := range p.Series {
			keep := thin(s.Y)
			if len(keep) < len(s.Y) && len(s.Y) >= d.Samples {
				d.Drawn, d.Samples = max(d.Drawn, len(keep)), len(s.Y)
			}
			x := pick(s.X, keep)
			at := slices.IndexFunc(d.Xs, func(have numbers) bool { return slices.Equal(have, x) })
			if at < 0 {
				at = len(d.Xs)
				d.Xs = append(d.Xs, x)
			}
			d.Stops = append(d.Stops, pick(s.X, stops(len(s.Y)))...)
			drawn := seriesData{Name: s.Name, Ink: s.Ink, Dash: numbers(s.Dash), Points: s.Points, X: at,
				Y: pick(s.Y, keep)}
			if s.Low != nil {
				drawn.Low, drawn.High = pick(s.Low, keep), pick(s.High, keep)
			}
			panel.Series = append(panel.Series, drawn)
		}
		d.Panels = append(d.Panels, panel)
	}
	slices.Sort(d.Stops)
	d.Stops = slices.Compact(d.Stops)
	return d
}

func pick(values []float64, at []int) numbers {
	picked := make(numbers, len(at))
	for i, k := range at {
		picked[i] = values[k]
	}
	return picked
}
