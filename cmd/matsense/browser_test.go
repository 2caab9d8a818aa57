package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a page in a browser without a window.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string
}

// openPage opens a file in Chromium. Without one it skips the test, but for CI and MATSENSE_BROWSER=required.
// When the test ends, the browser must have had no complaint, and must have asked for nothing but the file.
func openPage(t *testing.T, path string) *tab {
	t.Helper()
	var browser string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"headless-shell"} {
		if found, err := exec.LookPath(name); err == nil {
			browser = found
			break
		}
	}
	if browser == "" {
		const message = "there is no Chromium on the PATH (apt-get install chromium)"
		if os.Getenv("CI") == "true" || os.Getenv("MATSENSE_BROWSER") == "required" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(browser))
	if os.Getuid() == 0 { // who may not have a sandbox
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.requests = append(p.requests, e.Request.URL)
		}
	}); err != nil {
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	address := (&url.URL{Scheme: "file", Path: path}).String()
	p.do(chromedp.EmulateViewport(1200, 900), chromedp.Navigate(address))
	t.Cleanup(func() {
		const end = "the test has ended"
		p.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("console.log(%q)", end)))
		for m, err := range messages {
			if err != nil {
				t.Fatal(err)
			}
			if m.Text == end {
				break
			}
			t.Errorf("the browser says: %s %s", m.Type, m.Text)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		others := slices.DeleteFunc(slices.Clone(p.requests),
			func(asked string) bool { return strings.HasPrefix(asked, "data:") })
		if !slices.Equal(others, []string{address}) {
			t.Errorf("the browser asked for %q", others)
		}
	})
	return p
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](p *tab, expression string, options ...chromedp.EvaluateOption) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// click clicks on the element that an expression gives.
func (p *tab) click(expression string, count int) {
	p.t.Helper()
	at := ask[[]float64](p,
		fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"}); const b = e.getBoundingClientRect();
		return [b.x + b.width / 2, b.y + b.height / 2] })(%s)`, expression))
	for i := range count {
		p.do(chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(i+1)))
	}
}

// mouse sends a mouse event to a place of a panel: its horizontal axis goes from 0 to 1.
func (p *tab) mouse(kind func(x, y float64) chromedp.Action[chromedp.Void], panel int, place float64) {
	p.t.Helper()
	at := ask[[]float64](p,
		fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"}); const b = e.getBoundingClientRect(),
		g = e.querySelector(".ground").getBoundingClientRect(); return [g.x + g.width * %v, b.y + b.height / 2] })(document.querySelectorAll(".plot")[%d])`, place, panel))
	p.do(kind(at[0], at[1]))
}

func move(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MouseMoved, x, y)
}
func press(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MousePressed, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1))
}
func drag(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MouseMoved, x, y, chromedp.ButtonLeft)
}
func release(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.MouseEvent(chromedp.MouseReleased, x, y, chromedp.ButtonLeft, chromedp.ClickCount(1))
}

// values returns what the legends show: the iteration, and each curve's value; one that is hidden is not
// there.
func (p *tab) values() map[string]string {
	p.t.Helper()
	return ask[map[string]string](p, `Object.fromEntries([...document.querySelectorAll(".legend tr")]
		.filter(r => r.querySelector("data")).map(r => [r.querySelector("th").textContent, r.querySelector("data").value]))`)
}

// shows checks that the legends show a row of trajectory.csv.
func (p *tab) shows(iteration int, head []string, rows [][]string, curves map[string]string) {
	p.t.Helper()
	got := p.values()
	if got["iteration"] != strconv.Itoa(iteration) {
		p.t.Errorf("the rule is at %s, want %d", got["iteration"], iteration)
		return
	}
	if len(got) != 1+len(curves) {
		p.t.Errorf("there are %d values, want %d: %v", len(got), 1+len(curves), got)
	}
	row := rowAt(p.t, rows, float64(iteration))
	for name, column := range curves {
		want := row[slices.Index(head, column)]
		if a, err := strconv.ParseFloat(got[name], 64); err != nil ||
			fmt.Sprint(a) != fmt.Sprint(parse(p.t, want)) {
			p.t.Errorf("%s at %d is %s, want %s", name, iteration, got[name], want)
		}
	}
}

func parse(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// points returns the pixels that a curve goes through.
func (p *tab) points(name string) [][2]float64 {
	p.t.Helper()
	path := ask[string](p,
		fmt.Sprintf(`document.querySelector(%q).getAttribute("d")`, `path[data-name="`+name+`"]`))
	var points [][2]float64
	for _, pair := range strings.FieldsFunc(path, func(r rune) bool { return r == 'M' || r == 'L' }) {
		x, y, _ := strings.Cut(pair, " ")
		points = append(points, [2]float64{parse(p.t, x), parse(p.t, y)})
	}
	return points
}

const reset = `document.querySelector(".reset")`

// TestReportInBrowser goes through what a reader does with a report.
func TestReportInBrowser(t *testing.T) {
	dir := runSmall(t)
	p := openPage(t, filepath.Join(dir, "report.html"))
	head, rows := table(t, dir)
	curves := map[string]string{"test error": "test_error", "train loss": "train_loss", "signal": "signal",
		"noise":          "noise",
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
	}{{kb.ArrowLeft, 55}, {kb.ArrowLeft, 50}, {kb.ArrowRight, 55}, {kb.Home, 0}, {kb.ArrowLeft, 0},
		{kb.PageUp, 50}, {kb.Escape, 60}} {
		p.do(chromedp.KeyEvent(step.key))
		p.shows(step.iteration, head, rows, curves)
	}
	if told := ask[string](p,
		`document.querySelector(".plot").getAttribute("aria-valuetext")`); !strings.HasPrefix(told,
		"iteration 60: test error ") {
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

	// Axes: on a logarithmic one heights go with logarithms, on a linear one with the values themselves.
	errors := slices.Index(head, "test_error")
	along := func(f func(float64) float64) {
		t.Helper()
		at, last := p.points("test error"), len(rows)-1
		if len(at) != len(rows) {
			t.Fatalf("%d points for %d rows", len(at), len(rows))
		}
		v := func(i int) float64 { return f(parse(t, rows[i][errors])) }
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
	if labels := ask[string](p, `document.querySelector(".plot").textContent + document.querySelector(".scale-y").textContent`); strings.Contains(labels, "10⁻") || !strings.Contains(labels, "linear") {
		t.Errorf("a linear axis says %s", labels)
	}
	p.click(`document.querySelector(".scale-y")`, 1)
	along(math.Log10)
	p.click(`document.querySelector(".scale-x")`, 1)
	if at := p.points("test error"); len(at) != len(rows)-1 || math.Abs((at[1][0]-at[0][0])-(at[3][0]-at[1][0])) > 0.2 { // 5, 10 and 20
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
		got := ask[string](p, fmt.Sprintf(`(a => decodeURIComponent(a.href.slice(a.href.indexOf("8,") + 2)))(document.querySelector(%q))`, `a[download="`+name+`"]`))
		if got != string(read(t, dir, name)) {
			t.Errorf("%s within the page is another", name)
		}
	}
}

// A page must fit a phone, and a path that looks like markup must stay a path.
func TestReportInBrowserOfOddPath(t *testing.T) {
	d := newData(t)
	path := filepath.Join(d.dir, `<img src=x onerror=hacked=1>"'&amp;`+strings.Repeat("long", 30)+".npy")
	if err := os.WriteFile(path, read(t, d.truth), 0o644); err != nil {
		t.Fatal(err)
	}
	dir, _ := d.run(t, "--truth", path)
	p := openPage(t, filepath.Join(dir, "report.html"))
	if ask[bool](p, `"hacked" in window || document.querySelector("img") !== null`) {
		t.Error("the path was taken for markup")
	}
	if !ask[bool](p,
		fmt.Sprintf(`[...document.querySelectorAll("td")].some(c => c.textContent === %q)`, path)) {
		t.Error("the path is not in the table of settings")
	}
	for _, width := range []int64{360, 600, 801, 1200} {
		p.do(chromedp.EmulateViewport(width, 800))
		ask[chromedp.Void](p, `document.querySelectorAll("details").forEach(d => d.open = true)`)
		if wide := ask[int64](p, `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
			done(document.documentElement.scrollWidth))))`, chromedp.EvalAwaitPromise); wide > width {
			t.Errorf("at %d pixels the page is %d wide", width, wide)
		}
		if drawn := ask[int64](p, `document.querySelector(".plot svg").viewBox.baseVal.width - document.querySelector(".plot").clientWidth`); drawn != 0 {
			t.Errorf("at %d pixels the figure is another width: %d", width, drawn)
		}
	}
}
