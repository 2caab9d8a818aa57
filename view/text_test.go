package view

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{ShellWord("runs/a-1"), "runs/a-1"}, {ShellWord("my runs"), "'my runs'"}, {ShellWord(""), "''"},
		{ShellWord("it's"), `'it'\''s'`},
		{Count(1, "run"), "1 run"}, {Count(2, "run"), "2 runs"}, {Count(0, "run"), "0 runs"},
		{Rounded(1234 * time.Millisecond), "1.2s"}, {Rounded(75*time.Second + 400*time.Millisecond), "1m15s"},
		{Rounded(90 * time.Minute), "1h30m"},
		{took(0.0221), "0.0221 s"}, {took(599), "599 s"}, {took(1100), "18m"},
		{Ranges([]int{0, 1, 2, 3, 4, 7, 9, 10}), "0–4, 7, 9–10"}, {Ranges(nil), ""},
		{capital("éa"), "Éa"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
