package main

import (
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// statusLine is the last line of a terminal, which says how far the work has come. It uses no escape
// sequences, and is always shorter than the terminal is wide: a line that wraps could not be taken back.
type statusLine struct {
	w       io.Writer
	columns func() int // the terminal's width; 0: unknown
	shown   int        // columns that are written now
}

// show replaces the line by a text, with a bar before it if there is room. done goes from 0 to 1.
func (s *statusLine) show(text string, done float64) {
	const least, most = 10, 30 // columns of a bar
	columns := s.columns()
	if columns <= 0 {
		columns = 80
	}
	room := columns - 1 // in the last column some terminals begin a new line
	if width := room - utf8.RuneCountInString(text) - len("[] "); width >= least {
		width = min(width, most)
		full := min(max(int(math.Round(done*float64(width))), 0), width)
		text = "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "] " + text
	}
	if runes := []rune(text); len(runes) > room {
		text = string(runes[:room])
	}
	n := utf8.RuneCountInString(text)
	// A terminal that became narrower has wrapped the old line, and no blanks take that back.
	blanks := max(0, min(s.shown, room)-n)
	_, _ = io.WriteString(s.w, "\r"+text+strings.Repeat(" ", blanks)+strings.Repeat("\b", blanks))
	s.shown = n
}

// clear takes the line away.
func (s *statusLine) clear() {
	if s.shown > 0 {
		_, _ = io.WriteString(s.w, "\r"+strings.Repeat(" ", s.shown)+"\r")
		s.shown = 0
	}
}
