package report

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot/vg"

	"github.com/matsense/matsense/solver"
)

// Chart is a figure on a page: panels one below the other over one horizontal axis.
type Chart struct {
	Title string
	X     Axis
	// Spans are shaded ranges of the horizontal axis, and Marks lines across it.
	Spans  []Span
	Marks  []Mark
	Panels []Panel
	// Notes stand below.
	Notes []string
}

// Axis is an axis of a chart. A reader can switch it between logarithmic and linear.
type Axis struct {
	Label string `json:"label"` // with its unit
	Log   bool   `json:"log"`   // how it is shown at first
	// Names are what 0, 1, … stand for on an axis that has no numbers.
	Names []string `json:"names,omitempty"`
}

// Span is a shaded range.
type Span struct {
	// Number is its short name, for places without room for more.
	Number string  `json:"number"`
	Name   string  `json:"name"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	// Tint is 1, 2 or 3.
	Tint int `json:"tint"`
}

// Mark is a line across a chart.
type Mark struct {
	Name string  `json:"name"`
	At   float64 `json:"at"`
}

// Panel is a pair of axes with its curves.
type Panel struct {
	Title  string
	Y      Axis
	Series []Series
}

// Series is a curve. X rises; what is not finite in Y is unknown and leaves a hole.
type Series struct {
	Name string
	X, Y []float64
	// Low and High are the edges of a band around the curve; nil for none.
	Low, High []float64
	// Points says that every point has a mark; over names, points are not joined.
	Points bool
	Ink    Ink
	// Dash has the lengths of strokes and gaps; nil for a solid line.
	Dash []float64
}

// Ink is the color of a curve, which has a form for light and one for dark pages.
type Ink string

// The inks: those of the figures as SVG and PNG.
const (
	Blue   Ink = "blue"
	Orange Ink = "orange"
	Green  Ink = "green"
	Purple Ink = "purple"
	Black  Ink = "black"
)

// Shade returns one of n inks that go from strong to faint, for curves that have an order.
func Shade(i, n int) Ink {
	const shades = 6
	if n > 1 {
		i = i * (shades - 1) / (n - 1)
	}
	return Ink("shade-" + strconv.Itoa(i+1))
}

// Chart returns the figure for a page, with all values and with the singular values of the factor. It has no
// panels for metrics that were not measured.
func (f Figure) Chart() Chart {
	axis, _ := f.over()
	c := Chart{Title: "Trajectory", X: Axis{Label: axis}}
	if len(f.Trajectory) == 0 {
		return c
	}
	for _, b := range f.bands() {
		if b.number != "" {
			c.Spans = append(c.Spans,
				Span{b.number, b.name, b.from, b.to, 1 + slices.Index(phaseColors[:], b.color)})
		}
		if b.floor != nil {
			c.Marks = append(c.Marks, Mark{"floor", *b.floor})
		}
	}
	for _, panel := range []struct {
		title  string
		curves []curve
	}{
		{"Errors", curvesOf(solver.ErrorPanel)},
		{"Signal, noise and angles", curvesOf(solver.FactorPanel)},
		{"Singular values of the factor", f.sigmaCurves()},
	} {
		if p := f.chartPanel(panel.title, panel.curves); len(p.Series) > 0 {
			c.Panels = append(c.Panels, p)
		}
	}
	return c
}

// chartPanel returns the panel of the curves that have a finite value.
func (f Figure) chartPanel(title string, curves []curve) Panel {
	p := Panel{Title: title}
	var kinds []string
	for _, c := range curves {
		s := Series{Name: c.name, Ink: c.ink}
		for _, d := range c.dashes {
			s.Dash = append(s.Dash, float64(d))
		}
		_, of := f.over()
		for _, x := range f.Trajectory {
			s.X, s.Y = append(s.X, of(x)), append(s.Y, c.value(x))
		}
		if !slices.ContainsFunc(s.Y, finite) {
			continue
		}
		p.Y.Log = p.Y.Log || slices.ContainsFunc(s.Y, func(v float64) bool { return v > 0 })
		p.Series = append(p.Series, s)
		if !slices.Contains(kinds, c.kind) {
			kinds = append(kinds, c.kind)
		}
	}
	p.Y.Label = strings.Join(kinds, ", ")
	return p
}

var powersOfTen = regexp.MustCompile(`10\^−?\d+`)

// Raised writes powers of ten as a page can, 10^−6 as 10⁻⁶; the fonts of the figures cannot.
func Raised(text string) string {
	return powersOfTen.ReplaceAllStringFunc(text, func(power string) string {
		return "10" + strings.NewReplacer("^", "", "−", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴",
			"5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").
			Replace(strings.TrimPrefix(power, "10"))
	})
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// sigmaCurves are those of the singular values that tell most: up to six of the first r*, the one after them,
// and the last.
func (f Figure) sigmaCurves() []curve {
	count := 0
	for _, s := range f.Trajectory {
		count = max(count, len(s.Sigma))
	}
	first := min(f.Rank, count)
	if first == 0 {
		first = count
	}
	sigma := func(i int, ink Ink, dashes ...vg.Length) curve {
		digits := []rune(strconv.Itoa(i + 1))
		for k := range digits {
			digits[k] += '₀' - '0'
		}
		return curve{"σ" + string(digits), "singular value", ink, dashes, func(s solver.Sample) float64 {
			if i < len(s.Sigma) {
				return s.Sigma[i]
			}
			return math.NaN()
		}}
	}
	var curves []curve
	shown := min(first, 6)
	for k := range shown {
		i := 0
		if shown > 1 {
			i = k * (first - 1) / (shown - 1)
		}
		curves = append(curves, sigma(i, Shade(k, shown)))
	}
	if first < count {
		curves = append(curves, sigma(first, Black, 1.5, 1.5))
	}
	if first+1 < count {
		curves = append(curves, sigma(count-1, Black, 6, 2, 1.5, 2))
	}
	return curves
}
