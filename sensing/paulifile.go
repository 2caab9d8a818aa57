package sensing

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// LoadPaulis reads a file of words for [PaulisOf]. See [ReadPaulis].
func LoadPaulis(path string) (*Pauli, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sensing: %w", err)
	}
	defer f.Close()
	return ReadPaulis(f)
}

// ReadPaulis reads words for [PaulisOf], one on each line, such as XIZY. Spaces around a word, empty lines
// and lines that begin with # are ignored. Errors name the line, counted from 1.
func ReadPaulis(r io.Reader) (*Pauli, error) {
	const longest = 4096 // bytes of a line, comments included
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longest)
	var words []string
	number := 0
	for lines.Scan() {
		number++
		word := strings.TrimSpace(lines.Text())
		if word == "" || word[0] == '#' {
			continue
		}
		q := len(word)
		if len(words) > 0 {
			q = len(words[0])
		}
		if _, _, err := parseWord(word, q); err != nil {
			return nil, fmt.Errorf("sensing: line %d: %w", number, err)
		}
		words = append(words, word)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("sensing: line %d has more than %d bytes: a line is one Pauli word",
			number+1, longest)
	} else if err != nil {
		return nil, fmt.Errorf("sensing: line %d: %w", number+1, err)
	}
	return PaulisOf(words)
}
