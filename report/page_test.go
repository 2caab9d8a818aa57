package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/matsense/matsense/solver"
)

func (p Page) text(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// read is a chart as a browser gets it.
type read struct {
	Stops  []float64
	Xs     [][]float64
	Spans  []Span
	Marks  []Mark
	Panels []struct {
		Title  string
		Y      Axis
		Series []struct {
			Name string
			X    int
			Y    []*float64
		}
	}
}

// chartsOf returns the charts of a written page.
func chartsOf(t *testing.T, page string) []read {
	t.Helper()
	_, rest, found := strings.Cut(page, `<script type="application/json" id="data">`)
	data, _, ended := strings.Cut(rest, "</script>")
	var charts []read
	if err := json.Unmarshal([]byte(data), &charts); !found || !ended || err != nil {
		t.Fatalf("the page's data: %v", err)
	}
	return charts
}

func page() Page {
	return Page{
		Title: "a run", Subtitle: "n = 7",
		Verdict: Verdict{Good, "Recovered.", "All is well."},
		Charts:  []Chart{figure().Chart()},
		Tables: []Table{{Title: "Final metrics", Head: []string{"", "end"},
			Rows: [][]Cell{{Text("loss"), Number(1.0 / 3)}}}},
		Repeat: Repeat{Commands: []string{"matsense run --config config.yaml"},
			Config: File{"config.yaml", "application/yaml", []byte("n: 7\n")}},
		Downloads: []File{
			{"trajectory.csv", "text/csv", []byte("iteration,loss\n0,1\n")},
		},
	}
}

func TestPageContent(t *testing.T) {
	text := page().text(t)
	for _, want := range []string{
		"<title>a run</title>", "<h1>a run</h1>", "<strong>Recovered.</strong> All is well.",
		`class="verdict good"`,
		`<td class="number"><data value="0.3333333333333333" title="0.3333333333333333">0.33333</data></td>`,
		"matsense run --config config.yaml", "<pre id=\"config\">n: 7\n</pre>",
		`<a href="data:text/csv;charset=utf-8,iteration,loss%0A0,1%0A" download="trajectory.csv">`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not have %s", want)
		}
	}
	c := chartsOf(t, text)[0]
	if len(c.Panels) != 2 || len(c.Panels[0].Series) != 2 || len(c.Panels[1].Series) != 4 ||
		len(c.Stops) != 41 {
		t.Errorf("the figure has %d panels and %d stops", len(c.Panels), len(c.Stops))
	}
	if len(c.Spans) != 3 || c.Spans[1] != (Span{"II", "saddle avoidance", 100, 200, 2}) ||
		!slices.Equal(c.Marks, []Mark{{"floor", 300}}) {
		t.Errorf("the phases are %v, marked %v", c.Spans, c.Marks)
	}
	for i, s := range figure().Trajectory {
		if got := *c.Panels[0].Series[0].Y[i]; got != s.TestError || c.Xs[0][i] != float64(s.Iteration) {
			t.Errorf("the test error at %d is %v, not %v", s.Iteration, got, s.TestError)
		}
	}
	if other := page().text(t); other != text {
		t.Error("the same page is other bytes")
	}
}

// Empty parts leave nothing behind: no heading of theirs, no chart without panels.
func TestPageEmpty(t *testing.T) {
	text := Page{Title: "nothing", Charts: []Chart{Figure{}.Chart()}}.text(t)
	_, body, _ := strings.Cut(text, "<body>")
	body, _, _ = strings.Cut(body, "<script")
	for _, not := range []string{"<h2", "<table", "<figure", "verdict"} {
		if strings.Contains(body, not) {
			t.Errorf("an empty page has %s", not)
		}
	}
}

// A browser runs the page's own script alone, and nothing that came with the data.
func TestPageEscapes(t *testing.T) {
	const evil = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>` + "\u2028`${x}<!--"
	p := Page{
		Title: evil, Subtitle: evil, Verdict: Verdict{Bad, evil, evil},
		Charts: []Chart{{Title: evil, X: Axis{Label: evil}, Spans: []Span{{Number: evil, Name: evil}},
			Marks: []Mark{{Name: evil}},
			Panels: []Panel{{Title: evil, Y: Axis{Label: evil},
				Series: []Series{{Name: evil, X: []float64{1}, Y: []float64{1}}}}}}},
		Tables: []Table{{Title: evil, Head: []string{evil},
			Rows: [][]Cell{{Text(evil), {Text: evil, Value: evil}, {Text: evil, Small: true}}}, Note: evil}},
		Repeat: Repeat{Commands: []string{evil}, Note: evil,
			Config: File{evil, "text/plain", []byte(evil)}},
		Downloads: []File{{evil, "text/csv", []byte(evil)}}, Notes: []string{evil},
	}
	text := p.text(t)
	if n := strings.Count(text, "<script"); n != 2 {
		t.Errorf("%d scripts, want the data and the page's own", n)
	}
	if n := strings.Count(text, "</script"); n != 2 {
		t.Errorf("%d ends of scripts", n)
	}
	for _, not := range []string{"<img", "alert(1)</script", `"'>`} {
		if strings.Contains(text, not) {
			t.Errorf("%s stands in the page as it is", not)
		}
	}
	_, body, _ := strings.Cut(text, "<body>")
	body, _, _ = strings.Cut(body, "<script")
	body = regexp.MustCompile(`="[^"]*"`).ReplaceAllString(body, "=")
	if found := regexp.MustCompile(`<[^>]* (on|style)[a-z]*=`).FindString(body); found != "" {
		t.Errorf("there is an inline event handler or style: %s", found)
	}
	if got := chartsOf(t, text)[0].Panels[0].Series[0].Name; got != evil {
		t.Errorf("the name of a curve is %q", got)
	}
}

// The policy names the script and the style that are there, and lets nothing be fetched.
func TestPagePolicy(t *testing.T) {
	text := page().text(t)
	_, script, _ := strings.Cut(text, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	_, style, _ := strings.Cut(text, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if policy == nil {
		t.Fatal("there is no policy")
	}
	allowed := html.UnescapeString(policy[1])
	for _, want := range []string{"default-src 'none';", "script-src '" + hash(script) + "';",
		"style-src '" + hash(style) + "';"} {
		if !strings.Contains(allowed, want) {
			t.Errorf("the policy %q does not say %q", allowed, want)
		}
	}
	if found := regexp.MustCompile(`(src|href)="?(https?:|//|[a-z]+/)`).FindString(text); found != "" {
		t.Errorf("the page asks for something: %s", found)
	}
}

// Unknown and infinite values are null, and never zero.
func TestPageUnknown(t *testing.T) {
	f := figure()
	f.Trajectory[3].TestError, f.Trajectory[4].TestError = math.NaN(), math.Inf(1)
	p := page()
	p.Charts = []Chart{f.Chart()}
	p.Tables[0].Rows[0][1] = Number(math.NaN())
	text := p.text(t)
	y := chartsOf(t, text)[0].Panels[0].Series[0].Y
	if y[3] != nil || y[4] != nil || y[5] == nil {
		t.Errorf("unknown values are %v", y[3:6])
	}
	if !strings.Contains(text, "<td>unknown</td>") {
		t.Error("an unknown number in a table does not say so")
	}
}

func TestNumberCells(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 400: "400", -3: "-3", 1.0 / 3: "0.33333", 0.999999999: "1.0000", 15.12971: "15.130",
		1.23456e-7: "1.235e-7",
		9.9999e-4:  "1.000e-3", 2.5e12: "2.500e+12", math.Inf(1): "unknown", 123456.789: "123457",
	} {
		if got := Number(v).Text; got != want {
			t.Errorf("%v is written %q, want %q", v, got, want)
		}
	}
}

func TestThin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, maxPoints, maxPoints + 1, 12_345, 100_000} {
		y := make([]float64, n)
		for i := range y {
			y[i] = random.NormFloat64()
		}
		least, greatest := n/3, n-1-n/5
		y[least], y[greatest] = -100, 100
		if n > 10_000 {
			y[7_000] = math.NaN()
		}
		keep, places := thin(y), stops(n)
		if len(keep) > maxPoints || n <= maxPoints && len(keep) != n || !slices.IsSorted(keep) {
			t.Errorf("%d of %d points are kept", len(keep), n)
		}
		for _, want := range append([]int{0, n - 1, least, greatest}, places...) {
			if _, found := slices.BinarySearch(keep, want); !found {
				t.Errorf("point %d of %d is not kept", want, n)
			}
		}
		if n > 10_000 && !slices.Contains(keep, 7_000) {
			t.Error("the hole is not kept")
		}
		for _, list := range [][]int{keep, places} {
			if len(slices.Compact(slices.Clone(list))) != len(list) {
				t.Errorf("a point of %d is there twice", n)
			}
		}
	}
	// A logarithmic axis has places at its beginning too.
	if places := stops(100_000); !slices.Equal(places[:6], []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("the first stops are %v", places[:6])
	}
}

// However long a run, its page can be mailed.
func TestPageOfALongRun(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var long solver.Trajectory
	for i := range 100_000 {
		s := solver.NewSample(7 * i)
		s.Sigma = make([]float64, 30)
		for _, v := range []*float64{&s.TrainLoss, &s.TestError, &s.Signal, &s.Noise, &s.Angle,
			&s.SpectralAngle} {
			*v = random.ExpFloat64()
		}
		for k := range s.Sigma {
			s.Sigma[k] = random.ExpFloat64()
		}
		long = append(long, s)
	}
	text := Page{Title: "long", Charts: []Chart{Figure{Trajectory: long, Rank: 10}.Chart()}}.text(t)
	if len(text) > 900_000 { // fourteen curves of noise, the worst that can be
		t.Errorf("%d bytes", len(text))
	}
	if !strings.Contains(text, "of the 100000 samples") {
		t.Error("it does not say that points are left out")
	}
	c := chartsOf(t, text)[0]
	for _, p := range c.Panels {
		for _, s := range p.Series {
			for _, stop := range c.Stops {
				i, found := slices.BinarySearch(c.Xs[s.X], stop)
				if !found {
					t.Fatalf("%s has no value at the stop %v", s.Name, stop)
				}
				if p.Title == "Errors" && s.Name == "test error" && *s.Y[i] != long[int(stop)/7].TestError {
					t.Fatalf("the test error at %v is %v", stop, *s.Y[i])
				}
			}
		}
	}
}

func TestSigmaCurves(t *testing.T) {
	for _, c := range []struct {
		rank, count int
		want        string
	}{
		{2, 2, "σ₁ σ₂"}, {2, 3, "σ₁ σ₂ σ₃"}, {2, 10, "σ₁ σ₂ σ₃ σ₁₀"}, {1, 1, "σ₁"}, {3, 2, "σ₁ σ₂"},
		{0, 0, ""},
		{16, 200, "σ₁ σ₄ σ₇ σ₁₀ σ₁₃ σ₁₆ σ₁₇ σ₂₀₀"}, {0, 11, "σ₁ σ₃ σ₅ σ₇ σ₉ σ₁₁"},
	} {
		var names []string
		for _, curve := range (Figure{Trajectory: solver.Trajectory{{Sigma: make([]float64, c.count)}},
			Rank: c.rank}).sigmaCurves() {
			names = append(names, curve.name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("of rank %d with %d: %s, want %s", c.rank, c.count, got, c.want)
		}
	}
}

// Every ink has a color on light and on dark pages.
func TestInksHaveColors(t *testing.T) {
	list := []Ink{Blue, Orange, Green, Purple, Black}
	for i := range 6 {
		list = append(list, Shade(i, 6))
	}
	for _, ink := range list {
		if n := strings.Count(pageCSS, fmt.Sprintf("--%s: #", ink)); n != 2 {
			t.Errorf("%s has %d colors", ink, n)
		}
	}
}
