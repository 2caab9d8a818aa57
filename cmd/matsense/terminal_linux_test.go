package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// onTerminal runs the program with a terminal of so many columns, and returns what it wrote there.
func onTerminal(t *testing.T, columns int, setting []string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), setting...)
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: uint16(columns)})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	defer f.Close()
	text, _ := io.ReadAll(f) // ends with an error when the program has closed the terminal
	if err := c.Wait(); err != nil {
		t.Fatalf("matsense %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// On a terminal of any width and kind there are no escape sequences, the last line is never wider than the
// terminal, and nothing of it is left in the end. A dumb terminal gets lines.
func TestTerminals(t *testing.T) {
	file := sweepFile(t, "base: {n: 30, rank: 2, iterations: 600, measure-every: 50}\naxes:\n  - alpha: [1e-3, 1e-2]\nseeds: 2\n")
	for _, c := range []struct {
		columns int
		setting []string
		dumb    bool
	}{
		{20, []string{"TERM=xterm"}, false}, {40, []string{"TERM=xterm-256color", "NO_COLOR=1"}, false},
		{80, []string{"TERM=linux"}, false}, {0, []string{"TERM=xterm"}, false},
		{40, []string{"TERM=dumb"}, true},
	} {
		dir := t.TempDir()
		for i, args := range [][]string{
			slices.Concat([]string{"run", "--n", "30", "--rank", "2", "--iterations", "600",
				"--measure-every", "50"},
				[]string{"--out", filepath.Join(dir, "run")}),
			{"sweep", file, "--out", filepath.Join(dir, "swept")},
		} {
			name := fmt.Sprint(c.columns, c.setting, args[0])
			text := onTerminal(t, c.columns, c.setting, args...)
			if strings.Contains(text, "\x1b") {
				t.Errorf("%s: an escape sequence in %q", name, text)
			}
			if returns := strings.Contains(text, "\r"); returns == c.dumb {
				t.Errorf("%s: lines that are taken back: %v\n%q", name, returns, text)
			}
			limit := c.columns
			if limit == 0 {
				limit = 80
			}
			for _, part := range strings.Split(text, "\r")[1:] {
				shown, _, _ := strings.Cut(strings.ReplaceAll(part, "\b", ""), "\n")
				if n := len([]rune(shown)); n >= limit && !strings.Contains(part, "\n") {
					t.Errorf("%s: the last line takes %d columns: %q", name, n, shown)
				}
			}
			wide := terminal{columns: 1000} // what is left when all lines have room
			wide.write(t, text)
			for _, line := range wide.lines {
				for _, left := range []string{"[=", "[  ", "steps/s", "under way"} {
					if !c.dumb && strings.Contains(line, left) {
						t.Errorf("%s: %q is left", name, line)
					}
				}
			}
			if want := []string{"Recovered", "4 runs in"}[i]; !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %q", name, want, text)
			}
		}
	}
}
