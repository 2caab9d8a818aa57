package browsertest

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const reset = `document.querySelector(".reset")` // the button that ends a zoom

// TestReport goes through what a reader does with a report.
func TestReport(t *testing.T) {
	dir := runSmall(t, "--singular-values", "all")
	p := openPage(t, filepath.Join(dir, "report.html"))
	head, rows := table(t, dir, "trajectory.csv")
	curves := map[string]string{"test error": "test_error", "train loss": "train_loss",
		"signal": "signal", "noise": "noise",
		"angle to truth": "angle", "angle to spectral estimate": "spectral_angle",
		"σ₁": "sigma_1", "σ₂": "sigma_2", "σ₃": "sigma_3", "σ₁₀": "sigma_10"}

	// Values: the last where the mouse is elsewhere.
	p.shows(60, head, rows, curves)
	for panel := range 3 {
		for place, iteration := range map[float64]int{0.001: 0, 0.24: 15, 0.51: 30, 0.999: 60} {
			p.mouse(move, panel, place)
			p.shows(iteration, head, rows, curves)
		}
	}
	if n := ask[int](p, `document.querySelectorAll(".rule").length`); n != 3 {
		t.Errorf("the rule goes through %d panels", n)
	}
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1))
	p.shows(60, head, rows, curves)

	// Keys.
	ask[chromedp.Void](p, `document.querySelector(".plot").focus()`)
	for _, step := range []struct {
		key       string
		iteration int
	}{
		{kb.ArrowLeft, 55}, {kb.ArrowLeft, 50}, {kb.ArrowRight, 55}, {kb.Home, 0}, {kb.ArrowLeft, 0},
		{kb.PageUp, 50}, {kb.Escape, 60},
	} {
		p.do(chromedp.KeyEvent(step.key))
		p.shows(step.iteration, head, rows, curves)
	}
	told := ask[string](p, `document.querySelector(".plot").getAttribute("aria-valuetext")`)
	if !strings.HasPrefix(told, "iteration 60: test error ") {
		t.Errorf("a screen reader says %q", told)
	}

	// Legends, by mouse and by key.
	const noise = `document.querySelectorAll(".legend button")[3]`
	fewer := maps.Clone(curves)
	delete(fewer, "noise")
	drawn := func() bool { return ask[bool](p, `document.querySelector('path[data-name="noise"]') !== null`) }
	p.click(noise, 1)
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1))
	if p.shows(60, head, rows, fewer); drawn() || ask[string](p, noise+".ariaPressed") != "false" {
		t.Error("a curve that was switched off is still there")
	}
	ask[chromedp.Void](p, noise+".focus()")
	p.do(chromedp.KeyEvent(" "))
	if p.shows(60, head, rows, curves); !drawn() {
		t.Error("a curve that was switched on again is not there")
	}

	// Axes: heights are linear in the logarithm of the value if the axis is logarithmic, else in the value.
	errorColumn := slices.Index(head, "test_error")
	along := func(f func(float64) float64) {
		t.Helper()
		at, last := p.points("test error"), len(rows)-1
		if len(at) != len(rows) {
			t.Fatalf("%d points for %d rows", len(at), len(rows))
		}
		v := func(i int) float64 { return f(parse(t, rows[i][errorColumn])) }
		for i := range rows {
			want := at[0][1] + (at[last][1]-at[0][1])*(v(i)-v(0))/(v(last)-v(0))
			if math.Abs(at[i][1]-want) > 0.2 {
				t.Errorf("row %d is drawn at the height %v, want %v", i, at[i][1], want)
			}
		}
	}
	along(math.Log10)
	p.click(`document.querySelector(".scale-y")`, 1)
	along(func(v float64) float64 { return v })
	labels := ask[string](p, `document.querySelector(".plot").textContent +
		document.querySelector(".scale-y").textContent`)
	if strings.Contains(labels, "10⁻") || !strings.Contains(labels, "linear") {
		t.Errorf("a linear axis says %s", labels)
	}
	p.click(`document.querySelector(".scale-y")`, 1)
	along(math.Log10)
	p.click(`document.querySelector(".scale-x")`, 1)
	at := p.points("test error") // at 5, 10, 15 and 20 first
	if len(at) != len(rows)-1 || math.Abs((at[1][0]-at[0][0])-(at[3][0]-at[1][0])) > 0.2 {
		t.Errorf("a logarithmic axis has the points %v", at)
	}
	p.click(`document.querySelector(".scale-x")`, 1)

	// Zoom.
	if !ask[bool](p, reset+".hidden") {
		t.Error("there is a zoom to reset at the beginning")
	}
	p.mouse(press, 1, 0.24)
	p.mouse(drag, 1, 0.5)
	p.mouse(release, 1, 0.76)
	if ask[bool](p, reset+".hidden") {
		t.Error("dragging did not zoom")
	}
	p.mouse(move, 2, 0.01)
	p.shows(15, head, rows, curves)
	p.mouse(move, 2, 0.99)
	p.shows(45, head, rows, curves)
	p.click(`document.querySelectorAll(".plot")[2]`, 2)
	if !ask[bool](p, reset+".hidden") {
		t.Error("a double click did not reset the zoom")
	}
	p.mouse(move, 2, 0.001)
	p.shows(0, head, rows, curves)

	// Files.
	for _, name := range []string{"config.yaml", "trajectory.csv"} {
		if p.embedded(name) != string(read(t, dir, name)) {
			t.Errorf("%s within the page is another", name)
		}
	}
}

// TestReportOfOddPath: a page must fit a phone, and a path that looks like markup must stay a path.
func TestReportOfOddPath(t *testing.T) {
	factor := read(t, runSmall(t, "--factor-rank", "2"), "factor.npy")
	name := `<img src=x onerror=hacked=1>"'&amp;` + strings.Repeat("long", 30) + ".npy"
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, factor, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := runSmall(t, "--factor-rank", "2", "--init", path)
	p := openPage(t, filepath.Join(dir, "report.html"))
	if ask[bool](p, `"hacked" in window || document.querySelector("img") !== null`) {
		t.Error("the path was taken for markup")
	}
	cells := `[...document.querySelectorAll("td")]`
	if !ask[bool](p, cells+fmt.Sprintf(`.some(c => c.textContent === %q)`, path)) {
		t.Error("the path is not in the table of settings")
	}
	for _, width := range []int64{360, 600, 801, 1200} {
		p.do(chromedp.EmulateViewport(width, 800))
		ask[chromedp.Void](p, `document.querySelectorAll("details").forEach(d => d.open = true)`)
		wide := ask[int64](p, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
			done(document.documentElement.scrollWidth))))`, chromedp.EvalAwaitPromise)
		if wide > width {
			t.Errorf("at %d pixels the page is %d wide", width, wide)
		}
		wider := ask[int64](p, `document.querySelector(".plot svg").viewBox.baseVal.width -
			document.querySelector(".plot").clientWidth`)
		if wider != 0 {
			t.Errorf("at %d pixels the figure is wider than its place by %d", width, wider)
		}
	}
}

// TestTicks: the labels of an axis are as short as its numbers allow, and as long as it takes to tell them
// apart.
func TestTicks(t *testing.T) {
	p := openPage(t, filepath.Join(runSmall(t), "report.html"))
	for _, c := range []struct{ axis, want string }{
		{"0, 300, false, 6, true", "0 50 100 150 200 250 300"},
		{"0, 0.5, false, 5, false", "0.0 0.1 0.2 0.3 0.4 0.5"},
		{"0, 2.75e7, false, 6, true", "0 5e+6 1.0e+7 1.5e+7 2.0e+7 2.5e+7"},
		{"1e7, 1.0002e7, false, 4, true", "1.00000e+7 1.00005e+7 1.00010e+7 1.00015e+7 1.00020e+7"},
		{"0, 2e-7, false, 4, false", "0 5e-8 1.0e-7 1.5e-7 2.0e-7"},
	} {
		got := ask[string](p, fmt.Sprintf(`ticks(%s).map(t => t.text).join(" ")`, c.axis))
		if got != c.want {
			t.Errorf("ticks(%s): %s, want %s", c.axis, got, c.want)
		}
	}
}
