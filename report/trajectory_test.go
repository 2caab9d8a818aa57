package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

// falling is a trajectory of 41 samples whose error falls from 1 to 1e-8.
func falling() solver.Trajectory {
	var t solver.Trajectory
	for i := range 41 {
		x := math.Pow(10, -float64(i)/5)
		t = append(t, solver.Sample{
			Imbalance: math.NaN(), Flatness: math.NaN(), Shift: math.NaN(), Evaluations: math.NaN(),
			TrainRMSE: math.NaN(), HeldOutRMSE: math.NaN(),
			Iteration: 10 * i, TrainLoss: x * x, TestError: x, Signal: 1 - x/2, Noise: 1e-4, Angle: x / 3,
			SpectralAngle: 0.2,
		})
	}
	return t
}

func at(i int) *int { return &i }

func figure() Figure {
	return Figure{Trajectory: falling(), Title: "n = 7", Phases: &Phases{at(100), at(200), at(300)}}
}

// words returns the text elements of a figure as SVG, which must be well-formed.
func words(t *testing.T, f Figure) []string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, SVG); err != nil {
		t.Fatal(err)
	}
	var out []string
	d := xml.NewDecoder(&b)
	inText := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("the SVG is not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inText = token.Name.Local == "text" || token.Name.Local == "tspan"
		case xml.CharData:
			if inText {
				out = append(out, string(token))
			}
		case xml.EndElement:
			inText = false
		}
	}
}

// count says how often a word stands in a figure.
func count(all []string, word string) int {
	n := 0
	for _, w := range all {
		if w == word {
			n++
		}
	}
	return n
}

func TestWords(t *testing.T) {
	noTruth := falling()
	for i := range noTruth {
		nan := math.NaN()
		s := &noTruth[i]
		s.TestError, s.Signal, s.Noise, s.Angle, s.SpectralAngle = nan, nan, nan, nan, nan
	}
	for name, c := range map[string]struct {
		figure          Figure
		present, absent []string
	}{
		"all": {
			figure: figure(),
			present: []string{"n = 7", "test error", "train loss", "signal", "noise", "angle to truth",
				"angle to spectral",
				"I  alignment", "II  saddle avoidance", "III  refinement", "I", "II", "III", "floor",
				"iteration (steps)", "relative error, loss", "singular value, sine of angle", "400", "−8",
				"−15"},
		},
		"no phase reached": {
			figure:  Figure{Trajectory: falling(), Phases: &Phases{}},
			present: []string{"test error"},
			absent:  []string{"I", "II", "III", "floor"},
		},
		"alignment not seen": {
			figure:  Figure{Trajectory: falling(), Phases: &Phases{SaddleEnd: at(200)}},
			present: []string{"I, II  not told apart", "III  refinement"},
			absent:  []string{"I  alignment"},
		},
		"no truth": {
			figure:  Figure{Trajectory: noTruth},
			present: []string{"train loss", "iteration (steps)", "loss"},
			absent:  []string{"test error", "signal", "singular value, sine of angle", "I  alignment"},
		},
		"phases unknown": {
			figure:  Figure{Trajectory: falling()},
			present: []string{"test error"},
			absent:  []string{"I", "I  alignment", "floor"},
		},
		"a single sample": {
			figure:  Figure{Trajectory: falling()[:1]},
			present: []string{"test error"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := words(t, c.figure)
			for _, w := range c.present {
				if count(all, w) == 0 {
					t.Errorf("%q is missing from %q", w, all)
				}
			}
			for _, w := range c.absent {
				if count(all, w) != 0 {
					t.Errorf("%q is there", w)
				}
			}
		})
	}
}

// Symptom: the title of a run with noise, outliers and a loss of its own ran over the right edge of the
// picture, so that its last words were cut off. 60 digits take more than half of the picture.
func TestLongTitle(t *testing.T) {
	first, second := strings.Repeat("0", 60), strings.Repeat("1", 60)
	f := figure()
	f.Title = first + ",  " + second
	if all := words(t, f); count(all, first+",") != 1 || count(all, second) != 1 {
		t.Errorf("the title is not in two lines: %q", all)
	}
	f.Title = "n = 7,  r = 2"
	if all := words(t, f); count(all, f.Title) != 1 {
		t.Errorf("a short title is not in one line: %q", all)
	}
}

// TestHoles: zeros, infinities and unknown values cannot stand on a logarithmic axis; the curve has a hole
// there, and the rest is drawn.
func TestHoles(t *testing.T) {
	f := figure()
	for i, bad := range []float64{0, math.Inf(1), math.NaN(), -1} {
		f.Trajectory[5+i].TestError = bad
		f.Trajectory[5+i].Noise = bad
	}
	runs := f.positiveRuns(func(s solver.Sample) float64 { return s.TestError })
	if len(runs) != 2 || len(runs[0]) != 5 || len(runs[1]) != 41-9 {
		t.Errorf("%d runs", len(runs))
	}
	if all := words(t, f); count(all, "test error") != 1 || count(all, "noise") != 1 {
		t.Errorf("the legend names a curve more than once: %q", all)
	}
}

// TestOverEvaluations: where the method counts evaluations of f, they are the horizontal axis, of phases too.
func TestOverEvaluations(t *testing.T) {
	f := figure()
	for i := range f.Trajectory {
		f.Trajectory[i].Evaluations = float64(64 * f.Trajectory[i].Iteration)
	}
	if all := words(t, f); count(all, "evaluations of f") != 1 || count(all, "iteration (steps)") != 0 {
		t.Errorf("the axis is not of evaluations: %q", all)
	}
	c := f.Chart()
	if last := c.Panels[0].Series[0].X; last[len(last)-1] != 64*400 || c.X.Label != "evaluations of f" {
		t.Errorf("the chart is over %q, up to %v", c.X.Label, last[len(last)-1])
	}
	if c.Spans[0].To != 64*100 || c.Spans[1].To != 64*200 || c.Marks[0].At != 64*300 {
		t.Errorf("phases are at %+v and %+v", c.Spans, c.Marks)
	}
}

// TestPNG: the picture has the size of a page's width at 200 dpi, the three phases' colors and both curves'.
func TestPNG(t *testing.T) {
	var b bytes.Buffer
	if err := figure().Write(&b, PNG); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if w := img.Bounds().Dx(); w != 1417 { // 18 cm
		t.Errorf("%d pixels wide", w)
	}
	seen := map[color.RGBA]int{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			seen[color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)]++
		}
	}
	for i, c := range phaseColors {
		if seen[c.(color.RGBA)] < 10_000 {
			t.Errorf("phase %d covers %d pixels", i+1, seen[c.(color.RGBA)])
		}
	}
	for _, c := range []color.RGBA{blue, orange, green, purple} {
		if seen[c] < 200 {
			t.Errorf("the color %v covers %d pixels", c, seen[c])
		}
	}
}

// TestSameBytes: the same trajectory is the same file.
func TestSameBytes(t *testing.T) {
	for _, format := range []Format{SVG, PNG} {
		var a, b bytes.Buffer
		if err := errors.Join(figure().Write(&a, format), figure().Write(&b, format)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("two files in %s differ", format)
		}
	}
}

func TestRefused(t *testing.T) {
	if err := (Figure{}).Write(io.Discard, SVG); err == nil ||
		!strings.Contains(err.Error(), "nothing to draw") {
		t.Errorf("an empty trajectory: %v", err)
	}
	if err := figure().Write(io.Discard, "gif"); err == nil || !strings.Contains(err.Error(), `"gif"`) {
		t.Errorf("an unknown format: %v", err)
	}
}

func TestDecades(t *testing.T) {
	for _, c := range []struct {
		lo, hi        float64
		ticks, labels int
	}{{1e-8, 1, 9, 5}, {0.1, 1, 2, 2}, {1e-300, 1, 7, 7}, {1e-30, 1, 31, 7}} {
		ticks := decades{}.Ticks(c.lo, c.hi)
		labels := 0
		for _, x := range ticks {
			if x.Label != "" {
				labels++
			}
		}
		if len(ticks) != c.ticks || labels != c.labels {
			t.Errorf("from %g to %g: %d ticks, %d labeled", c.lo, c.hi, len(ticks), labels)
		}
	}
}
