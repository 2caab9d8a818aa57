package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// powers is y = c·x^p at five x, three runs each, of which the outer two are a factor 2 off to either side.
func powers(name string, c, p float64) Replicas {
	s := Replicas{Name: name}
	for e := -6.0; e <= -2; e++ {
		x := math.Pow(10, e)
		for _, factor := range []float64{2, 1, 0.5} {
			s.X, s.Y = append(s.X, x), append(s.Y, factor*c*math.Pow(x, p))
		}
	}
	return s
}

// text returns the words of a figure, which must be well-formed.
func (l *Lines) text(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Write(&b, SVG); err != nil {
		t.Fatal(err)
	}
	var words []string
	for d := xml.NewDecoder(&b); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return strings.Join(words, "|")
		}
		if err != nil {
			t.Fatal(err)
		}
		if chars, ok := token.(xml.CharData); ok && strings.TrimSpace(string(chars)) != "" {
			words = append(words, string(chars))
		}
	}
}

// TestLinesSlope: the residuals of the logarithms are ±log 2 ten times and 0 five times, over x with Sxx =
// 3·10, so the half-width is t·√((10·log²2/13)/30) with t = 2.160368656 at 13 degrees of freedom.
func TestLinesSlope(t *testing.T) {
	l := Lines{LogX: true, LogY: true, Fit: true, By: "r", Series: []Replicas{powers("2", 3, 1.5)}}
	f, ok := l.Slope(l.Series[0])
	half := 2.160368656 * math.Sqrt(10*math.Log10(2)*math.Log10(2)/13/30)
	if !ok || math.Abs(f.Slope-1.5) > 1e-12 || math.Abs(f.High-f.Slope-half) > 1e-8 {
		t.Errorf("%+v, want 1.5 ± %v", f, half)
	}
	text := l.text(t)
	for _, want := range []string{"1.5 ± 0.1", "and slope, 95 % interval", "median of 3 runs",
		"least to greatest"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from %s", want, text)
		}
	}
}

// TestLinesOnPage: the page has the medians and the bands of the figure, and its words.
func TestLinesOnPage(t *testing.T) {
	l := Lines{Title: "n = 8", X: "α", Y: "error", By: "r", LogX: true, LogY: true, Fit: true,
		Guides: []Guide{{"the theory's\nslope", []float64{1, 10}, []float64{1, 10}}},
		Series: []Replicas{{"2", []float64{10, 1, 1, 10, 1, 100, 0}, []float64{40, 1, 9, 60, 4, 700, 5}},
			{"3", []float64{0}, []float64{1}}}}
	c := l.Chart()
	if len(c.Panels) != 1 || len(c.Panels[0].Series) != 2 || !c.X.Log || !c.Panels[0].Y.Log {
		t.Fatalf("%+v", c)
	}
	s := c.Panels[0].Series[0]
	if !slices.Equal(s.X, []float64{1, 10, 100}) || !slices.Equal(s.Y, []float64{4, 50, 700}) ||
		!slices.Equal(s.Low, []float64{1, 40, 700}) ||
		!slices.Equal(s.High, []float64{9, 60, 700}) || !strings.HasPrefix(s.Name, "2: slope 1.") ||
		!s.Points {
		t.Errorf("%+v", s)
	}
	if g := c.Panels[0].Series[1]; g.Name != "the theory's slope" || g.Dash == nil || g.Points ||
		g.Low != nil {
		t.Errorf("%+v", g)
	}
	want := []string{"names: r and slope, 95 % interval", "line: median of 1–3 runs",
		"band: least to greatest", "without a place on these axes and not shown: 2"}
	if !slices.Equal(c.Notes, want) {
		t.Errorf("%q", c.Notes)
	}
	if none := (&Lines{}).Chart(); none.Panels != nil {
		t.Errorf("%+v", none)
	}
}

// TestLinesSlopePerDecade: over a logarithmic axis alone the slope is that of a decade.
func TestLinesSlopePerDecade(t *testing.T) {
	s := Replicas{X: []float64{1e-6, 1e-4, 1e-2}, Y: []float64{96, 75, 54}}
	l := Lines{LogX: true, Fit: true, Series: []Replicas{s}}
	if f, _ := l.Slope(s); math.Abs(f.Slope+10.5) > 1e-12 {
		t.Errorf("%+v", f)
	}
	if text := l.text(t); !strings.Contains(text, "slope per decade") || !strings.Contains(text, "−10.500") {
		t.Error(text)
	}
}

func TestSummarize(t *testing.T) {
	few := Replicas{X: []float64{2, 1, 1, 1, 2}, Y: []float64{5, 9, 1, 4, 7}}.summarize()
	if want := []summaryPoint{{1, 1, 4, 9, 3}, {2, 5, 6, 7, 2}}; !slices.Equal(few, want) {
		t.Errorf("%v, want %v", few, want)
	}
	var many Replicas
	for i := range 11 {
		many.X, many.Y = append(many.X, 1), append(many.Y, float64(i*i))
	}
	if got := many.summarize(); !slices.Equal(got, []summaryPoint{{1, 1, 25, 81, 11}}) {
		t.Errorf("eleven runs: %v", got)
	}
	// numpy.quantile([1, 2, 4, 8], [0.1, 0.5, 0.9]) is [1.3, 3, 6.8].
	for p, want := range map[float64]float64{0: 1, 0.1: 1.3, 0.5: 3, 0.9: 6.8, 1: 8} {
		if got := Quantile([]float64{1, 2, 4, 8}, p); math.Abs(got-want) > 1e-12 {
			t.Errorf("the quantile at %g is %g, want %g", p, got, want)
		}
	}
}

// TestLinesNotes: the legend says what a band is where some points have few runs and some have many.
func TestLinesNotes(t *testing.T) {
	s := Replicas{}
	for i := range 12 {
		s.X, s.Y = append(s.X, 1), append(s.Y, float64(i))
	}
	s.X, s.Y = append(s.X, 2, 2), append(s.Y, 3, 4)
	l := Lines{Series: []Replicas{s}, Notes: []string{"left out: 1 run, diverged"}}
	text := l.text(t)
	for _, want := range []string{"median of 2–12 runs", "10 runs on 10–90 %", "left out: 1 run"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing from %s", want, text)
		}
	}
}

func TestLinesCategories(t *testing.T) {
	l := Lines{Categories: []string{"f32", "q8"}, Series: []Replicas{
		{Name: "a", X: []float64{0, 0, 1}, Y: []float64{1, 2, 3}},
		{Name: "b", X: []float64{0, 1}, Y: []float64{1, 2}},
	}}
	if text := l.text(t); !strings.Contains(text, "f32") ||
		!strings.Contains(text, "bar: least to greatest") {
		t.Error(text)
	}
}

// TestLinesHoles: what cannot stand on a logarithmic axis is not drawn, and a figure of nothing is none.
func TestLinesHoles(t *testing.T) {
	s := Replicas{X: []float64{1, 10, 100, 1000, 0}, Y: []float64{1, math.NaN(), 0, math.Inf(1), 1}}
	l := Lines{LogX: true, LogY: true, Fit: true, Series: []Replicas{s}}
	if got := l.shown(s); !slices.Equal(got.X, []float64{1}) {
		t.Errorf("%v", got)
	}
	if text := l.text(t); !strings.Contains(text, "not shown: 4") {
		t.Error(text)
	}
	l.Series[0].Y[0] = -1
	if err := l.Write(io.Discard, SVG); !errors.Is(err, ErrNothing) {
		t.Error(err)
	}
}

func TestLinesPNGIsTheSameTwice(t *testing.T) {
	l := Lines{Title: "n = 7", X: "α", Y: "error", By: "r", LogX: true, LogY: true, Fit: true,
		Guides: []Guide{{"the bound", []float64{1e-6, 1e-2}, []float64{1e-8, 1e-2}}}}
	for i := range 12 {
		l.Series = append(l.Series, powers(string(rune('a'+i)), math.Pow(3, float64(i)), 1.5))
	}
	var a, b bytes.Buffer
	if err := errors.Join(l.Write(&a, PNG), l.Write(&b, PNG)); err != nil ||
		!bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Errorf("%v, or another picture", err)
	}
	if _, err := png.Decode(&a); err != nil {
		t.Error(err)
	}
}

func TestLogMarks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		labels string
	}{
		{1.8, 55, "2 5 10 20 50"}, {5e-10, 2e-3, "10^−9 10^−8 10^−7 10^−6 10^−5 10^−4 10^−3"}, {1e-30, 1, "10^−28 10^−24 10^−20 10^−16 10^−12 10^−8 10^−4 10^0"}, {1e-3, 1e-1, "10^−3 10^−2 10^−1"}, {280, 1300, "500 1000"},
	} {
		var labels []string
		for _, m := range (logMarks{}).Ticks(c.lo, c.hi) {
			if m.Value < c.lo || m.Value > c.hi {
				t.Errorf("%g is outside of %g to %g", m.Value, c.lo, c.hi)
			}
			if m.Label != "" {
				labels = append(labels, m.Label)
			}
		}
		if got := strings.Join(labels, " "); got != c.labels {
			t.Errorf("from %g to %g: %s, want %s", c.lo, c.hi, got, c.labels)
		}
	}
}
