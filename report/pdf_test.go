package report

import (
	"bytes"
	"compress/zlib"
	"io"
	"math"
	"regexp"
	"testing"

	"gonum.org/v1/plot/vg"

	"github.com/matsense/matsense/solver"
)

// A PDF has the font that it uses, as a subset, and is the same bytes each time.
func TestPDF(t *testing.T) {
	f := figure()
	f.Title = "n = 7,  α = 10^−6,  μ = 0.25"
	var files [2]bytes.Buffer
	for i := range files {
		if err := f.Write(&files[i], PDF); err != nil {
			t.Fatal(err)
		}
	}
	text := files[0].Bytes()
	if !bytes.Equal(text, files[1].Bytes()) {
		t.Error("the second PDF has other bytes")
	}
	for _, want := range []string{"%PDF-1", "/FontFile2", "/ToUnicode", "LiberationSerif", "%%EOF"} {
		if !bytes.Contains(bytes.ToLower(text), bytes.ToLower([]byte(want))) {
			t.Errorf("the PDF has no %s", want)
		}
	}
	if len(text) > 60_000 {
		t.Errorf("the PDF has %d bytes: is the whole font in it?", len(text))
	}
	// Characters are written as numbers of two bytes, of which the content streams have those of α, μ and −.
	var content []byte
	for _, m := range regexp.MustCompile(`(?s)stream\n(.*?)\nendstream`).FindAllSubmatch(text, -1) {
		if r, err := zlib.NewReader(bytes.NewReader(m[1])); err == nil {
			plain, _ := io.ReadAll(r)
			content = append(content, plain...)
		}
	}
	for _, r := range "αμ−" {
		if !bytes.Contains(content, []byte{byte(r >> 8), byte(r)}) {
			t.Errorf("the PDF does not write %c", r)
		}
	}
}

// Transformations work as in a vg.Canvas: the last one is applied first, angles go from x to y, and y points
// up.
func TestPDFTransformations(t *testing.T) {
	p := newPDF(200, 100)
	check := func(q vg.Point, wantX, wantY float64) {
		t.Helper()
		if x, y := p.at(q); math.Abs(x-wantX) > 1e-9 || math.Abs(y-wantY) > 1e-9 {
			t.Errorf("%v is at (%v, %v), want (%v, %v)", q, x, y, wantX, wantY)
		}
	}
	check(vg.Point{X: 10, Y: 20}, 10, 80)
	p.Push()
	p.Translate(vg.Point{X: 50, Y: 30})
	p.Rotate(math.Pi / 2)
	check(vg.Point{X: 10, Y: 0}, 50, 60) // upwards by 10
	p.Scale(2, 1)
	check(vg.Point{X: 10, Y: 5}, 45, 50)
	p.Pop()
	check(vg.Point{X: 10, Y: 20}, 10, 80)
}

// Arcs of any angle follow their circle and end where they should.
func TestPDFArcs(t *testing.T) {
	for _, angle := range []float64{0.3, math.Pi / 2, 2 * math.Pi, -1.5 * math.Pi} {
		c := vg.PathComp{Type: vg.ArcComp, Pos: vg.Point{X: 3, Y: -2}, Radius: 5, Start: 0.7, Angle: angle}
		distance := func(q vg.Point) float64 { return math.Hypot(float64(q.X-3), float64(q.Y+2)) }
		var from vg.Point
		curves := 0
		end := arc(c, func(q vg.Point) { from = q }, func(a, b, to vg.Point) {
			curves++
			for s := 0.0; s <= 1; s += 0.125 { // the cubic curve by its definition
				u := 1 - s
				at := func(p0, p1, p2, p3 vg.Length) vg.Length {
					of := vg.Length(u*u*u)*p0 + vg.Length(3*u*u*s)*p1
					return of + vg.Length(3*u*s*s)*p2 + vg.Length(s*s*s)*p3
				}
				q := vg.Point{X: at(from.X, a.X, b.X, to.X), Y: at(from.Y, a.Y, b.Y, to.Y)}
				if math.Abs(distance(q)-5) > 3e-4*5 {
					t.Errorf("%v: a point is %v from the center", angle, distance(q))
				}
			}
			from = to
		})
		want := vg.Point{X: 3 + 5*vg.Length(math.Cos(0.7+angle)), Y: -2 + 5*vg.Length(math.Sin(0.7+angle))}
		if math.Hypot(float64(end.X-want.X), float64(end.Y-want.Y)) > 1e-9 || curves == 0 {
			t.Errorf("%v: the end is %v, want %v", angle, end, want)
		}
	}
}

// The figure of a trajectory of 10⁵ samples is as small as that of a few thousand, and keeps a peak of one
// sample.
func TestLongTrajectoryIsThinned(t *testing.T) {
	f := figure()
	f.Phases, f.Trajectory = nil, nil
	for i := range 100_000 {
		f.Trajectory = append(f.Trajectory, solver.Sample{
			Iteration: i, TestError: math.Exp(-float64(i) / 1e4), TrainLoss: 1e-3,
			Signal: 1, Noise: 1e-9,
			Angle: 0.5, SpectralAngle: 0.5, Imbalance: math.NaN(),
			Flatness: math.NaN(), Shift: math.NaN(), Evaluations: math.NaN(),
		})
	}
	f.Trajectory[77_777].TestError = 1e3
	highest := 0.0
	for _, part := range f.positiveRuns(func(s solver.Sample) float64 { return s.TestError }) {
		if len(part) > maxPoints {
			t.Errorf("%d points", len(part))
		}
		for _, xy := range part {
			highest = max(highest, xy.Y)
		}
	}
	if highest != 1e3 {
		t.Errorf("the highest point is %v", highest)
	}
	for _, format := range []Format{SVG, PDF} {
		var b bytes.Buffer
		if err := f.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if b.Len() > 400_000 {
			t.Errorf("the figure has %d bytes as %s", b.Len(), format)
		}
	}
}

// Exponents are raised, and what follows them is not, in one text.
func TestSVGText(t *testing.T) {
	got := string(svgText([]byte(`<text x="1">α = 2·10^−6, 5 &lt; 10^12</text>`)))
	want := `<text xml:space="preserve" x="1">α = 2·10<tspan dy="-0.571em" style="font-size:70%">−6</tspan>` +
		`<tspan dy="0.4em">, 5 &lt; 10</tspan><tspan dy="-0.571em" style="font-size:70%">12</tspan></text>`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := pieces("a^b 10^3"); len(got) != 3 || got[1].text != "3" || !got[1].up ||
		got[0].text != "a^b 10" {
		t.Errorf("pieces are %v", got)
	}
}
