package report

import (
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/matsense/matsense/solver"
)

// Figure is one run's trajectory with its phases.
type Figure struct {
	Trajectory solver.Trajectory
	// Title stands above the figure.
	Title string
	// AlignmentEnd, SaddleEnd and FloorStart are the iterations at which phases I and II end and the floor begins;
	// nil where that was not reached.
	AlignmentEnd, SaddleEnd, FloorStart *int
}

// Format is a file format of figures.
type Format string

// The formats.
const (
	SVG Format = "svg"
	PNG Format = "png"
)

const (
	width      = 18 * vg.Centimeter
	height     = 13 * vg.Centimeter
	sideStrip  = 3.4 * vg.Centimeter // for the legends
	titleStrip = 1.0 * vg.Centimeter
	pngDPI     = 200
)

// The colors of Okabe and Ito, which most people can tell apart; dashes tell them apart without color.
var (
	blue   = color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	orange = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}
	green  = color.RGBA{0x00, 0x9E, 0x73, 0xFF}
	purple = color.RGBA{0xCC, 0x79, 0xA7, 0xFF}
	black  = color.RGBA{0x33, 0x33, 0x33, 0xFF}

	phaseColors = [3]color.Color{
		color.RGBA{0xDD, 0xE8, 0xF5, 0xFF},
		color.RGBA{0xFB, 0xEE, 0xD8, 0xFF},
		color.RGBA{0xE4, 0xF2, 0xE3, 0xFF},
	}
	grid = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	gray = color.RGBA{0x55, 0x55, 0x55, 0xFF}
)

// curve is one metric's line.
type curve struct {
	name   string
	color  color.Color
	dashes []vg.Length
	value  func(s solver.Sample) float64
}

var errorCurves = []curve{
	{"test error", blue, nil, func(s solver.Sample) float64 { return s.TestError }},
	{"train loss", orange, []vg.Length{4, 2}, func(s solver.Sample) float64 { return s.TrainLoss }},
}

var splitCurves = []curve{
	{"signal", green, nil, func(s solver.Sample) float64 { return s.Signal }},
	{"noise", black, []vg.Length{1.5, 1.5}, func(s solver.Sample) float64 { return s.Noise }},
	{"angle to truth", purple, []vg.Length{6, 2}, func(s solver.Sample) float64 { return s.Angle }},
	{"angle to spectral\nestimate", blue, []vg.Length{6, 2, 1.5, 2}, func(s solver.Sample) float64 { return s.SpectralAngle }},
}

// Write draws the figure: test error and train loss above, signal, noise and angles below, over the iterations, with
// the phases shaded. Where there is no truth the figure has fewer curves.
func (f Figure) Write(w io.Writer, format Format) error {
	if len(f.Trajectory) == 0 {
		return fmt.Errorf("report: there is nothing to draw: the trajectory is empty")
	}
	switch format {
	case SVG:
		c := vgsvg.New(width, height)
		f.draw(draw.New(c))
		_, err := c.WriteTo(w)
		return err
	case PNG:
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pngDPI))
		f.draw(draw.New(c))
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	}
	return fmt.Errorf("report: unknown figure format %q", format)
}

func (f Figure) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Rectangle.Path())
	bands := f.bands()
	var plots []*plot.Plot
	var legends []plot.Legend
	for _, panel := range []struct {
		label  string
		curves []curve
	}{{"error and loss (relative, unitless)", errorCurves}, {"singular values, sines of angles", splitCurves}} {
		if p, legend := f.panel(panel.curves, bands); p != nil {
			p.Y.Label.Text = panel.label
			plots = append(plots, p)
			legends = append(legends, legend)
		}
	}
	plots[len(plots)-1].X.Label.Text = "iteration"

	area := draw.Crop(c, 0.3*vg.Centimeter, -sideStrip, 0.2*vg.Centimeter, -titleStrip)
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadY: 0.35 * vg.Centimeter}
	column := make([][]*plot.Plot, len(plots))
	for i, p := range plots {
		column[i] = []*plot.Plot{p}
	}
	canvases := plot.Align(column, tiles, area)
	for i, p := range plots {
		at := canvases[i][0]
		p.Draw(at)
		data := p.DataCanvas(at)
		side := c
		side.Min.X, side.Max.X = data.Max.X+0.3*vg.Centimeter, c.Max.X-0.1*vg.Centimeter
		side.Min.Y, side.Max.Y = data.Min.Y, data.Max.Y
		legends[i].Draw(side)
		if i == 0 {
			drawPhaseNames(data, bands, p)
			drawTitle(c, data, f.Title)
		}
	}
}

// panel makes one pair of axes; nil if none of its curves has anything to show.
func (f Figure) panel(curves []curve, bands []band) (*plot.Plot, plot.Legend) {
	p := plot.New()
	legend := plot.NewLegend()
	legend.Left, legend.Top = true, true
	legend.TextStyle.Font.Size = 9
	legend.ThumbnailWidth = 0.9 * vg.Centimeter
	legend.Padding = 0.08 * vg.Centimeter
	for _, b := range bands {
		p.Add(b)
	}
	p.Add(gridLines{})
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		shown := false
		for _, part := range positiveRuns(f.Trajectory, c.value) {
			line, err := plotter.NewLine(part)
			if err != nil {
				continue // runs are finite and not empty
			}
			line.Color, line.Width, line.Dashes = c.color, vg.Points(1.5), c.dashes
			p.Add(line)
			for _, xy := range part {
				lo, hi = math.Min(lo, xy.Y), math.Max(hi, xy.Y)
			}
			if !shown {
				shown = true
				names := strings.Split(c.name, "\n")
				legend.Add(names[0], line)
				for _, more := range names[1:] {
					legend.Add(more)
				}
			}
		}
	}
	if lo > hi {
		return nil, legend
	}
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = decades{}
	// Whole decades, and at least one.
	p.Y.Min = math.Pow(10, math.Floor(math.Log10(lo)))
	p.Y.Max = math.Pow(10, math.Ceil(math.Log10(hi)))
	if p.Y.Min == p.Y.Max {
		p.Y.Max *= 10
	}
	p.X.Min, p.X.Max = f.limits()
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size = 10
		a.Tick.Label.Font.Size = 9
		a.Padding = 0
	}
	p.Y.Label.Padding = 0.1 * vg.Centimeter
	return p, legend
}

// limits returns the first and the last iteration, one apart where they are the same.
func (f Figure) limits() (lo, hi float64) {
	lo = float64(f.Trajectory[0].Iteration)
	hi = float64(f.Trajectory[len(f.Trajectory)-1].Iteration)
	return lo, math.Max(hi, lo+1)
}

// positiveRuns cuts a metric into runs of values that a logarithmic axis can show.
func positiveRuns(t solver.Trajectory, value func(solver.Sample) float64) []plotter.XYs {
	var runs []plotter.XYs
	open := false
	for _, s := range t {
		v := value(s)
		if !(v > 0) || math.IsInf(v, 1) {
			open = false
			continue
		}
		if !open {
			runs = append(runs, nil)
			open = true
		}
		last := &runs[len(runs)-1]
		*last = append(*last, plotter.XY{X: float64(s.Iteration), Y: v})
	}
	return runs
}

// band is a shaded range of iterations, and a dashed line at floor where that is set.
type band struct {
	name     string
	from, to float64
	color    color.Color
	floor    *int
}

// bands lays out the phases that were reached, in order.
func (f Figure) bands() []band {
	lo, hi := f.limits()
	ends := []*int{f.AlignmentEnd, f.SaddleEnd}
	names := []string{"I  alignment", "II  saddle avoidance", "III  refinement"}
	if f.AlignmentEnd == nil && f.SaddleEnd != nil {
		ends[0], names[0] = f.SaddleEnd, "I, II  (not told apart)"
	}
	var bands []band
	for i, name := range names {
		b := band{name: name, from: lo, to: hi, color: phaseColors[i]}
		if i < len(ends) && ends[i] != nil {
			b.to = math.Max(lo, float64(*ends[i]))
		}
		if b.to > b.from {
			bands = append(bands, b)
		}
		lo = b.to
	}
	if n := len(bands); n > 0 {
		bands[n-1].floor = f.FloorStart
	}
	if f.Trajectory[0].TestError != f.Trajectory[0].TestError { // NaN: no truth, no phases
		for i := range bands {
			bands[i].name, bands[i].color = "", color.RGBA{0xF4, 0xF4, 0xF4, 0xFF}
		}
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
		at := x(float64(*b.floor))
		c.StrokeLine2(draw.LineStyle{Color: gray, Width: vg.Points(0.8), Dashes: []vg.Length{2, 2}}, at, c.Min.Y, at, c.Max.Y)
	}
}

// drawPhaseNames writes each phase's name above its band, as much of it as there is room for.
func drawPhaseNames(c draw.Canvas, bands []band, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	style := textStyle(9, draw.XCenter, draw.YBottom)
	for _, b := range bands {
		name := b.name
		room := x(b.to) - x(b.from)
		if style.Width(name) > room {
			name, _, _ = strings.Cut(name, "  ")
		}
		if name == "" || style.Width(name) > room {
			continue
		}
		c.FillText(style, vg.Point{X: (x(b.from) + x(b.to)) / 2, Y: c.Max.Y + 0.1*vg.Centimeter}, name)
	}
	for _, b := range bands {
		if b.floor == nil {
			continue
		}
		floor := textStyle(8, draw.XLeft, draw.YTop)
		floor.Color = gray
		at := vg.Point{X: x(float64(*b.floor)) + 0.1*vg.Centimeter, Y: c.Max.Y - 0.1*vg.Centimeter}
		if at.X+floor.Width("floor") < c.Max.X {
			c.FillText(floor, at, "floor")
		}
	}
}

func drawTitle(c, data draw.Canvas, title string) {
	c.FillText(textStyle(10, draw.XLeft, draw.YTop), vg.Point{X: data.Min.X, Y: c.Max.Y - 0.15*vg.Centimeter}, title)
}

func textStyle(size font.Length, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	f := plot.DefaultFont
	f.Size = size
	return draw.TextStyle{Color: color.Black, Font: f, XAlign: x, YAlign: y, Handler: text.Plain{Fonts: font.DefaultCache}}
}

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

// decades marks every power of ten and labels about six of them.
type decades struct{}

// Ticks implements plot.Ticker.
func (decades) Ticks(lo, hi float64) []plot.Tick {
	from, to := int(math.Round(math.Log10(lo))), int(math.Round(math.Log10(hi)))
	every := (to-from)/7 + 1
	var ticks []plot.Tick
	for e := from; e <= to; e++ {
		t := plot.Tick{Value: math.Pow(10, float64(e))}
		if (to-e)%every == 0 {
			t.Label = powerOfTen(e)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// powerOfTen writes 10ᵉ.
func powerOfTen(e int) string {
	if e == 0 {
		return "1"
	}
	raised := strings.NewReplacer("-", "⁻", "0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵",
		"6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹")
	return "10" + raised.Replace(fmt.Sprint(e))
}
