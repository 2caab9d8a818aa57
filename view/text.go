package view

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// known says whether a number is known, that is, not NaN.
func known[F ~float64](n F) bool { return !math.IsNaN(float64(n)) }

// number writes a metric in a sentence.
func number(n float64) string {
	if !known(n) {
		return "unknown"
	}
	return fmt.Sprintf("%.2e", n)
}

// ShellWord quotes a text unless a shell takes it as one word anyway.
func ShellWord(s string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+:@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// capital makes the first letter of a text a capital.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// Width is the number of columns that texts keep to.
const Width = 100

// Fill breaks a text into lines of at most [Width] columns. All lines but the first begin with an indent; the
// caller has written as many columns before the first.
func Fill(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > Width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// Count writes a number of things, as in "1 run" and "2 runs".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Rounded writes a duration, rounded to a tenth of a second, a second or a minute.
func Rounded(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 10*time.Minute:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

// took writes how many seconds something took.
func took(seconds float64) string {
	if seconds < 600 {
		return fmt.Sprintf("%.3g s", seconds)
	}
	return Rounded(time.Duration(seconds * float64(time.Second)))
}

// Ranges writes increasing numbers, as in 0–4, 7, 9–12.
func Ranges(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if j == i {
			parts = append(parts, fmt.Sprint(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d–%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}
