package report

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/matsense/matsense/internal/fit"
)

// Lines shows the runs of a sweep: the median over replicas, with a band, over what was varied.
type Lines struct {
	// Title stands above the figure; X and Y name the axes, and By what the lines differ in.
	Title, X, Y, By string
	LogX, LogY      bool
	// Categories names x = 0, 1, …, which are no numbers: they are not joined.
	Categories []string
	// Curves says that x is time: there are too many points to mark.
	Curves bool
	// Fit lays a straight line through the points, of logarithms if an axis is logarithmic, and tells its
	// slope.
	Fit    bool
	Series []Replicas
	// Guides are lines to compare with.
	Guides []Guide
	// Notes stand below the legend.
	Notes []string
}

// Replicas are the points of a line, run by run, in any order.
type Replicas struct {
	Name string
	X, Y []float64
}

// Guide is a line that says what is expected. Name may have several lines; without one it is not in the
// legend.
type Guide struct {
	Name string
	X, Y []float64
}

// ErrNothing says that there is no point to draw.
var ErrNothing = errors.New("there is nothing to draw: no number is finite and can stand on the axes")

// manyReplicas is from how many runs on a band leaves out the extremes.
const manyReplicas = 10

// summaryPoint is what a line shows at one x.
type summaryPoint struct {
	x, low, median, high float64
	runs                 int
}

// summarize gathers the runs at each x, in ascending order: the median, and the quantiles at 10 and 90 %
// if there are many runs, else the least and the greatest.
func (s Replicas) summarize() []summaryPoint {
	at := map[float64][]float64{}
	for i, x := range s.X {
		at[x] = append(at[x], s.Y[i])
	}
	var points []summaryPoint
	for x, ys := range at {
		slices.Sort(ys)
		p := summaryPoint{x, ys[0], Quantile(ys, 0.5), ys[len(ys)-1], len(ys)}
		if len(ys) >= manyReplicas {
			p.low, p.high = Quantile(ys, 0.1), Quantile(ys, 0.9)
		}
		points = append(points, p)
	}
	slices.SortFunc(points, func(a, b summaryPoint) int {
		if a.x < b.x {
			return -1
		}
		return 1
	})
	return points
}

// Quantile is that of sorted numbers, on the line between the two nearest, as NumPy computes it.
func Quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-1)
	j := min(i+1, len(sorted)-1)
	t := at - float64(i)
	return float64((1-t)*sorted[i]) + float64(t*sorted[j])
}

// shown returns the points that can stand on the axes.
func (l *Lines) shown(s Replicas) Replicas {
	out := Replicas{Name: s.Name}
	for i, x := range s.X {
		y := s.Y[i]
		if math.IsNaN(x+y) || math.IsInf(x+y, 0) || l.LogX && x <= 0 || l.LogY && y <= 0 {
			continue
		}
		out.X, out.Y = append(out.X, x), append(out.Y, y)
	}
	return out
}

// Slope lays the line of Fit through a series: of its logarithms to base 10 if an axis is logarithmic.
func (l *Lines) Slope(s Replicas) (fit.Line, bool) {
	s = l.shown(s)
	return fit.Through(scaled(s.X, l.LogX), scaled(s.Y, l.LogY))
}

func scaled(numbers []float64, log bool) []float64 {
	out := slices.Clone(numbers)
	for i, x := range out {
		if log {
			out[i] = math.Log10(x)
		}
	}
	return out
}

// Write draws the figure.
func (l *Lines) Write(w io.Writer, format Format) error {
	for _, s := range l.Series {
		if len(l.shown(s).X) > 0 {
			return render(w, format, l.draw)
		}
	}
	return ErrNothing
}

// The shapes of marks, and the dashes of lines without them, tell lines apart without color.
var (
	lineColors = []color.RGBA{blue, orange, green, purple, black, {0xE6, 0x9F, 0x00, 0xFF}}
	shapes     = []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, diamond{}, draw.RingGlyph{},
		draw.SquareGlyph{}, draw.TriangleGlyph{},
	}
	lineDashes = [][]vg.Length{nil, {6, 2}, {2, 1.5}, {6, 2, 1.5, 2}, {9, 3}, {4, 1.5, 1.5, 1.5, 1.5, 1.5}}
	// sequence runs from dark to bright, for many lines: viridis without its yellow end.
	sequence = []color.RGBA{
		{0x44, 0x01, 0x54, 0xFF}, {0x3E, 0x4A, 0x89, 0xFF}, {0x26, 0x82, 0x8E, 0xFF},
		{0x35, 0xB7, 0x79, 0xFF},
		{0xA0, 0xCF, 0x30, 0xFF},
	}
)

// lineColor is that of line i of n.
func lineColor(i, n int) color.RGBA {
	if n <= len(lineColors) {
		return lineColors[i]
	}
	at := float64(i) / float64(n-1) * float64(len(sequence)-1)
	j := min(int(at), len(sequence)-2)
	a, b, t := sequence[j], sequence[j+1], at-float64(j)
	mix := func(a, b uint8) uint8 { return uint8(math.Round((1-t)*float64(a) + t*float64(b))) }
	return color.RGBA{mix(a.R, b.R), mix(a.G, b.G), mix(a.B, b.B), 0xFF}
}

// diamond is a filled mark.
type diamond struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (diamond) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	r := style.Radius * 1.25
	var p vg.Path
	p.Move(vg.Point{X: at.X, Y: at.Y + r})
	p.Line(vg.Point{X: at.X + r, Y: at.Y})
	p.Line(vg.Point{X: at.X, Y: at.Y - r})
	p.Line(vg.Point{X: at.X - r, Y: at.Y})
	p.Close()
	c.SetColor(style.Color)
	c.Fill(p)
}

// entry is a row of the legend.
type entry struct {
	name, slope string
	line        *draw.LineStyle
	glyph       *draw.GlyphStyle
}

func (l *Lines) draw(c draw.Canvas) {
	c.SetColor(color.White)
	c.Fill(c.Path())
	p := plot.New()
	p.BackgroundColor = nil
	p.Add(ground{}, gridLines{})
	var entries []entry
	limits := newLimits()
	all := l.overview()
	for _, s := range all.lines {
		i, points := s.at, thinned(s.points)
		shade := lineColor(i, len(l.Series))
		e := entry{name: s.name, line: &draw.LineStyle{Color: shade, Width: vg.Points(1.4)}}
		if l.Curves {
			if len(l.Series) <= len(lineDashes) {
				e.line.Dashes = lineDashes[i]
			}
		} else {
			e.glyph = &draw.GlyphStyle{Color: shade, Radius: vg.Points(2.6), Shape: shapes[i%len(shapes)]}
		}
		shift := 0.0 // of categories, so that lines do not hide each other
		if l.Categories != nil {
			shift = 0.5 * (float64(i) + 0.5 - float64(len(l.Series))/2) / float64(len(l.Series))
			e.line = nil
		}
		for j := range points {
			q := &points[j]
			q.x += shift
			limits.add(q.x, q.low)
			limits.add(q.x, q.high)
		}
		p.Add(medians{points, e, l.Categories != nil, uint8(0x60/(2+len(l.Series)) + 0x10)})
		if s.fit != nil {
			e.slope = slopeText(*s.fit)
			p.Add(l.fitted(*s.fit, points, shade))
		}
		if s.name != "" || e.slope != "" {
			entries = append(entries, e)
		}
	}
	for _, g := range l.Guides {
		guide := l.shown(Replicas{X: g.X, Y: g.Y})
		xys := make(plotter.XYs, len(guide.X))
		for i := range xys {
			xys[i] = plotter.XY{X: guide.X[i], Y: guide.Y[i]}
			limits.add(xys[i].X, xys[i].Y)
		}
		if line, err := plotter.NewLine(xys); err == nil {
			line.LineStyle = draw.LineStyle{Color: gray, Width: vg.Points(1.2), Dashes: []vg.Length{5, 3}}
			p.Add(line)
			if g.Name != "" {
				entries = append(entries, entry{name: g.Name, line: &line.LineStyle})
			}
		}
	}
	l.axes(p, limits)

	side := 4.6 * vg.Centimeter
	if all.fits() || len(l.Guides) > 0 {
		side = 5.6 * vg.Centimeter
	}
	area := draw.Crop(c, 0.9*vg.Centimeter, -side, 0.2*vg.Centimeter, -titleStrip+0.2*vg.Centimeter)
	p.Draw(area)
	data := p.DataCanvas(area)
	label := textStyle(10, draw.XCenter, draw.YTop)
	label.Rotation = math.Pi / 2
	c.FillText(label, vg.Point{X: c.Min.X + 0.3*vg.Centimeter, Y: (data.Min.Y + data.Max.Y) / 2}, l.Y)
	drawTitle(c, data.Min.X, l.Title)

	at := vg.Point{X: data.Max.X + 0.4*vg.Centimeter, Y: data.Max.Y}
	at = drawEntries(c, at, l.heading(all.fits()), entries)
	drawNotes(c, at, l.notes(all))
}

// overview is what the lines come to.
type overview struct {
	lines       []line // those with points
	bands       bool   // is there any?
	least, most int    // runs behind a point
	hidden      int    // numbers that have no place on the axes
}

// line is a series with its runs gathered. At is its place in Series.
type line struct {
	at     int
	name   string
	points []summaryPoint
	fit    *fit.Line // nil if it is not asked for, or impossible
}

// thinned leaves out points of a long curve, as thin does.
func thinned(points []summaryPoint) []summaryPoint {
	medians := make([]float64, len(points))
	for i, p := range points {
		medians[i] = p.median
	}
	var kept []summaryPoint
	for _, i := range thin(medians) {
		kept = append(kept, points[i])
	}
	return kept
}

func (o *overview) fits() bool {
	return slices.ContainsFunc(o.lines, func(s line) bool { return s.fit != nil })
}

// overview gathers the runs of all lines.
func (l *Lines) overview() *overview {
	o := &overview{least: math.MaxInt}
	for i, s := range l.Series {
		all := len(s.X)
		s = l.shown(s)
		o.hidden += all - len(s.X)
		points := s.summarize()
		if len(points) == 0 {
			continue
		}
		for _, p := range points {
			o.bands = o.bands || p.high > p.low
			o.least, o.most = min(o.least, p.runs), max(o.most, p.runs)
		}
		gathered := line{at: i, name: s.Name, points: points}
		if slope, ok := l.Slope(s); ok && l.Fit && l.Categories == nil {
			gathered.fit = &slope
		}
		o.lines = append(o.lines, gathered)
	}
	return o
}

// Chart returns the figure for a page.
func (l *Lines) Chart() Chart {
	all := l.overview()
	c := Chart{Title: Raised(l.Title), X: Axis{Label: Raised(l.X), Log: l.LogX, Names: l.Categories}}
	p := Panel{Title: Raised(l.Y), Y: Axis{Log: l.LogY}}
	for _, s := range all.lines {
		curve := Series{Name: Raised(s.name), Ink: lineInk(s.at, len(l.Series)), Points: !l.Curves}
		if s.name == "" {
			curve.Name = "median"
		}
		if s.fit != nil {
			curve.Name += ": slope " + slopeText(*s.fit)
		}
		for _, q := range s.points {
			curve.X, curve.Y = append(curve.X, q.x), append(curve.Y, q.median)
			if all.bands {
				curve.Low, curve.High = append(curve.Low, q.low), append(curve.High, q.high)
			}
		}
		p.Series = append(p.Series, curve)
	}
	for _, g := range l.Guides {
		guide := l.shown(Replicas(g))
		p.Series = append(p.Series,
			Series{Name: strings.ReplaceAll(g.Name, "\n", " "), X: guide.X, Y: guide.Y, Ink: Black,
				Dash: []float64{5, 3}})
	}
	if len(all.lines) > 0 {
		c.Panels = []Panel{p}
	}
	if heading := l.heading(all.fits()); len(heading) > 0 {
		c.Notes = append(c.Notes, "names: "+strings.Join(heading, " "))
	}
	for _, note := range l.notes(all) {
		c.Notes = append(c.Notes, strings.ReplaceAll(note, "\n", " "))
	}
	return c
}

// lineInk is the ink of line i of n.
func lineInk(i, n int) Ink {
	if inks := []Ink{Blue, Orange, Green, Purple, Black}; n <= len(inks) {
		return inks[i]
	}
	return Shade(i, n)
}

// notes says what line and band are, and how many numbers are hidden.
func (l *Lines) notes(all *overview) []string {
	var notes []string
	least, most := all.least, all.most
	if most > 1 {
		runs := fmt.Sprint(most)
		if least < most {
			runs = fmt.Sprintf("%d–%d", least, most)
		}
		notes = append(notes, "line: median of "+runs+" runs")
		if l.Categories != nil {
			notes[0] = "mark: median of " + runs + " runs"
		}
	}
	if all.bands {
		shape := "band: "
		if l.Categories != nil {
			shape = "bar: "
		}
		switch {
		case least >= manyReplicas:
			shape += "10–90 % of them"
		case most < manyReplicas:
			shape += "least to greatest"
		default:
			shape += fmt.Sprintf("least to greatest, from\n%d runs on 10–90 %%", manyReplicas)
		}
		notes = append(notes, shape)
	}
	if all.hidden > 0 {
		notes = append(notes, fmt.Sprintf("without a place on these\naxes and not shown: %d", all.hidden))
	}
	return append(notes, l.Notes...)
}

// heading says what the legend's columns are.
func (l *Lines) heading(fits bool) []string {
	var lines []string
	if l.By != "" {
		lines = append(lines, l.By)
	}
	if fits {
		slope := "slope"
		if !l.LogY {
			slope += " per decade"
		}
		if l.By != "" {
			slope = "and " + slope
		}
		lines = append(lines, slope+", 95 % interval")
	}
	return lines
}

// slopeText writes a slope with its interval, to the interval's first digit.
func slopeText(l fit.Line) string {
	if math.IsNaN(l.Low) {
		return signed(fmt.Sprintf("%.3g", l.Slope))
	}
	half := (l.High - l.Low) / 2
	digits := 3
	if half > 0 {
		digits = max(0, min(3, int(math.Ceil(-math.Log10(half)))))
	}
	return signed(fmt.Sprintf("%.*f", digits, l.Slope)) + fmt.Sprintf(" ± %.*f", digits, half)
}

// signed writes a minus sign for a hyphen.
func signed(text string) string { return strings.Replace(text, "-", "−", 1) }

// fitted is the line of a fit over the range of its points.
func (l *Lines) fitted(f fit.Line, points []summaryPoint, shade color.Color) *plotter.Line {
	xys := make(plotter.XYs, 2)
	for i, x := range []float64{points[0].x, points[len(points)-1].x} {
		y := f.At(scaled([]float64{x}, l.LogX)[0])
		if l.LogY {
			y = math.Pow(10, y)
		}
		xys[i] = plotter.XY{X: x, Y: y}
	}
	return &plotter.Line{XYs: xys,
		LineStyle: draw.LineStyle{Color: shade, Width: vg.Points(0.8), Dashes: []vg.Length{2, 2}}}
}

// ground fills the plot's area.
type ground struct{}

// Plot implements plot.Plotter.
func (ground) Plot(c draw.Canvas, _ *plot.Plot) {
	c.SetColor(unknownColor)
	c.Fill(c.Path())
}

// medians draws a line with its marks and its band.
type medians struct {
	points []summaryPoint
	entry
	bars  bool
	shade uint8 // how much the band hides
}

// Plot implements plot.Plotter.
func (m medians) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var line, outline []vg.Point
	for _, q := range m.points {
		line = append(line, vg.Point{X: x(q.x), Y: y(q.median)})
		outline = append(outline, vg.Point{X: x(q.x), Y: y(q.high)})
	}
	for _, q := range slices.Backward(m.points) {
		outline = append(outline, vg.Point{X: x(q.x), Y: y(q.low)})
	}
	if m.bars {
		for i, q := range m.points {
			style := draw.LineStyle{Color: m.glyph.Color, Width: vg.Points(1)}
			c.StrokeLine2(style, line[i].X, y(q.low), line[i].X, y(q.high))
		}
	} else {
		r, g, b, _ := m.line.Color.RGBA()
		c.FillPolygon(color.NRGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), m.shade},
			c.ClipPolygonXY(outline))
		c.StrokeLines(*m.line, c.ClipLinesXY(line)...)
	}
	if m.glyph != nil {
		for _, at := range line {
			c.DrawGlyph(*m.glyph, at)
		}
	} else if len(line) == 1 {
		c.DrawGlyph(draw.GlyphStyle{Color: m.line.Color, Radius: vg.Points(2.6), Shape: draw.CircleGlyph{}},
			line[0])
	}
}

const (
	rowHeight  = 0.46 * vg.Centimeter
	thumbWidth = 0.9 * vg.Centimeter
)

// drawEntries draws the legend from a corner down and returns the next.
func drawEntries(c draw.Canvas, at vg.Point, heading []string, entries []entry) vg.Point {
	style := textStyle(9, draw.XLeft, draw.YTop)
	style.YAlign = draw.YBottom // in one line, raised or not
	faint := style
	faint.Color = gray
	at.Y -= rowHeight * 0.7
	for _, line := range heading {
		c.FillText(faint, at, line)
		at.Y -= rowHeight
	}
	at.Y -= rowHeight * 0.15
	names := vg.Length(0)
	for _, e := range entries {
		if e.slope != "" {
			names = max(names, style.Width(e.name))
		}
	}
	for _, e := range entries {
		middle := at.Y + rowHeight*0.25
		if e.line != nil {
			c.StrokeLine2(*e.line, at.X, middle, at.X+thumbWidth, middle)
		}
		if e.glyph != nil {
			c.DrawGlyph(*e.glyph, vg.Point{X: at.X + thumbWidth/2, Y: middle})
		}
		left := vg.Point{X: at.X + thumbWidth + 0.2*vg.Centimeter, Y: at.Y}
		for _, part := range strings.Split(e.name, "\n") {
			c.FillText(style, left, part)
			left.Y -= rowHeight
		}
		if e.slope != "" {
			gap := vg.Length(0)
			if names > 0 {
				gap = names + 0.35*vg.Centimeter
			}
			c.FillText(style, vg.Point{X: left.X + gap, Y: at.Y}, e.slope)
		}
		at.Y = left.Y
	}
	return vg.Point{X: at.X, Y: at.Y + rowHeight*0.3}
}

// drawNotes writes small lines from a corner down.
func drawNotes(c draw.Canvas, at vg.Point, notes []string) {
	style := textStyle(8, draw.XLeft, draw.YTop)
	style.Color = gray
	for _, note := range notes {
		for _, line := range strings.Split(note, "\n") {
			c.FillText(style, at, line)
			at.Y -= rowHeight * 0.88
		}
	}
}

// limits is the range of points.
type limits struct{ x0, x1, y0, y1 float64 }

func newLimits() *limits {
	return &limits{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
}

func (l *limits) add(x, y float64) {
	l.x0, l.x1 = min(l.x0, x), max(l.x1, x)
	l.y0, l.y1 = min(l.y0, y), max(l.y1, y)
}

// axes sets scales, ranges and marks.
func (l *Lines) axes(p *plot.Plot, at *limits) {
	p.X.Label.Text = l.X
	p.X.Min, p.X.Max = padded(at.x0, at.x1, l.LogX)
	p.Y.Min, p.Y.Max = padded(at.y0, at.y1, l.LogY)
	p.X.Tick.Marker, p.Y.Tick.Marker = evenMarks{}, evenMarks{}
	switch {
	case l.Categories != nil:
		p.X.Min, p.X.Max = -0.5, float64(len(l.Categories))-0.5
		p.X.Tick.Marker = categories(l.Categories)
	case l.LogX:
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logMarks{}
	case l.Curves:
		p.X.Min, p.X.Max = at.x0, max(at.x1, at.x0+1)
	}
	if l.LogY {
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logMarks{}
	} else if at.y0 >= 0 && p.Y.Min < 0 {
		p.Y.Min = 0
	}
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font.Size = 10
		a.Label.TextStyle.Handler = raised{Plain: text.Plain{Fonts: font.DefaultCache}}
		a.Tick.Label.Font.Size = 9
		a.Tick.Label.Handler = raised{text.Plain{Fonts: font.DefaultCache}, a == &p.X}
		a.Padding = 0
	}
}

// padded widens a range by a twentieth, and one of a single number visibly.
func padded(lo, hi float64, log bool) (float64, float64) {
	if log {
		a, b := padded(math.Log10(lo), math.Log10(hi), false)
		return math.Pow(10, a), math.Pow(10, b)
	}
	pad := (hi - lo) / 20
	if pad == 0 {
		pad = max(math.Abs(hi)/10, 0.5)
	}
	return lo - pad, hi + pad
}

// categories are marks for words.
type categories []string

// Ticks implements plot.Ticker.
func (w categories) Ticks(_, _ float64) []plot.Tick {
	var ticks []plot.Tick
	for i, name := range w {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
	}
	return ticks
}

// evenMarks labels round numbers, with a minus sign.
type evenMarks struct{}

// Ticks implements plot.Ticker.
func (evenMarks) Ticks(lo, hi float64) []plot.Tick {
	ticks := slices.DeleteFunc(plot.DefaultTicks{}.Ticks(lo, hi),
		func(t plot.Tick) bool { return t.Value < lo || t.Value > hi })
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = signed(strconv.FormatFloat(ticks[i].Value, 'g', 6, 64))
		}
	}
	return ticks
}

// logMarks labels powers of ten, about eight of them, and 2 and 5 times these if fewer than two decades
// are shown.
type logMarks struct{}

// Ticks implements plot.Ticker.
func (logMarks) Ticks(lo, hi float64) []plot.Tick {
	from, to := int(math.Floor(math.Log10(lo))), int(math.Ceil(math.Log10(hi)))
	few := math.Log10(hi/lo) < 2
	every := max(1, (to-from+6)/8)
	var ticks []plot.Tick
	add := func(e, digit int) {
		t := plot.Tick{Value: float64(digit) * math.Pow(10, float64(e))}
		if t.Value < lo || t.Value > hi {
			return
		}
		switch {
		case few && e >= -2 && e <= 4:
			t.Label = strconv.FormatFloat(t.Value, 'g', 3, 64)
			if e >= 2 {
				t.Label = strconv.FormatFloat(t.Value, 'f', 0, 64)
			}
		case digit == 1 && e%every == 0:
			t.Label = signed(fmt.Sprintf("10^%d", e))
		case few:
			t.Label = signed(fmt.Sprintf("%d·10^%d", digit, e))
		}
		if few && digit != 1 && digit != 2 && digit != 5 {
			t.Label = ""
		}
		ticks = append(ticks, t)
	}
	for e := from; e <= to; e++ {
		add(e, 1)
		for digit := 2; digit < 10 && to-from <= 6; digit++ {
			add(e, digit)
		}
	}
	return ticks
}
