package report

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// band is a shaded range of the horizontal axis, and a dashed line at floor if there is one.
type band struct {
	number, name string
	from, to     float64
	color        color.Color
	floor        *float64
}

// bands lays out the phases that were reached, in order.
func (f Figure) bands() []band {
	lo, hi := f.limits()
	if p := f.Phases; p == nil || p.AlignmentEnd == nil && p.SaddleEnd == nil { // phase I would be a guess
		return []band{{from: lo, to: hi, color: unknownColor}}
	}
	ends := []*int{f.Phases.AlignmentEnd, f.Phases.SaddleEnd}
	numbers, names := []string{"I", "II", "III"}, []string{"alignment", "saddle avoidance", "refinement"}
	if ends[0] == nil && ends[1] != nil {
		ends[0], numbers[0], names[0] = ends[1], "I, II", "not told apart"
	}
	var bands []band
	for i, name := range names {
		b := band{number: numbers[i], name: name, from: lo, to: hi, color: phaseColors[i]}
		if i < len(ends) && ends[i] != nil {
			b.to = math.Max(lo, f.place(*ends[i]))
		}
		if b.to > b.from {
			bands = append(bands, b)
		}
		lo = b.to
	}
	if n := len(bands); n > 0 && f.Phases.FloorStart != nil {
		floor := f.place(*f.Phases.FloorStart)
		bands[n-1].floor = &floor
	}
	return bands
}

// Plot implements plot.Plotter.
func (b band) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	r := vg.Rectangle{Min: vg.Point{X: x(b.from), Y: c.Min.Y}, Max: vg.Point{X: x(b.to), Y: c.Max.Y}}
	c.SetColor(b.color)
	c.Fill(r.Path())
	if b.floor != nil {
		at := x(*b.floor)
		c.StrokeLine2(draw.LineStyle{Color: gray, Width: vg.Points(0.8), Dashes: []vg.Length{2, 2}}, at,
			c.Min.Y, at, c.Max.Y)
	}
}

// Thumbnail implements plot.Thumbnailer.
func (b band) Thumbnail(c *draw.Canvas) {
	c.SetColor(b.color)
	c.Fill(c.Path())
}

// drawPhaseNumbers writes each phase's number above its band if there is room, and marks the floor.
func drawPhaseNumbers(c draw.Canvas, bands []band, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	style := textStyle(9, draw.XCenter, draw.YBottom)
	for _, b := range bands {
		if style.Width(b.number) <= x(b.to)-x(b.from) {
			c.FillText(style, vg.Point{X: (x(b.from) + x(b.to)) / 2, Y: c.Max.Y + 0.08*vg.Centimeter},
				b.number)
		}
		if b.floor != nil {
			floor := textStyle(8, draw.XLeft, draw.YTop)
			floor.Color = gray
			at := vg.Point{X: x(*b.floor) + 0.1*vg.Centimeter, Y: c.Max.Y - 0.1*vg.Centimeter}
			if at.X+floor.Width("floor") < c.Max.X {
				c.FillText(floor, at, "floor")
			}
		}
	}
}
