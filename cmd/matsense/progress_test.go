package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// locked is a buffer that the pulse and the command write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// watched runs a command that says something every 30 ms at the latest, until it has said what matches a
// pattern so often, or for 20 s. Then it is interrupted.
func watched(t *testing.T, pattern string, times int, args ...string) (out, errs string) {
	t.Helper()
	return watchedEvery(t, 30*time.Millisecond, pattern, times, args...)
}

// watchedEvery is watched with the time after which the command says something.
func watchedEvery(
	t *testing.T, silence time.Duration, pattern string, times int, args ...string,
) (out, errs string) {
	t.Helper()
	var stdout, stderr locked
	env := environment{out: &stdout, err: &stderr, memory: func() (float64, error) { return plenty, nil },
		gpus: noGPU, silence: silence}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	said := regexp.MustCompile(pattern)
	go func() {
		for ctx.Err() == nil {
			if len(said.FindAllString(stdout.String()+stderr.String(), -1)) >= times {
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	runRecovering(t, ctx, env, args)
	if out, errs = stdout.String(), stderr.String(); len(said.FindAllString(out+errs, -1)) < times {
		t.Fatalf("matsense %s did not say %s %d times:\n%s%s", strings.Join(args, " "), pattern, times, out,
			errs)
	}
	return out, errs
}

// unsampled is a run without samples between its first and its last iterate.
var unsampled = []string{
	"--n", "20", "--rank", "2", "--iterations", "10000000", "--measure-every", "10000000",
}

// A run that takes no sample for long says which iteration it has reached, and how long the rest will take.
func TestRunSpeaksBetweenSamples(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		args := slices.Concat([]string{"run", "--out", filepath.Join(t.TempDir(), "r")}, unsampled)
		pattern := `iteration (\d+) of 10000000: train loss \S+ at 0, \S+ steps/s, \S+ left\n`
		if asJSON {
			args = append(args, "--json")
			pattern = `"progress".*"activity":"steps","iteration":(\d+),"to_iteration":10000000`
		}
		out, errs := watched(t, pattern, 4, args...)
		first, last := 0, 0
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(out+errs, -1) {
			n, _ := strconv.Atoi(m[1])
			if n < last {
				t.Errorf("iteration %d is told after %d", n, last)
			}
			if last = n; first == 0 {
				first = n
			}
		}
		if last == first {
			t.Errorf("iteration %d is told every time", last)
		}
		if asJSON {
			jsonLines(t, out)
		}
	}
}

// A sweep whose group takes long says which iterations its members have reached, before any of them ends.
func TestSweepSpeaksWithinAGroup(t *testing.T) {
	file := sweepFile(t, "base: {n: 20, rank: 2, iterations: 10000000, measure-every: 10000000}\n"+
		"axes:\n  - alpha: [1e-3, 1e-2]\n")
	watched(t, `0 of 2 runs, 2 under way at iteration \d{2,}(–\d+)? of 10000000, \S+ left\n`, 3,
		"sweep", file, "--out", filepath.Join(t.TempDir(), "s"))
	out, _ := watched(t, `"progress".*"activity":"steps","under_way":2,"least_iteration":\d{2,},`, 3,
		"sweep", file, "--json", "--out", filepath.Join(t.TempDir(), "s"))
	jsonLines(t, out)
}

// Before its first step a run says that it makes measurements, and for how long already.
func TestRunSpeaksWhileMeasurementsAreMade(t *testing.T) {
	const silence = 3 * time.Millisecond // making them takes some 30 ms
	watchedEvery(t, silence, `making the measurements for [\d.]+m?s\n`, 2, "run", "--n", "50", "--rank", "2",
		"--measurements", "40000", "--entries", "bf16", "--iterations", "1",
		"--out", filepath.Join(t.TempDir(), "r"))
}

// A fast run is no flood: ten lines or so, whatever the number of samples.
func TestProgressIsNoFlood(t *testing.T) {
	r := must(t, exitDone, slices.Concat([]string{"run", "--measure-every", "1", "--out",
		filepath.Join(t.TempDir(), "r")}, small)...)
	if n := strings.Count(r.err, "\n"); n < 8 || n > 14 {
		t.Errorf("%d lines for 61 samples:\n%s", n, r.err)
	}
}

// TestStatusLine: the line is shorter than the terminal, has a bar if there is room, and covers the line
// before it.
func TestStatusLine(t *testing.T) {
	for _, columns := range []int{1, 5, 20, 40, 80, 200, 0} {
		var b bytes.Buffer
		s := statusLine{w: &b, columns: func() int { return columns }}
		screen := terminal{columns: columns}
		if columns == 0 {
			screen.columns = 80
		}
		for i, text := range []string{"iteration 10 of 400: train loss 1.234e-05, 12 steps/s, 3m left", "short", "",
			"ünïcode – with signs"} {
			b.Reset()
			s.show(text, float64(i)/3)
			screen.write(t, b.String())
			got := strings.TrimRight(screen.lines[len(screen.lines)-1], " ")
			if screen.wrapped > 0 || screen.at >= screen.columns {
				t.Errorf("%d columns: %q reaches the last column", columns, text)
			}
			whole := screen.columns > len([]rune(text))
			if whole && !strings.HasSuffix(got, text) {
				t.Errorf("%d columns: %q shows as %q", columns, text, got)
			}
			if bar := strings.HasPrefix(got, "["); bar != (screen.columns-1-len([]rune(text))-3 >= 10) {
				t.Errorf("%d columns: %q shows as %q", columns, text, got)
			}
		}
		b.Reset()
		s.clear()
		screen.write(t, b.String())
		if got := strings.TrimSpace(strings.Join(screen.lines, "")); got != "" {
			t.Errorf("%d columns: %q is left", columns, got)
		}
	}
}

// terminal is a screen that understands what every terminal does: new lines, returns and backspaces.
type terminal struct {
	columns int
	lines   []string
	at      int
	wrapped int // lines that were longer than the screen
}

func (s *terminal) write(t *testing.T, text string) {
	t.Helper()
	if len(s.lines) == 0 {
		s.lines = []string{""}
	}
	for _, r := range text {
		last := &s.lines[len(s.lines)-1]
		switch {
		case r == '\n':
			s.lines = append(s.lines, "")
			s.at = 0
		case r == '\r':
			s.at = 0
		case r == '\b':
			s.at = max(0, s.at-1)
		case r < ' ':
			t.Fatalf("a control character in %q", text)
		default:
			if s.at == s.columns {
				s.wrapped++
				s.lines = append(s.lines, "")
				last, s.at = &s.lines[len(s.lines)-1], 0
			}
			line := []rune(*last)
			for len(line) <= s.at {
				line = append(line, ' ')
			}
			line[s.at] = r
			*last = string(line)
			s.at++
		}
	}
}
