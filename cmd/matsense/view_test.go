package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestViewMistakes: a directory or an address that cannot be used is refused in one sentence, before any
// work.
func TestViewMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	out := filepath.Join(dir, "out")
	for want, args := range map[string][]string{
		"one directory, got 0":    {"view"},
		"one directory, got 2":    {"view", dir, dir},
		"there is no directory":   {"view", filepath.Join(dir, "nothing")},
		"is a file":               {"view", file},
		"is in use":               {"view", dir, "--listen", port},
		"takes HOST:PORT":         {"view", dir, "--listen", "somewhere"},
		"from 0 to 65535":         {"view", dir, "--listen", "127.0.0.1:70000"},
		"65535, got \"http\"":     {"view", dir, "--listen", "127.0.0.1:http"},
		"have the address":        {"view", dir, "--listen", "192.0.2.1:0"}, // of RFC 5737, which nobody has
		"--listen is for --view":  {"run", "--listen", "8000", "--out", out},
		"choose another":          {"run", "--view", "--listen", port, "--out", out},
		"--listen is for --view ": {"sweep", sweepFile(t, smallSweep), "--listen", "8000", "--out", out},
	} {
		r := must(t, exitUsage, args...)
		if got := mistakes(t, r); len(got) != 1 || !strings.Contains(got[0], strings.TrimSpace(want)) {
			t.Errorf("matsense %q: %q, want %q", args, got, want)
		}
	}
	if exists(dir, "out") {
		t.Error("a run was begun though its page cannot be served")
	}
}

// lines is an output that tests read while a command writes it.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// fetch follows an address as a browser does, with its cookies, and returns the page.
func fetch(t *testing.T, address string) string {
	t.Helper()
	got, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}).Get(address)
	if err != nil {
		t.Fatal(err)
	}
	got.Body.Close()
	to, err := got.Location()
	if err != nil {
		t.Fatalf("%s: %s, %v", address, got.Status, err)
	}
	q, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, to.String(), nil)
	for _, c := range got.Cookies() {
		q.AddCookie(c)
	}
	if got, err = http.DefaultClient.Do(q); err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", to, got.Status, err)
	}
	return string(text)
}

// TestView: view serves a directory until it is interrupted; it prints the address and a line for ssh, and
// starts a browser with a code that differs from the token.
func TestView(t *testing.T) {
	dir := filepath.Dir(runSmall(t))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs lines
	opened := make(chan string, 1)
	env := environment{out: &out, err: &errs, gpus: noGPU, browse: func(address string) bool {
		opened <- address
		return true
	}}
	code := make(chan int)
	go func() { code <- run(ctx, env, []string{"view", dir}) }()
	once := <-opened
	_, address, _ := strings.Cut(out.String(), "\n  ")
	address, _, _ = strings.Cut(address, "\n")
	if !strings.HasPrefix(address, "http://127.0.0.1:") || !strings.Contains(out.String(), "ssh -L ") {
		t.Errorf("it says %q", out.String())
	}
	_, token, _ := strings.Cut(address, "token=")
	if len(token) != 32 || strings.Contains(once, token) {
		t.Errorf("the browser is started with %s, and the token is %s", once, token)
	}
	for _, a := range []string{address, once} {
		if page := fetch(t, a); !strings.Contains(page, `<a href="/run/">run</a>`) {
			t.Errorf("%s does not list the run", a)
		}
	}
	cancel()
	if got := <-code; got != exitDone {
		t.Errorf("it ends with %d: %s", got, errs.String())
	}
}

// TestRunView: a run that shows itself tells where, waits for the browser that it has opened, and ends with
// the exit code that it has without --view.
func TestRunView(t *testing.T) {
	for _, c := range []struct {
		flags []string
		code  int
		shows string
	}{
		{nil, exitDone, "All iterations were done."}, {[]string{"--step", "40"}, exitDiverged, "Diverged."},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		var out, errs lines
		pages := make(chan string, 1)
		env := environment{out: &out, err: &errs, gpus: noGPU,
			memory: func() (float64, error) { return plenty, nil },
			browse: func(address string) bool {
				go func() {
					// The run is over long before the browser comes.
					for !exists(dir, "report.html") {
						time.Sleep(10 * time.Millisecond)
					}
					pages <- fetch(t, address)
				}()
				return true
			}}
		code := run(t.Context(), env, slices.Concat([]string{"run", "--view", "--out", dir}, small, c.flags))
		if code != c.code {
			t.Errorf("the exit code is %d, want %d: %s", code, c.code, errs.String())
		}
		if !strings.Contains(errs.String(), "shown at http://127.0.0.1:") {
			t.Errorf("it says %q", errs.String())
		}
		if page := <-pages; !strings.Contains(page, c.shows) || strings.Contains(page, "data-renew") {
			t.Error("the page that came at the end does not show the end")
		}
	}
}
