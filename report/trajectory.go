package report

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

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
	// Phases has the boundaries of the phases; nil if they are not known.
	Phases *Phases
	// Rank is r*, which says which singular values a page shows; 0 if it is not known.
	Rank int
}

// Phases has the iterations at which phases I and II end and the floor begins; nil if that was not
// reached.
type Phases struct {
	AlignmentEnd, SaddleEnd, FloorStart *int
}

// Format is a file format of figures.
type Format string

// The formats.
const (
	SVG Format = "svg"
	PNG Format = "png"
	PDF Format = "pdf"
)

const (
	width      = 18 * vg.Centimeter
	height     = 13 * vg.Centimeter
	sideStrip  = 4.4 * vg.Centimeter // for the legends
	titleStrip = 1.3 * vg.Centimeter
	pngDPI     = 200
)

// The colors of Okabe and Ito, which most people can tell apart; dashes tell them apart without color.
var (
	blue   = color.RGBA{0x00, 0x72, 0xB2, 0xFF}
	orange = color.RGBA{0xD5, 0x5E, 0x00, 0xFF}
	green  = color.RGBA{0x00, 0x9E, 0x73, 0xFF}
	purple = color.RGBA{0xCC, 0x79, 0xA7, 0xFF}
	black  = color.RGBA{0x33, 0x33, 0x33, 0xFF}

	colors = map[Ink]color.RGBA{Blue: blue, Orange: orange, Green: green, Purple: purple, Black: black}

	phaseColors = [3]color.Color{
		color.RGBA{0xDD, 0xE8, 0xF5, 0xFF},
		color.RGBA{0xFB, 0xEE, 0xD8, 0xFF},
		color.RGBA{0xE4, 0xF2, 0xE3, 0xFF},
	}
	unknownColor = color.RGBA{0xF2, 0xF2, 0xF2, 0xFF}

	grid = color.RGBA{0xFF, 0xFF, 0xFF, 0xFF}
	gray = color.RGBA{0x55, 0x55, 0x55, 0xFF}
)

// curve is one line of a figure.
type curve struct {
	name   string
	kind   string // what it measures, for the axis
	ink    Ink
	dashes []vg.Length
	value  func(s solver.Sample) float64
}

// styles are the colors and dashes of metrics; the others share one.
var styles = map[string]struct {
	ink    Ink
	dashes []vg.Length
}{
	"test_error": {Blue, nil}, "train_loss": {Orange, []vg.Length{4, 2}},
	"signal": {Green, nil}, "noise": {Black, []vg.Length{1.5, 1.5}},
	"angle": {Purple, []vg.Length{6, 2}}, "spectral_angle": {Blue, []vg.Length{6, 2, 1.5, 2}},
	"imbalance": {Orange, []vg.Length{3, 3}}, "held_out_rmse": {Green, nil},
	"train_rmse": {Black, []vg.Length{1.5, 1.5}},
}

// curvesOf returns the curves of a panel's metrics.
func curvesOf(panel solver.Panel) []curve {
	var curves []curve
	for _, m := range solver.ShownMetrics() {
		if m.Panel != panel {
			continue
		}
		of := func(s solver.Sample) float64 { return m.Of(&s) }
		c := curve{m.Label, m.Unit, Orange, []vg.Length{1.5, 1.5}, of}
		if style, found := styles[m.Name]; found {
			c.ink, c.dashes = style.ink, style.dashes
		}
		curves = append(curves, c)
	}
	return curves
}

// ErrEmpty says that no metric has a number that a logarithmic axis can show.
var ErrEmpty = errors.New("there is nothing to draw: no metric is positive and finite")

// Empty says whether drawing would end in [ErrEmpty].
func (f Figure) Empty() bool {
	for _, c := range slices.Concat(curvesOf(solver.ErrorPanel), curvesOf(solver.FactorPanel)) {
		if len(f.positiveRuns(c.value)) > 0 {
			return false
		}
	}
	return true
}

// Write draws the figure: test error and train loss above, signal, noise and angles below, over the
// iterations, with the phases shaded. Where there is no truth the figure has fewer curves.
func (f Figure) Write(w io.Writer, format Format) error {
	if f.Empty() {
		return ErrEmpty
	}
	return render(w, format, f.draw)
}

// render writes what is painted.
func render(w io.Writer, format Format, paint func(draw.Canvas)) error {
	switch format {
	case SVG:
		c := vgsvg.New(width, height)
		paint(draw.New(c))
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return err
		}
		_, err := w.Write(svgText(b.Bytes()))
		return err
	case PNG:
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(pngDPI))
		paint(draw.New(c))
		_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(w)
		return err
	case PDF:
		c := newPDF(width, height)
		paint(draw.New(c))
		_, err := c.WriteTo(w)
		return err
	}
	return fmt.Errorf("report: unknown figure format %q", format)
}

func (f Figure) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Path())
	bands := f.bands()
	var plots []*plot.Plot
	var legends []plot.Legend
	var labels []string
	for _, curves := range [][]curve{curvesOf(solver.ErrorPanel), curvesOf(solver.FactorPanel)} {
		if p, legend := f.panel(curves, bands, len(plots) == 0); p != nil {
			labels = append(labels, f.axisLabel(curves))
			plots = append(plots, p)
			legends = append(legends, legend)
		}
	}
	axis, _ := f.over()
	if axis == "iteration" {
		axis += " (steps)"
	}
	plots[len(plots)-1].X.Label.Text = axis

	area := draw.Crop(c, 0.9*vg.Centimeter, -sideStrip, 0.2*vg.Centimeter, -titleStrip)
	for i, at := range stack(area, plots) {
		plots[i].Draw(at)
		data := plots[i].DataCanvas(at)
		side := c
		side.Min.X, side.Max.X = data.Max.X+0.4*vg.Centimeter, c.Max.X-0.1*vg.Centimeter
		side.Min.Y, side.Max.Y = data.Min.Y, data.Max.Y
		legends[i].Draw(side)
		// The library makes room for a label on this axis above and below the axis too.
		label := textStyle(10, draw.XCenter, draw.YTop)
		label.Rotation = math.Pi / 2
		c.FillText(label, vg.Point{X: c.Min.X + 0.3*vg.Centimeter, Y: (data.Min.Y + data.Max.Y) / 2},
			labels[i])
		if i == 0 {
			drawPhaseNumbers(data, bands, plots[i])
			drawTitle(c, data.Min.X, f.Title)
		}
	}
}

// drawTitle writes a title at the top of a figure, from x on. It takes further lines for the parts, which two
// blanks separate, that would stand beyond the right edge.
func drawTitle(c draw.Canvas, x vg.Length, title string) {
	style := textStyle(10, draw.XLeft, draw.YTop)
	at := vg.Point{X: x, Y: c.Max.Y - 0.2*vg.Centimeter}
	line := ""
	for part := range strings.SplitAfterSeq(title, ",  ") {
		if line != "" && x+style.Width(strings.TrimRight(line+part, " ")) > c.Max.X {
			c.FillText(style, at, strings.TrimRight(line, " "))
			at.Y -= 0.42 * vg.Centimeter
			line = ""
		}
		line += part
	}
	c.FillText(style, at, line)
}

// stack divides an area among plots, one below the other, with their left axes in one line.
func stack(area draw.Canvas, plots []*plot.Plot) []draw.Canvas {
	tiles := draw.Tiles{Rows: len(plots), Cols: 1, PadY: 0.35 * vg.Centimeter}
	parts := make([]draw.Canvas, len(plots))
	var left vg.Length
	for i, p := range plots {
		parts[i] = tiles.At(area, 0, i)
		left = max(left, p.DataCanvas(parts[i]).Min.X)
	}
	for i, p := range plots {
		parts[i] = draw.Crop(parts[i], left-p.DataCanvas(parts[i]).Min.X, 0, 0, 0)
	}
	return parts
}

// panel makes one pair of axes and its legend, with the phases' names if asked; nil if none of its curves has
// anything to show.
func (f Figure) panel(curves []curve, bands []band, withPhases bool) (*plot.Plot, plot.Legend) {
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
		for _, part := range f.positiveRuns(c.value) {
			line, points, err := plotter.NewLinePoints(part)
			if err != nil {
				continue // runs are finite and not empty
			}
			line.Color, line.Width, line.Dashes = colors[c.ink], vg.Points(1.5), c.dashes
			p.Add(line)
			if len(part) == 1 { // no line to see
				points.Color, points.Shape = colors[c.ink], draw.CircleGlyph{}
				p.Add(points)
			}
			for _, xy := range part {
				lo, hi = math.Min(lo, xy.Y), math.Max(hi, xy.Y)
			}
			if !shown {
				shown = true
				names := broken(c.name)
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
	if withPhases {
		for _, b := range bands {
			if b.number != "" {
				legend.Add(b.number+"  "+b.name, b)
			}
		}
	}
	p.X.Tick.Marker = wholeNumbers{}
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
		a.Tick.Label.Handler = raised{Plain: text.Plain{Fonts: font.DefaultCache}}
		a.Padding = 0
	}
	return p, legend
}

// longestName is how many signs of a name stand in one line of the legend.
const longestName = 20

// broken cuts a name into lines for the legend.
func broken(name string) (lines []string) {
	for _, word := range strings.Fields(name) {
		if n := len(lines); n > 0 && utf8.RuneCountInString(lines[n-1]+" "+word) <= longestName {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// axisLabel names what the curves that are there measure.
func (f Figure) axisLabel(curves []curve) string {
	var kinds []string
	for _, c := range curves {
		if len(f.positiveRuns(c.value)) > 0 && !slices.Contains(kinds, c.kind) {
			kinds = append(kinds, c.kind)
		}
	}
	return strings.Join(kinds, ", ")
}

// over names what is on the horizontal axis, and returns it for a sample: iterations, or evaluations of f
// if the method counts them.
func (f Figure) over() (name string, of func(solver.Sample) float64) {
	if n := len(f.Trajectory); n > 0 && f.Trajectory[n-1].Evaluations > 0 {
		return "evaluations of f", func(s solver.Sample) float64 { return s.Evaluations }
	}
	return "iteration", func(s solver.Sample) float64 { return float64(s.Iteration) }
}

// place returns where an iteration is on the horizontal axis: where the first sample is that was taken then
// or later.
func (f Figure) place(iteration int) float64 {
	_, of := f.over()
	for _, s := range f.Trajectory {
		if s.Iteration >= iteration {
			return of(s)
		}
	}
	_, hi := f.limits()
	return hi
}

// limits returns where the first and the last sample are, one apart if that is the same.
func (f Figure) limits() (lo, hi float64) {
	_, of := f.over()
	lo, hi = of(f.Trajectory[0]), of(f.Trajectory[len(f.Trajectory)-1])
	return lo, math.Max(hi, lo+1)
}

// positiveRuns cuts a metric into runs of values that a logarithmic axis can show. Of a long trajectory it
// has the points that thin keeps, as a page has.
func (f Figure) positiveRuns(value func(solver.Sample) float64) []plotter.XYs {
	var runs []plotter.XYs
	_, of := f.over()
	values := make([]float64, len(f.Trajectory))
	for i, s := range f.Trajectory {
		if values[i] = value(s); !(values[i] > 0) {
			values[i] = math.NaN()
		}
	}
	open := false
	for _, i := range thin(values) {
		s, v := f.Trajectory[i], values[i]
		if !finite(v) {
			open = false
			continue
		}
		if !open {
			runs = append(runs, nil)
			open = true
		}
		last := &runs[len(runs)-1]
		*last = append(*last, plotter.XY{X: of(s), Y: v})
	}
	return runs
}

func textStyle(size font.Length, x draw.XAlignment, y draw.YAlignment) draw.TextStyle {
	f := plot.DefaultFont
	f.Size = size
	return draw.TextStyle{Color: color.Black, Font: f, XAlign: x, YAlign: y,
		Handler: raised{Plain: text.Plain{Fonts: font.DefaultCache}}}
}
