package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// gridLines draws a thin line at each labeled tick.
type gridLines struct{}

// Plot implements plot.Plotter.
func (gridLines) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := draw.LineStyle{Color: grid, Width: vg.Points(0.6)}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if !t.IsMinor() && t.Value >= p.X.Min && t.Value <= p.X.Max {
			c.StrokeLine2(style, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if !t.IsMinor() {
			c.StrokeLine2(style, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}

// wholeNumbers marks iterations, which have no fractions.
type wholeNumbers struct{}

// Ticks implements plot.Ticker.
func (wholeNumbers) Ticks(lo, hi float64) []plot.Tick {
	var ticks []plot.Tick
	for _, t := range (plot.DefaultTicks{}).Ticks(lo, hi) {
		if t.Value != math.Trunc(t.Value) {
			continue
		}
		if t.Label != "" {
			t.Label = strconv.FormatFloat(t.Value, 'f', -1, 64)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// decades marks every power of ten and labels about six of them.
type decades struct{}

// Ticks implements plot.Ticker.
func (decades) Ticks(lo, hi float64) []plot.Tick {
	from, to := int(math.Round(math.Log10(lo))), int(math.Round(math.Log10(hi)))
	every := (to-from)/7 + 1
	var ticks []plot.Tick
	for e := from; e <= to; e++ {
		if to-from > 40 && e%every != 0 { // marks would run together
			continue
		}
		t := plot.Tick{Value: math.Pow(10, float64(e))}
		if e%every == 0 {
			t.Label = strings.Replace(fmt.Sprintf("10^%d", e), "-", "−", 1)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// raised is a text handler that sets what follows a "^" as a superscript: the fonts lack raised minus signs.
// Below an axis, room keeps it off the marks.
type raised struct {
	text.Plain
	room bool
}

const raisedSize, raisedBy = 0.7, 0.4 // of the font's size

// Box implements text.Handler.
func (r raised) Box(s string, f font.Font) (width, height, depth vg.Length) {
	base, above, has := strings.Cut(s, "^")
	width, height, depth = r.Plain.Box(base, f)
	if has {
		small := f
		small.Size *= raisedSize
		w, _, _ := r.Plain.Box(above, small)
		width += w
		if r.room {
			height += raisedBy * f.Size / 2
		}
	}
	return width, height, depth
}

// Draw implements text.Handler.
func (r raised) Draw(c vg.Canvas, s string, style text.Style, at vg.Point) {
	base, above, has := strings.Cut(s, "^")
	if !has {
		r.Plain.Draw(c, s, style, at)
		return
	}
	full, height, _ := r.Box(s, style.Font)
	corner := vg.Point{X: at.X + full*vg.Length(style.XAlign), Y: at.Y + height*vg.Length(style.YAlign)}
	style.XAlign, style.YAlign = text.XLeft, text.YBottom
	width, _, _ := r.Plain.Box(base, style.Font)
	r.Plain.Draw(c, base, style, corner)
	corner.X += width
	corner.Y += raisedBy * style.Font.Size
	style.Font.Size *= raisedSize
	r.Plain.Draw(c, above, style, corner)
}
