package watch

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/matsense/matsense/cpu"
	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
	"github.com/matsense/matsense/experiment/sweep"
	"github.com/matsense/matsense/internal/livefile"
	"github.com/matsense/matsense/solver"
)

// quietly is the progress of a run or a sweep that nobody follows.
type quietly struct{ sample func(s solver.Sample) }

func (quietly) Notice(string)          {}
func (quietly) Begin(string, int, int) {}
func (q quietly) Sample(s solver.Sample) {
	if q.sample != nil {
		q.sample(s)
	}
}

type quietSweep struct{ quietly }

func (quietSweep) Begin(int, int)                       {}
func (quietSweep) Group(*experiment.Group, []sweep.Run) {}
func (quietSweep) Ended(*sweep.Record)                  {}

func onHost() experiment.Host {
	return experiment.Host{
		Auto:    func() ([]string, string) { return []string{"cpu"}, "" },
		Backend: func(experiment.Place) (solver.Backend, error) { return cpu.Backend{}, nil },
		Memory:  func(solver.Backend) (float64, error) { return 1e9, nil },
	}
}

// carryOut carries out a small run in a directory.
func carryOut(t *testing.T, dir string, sample func(s solver.Sample), settings ...string) {
	t.Helper()
	c := config.Default()
	for _, s := range append([]string{"n=8", "rank=1", "measurements=60", "iterations=40"}, settings...) {
		key, value, _ := strings.Cut(s, "=")
		f, _ := c.Field(key)
		if err := f.Set(value, key); err != nil {
			t.Fatal(err)
		}
	}
	p, err := experiment.NewPlan(c, onHost())
	if err == nil {
		_, err = p.Run(t.Context(), experiment.Options{Dir: dir}, quietly{sample})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// carryOutSweep carries out a small sweep in a directory.
func carryOutSweep(t *testing.T, dir string) {
	t.Helper()
	s, err := sweep.Parse("s.yaml", []byte("base: {n: 8, rank: 1, measurements: 60, iterations: 40}\n"+
		"axes: [{alpha: [1.0e-2, 1.0e-3]}]\nseeds: 2\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := sweep.NewPlan(t.Context(), s, sweep.Options{}, onHost())
	if err == nil {
		_, _, err = p.Run(t.Context(), sweep.Where{Dir: dir}, quietSweep{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// reader asks a server as a browser does.
type reader struct {
	t      *testing.T
	server *Server
	cookie *http.Cookie
}

func newReader(t *testing.T, o Options) *reader {
	t.Helper()
	o.Listen = "127.0.0.1:8123"
	r := &reader{t: t, server: New(o)}
	w := r.do("GET", "/"+r.server.Query(), nil)
	for _, c := range w.Result().Cookies() {
		r.cookie = c
	}
	if w.Code != http.StatusSeeOther || r.cookie == nil || w.Header().Get("Location") != "/" {
		t.Fatalf("the token is answered with %d, %v", w.Code, w.Header())
	}
	return r
}

func (r *reader) do(method, path string, change func(*http.Request)) *httptest.ResponseRecorder {
	q := httptest.NewRequest(method, "http://127.0.0.1:8123/", nil)
	u, err := url.Parse(path)
	if err != nil {
		r.t.Fatal(err)
	}
	q.URL = u
	q.Host = "127.0.0.1:8123"
	if r.cookie != nil {
		q.AddCookie(r.cookie)
	}
	if change != nil {
		change(q)
	}
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, q)
	return w
}

// page returns the page at a path, which must be there.
func (r *reader) page(path string) string {
	r.t.Helper()
	w := r.do("GET", path, nil)
	if w.Code != http.StatusOK {
		r.t.Fatalf("%s is answered with %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// TestAdmission: who has no token, calls the server by another name, or wants to change something, gets one
// sentence and nothing of the data.
func TestAdmission(t *testing.T) {
	dir := t.TempDir()
	carryOut(t, filepath.Join(dir, "secret-run"), nil)
	r := newReader(t, Options{Dir: dir})
	if !strings.Contains(r.page("/"), "secret-run") {
		t.Fatal("the run is not in the list")
	}
	const host = "127.0.0.1:8123"
	own := "matsense-8123=" + r.cookie.Value
	for name, c := range map[string]struct {
		method, path, host, cookie string
		status                     int
		says                       string
	}{
		"no cookie":          {"GET", "/", host, "", 403, "token"},
		"wrong cookie":       {"GET", "/", host, "matsense-8123=0", 403, "token"},
		"of another port":    {"GET", "/", host, "matsense-8124=" + r.cookie.Value, 403, "token"},
		"wrong token":        {"GET", "/secret-run/?token=0123", host, "", 403, "token"},
		"empty code":         {"GET", "/?open=", host, "", 403, "token"},
		"rebinding":          {"GET", "/", "evil.example:8123", own, 403, "--listen"},
		"rebinding, no port": {"GET", "/", "localhost.evil.example", own, 403, "--listen"},
		"no host":            {"GET", "/", "", own, 403, "--listen"},
		"post":               {"POST", "/", host, own, 405, "only be read"},
		"delete":             {"DELETE", "/secret-run/", host, own, 405, "only be read"},
		"options":            {"OPTIONS", "/", host, own, 405, "only be read"},
		"not there":          {"GET", "/nothing/", host, own, 404, "no run and no sweep"},
		"above":              {"GET", "/../", host, own, 404, "no run and no sweep"},
		"above, encoded":     {"GET", "/%2e%2e%2fetc/", host, own, 404, "no run and no sweep"},
		"hidden":             {"GET", "/.git/", host, own, 404, "no run and no sweep"},
		"a file":             {"GET", "/secret-run/config.yaml", host, own, 404, "no run and no sweep"},
		"nul":                {"GET", "/a%00b/", host, own, 404, "no run and no sweep"},
	} {
		w := r.do(c.method, c.path, func(q *http.Request) {
			q.Host = c.host
			q.Header.Set("Cookie", c.cookie)
		})
		text := w.Body.String()
		if w.Code != c.status || !strings.Contains(text, c.says) || strings.Count(text, "\n") != 1 {
			t.Errorf("%s: %d %q", name, w.Code, text)
		}
		if strings.Contains(text, "<") || w.Result().Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: the answer has more than a sentence: %v %q", name, w.Header(), text)
		}
		h := w.Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" ||
			h.Get("Access-Control-Allow-Origin") != "" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: the headers are %v", name, h)
		}
	}
	for _, host := range []string{host, "localhost:9000", "LOCALHOST", "[::1]:8123", "10.0.0.7:80"} {
		if w := r.do("GET", "/", func(q *http.Request) { q.Host = host }); w.Code != http.StatusOK {
			t.Errorf("the host %s is refused: %s", host, w.Body)
		}
	}
	if !r.cookie.HttpOnly || r.cookie.SameSite != http.SameSiteLaxMode || r.cookie.Domain != "" {
		t.Errorf("the cookie is %v", r.cookie)
	}
	// Two slashes would lead to another server.
	w := r.do("GET", "http://127.0.0.1:8123//evil.example/"+r.server.Query(),
		func(q *http.Request) { q.Header.Del("Cookie") })
	if to := w.Header().Get("Location"); to != "/evil.example" {
		t.Errorf("the token leads to %q", to)
	}
	head := r.do("HEAD", "/", nil)
	if head.Code != http.StatusOK || head.Header().Get("ETag") == "" {
		t.Errorf("HEAD is answered with %d", head.Code)
	}
}

// TestOpenOnce: the code with which a browser is started opens the pages once, and not for long.
func TestOpenOnce(t *testing.T) {
	now := time.Now()
	s := New(Options{Dir: t.TempDir(), Listen: "127.0.0.1:8123", Now: func() time.Time { return now }})
	r := &reader{t: t, server: s}
	code := func(query string) int { return r.do("GET", "/"+query, nil).Code }
	query := s.QueryOnce()
	if code(query) != http.StatusSeeOther || code(query) != http.StatusForbidden {
		t.Error("the code does not open the pages once")
	}
	query = s.QueryOnce()
	if now = now.Add(2 * time.Minute); code(query) != http.StatusForbidden {
		t.Error("an old code opens the pages")
	}
}

// TestLinks: symbolic links are not followed, so that nothing outside of the directory is shown.
func TestLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege there")
	}
	outside, dir := t.TempDir(), t.TempDir()
	carryOut(t, filepath.Join(outside, "run"), nil, "alpha=0.0625")
	carryOut(t, filepath.Join(dir, "mine"), nil)
	links := map[string]string{"linked": filepath.Join(outside, "run"), "parent": outside,
		"mine/.live.csv": filepath.Join(outside, "run", "trajectory.csv")}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := newReader(t, Options{Dir: dir})
	if list := r.page("/"); strings.Contains(list, `"/linked/"`) || strings.Contains(list, `"/parent/`) {
		t.Error("the list follows links")
	}
	for _, path := range []string{"/linked/", "/parent/run/"} {
		if w := r.do("GET", path, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered with %d", path, w.Code)
		}
	}
	if page := r.page("/mine/"); !strings.Contains(page, "symbolic link") {
		t.Error("a file that is a link is followed")
	}
	// A directory that is itself named by a link is what the user asked for.
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(outside, alias); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(newReader(t, Options{Dir: alias}).page("/"), "/run/") {
		t.Error("the directory may not be a link")
	}
}

// TestPages: a list, a run and a sweep, by names of all kinds; a page that did not change is not sent again.
func TestPages(t *testing.T) {
	dir := t.TempDir()
	names := []string{"plain", "with space", "a#b?c%d&e", `<script>alert(1)</script>`}
	if runtime.GOOS == "linux" {
		names = append(names, "not\xffutf8")
	}
	if runtime.GOOS == "windows" {
		names = names[:2]
	}
	for i, name := range names {
		if strings.Contains(name, "/") {
			names[i] = strings.ReplaceAll(name, "/", "-")
		}
		carryOut(t, filepath.Join(dir, "deep", names[i]), nil)
	}
	carryOutSweep(t, filepath.Join(dir, "swept"))
	r := newReader(t, Options{Dir: dir})
	list := r.page("/")
	if n := strings.Count(list, "<tr data-key"); n != len(names)+1 {
		t.Errorf("the list has %d lines, want %d", n, len(names)+1)
	}
	if strings.Contains(list, "<script>alert") {
		t.Error("a name is taken for markup")
	}
	for _, name := range names {
		page := r.page("/deep/" + url.PathEscape(name) + "/")
		for _, want := range []string{"Recovery of a 8 × 8 matrix", "Trajectory", "All runs and sweeps"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page of %q lacks %q", name, want)
			}
		}
		if strings.Contains(page, "data-renew") {
			t.Errorf("the page of %q, which has ended, is asked for again", name)
		}
		if !strings.Contains(list, html.EscapeString(url.PathEscape(name))) {
			t.Errorf("the list has no link to %q", name)
		}
	}
	page := r.page("/swept/")
	for _, want := range []string{"a sweep of 4 runs", "Complete.", "Trajectories", "runs.csv"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of the sweep lacks %q", want)
		}
	}
	first := r.do("GET", "/swept/", nil)
	again := r.do("GET", "/swept/", func(q *http.Request) {
		q.Header.Set("If-None-Match", first.Header().Get("ETag"))
	})
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("a page that did not change is answered with %d and %d bytes", again.Code, again.Body.Len())
	}

	// The directory itself may be a run or a sweep.
	for name, want := range map[string]string{
		"swept": "a sweep of 4 runs", "deep/plain": "Recovery of a 8 × 8",
	} {
		page := newReader(t, Options{Dir: filepath.Join(dir, name)}).page("/")
		if !strings.Contains(page, want) || strings.Contains(page, "All runs and sweeps") {
			t.Errorf("the directory %s does not show what it is", name)
		}
	}
}

// TestOddDirectories: what is empty, damaged, half written or gone is said in one sentence, and the rest is
// shown.
func TestOddDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r := newReader(t, Options{Dir: dir})
	// How long a page rests depends on how long it took to make, and so on what else the machine does.
	forget := func() {
		r.server.mu.Lock()
		defer r.server.mu.Unlock()
		clear(r.server.cache)
	}
	if !strings.Contains(r.page("/"), "no run and no sweep here yet") {
		t.Error("an empty directory is not said to be empty")
	}
	for _, name := range []string{"sound", "cut-config", "cut-summary", "cut-trajectory", "cut-live"} {
		carryOut(t, filepath.Join(dir, name), nil)
	}
	carryOutSweep(t, filepath.Join(dir, "cut-records"))
	records, _ := filepath.Glob(filepath.Join(dir, "cut-records", "runs", "*.jsonl"))
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "cut-config", "config.yaml"), "# matsense\nn: [")
	write(filepath.Join(dir, "cut-summary", "summary.json"), `{"status": "conv`)
	write(filepath.Join(dir, "cut-trajectory", "trajectory.csv"), "iteration,train_loss\n5,")
	os.Remove(filepath.Join(dir, "cut-live", "summary.json"))
	write(filepath.Join(dir, "cut-live", ".live.json"), `{"beat":`)
	text, err := os.ReadFile(records[0])
	if err != nil {
		t.Fatal(err)
	}
	write(records[0], strings.Replace(string(text), `"iterations":40`, `"iterations":41`, 1))
	// Files of users that are none of matsense's.
	write(filepath.Join(dir, "sweep.yaml"), "base: {n: 8}\n")
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "other", "config.yaml"), "password: hunter2\n")

	forget()
	list := r.page("/")
	for name, want := range map[string]string{"sound": "recovered", "cut-config": "cannot be read",
		"cut-summary": "cannot be read", "cut-trajectory": "", "cut-live": "not ended",
		"cut-records": "complete"} {
		_, line, found := strings.Cut(list, `<tr data-key="/`+name+`/"`)
		line, _, _ = strings.Cut(line, "</tr>")
		if !found || !strings.Contains(line, want) {
			t.Errorf("the line of %s is %q", name, line)
		}
		page := r.page("/" + name + "/")
		if name == "sound" || name == "cut-live" {
			continue
		}
		if !strings.Contains(page, "It cannot be read.") {
			t.Errorf("the page of %s does not say that it cannot be read", name)
		}
	}
	if strings.Contains(list, `"/other/"`) || strings.Contains(list, "hunter2") {
		t.Error("the configuration of another program is taken for a run")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	forget()
	w := r.do("GET", "/", nil)
	if w.Code != http.StatusServiceUnavailable || strings.Count(w.Body.String(), "\n") != 1 {
		t.Errorf("a directory that was removed is answered with %d %q", w.Code, w.Body)
	}
	carryOut(t, filepath.Join(dir, "again"), nil)
	if !strings.Contains(r.page("/"), "again") {
		t.Error("a directory that is there again is not shown")
	}
}

// TestUnreadable: a folder that may not be read is named, and the others are shown.
func TestUnreadable(t *testing.T) {
	if os.Getuid() <= 0 {
		t.Skip("nothing is forbidden to this user, or the system has no such bits")
	}
	dir := t.TempDir()
	carryOut(t, filepath.Join(dir, "mine"), nil)
	if err := os.Mkdir(filepath.Join(dir, "closed"), 0); err != nil {
		t.Fatal(err)
	}
	list := newReader(t, Options{Dir: dir}).page("/")
	if !strings.Contains(list, "closed may not be read.") || !strings.Contains(list, "mine") {
		t.Error("a closed folder is not told, or hides the others")
	}
}

// TestGone: if the directory is removed while it is shown, a sentence says so, with its name once.
func TestGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	carryOut(t, filepath.Join(dir, "mine"), nil)
	r := newReader(t, Options{Dir: dir})
	if r.page("/mine/") == "" || os.RemoveAll(dir) != nil {
		t.Fatal("there is nothing to remove")
	}
	answer := r.do(http.MethodGet, "/", nil)
	if text := answer.Body.String(); answer.Code != http.StatusServiceUnavailable ||
		!strings.HasPrefix(text, dir+" cannot be read: ") || strings.Count(text, dir) != 1 {
		t.Errorf("status %d: %s", answer.Code, text)
	}
}

// TestRunUnderWay: while a run goes on, its page has its progress, its samples and its end; its files for
// those who watch are gone then.
func TestRunUnderWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	now := time.Now()
	r := newReader(t, Options{Dir: filepath.Dir(dir), Now: func() time.Time { return now }})
	carryOut(t, dir, func(s solver.Sample) {
		if s.Iteration != 30 {
			return
		}
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if l, err := experiment.ReadLive(dir); err == nil && l.Last != nil && l.Last.Iteration >= 25 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the run tells nothing")
			}
		}
		now = time.Now()
		page, list := r.page("/run/"), r.page("/")
		for _, want := range []string{"Running.", "steps/s", `data-renew="1"`, "<progress", "of 40", "Trajectory"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page of a run under way lacks %q", want)
			}
		}
		if !strings.Contains(list, "1 running") && !strings.Contains(list, "running</strong>") {
			t.Error("the list does not say that the run goes on")
		}
		// Three minutes later nothing was written, and the process, which is this one, is there: no sign of
		// life.
		now = now.Add(3 * time.Minute)
		for path, want := range map[string]string{"/run/": "matsense run --resume", "/": "no sign of life"} {
			page := r.page(path)
			if !strings.Contains(page, want) || !strings.Contains(page, "for 3 min") {
				t.Errorf("the page %s of a silent run lacks %q", path, want)
			}
		}
		now = now.Add(time.Hour)
	})
	now = now.Add(time.Hour)
	page := r.page("/run/")
	if strings.Contains(page, "data-renew") || !strings.Contains(page, "All iterations") {
		t.Error("the page does not say that the run has ended")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, livefile.Prefix+"*")); len(left) > 0 {
		t.Errorf("the run leaves %q", left)
	}
}

// TestThousandRuns: a list of a thousand runs that have not changed takes well under a second.
func TestThousandRuns(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "run-0000")
	carryOut(t, one, nil)
	for i := 1; i < 1000; i++ {
		to := filepath.Join(dir, fmt.Sprintf("run-%04d", i))
		if err := os.Mkdir(to, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"config.yaml", "summary.json", "trajectory.csv"} {
			if err := os.Link(filepath.Join(one, name), filepath.Join(to, name)); err != nil {
				t.Skip("the file system has no hard links")
			}
		}
	}
	r := newReader(t, Options{Dir: dir})
	began := time.Now()
	list := r.page("/")
	cold := time.Since(began)
	if n := strings.Count(list, "<tr data-key"); n != 1000 {
		t.Errorf("the list has %d lines", n)
	}
	began = time.Now()
	if _, err := r.server.library.render("."); err != nil {
		t.Fatal(err)
	}
	warm := time.Since(began)
	t.Logf("a list of 1000 runs takes %v at first, then %v; it has %d bytes, and %d as it is sent", cold, warm,
		len(list), len(zipped([]byte(list))))
	if warm > 2*time.Second { // some 50 ms, but the machine may be busy
		t.Errorf("a list of 1000 runs takes %v again", warm)
	}
}

// TestServe: the server ends with its context, and Drain waits for a page that is open.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{Dir: dir, Listen: "127.0.0.1:8123"})
	began := time.Now()
	if s.Drain(t.Context(), 0); time.Since(began) > time.Second {
		t.Error("Drain waits for nobody")
	}
	server := httptest.NewServer(s)
	defer server.Close()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	got, err := client.Get(server.URL + "/" + s.Query())
	if err != nil {
		t.Fatal(err)
	}
	q, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+"/", nil)
	q.AddCookie(got.Cookies()[0])
	if got, err = client.Do(q); err != nil || got.StatusCode != http.StatusOK {
		t.Fatal(got, err)
	}
	if text, err := io.ReadAll(got.Body); err != nil || !strings.Contains(string(text), "<main>") {
		t.Errorf("%s %v", text, err)
	}
	began = time.Now()
	if s.Drain(t.Context(), 0); time.Since(began) < time.Second {
		t.Error("Drain does not wait for an open page")
	}
}
