package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// tab is a page in a browser without a window.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	requests []string
}

// openPage opens a file in Chromium, which must ask for nothing but the file.
func openPage(t *testing.T, path string) *tab {
	t.Helper()
	address := (&url.URL{Scheme: "file", Path: path}).String()
	p := openAt(t, address, func(asked string) bool { return asked == address })
	t.Cleanup(func() {
		if n := p.count(func(string) bool { return true }); n != 1 {
			t.Errorf("the browser asked %d times", n)
		}
	})
	return p
}

// openAt opens an address in Chromium. If there is no Chromium, the test is skipped, but fails under CI=true
// or MATSENSE_BROWSER=required. When the test ends, the browser must have had no complaint, and must have
// asked for nothing but what is allowed.
func openAt(t *testing.T, address string, allowed func(asked string) bool) *tab {
	t.Helper()
	var browser string
	for _, name := range []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell",
	} {
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
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
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
		others := slices.DeleteFunc(slices.Clone(p.requests), func(asked string) bool {
			return strings.HasPrefix(asked, "data:") || allowed(asked)
		})
		if len(others) > 0 {
			t.Errorf("the browser asked for %q", others)
		}
	})
	return p
}

// count counts the requests so far that are as asked.
func (p *tab) count(which func(asked string) bool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, asked := range p.requests {
		if !strings.HasPrefix(asked, "data:") && which(asked) {
			n++
		}
	}
	return n
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
	at := ask[[]float64](p, fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"});
		const b = e.getBoundingClientRect();
		return [b.x + b.width / 2, b.y + b.height / 2] })(%s)`, expression))
	for i := range count {
		p.do(chromedp.MouseClickXY(at[0], at[1], chromedp.ClickCount(i+1)))
	}
}

// mouse sends a mouse event to a place of a panel: its horizontal axis goes from 0 to 1.
func (p *tab) mouse(kind func(x, y float64) chromedp.Action[chromedp.Void], panel int, place float64) {
	p.t.Helper()
	at := ask[[]float64](p, fmt.Sprintf(`(e => { e.scrollIntoView({block: "center"});
		const b = e.getBoundingClientRect(),
		g = e.querySelector(".ground").getBoundingClientRect();
		return [g.x + g.width * %v, b.y + b.height / 2] })(document.querySelectorAll(".plot")[%d])`,
		place, panel))
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

// values returns what the legends show: the iteration, and the value of each curve that is not hidden.
func (p *tab) values() map[string]string {
	p.t.Helper()
	return ask[map[string]string](p, `Object.fromEntries([...document.querySelectorAll(".legend tr")]
		.filter(r => r.querySelector("data"))
		.map(r => [r.querySelector("th").textContent, r.querySelector("data").value]))`)
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
	at := slices.IndexFunc(rows, func(row []string) bool { return row[0] == strconv.Itoa(iteration) })
	if at < 0 {
		p.t.Fatalf("no row for iteration %v", iteration)
	}
	row := rows[at]
	for name, column := range curves {
		want := row[slices.Index(head, column)]
		a, err := strconv.ParseFloat(got[name], 64)
		if err != nil || fmt.Sprint(a) != fmt.Sprint(parse(p.t, want)) {
			p.t.Errorf("%s at %d is %s, want %s", name, iteration, got[name], want)
		}
	}
}

// points returns the pixels that a curve goes through.
func (p *tab) points(name string) [][2]float64 {
	p.t.Helper()
	selector := `path[data-name="` + name + `"]`
	path := ask[string](p, fmt.Sprintf(`document.querySelector(%q).getAttribute("d")`, selector))
	var points [][2]float64
	for _, pair := range strings.FieldsFunc(path, func(r rune) bool { return r == 'M' || r == 'L' }) {
		x, y, _ := strings.Cut(pair, " ")
		points = append(points, [2]float64{parse(p.t, x), parse(p.t, y)})
	}
	return points
}

// embedded returns the file that the page offers under a name.
func (p *tab) embedded(name string) string {
	p.t.Helper()
	return ask[string](p, fmt.Sprintf(`(a => decodeURIComponent(a.href.slice(a.href.indexOf("8,") + 2)))(
		document.querySelector(%q))`, `a[download="`+name+`"]`))
}
