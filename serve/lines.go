package serve

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/experiment/config"
)

// maxLine bounds the bytes of a request: an inline factor with 10 million numbers.
const maxLine = 1 << 28

// grace is how long calls go on that were asked for before the input ended, so that requests may come from a
// file or through a pipe.
const grace = time.Second

// line is a request as it was read, or why it cannot be.
type line struct {
	text []byte // until the line after the next is asked for
	err  error
}

// readLines reads the lines of an input one ahead, so that its end is seen while a call goes on. The channel
// is closed at the end of the input, and canceled is called after [grace]. Lines for which handled is true
// are left out: they are for the call that goes on. So are blank lines.
func readLines(in io.Reader, canceled context.CancelFunc, handled func(text []byte) bool) <-chan line {
	lines := make(chan line)
	go func() {
		defer time.AfterFunc(grace, canceled)
		defer close(lines)
		r := bufio.NewReaderSize(in, 1<<16)
		var texts [2][]byte // one is being answered while the other is read
		for i := 0; ; {
			var err, ended error
			texts[i], err, ended = appendLine(texts[i][:0], r)
			if ended == nil && err == nil && (len(bytes.TrimSpace(texts[i])) == 0 || handled(texts[i])) {
				continue
			}
			if ended == nil || len(texts[i]) > 0 {
				lines <- line{texts[i], err}
				runtime.Gosched() // the session goes on at once on this thread, without another to be woken
				i = 1 - i
			}
			if ended != nil {
				return
			}
		}
	}()
	return lines
}

// appendLine appends a line without its end. ended says that the input has no more lines. A line that is too
// long is read to its end and left out; err says so.
func appendLine(text []byte, r *bufio.Reader) (_ []byte, err, ended error) {
	for {
		part, more := r.ReadSlice('\n')
		if len(text)+len(part) > maxLine {
			err, part = config.Usagef("a request has at most %s: put arrays into shared memory",
				experiment.Bytes(maxLine)), nil
		}
		if err == nil {
			text = append(text, part...)
		}
		switch {
		case more == nil:
			if n := len(text); err == nil && n > 0 {
				text = text[:n-1]
			}
			return text, err, nil
		case !errors.Is(more, bufio.ErrBufferFull):
			return text, err, fmt.Errorf("the input ends: %w", more)
		}
	}
}
