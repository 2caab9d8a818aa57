package report

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// pdfCanvas draws on a page of PDF. The canvas of the chart library knows the 256 characters of Windows-1252
// alone, and figures have Greek letters; this one embeds the part of a font that is used.
type pdfCanvas struct {
	doc    *fpdf.Fpdf
	height vg.Length
	state  pdfState
	stack  []pdfState
	fonts  []string // the names of those that are embedded
	images int
}

// pdfState is what Push saves.
type pdfState struct {
	width  vg.Length
	dashes []vg.Length
	offset vg.Length
	color  color.Color
	// The transformation takes (x, y) to (a·x + c·y + e, b·x + d·y + f), from the bottom left corner.
	a, b, c, d, e, f float64
}

// newPDF returns a page of a size. The same drawing gives the same bytes.
func newPDF(width, height vg.Length) *pdfCanvas {
	doc := fpdf.NewCustom(&fpdf.InitType{
		UnitStr: "pt", Size: fpdf.SizeType{Wd: width.Points(), Ht: height.Points()},
	})
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	doc.SetCatalogSort(true)
	doc.SetCreationDate(time.Unix(0, 0).UTC())
	doc.SetModificationDate(time.Unix(0, 0).UTC())
	doc.SetProducer("matsense", true)
	doc.AddPage()
	p := &pdfCanvas{doc: doc, height: height, state: pdfState{a: 1, d: 1}}
	vg.Initialize(p)
	return p
}

// WriteTo writes the document, to which nothing can be drawn then.
func (p *pdfCanvas) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	if err := p.doc.Output(&b); err != nil {
		return 0, fmt.Errorf("report: %w", err)
	}
	return b.WriteTo(w)
}

// Size implements [vg.CanvasSizer].
func (p *pdfCanvas) Size() (width, height vg.Length) {
	w, h := p.doc.GetPageSize()
	return vg.Length(w), vg.Length(h)
}

// SetLineWidth implements [vg.Canvas].
func (p *pdfCanvas) SetLineWidth(w vg.Length) { p.state.width = w }

// SetLineDash implements [vg.Canvas].
func (p *pdfCanvas) SetLineDash(dashes []vg.Length, offset vg.Length) {
	p.state.dashes, p.state.offset = slices.Clone(dashes), offset
}

// SetColor implements [vg.Canvas].
func (p *pdfCanvas) SetColor(c color.Color) {
	if c == nil {
		c = color.Black
	}
	p.state.color = c
}

// Rotate implements [vg.Canvas].
func (p *pdfCanvas) Rotate(angle float64) {
	sin, cos := math.Sincos(angle)
	p.transform(cos, sin, -sin, cos, 0, 0)
}

// Translate implements [vg.Canvas].
func (p *pdfCanvas) Translate(by vg.Point) { p.transform(1, 0, 0, 1, by.X.Points(), by.Y.Points()) }

// Scale implements [vg.Canvas].
func (p *pdfCanvas) Scale(x, y float64) { p.transform(x, 0, 0, y, 0, 0) }

// transform puts a transformation before the present one.
func (p *pdfCanvas) transform(a, b, c, d, e, f float64) {
	s := p.state
	p.state.a, p.state.b = s.a*a+s.c*b, s.b*a+s.d*b
	p.state.c, p.state.d = s.a*c+s.c*d, s.b*c+s.d*d
	p.state.e, p.state.f = s.a*e+s.c*f+s.e, s.b*e+s.d*f+s.f
}

// Push implements [vg.Canvas].
func (p *pdfCanvas) Push() { p.stack = append(p.stack, p.state) }

// Pop implements [vg.Canvas].
func (p *pdfCanvas) Pop() {
	p.state = p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
}

// Stroke implements [vg.Canvas].
func (p *pdfCanvas) Stroke(path vg.Path) {
	if p.state.width <= 0 {
		return
	}
	p.setColor()
	size := math.Sqrt(math.Abs(p.state.a*p.state.d - p.state.b*p.state.c))
	p.doc.SetLineWidth(p.state.width.Points() * size)
	dashes := make([]float64, len(p.state.dashes))
	for i, d := range p.state.dashes {
		dashes[i] = d.Points() * size
	}
	p.doc.SetDashPattern(dashes, p.state.offset.Points()*size)
	p.draw(path, "D")
}

// Fill implements [vg.Canvas].
func (p *pdfCanvas) Fill(path vg.Path) {
	p.setColor()
	p.draw(path, "F")
}

// setColor passes the color on.
func (p *pdfCanvas) setColor() {
	c := color.NRGBAModel.Convert(p.state.color).(color.NRGBA)
	r, g, b := int(c.R), int(c.G), int(c.B)
	p.doc.SetDrawColor(r, g, b)
	p.doc.SetFillColor(r, g, b)
	p.doc.SetTextColor(r, g, b)
	p.doc.SetAlpha(float64(c.A)/255, "Normal")
}

// at returns where a point is on the page, from its top left corner.
func (p *pdfCanvas) at(q vg.Point) (x, y float64) {
	s, qx, qy := p.state, q.X.Points(), q.Y.Points()
	return s.a*qx + s.c*qy + s.e, p.height.Points() - (s.b*qx + s.d*qy + s.f)
}

// draw draws a path; style is "D" for its line and "F" for its inside.
func (p *pdfCanvas) draw(path vg.Path, style string) {
	line := func(q vg.Point) { p.doc.LineTo(p.at(q)) }
	curve := func(a, b, to vg.Point) {
		ax, ay := p.at(a)
		bx, by := p.at(b)
		x, y := p.at(to)
		p.doc.CurveBezierCubicTo(ax, ay, bx, by, x, y)
	}
	var from vg.Point
	for _, c := range path {
		switch c.Type {
		case vg.MoveComp:
			p.doc.MoveTo(p.at(c.Pos))
			from = c.Pos
		case vg.LineComp:
			line(c.Pos)
			from = c.Pos
		case vg.CurveComp:
			a, b := c.Control[0], c.Control[len(c.Control)-1]
			if len(c.Control) == 1 { // a quadratic curve is this cubic one
				a, b = between(from, a, 2./3), between(c.Pos, b, 2./3)
			}
			curve(a, b, c.Pos)
			from = c.Pos
		case vg.ArcComp:
			from = arc(c, line, curve)
		case vg.CloseComp:
			p.doc.ClosePath()
		}
	}
	p.doc.DrawPath(style)
}

// between returns the point at the fraction t of the way from a to b.
func between(a, b vg.Point, t float64) vg.Point {
	return vg.Point{X: a.X + vg.Length(t)*(b.X-a.X), Y: a.Y + vg.Length(t)*(b.Y-a.Y)}
}

// arc draws a line to the beginning of an arc, and the arc as cubic curves of at most a quarter of a circle,
// which are off by less than 0.03 % of the radius. It returns the arc's end.
func arc(c vg.PathComp, line func(vg.Point), curve func(a, b, to vg.Point)) vg.Point {
	parts := max(1, int(math.Ceil(math.Abs(c.Angle)/(math.Pi/2)-1e-9)))
	step := c.Angle / float64(parts)
	reach := vg.Length(4. / 3 * math.Tan(step/4))
	on := func(angle float64) (at, along vg.Point) {
		sin, cos := math.Sincos(angle)
		x, y := c.Radius*vg.Length(cos), c.Radius*vg.Length(sin)
		return vg.Point{X: c.Pos.X + x, Y: c.Pos.Y + y}, vg.Point{X: -y, Y: x}
	}
	at, along := on(c.Start)
	line(at)
	for i := range parts {
		to, next := on(c.Start + step*float64(i+1))
		curve(vg.Point{X: at.X + reach*along.X, Y: at.Y + reach*along.Y},
			vg.Point{X: to.X - reach*next.X, Y: to.Y - reach*next.Y}, to)
		at, along = to, next
	}
	return at
}

// FillString implements [vg.Canvas].
func (p *pdfCanvas) FillString(f font.Face, q vg.Point, text string) {
	if f.Font.Size == 0 {
		return
	}
	name := f.Name()
	if !slices.Contains(p.fonts, name) {
		var b bytes.Buffer
		if _, err := f.Face.WriteSourceTo(nil, &b); err != nil {
			panic(fmt.Sprintf("report: the font %s cannot be embedded: %v", name, err))
		}
		p.doc.AddUTF8FontFromBytes(name, "", b.Bytes())
		p.fonts = append(p.fonts, name)
	}
	x, y := p.at(q)
	p.setColor()
	p.doc.SetFont(name, "", f.Font.Size.Points())
	p.doc.TransformBegin()
	p.doc.TransformRotate(math.Atan2(p.state.b, p.state.a)*180/math.Pi, x, y)
	p.doc.Text(x, y, text)
	p.doc.TransformEnd()
}

// DrawImage implements [vg.Canvas]. No figure has an image that is turned.
func (p *pdfCanvas) DrawImage(r vg.Rectangle, img image.Image) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(fmt.Sprintf("report: an image that cannot be encoded: %v", err))
	}
	p.images++
	name := fmt.Sprintf("image-%d", p.images)
	options := fpdf.ImageOptions{ImageType: "png"}
	p.doc.RegisterImageOptionsReader(name, options, &b)
	x0, y1 := p.at(r.Min)
	x1, y0 := p.at(r.Max)
	p.doc.ImageOptions(name, x0, y0, x1-x0, y1-y0, false, options, 0, "")
}
