package emulator

import (
	"fmt"
	"strings"
)

// token is a piece of PTX text.
type token struct {
	kind tokenKind
	text string
	line int
}

type tokenKind byte

const (
	endToken    tokenKind = iota
	wordToken             // a name: add, %r1, $loop, WARP_SZ
	dotToken              // a dot and the name that follows it: .global, .L2::128B, the .x of %tid.x
	numberToken           // 12, 0x1f, 7.4, 0f3F800000
	stringToken           // "…", of .pragma and .file
	signToken             // one character of punctuation
)

// lex cuts text into tokens; the last is an endToken. Comments are dropped.
func lex(text string) ([]token, *Fault) {
	if fault := onlyASCII(text); fault != nil {
		return nil, fault
	}
	out := make([]token, 0, len(text)/4)
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		rest := text[i:]
		length, kind := 1, signToken
		switch {
		case c == '\n':
			line++
			i++
			continue
		case c == ' ' || c == '\t' || c == '\r':
			i++
			continue
		case strings.HasPrefix(rest, "//"):
			if length = strings.IndexByte(rest, '\n'); length < 0 {
				length = len(rest)
			}
			i += length
			continue
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest, "*/")
			if end < 0 {
				return nil, &Fault{Kind: Syntax, Line: line, Text: "a comment has no end"}
			}
			line += strings.Count(rest[:end], "\n")
			i += end + 2
			continue
		case c == '"':
			end := strings.IndexAny(rest[1:], "\"\n")
			if end < 0 || rest[1+end] == '\n' {
				return nil, &Fault{Kind: Syntax, Line: line, Text: "a string has no end"}
			}
			length, kind = end+2, stringToken
		case isDigit(c):
			length, kind = number(rest), numberToken
		case c == '.':
			length = span(rest, 1, func(c byte) bool { return isLetter(c) || isDigit(c) || c == ':' })
			kind = dotToken
		case isLetter(c) || c == '%' || c == '$':
			length = span(rest, 1, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '$' })
			kind = wordToken
		case !strings.ContainsRune("{}()[]<>,;:+-*=@!|", rune(c)):
			return nil, &Fault{Kind: Syntax, Line: line,
				Text: "a character that PTX does not have: " + quoted(rest[:1])}
		}
		out = append(out, token{kind, rest[:length], line})
		i += length
	}
	return append(out, token{kind: endToken, line: line}), nil
}

// onlyASCII refuses other characters everywhere, even in comments, as the compilers of CUDA 12.8 to 13.3 do,
// and with their message.
func onlyASCII(text string) *Fault {
	for i := range len(text) {
		if text[i] >= 0x80 {
			line := 1 + strings.Count(text[:i], "\n")
			return &Fault{
				Kind: Syntax, Line: line,
				Text: fmt.Sprintf("Unexpected non-ASCII character encountered on line %d", line),
			}
		}
	}
	return nil
}

// span returns how many of text's first bytes are in a class; the first from bytes count in any case.
func span(text string, from int, in func(byte) bool) int {
	for from < len(text) && in(text[from]) {
		from++
	}
	return from
}

// number returns how many bytes a number has: digits, letters and the sign of an exponent.
func number(text string) int {
	in := func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' }
	n := span(text, 1, in)
	hexadecimal := n > 1 && strings.ContainsRune("xXfFdD", rune(text[1]))
	if hexadecimal || text[n-1]|0x20 != 'e' || n+1 >= len(text) || !isDigit(text[n+1]) {
		return n
	}
	if text[n] == '+' || text[n] == '-' {
		return span(text, n+1, in)
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
