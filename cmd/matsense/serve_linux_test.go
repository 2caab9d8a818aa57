package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// served is `matsense serve` in a process of its own.
type served struct {
	*exec.Cmd
	in   *os.File
	out  *bufio.Reader
	errs bytes.Buffer
}

// startServer starts a command, which is or starts the server, with pipes for its input and its output. The
// input is file number 3 as well, for shells that replace their children's standard input.
func startServer(t *testing.T, c *exec.Cmd) *served {
	t.Helper()
	s := &served{Cmd: c}
	requests, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stdin, c.Stdout, c.Stderr, c.ExtraFiles = requests, answers, &s.errs, []*os.File{requests}
	c.WaitDelay = time.Minute
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	requests.Close()
	answers.Close()
	s.in, s.out = in, bufio.NewReader(out)
	t.Cleanup(func() {
		in.Close()
		out.Close()
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return s
}

// say sends a request.
func (s *served) say(t *testing.T, request string) {
	t.Helper()
	if _, err := io.WriteString(s.in, request+"\n"); err != nil {
		t.Fatal(err)
	}
}

// hears reads an answer and checks how it begins.
func (s *served) hears(t *testing.T, want string) {
	t.Helper()
	answer, err := s.out.ReadString('\n')
	if err != nil || !strings.HasPrefix(answer, want) {
		t.Fatalf("the answer is %q, %v; it must begin with %s\n%s", answer, err, want, s.errs.String())
	}
}

// compute asks for gradients that take minutes, and returns when the server is computing them.
func (s *served) compute(t *testing.T) {
	t.Helper()
	s.say(t, `{"id":1,"call":"open","settings":{"n":60,"rank":5,"factor-rank":1,"device":"cpu",`+
		`"storage":"generated"}}`)
	s.hears(t, `{"id":1,"problem":1,`)
	factor := `[{"shape":[60,1],"data":[1` + strings.Repeat(",1", 59) + `]}]`
	s.say(t, `{"id":2,"call":"value_and_grad","problem":1,"factor":[`+factor+strings.Repeat(","+factor, 2999)+
		`]}`)
	time.Sleep(300 * time.Millisecond)
}

// endsSoon waits until nobody can write answers any more, which must be within seconds and without an answer.
func (s *served) endsSoon(t *testing.T) {
	t.Helper()
	began := time.Now()
	rest, err := io.ReadAll(s.out)
	if took := time.Since(began); err != nil || len(rest) > 0 || took > 10*time.Second {
		t.Errorf("after %v the server ends with %.100q, %v", took, rest, err)
	}
}

// code waits for the process and returns its exit code.
func (s *served) code() int {
	_ = s.Wait()
	return s.ProcessState.ExitCode()
}

// TestServerEnds: the server ends at the end of its input and on SIGTERM, in the middle of a long call and
// between calls. Ctrl-C does not end it.
func TestServerEnds(t *testing.T) {
	for _, busy := range []bool{false, true} {
		for _, x := range []struct {
			name string
			end  func(s *served) error
			code int
		}{
			{"end of input", func(s *served) error { return s.in.Close() }, exitDone},
			{"SIGTERM", func(s *served) error { return s.Process.Signal(syscall.SIGTERM) }, exitInterrupted},
		} {
			t.Run(fmt.Sprintf("%s, busy %v", x.name, busy), func(t *testing.T) {
				t.Parallel()
				s := startServer(t, exec.Command(program, "serve"))
				s.say(t, `{"id":0,"call":"hello","protocol":1}`)
				s.hears(t, `{"id":0,"protocol":1,`)
				if err := s.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
				if busy {
					s.compute(t)
				}
				if err := x.end(s); err != nil {
					t.Fatal(err)
				}
				s.endsSoon(t)
				if code := s.code(); code != x.code {
					t.Errorf("exit code %d, not %d\n%s", code, x.code, s.errs.String())
				}
			})
		}
	}
}

// TestServerEndsWithItsParent: the server ends when the program that has started it is killed, even if
// another process keeps its input open.
func TestServerEndsWithItsParent(t *testing.T) {
	for _, busy := range []bool{false, true} {
		t.Run(fmt.Sprintf("busy %v", busy), func(t *testing.T) {
			t.Parallel()
			s := startServer(t, exec.Command("sh", "-c", `"$0" serve <&3 & echo $!; wait`, program))
			number, err := s.out.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if _, err := strconv.Atoi(strings.TrimSpace(number)); err != nil {
				t.Fatal(err)
			}
			s.say(t, `{"id":0,"call":"hello","protocol":1}`)
			s.hears(t, `{"id":0,"protocol":1,`)
			if busy {
				s.compute(t)
			}
			if err := s.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			s.endsSoon(t)
		})
	}
}

// TestServerWithoutReader: a server whose answers nobody reads ends quietly, as other commands do.
func TestServerWithoutReader(t *testing.T) {
	requests := strings.NewReader(`{"id":0,"call":"hello","protocol":1}` + "\n")
	c := exec.Command(program, "serve")
	c.Stdin = requests
	out, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	c.Stdout, c.Stderr = answers, &errs
	out.Close()
	err = c.Run()
	answers.Close()
	if c.ProcessState.ExitCode() != exitPipe || errs.Len() > 0 {
		t.Errorf("it ends with %v: %s", err, errs.String())
	}
}
