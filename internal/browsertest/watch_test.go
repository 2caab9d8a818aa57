package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// background starts a command line and ends it with the test.
func background(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	c := exec.CommandContext(context.Background(), program, args...)
	var told bytes.Buffer
	c.Stderr = &told
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		if err := c.Wait(); t.Failed() {
			t.Logf("%q: %v\n%s", args, err, told.String())
		}
	})
	return c, bufio.NewReader(out)
}

// show has the program show a directory, and returns the address with the token.
func show(t *testing.T, dir string) string {
	t.Helper()
	_, out := background(t, "view", dir, "--no-browser")
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "http://") {
			return line
		}
	}
}

// openShown opens a page of a server: what is below its address, and nothing else, may be asked for.
func openShown(t *testing.T, address, path string) *tab {
	t.Helper()
	base, query, _ := strings.Cut(address, "?")
	return openAt(t, base+path+"?"+query, func(asked string) bool { return strings.HasPrefix(asked, base) })
}

// until waits until an expression is true in the page.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for ; !ask[bool](p, expression); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: not within 90 s; the page says %s", what,
				ask[string](p, `location.href + " " + document.readyState + ": " + `+
					`(document.querySelector("main") ?? document.documentElement).innerText.slice(0, 600)`))
		}
	}
}

// startLong starts a run that would take hours, and returns its directory when it has begun.
func startLong(t *testing.T, under string) (c *exec.Cmd, dir string) {
	t.Helper()
	dir = filepath.Join(under, "long run #1")
	c, _ = background(t, "run", "--n", "10", "--rank", "2", "--measurements", "150",
		"--iterations", "1000000000", "--step", "0.0001", "--measure-every", "200",
		"--checkpoint-every", "3600", "--out", dir)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, ".live.csv")); err == nil {
			return c, dir
		}
		if time.Now().After(deadline) {
			t.Fatal("the run does not begin")
		}
	}
}

// verdictIs is an expression that says whether the page's verdict contains a text.
func verdictIs(text string) string {
	return fmt.Sprintf(`document.querySelector(".verdict").innerText.includes(%q)`, text)
}

// TestGrowth: the curves of a run under way grow; the reader's zoom, hidden curves and axes stay; a page asks
// at most once a second, and not after the end. A run that was killed is said to be dead.
func TestGrowth(t *testing.T) {
	under := t.TempDir()
	run, dir := startLong(t, under)
	p := openShown(t, show(t, under), "long%20run%20%231/")
	if at := ask[string](p, "location.href"); strings.Contains(at, "token") {
		t.Errorf("the token stays in the address: %s", at)
	}
	const last = `Number(document.querySelector(".legend thead data").value)`
	p.until("the run goes on", verdictIs("Running."))
	before := ask[int](p, last)
	p.until("a curve grows", fmt.Sprintf("%s > %d", last, before))

	// Zoom in, hide a curve, switch an axis.
	const noise = `[...document.querySelectorAll(".legend button")].find(b => b.textContent === "noise")`
	p.click(noise, 1)
	p.click(`document.querySelectorAll(".scale-y")[1]`, 1)
	p.mouse(press, 0, 0.2)
	p.mouse(drag, 0, 0.3)
	// While the mouse is down the figure stands still, though there are new numbers.
	held := p.points("test error")
	time.Sleep(2500 * time.Millisecond)
	if now := p.points("test error"); len(now) != len(held) {
		t.Error("a curve grows while the reader drags")
	}
	p.mouse(release, 0, 0.5)
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1))
	ask[chromedp.Void](p, noise+".focus()")
	// The horizontal axis stays. The vertical one follows the points that the page shows, which change.
	const range_ = `[...[...document.querySelectorAll(".plot")].at(-1)
		.querySelectorAll('text[text-anchor="middle"]')].map(t => t.textContent).join()`
	axis, told := ask[string](p, range_), ask[string](p, `document.querySelector(".verdict").innerText`)
	p.until("the page goes on", fmt.Sprintf(`document.querySelector(".verdict").innerText !== %q`, told))
	time.Sleep(1500 * time.Millisecond)
	if ask[bool](p, reset+".hidden") {
		t.Error("the zoom is lost")
	}
	if now := ask[string](p, range_); now != axis || !strings.HasSuffix(axis, ",iteration") {
		t.Errorf("the horizontal axis was %q and is %q", axis, now)
	}
	if ask[string](p, noise+".ariaPressed") != "false" ||
		ask[bool](p, `document.querySelector('path[data-name="noise"]') !== null`) {
		t.Error("a curve that was hidden is shown again")
	}
	if ask[string](p, `document.querySelectorAll(".scale-y")[1].textContent`) != "y: linear" {
		t.Error("an axis is logarithmic again")
	}
	if !ask[bool](p, `document.activeElement === `+noise) {
		t.Error("the focus is lost")
	}
	ask[chromedp.Void](p, `document.querySelector(".plot").focus()`)
	p.do(chromedp.KeyEvent("0"))
	if !ask[bool](p, reset+".hidden") {
		t.Error("the key 0 does not end the zoom")
	}
	at := ask[int](p, last)
	p.until("curves grow after the zoom", fmt.Sprintf("%s > %d", last, at))

	any := func(string) bool { return true }
	asked := p.count(any)
	time.Sleep(4 * time.Second)
	if n := p.count(any) - asked; n < 2 || n > 4 {
		t.Errorf("the page asks %d times in 4 s", n)
	}

	if runtime.GOOS != "linux" {
		return // only there a process can be known to be gone
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	p.until("the run is dead", verdictIs("Its process is gone."))
	if !ask[bool](p, verdictIs("matsense run --resume --out")) {
		t.Error("the page does not say how to go on")
	}
	// It goes on, and is interrupted: the page follows, and asks no more.
	again, _ := background(t, "run", "--resume", "--out", dir)
	p.until("the run goes on", verdictIs("Running."))
	if err := again.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.until("the run has ended", verdictIs("Interrupted."))
	time.Sleep(1500 * time.Millisecond)
	asked = p.count(any)
	time.Sleep(2500 * time.Millisecond)
	if n := p.count(any) - asked; n != 0 {
		t.Errorf("the page asks %d times more after the end", n)
	}
	if n := ask[int](p, `document.querySelectorAll('a[download="trajectory.csv"]').length`); n != 1 {
		t.Errorf("there are %d trajectories to download at the end", n)
	}
}

// TestList: a thousand runs can be searched and sorted by mouse and by key, and fit a phone; a run that
// begins appears.
func TestList(t *testing.T) {
	under := t.TempDir()
	one := runSmall(t)
	other := runSmall(t, "--measurements", "151")
	for i := range 1000 {
		from := one
		if i%10 == 3 {
			from = other
		}
		to := filepath.Join(under, fmt.Sprintf("run-%04d", i))
		if err := os.Mkdir(to, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"config.yaml", "summary.json", "trajectory.csv"} {
			if err := os.WriteFile(filepath.Join(to, name), read(t, from, name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := openShown(t, show(t, under), "")
	const shown = `[...document.querySelectorAll(".list tbody tr:not([hidden])")]`
	names := func() []string {
		t.Helper()
		return ask[[]string](p, shown+`.map(r => r.querySelector("a").textContent)`)
	}
	if n := len(names()); n != 1000 {
		t.Fatalf("the list has %d lines", n)
	}
	ask[chromedp.Void](p, `document.querySelector(".search input").focus()`)
	p.do(chromedp.KeyEvent("151 0003"))
	if got := names(); len(got) != 1 || got[0] != "run-0003" {
		t.Errorf("the search finds %q", got)
	}
	_, _ = startLong(t, under)
	p.until("the run that begins is counted", `document.querySelector(".list h2").textContent.startsWith("1001 ")`)
	if got := names(); len(got) != 1 || !ask[bool](p, `document.activeElement.value === "151 0003"`) {
		t.Errorf("after the list was renewed, the search finds %q", got)
	}
	ask[chromedp.Void](p, `document.activeElement.select()`)
	p.do(chromedp.KeyEvent(kb.Backspace))
	if got := names(); len(got) != 1001 || got[0] != "long run #1" {
		t.Errorf("without a search there are %d lines, the first %s", len(got), got[0])
	}
	ask[chromedp.Void](p, `document.querySelector(".list thead button").focus()`)
	p.do(chromedp.KeyEvent(kb.Enter))
	if got := names(); got[0] != "long run #1" || got[1] != "run-0000" || got[1000] != "run-0999" {
		t.Errorf("by name the list is %s, %s … %s", got[0], got[1], got[1000])
	}
	p.do(chromedp.KeyEvent(kb.Enter))
	time.Sleep(2500 * time.Millisecond) // it is renewed
	if got := names(); got[0] != "run-0999" || ask[string](p, `document.querySelector(".list th").ariaSort`) != "descending" {
		t.Errorf("by name, downwards, the list begins with %s", got[0])
	}
	p.click(`document.querySelectorAll(".list thead button")[6]`, 1) // test error
	const errors = `.map(r => Number(r.cells[6].dataset.sort))`
	if got := ask[[]float64](p, shown+errors); !slices.IsSorted(got[1:]) || got[1] == got[1000] {
		t.Errorf("by the test error, the list has %v", got)
	}
	for _, width := range []int64{360, 600, 801, 1200} {
		p.do(chromedp.EmulateViewport(width, 800))
		if wide := ask[int64](p, `document.documentElement.scrollWidth`); wide > width {
			t.Errorf("on %d pixels the list is %d wide", width, wide)
		}
	}
	// A link leads to the run, and back.
	p.do(chromedp.EmulateViewport(1200, 900))
	ask[chromedp.Void](p, `document.querySelector('a[href="/run-0007/"]').focus()`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until("the run is there", `document.title.startsWith("run-0007: ")`)
	ask[chromedp.Void](p, `document.querySelector(".up a").focus()`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.until("the list is there", `document.querySelector(".list") !== null`)
}

// TestSweepUnderWay: runs of a sweep appear in its table and its figures as they end, and its page says when
// it is complete. The server is that of sweep --view, which ends with it.
func TestSweepUnderWay(t *testing.T) {
	under := t.TempDir()
	file := filepath.Join(under, "s.yaml")
	if err := os.WriteFile(file, []byte("base: {n: 30, rank: 2, iterations: 600, measure-every: 10}\n"+
		"axes: [{alpha: [1.0e-2, 1.0e-3, 1.0e-4]}]\nseeds: 4\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(context.Background(), program, "sweep", file,
		"--out", filepath.Join(under, "swept"), "--view", "--batch", "1")
	told, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	lines, address := bufio.NewScanner(told), ""
	for address == "" && lines.Scan() {
		_, address, _ = strings.Cut(lines.Text(), "shown at ")
	}
	go func() {
		for lines.Scan() {
		}
	}()
	p := openShown(t, address, "")
	p.until("the sweep goes on", verdictIs("Running."))
	p.until("a run is in the table", `document.querySelectorAll(".records tbody tr").length > 0`)
	p.until("the sweep has ended", verdictIs("Complete."))
	if n := ask[int](p, `document.querySelectorAll(".records tbody tr").length`); n != 12 {
		t.Errorf("in the end the table has %d runs", n)
	}
	if n := ask[int](p, `document.querySelectorAll(".chart .panel").length`); n < 2 {
		t.Errorf("in the end there are %d figures", n)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("sweep --view ends with %v", err)
	}
}
