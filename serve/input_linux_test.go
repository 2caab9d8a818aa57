package serve

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// TestPolledPipe: a pipe with reads that block gets an input of its own that has the pipe's bytes and its
// end. A read that waits ends when the input is closed, which no read does that blocks in a system call. The
// pipe itself is left as it was.
func TestPolledPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Fd() // from now on its reads block, as those of a standard input do
	in, closeInput := polled(r)
	if in == io.Reader(r) {
		t.Fatal("the pipe was not opened again")
	}
	if _, err := w.WriteString("line\n"); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 5)
	if _, err := io.ReadFull(in, text); err != nil || string(text) != "line\n" {
		t.Fatalf("read %q: %v", text, err)
	}
	ended := make(chan error)
	go func() {
		_, err := in.Read(text)
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond) // so that it waits
	closeInput()
	if err := <-ended; err == nil {
		t.Error("a read of a closed input returned bytes")
	}
	w.Close()
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("the pipe has %q: %v", rest, err)
	}
}

// TestPolledOthers: what is no pipe is read as it is.
func TestPolledOthers(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, given := range []io.Reader{strings.NewReader("x"), f} {
		if in, _ := polled(given); in != given {
			t.Errorf("%T became %T", given, in)
		}
	}
}
