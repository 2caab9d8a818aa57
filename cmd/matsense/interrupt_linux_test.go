package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopped starts the program, sends it a signal after a while, and returns how it ended and how long that
// took.
func stopped(t *testing.T, after time.Duration, s os.Signal, args ...string) (result, time.Duration) {
	t.Helper()
	var out, errs bytes.Buffer
	c := exec.Command(program, args...)
	c.Dir, c.Stdout, c.Stderr = t.TempDir(), &out, &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	began := time.Now()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // the exit code says it
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}, time.Since(began)
}

// TestFirstSignalEndsVerbs: where nothing has to be saved, the first signal ends any verb at once, and no
// half-written file is left.
func TestFirstSignalEndsVerbs(t *testing.T) {
	dir := t.TempDir()
	// 90,000 runs take a while to plan.
	many := write(t, filepath.Join(dir, "many.yaml"),
		[]byte("base: {n: 20, rank: 1}\naxes: [alpha: {logspace: [1e-9, 1e-3, 300]}]\nseeds: 300\n"))
	var triplets bytes.Buffer
	for i := range 3_000_000 { // a second or more to read
		fmt.Fprintf(&triplets, "%d,%d,%d\n", i%1000, i/1000, i)
	}
	large := write(t, filepath.Join(dir, "large.csv"), triplets.Bytes())
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		command string
		signal  os.Signal
	}{
		{"sweep --dry-run " + many, syscall.SIGTERM},
		{"sweep --out " + dir + "/sweep " + many, os.Interrupt},
		{"run --out " + dir + "/run --rank 2 --triplets " + large, syscall.SIGTERM},
		{"run --config " + pipe, syscall.SIGHUP}, // waits for somebody who writes to it
		{"bench --n 150 --measurements 8000 --rounds 1000", syscall.SIGTERM},
	} {
		t.Run(c.command[:5], func(t *testing.T) {
			t.Parallel()
			if s := c.signal.(syscall.Signal); signal.Ignored(s) {
				t.Skipf("%v is ignored here, as under nohup, and the program ignores it too", s)
			}
			r, took := stopped(t, 300*time.Millisecond, c.signal, strings.Fields(c.command)...)
			if r.code != exitInterrupted || !strings.Contains(r.err, "interrupted") {
				t.Errorf("%s: exit code %d\n%s", c.command, r.code, r.err)
			}
			t.Logf("%s ended after %v", c.command, took)
		})
	}
}

// TestIgnoredSignals: under nohup, a process goes on when its terminal is closed.
func TestIgnoredSignals(t *testing.T) {
	r := shell(t, `trap '' HUP; "$0" run --n 40 --rank 2 --iterations 300 --out "$1" & sleep 0.2; kill -HUP $!; wait $!`,
		filepath.Join(t.TempDir(), "run"))
	if r.code != exitDone {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}

// TestOutputNobodyReads: after "| head", the program ends quietly, with the exit code that shells give to
// what SIGPIPE kills. A run saves before.
func TestOutputNobodyReads(t *testing.T) {
	unread := func(lines int, args ...string) (code int, errs string) {
		t.Helper()
		c := exec.Command(program, args...)
		var text bytes.Buffer
		c.Stderr = &text
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(out)
		for range lines {
			if _, err := in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		out.Close()
		_ = c.Wait() // the exit code says it
		return c.ProcessState.ExitCode(), text.String()
	}
	if code, errs := unread(0, "list"); code != exitPipe || errs != "" {
		t.Errorf("list: exit code %d\n%s", code, errs)
	}
	dir := filepath.Join(t.TempDir(), "run")
	args := append([]string{"run", "--json", "--out", dir}, long...)
	if code, errs := unread(10, args...); code != exitInterrupted || errs != "" {
		t.Errorf("run: exit code %d\n%s", code, errs)
	}
	must(t, exitDone, "run", "--resume", "--out", dir)
	sameBits(t, dir, runSmall(t, long...))
	if summaryOf(t, dir)["resumed_from_iteration"] == nil {
		t.Error("the run was not saved when its reader went away")
	}
}

// TestPageNobodyReads: a browser that goes on to another page closes its connection while a page is being
// sent. That is no interrupt. Symptom: Linux sends SIGPIPE for sockets too, which ended matsense view, and a
// run with --view quietly.
func TestPageNobodyReads(t *testing.T) {
	c := exec.Command(program, "run", "--view", "--n", "10", "--rank", "2", "--iterations", "1000000000",
		"--step", "0.0001", "--out", filepath.Join(t.TempDir(), "run"))
	c.Env = append(os.Environ(), "DISPLAY=", "WAYLAND_DISPLAY=", "BROWSER=")
	told, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	in, address := bufio.NewScanner(told), ""
	for address == "" && in.Scan() {
		_, address, _ = strings.Cut(in.Text(), "shown at ")
	}
	jar, _ := cookiejar.New(nil) // never fails
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	page := func() {
		t.Helper()
		answer, err := browser.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), "<main>") {
			t.Fatalf("the page: %v, %v", answer.Status, err)
		}
	}
	page()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		conn, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		request := http.Request{URL: &url.URL{Path: "/"}, Host: at.Host, Header: http.Header{}}
		for _, cookie := range jar.Cookies(at) {
			request.AddCookie(cookie)
		}
		if err := request.Write(conn); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	time.Sleep(time.Second) // for what the program does then
	page()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest := ""
	for in.Scan() && !strings.HasPrefix(in.Text(), "interrupted: saving") {
		rest += in.Text() + "\n"
	}
	if in.Text() == "" {
		t.Errorf("the run did not go on:\n%s", rest)
	}
	_ = c.Process.Kill()
	_ = c.Wait() // it was killed
}
