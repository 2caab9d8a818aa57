package serve

import (
	"fmt"
	"io"
	"os"
)

// polled returns an input of its own for the same pipe, whose reads wait in Go's network poller, and what
// closes it. Other inputs are returned as they are. A read of the process's standard input is a system call
// that blocks: until Go's scheduler has found out, which takes up to some milliseconds, no other goroutine
// may use that core, and the call under way computes on one core less. The pipe is opened again, because the
// program that has given it may read it too and expect reads that block.
func polled(in io.Reader) (input io.Reader, closeInput func()) {
	asGiven := func() {}
	f, isFile := in.(*os.File)
	if !isFile {
		return in, asGiven
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return in, asGiven
	}
	pipe, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return in, asGiven
	}
	return pipe, func() { _ = pipe.Close() } // it was only read
}
