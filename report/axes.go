package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
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

// raised is a text handler that sets the number after a "^" as a superscript: the fonts lack raised minus
// signs. Below an axis, room keeps it off the marks.
type raised struct {
	text.Plain
	room bool
}

const raisedSize, raisedBy = 0.7, 0.4 // of the font's size

// piece is a part of a text, which is raised or not.
type piece struct {
	text string
	up   bool
}

// exponents finds the exponents, with the sign "^" before them.
var exponents = regexp.MustCompile(`\^−?\d+`)

// pieces cuts a text where it goes up and down.
func pieces(s string) (all []piece) {
	from := 0
	for _, at := range exponents.FindAllStringIndex(s, -1) {
		all = append(all, piece{s[from:at[0]], false}, piece{s[at[0]+1 : at[1]], true})
		from = at[1]
	}
	return append(all, piece{s[from:], false})
}

// Box implements text.Handler.
func (r raised) Box(s string, f font.Font) (width, height, depth vg.Length) {
	_, height, depth = r.Plain.Box(s, f)
	small := f
	small.Size *= raisedSize
	for _, p := range pieces(s) {
		of := f
		if p.up {
			of = small
		}
		w, _, _ := r.Plain.Box(p.text, of)
		width += w
	}
	if r.room && exponents.MatchString(s) {
		height += raisedBy * f.Size / 2
	}
	return width, height, depth
}

// Draw implements text.Handler.
func (r raised) Draw(c vg.Canvas, s string, style text.Style, at vg.Point) {
	if !exponents.MatchString(s) {
		r.Plain.Draw(c, s, style, at)
		return
	}
	if style.Rotation != 0 {
		c.Push()
		defer c.Pop()
		c.Translate(at)
		c.Rotate(style.Rotation)
		at, style.Rotation = vg.Point{}, 0
	}
	full, height, _ := r.Box(s, style.Font)
	at.X += full * vg.Length(style.XAlign)
	at.Y += height * vg.Length(style.YAlign)
	style.XAlign, style.YAlign = text.XLeft, text.YBottom
	if isSVG(c) { // whose reader may have another font: see svgText
		r.Plain.Draw(c, s, style, at)
		return
	}
	for _, p := range pieces(s) {
		own, corner := style, at
		if p.up {
			corner.Y += raisedBy * style.Font.Size
			own.Font.Size *= raisedSize
		}
		r.Plain.Draw(c, p.text, own, corner)
		width, _, _ := r.Plain.Box(p.text, own.Font)
		at.X += width
	}
}

// isSVG says whether a canvas, or the one that it is a part of, is an SVG.
func isSVG(c vg.Canvas) bool {
	switch c := c.(type) {
	case *vgsvg.Canvas:
		return true
	case draw.Canvas:
		return isSVG(c.Canvas)
	case *draw.Canvas:
		return isSVG(c.Canvas)
	}
	return false
}
