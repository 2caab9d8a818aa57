package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is the command in a process of its own, with --json. Its standard output is a pipe that holds one
// page, some ten lines: a process of more lines than were read cannot end, and lies in the middle of its run.
type process struct {
	*exec.Cmd
	out   *bufio.Reader
	errs  lockedBuffer
	lines []string
}

// lockedBuffer collects what is written, and closes told when it contains "interrupted".
type lockedBuffer struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	told chan struct{} // closed when the interrupt was acknowledged
	once sync.Once
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.buf.Write(p)
	if bytes.Contains(b.buf.Bytes(), []byte("interrupted")) {
		b.once.Do(func() { close(b.told) })
	}
	return n, err
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// begin starts the command with --json. A minute without an end ends it.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	p := starting(t, args...)
	p.start(t)
	return p
}

// starting returns the command that start starts.
func starting(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	p := &process{Cmd: exec.CommandContext(ctx, program, append(args, "--json")...)}
	p.errs.told = make(chan struct{})
	p.Stderr = &p.errs
	return p
}

func (p *process) start(t *testing.T) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	const setPipeSize = 1031 // F_SETPIPE_SZ
	if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, to.Fd(), setPipeSize, 4096); errno != 0 {
		t.Fatal("fcntl F_SETPIPE_SZ:", errno)
	}
	p.Stdout = to
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	to.Close()
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
		from.Close()
	})
	p.out = bufio.NewReaderSize(from, 16)
}

// read reads lines until n of them are samples.
func (p *process) read(t *testing.T, n int) {
	t.Helper()
	for n > 0 {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatalf("the process ended with %d samples to come: %v\n%s", n, err, p.errs.String())
		}
		p.lines = append(p.lines, line)
		if strings.Contains(line, `"event":"sample"`) {
			n--
		}
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// acknowledged waits until the process has said that it was interrupted.
func (p *process) acknowledged(t *testing.T) {
	t.Helper()
	select {
	case <-p.errs.told:
	case <-time.After(time.Minute):
		t.Fatalf("the interrupt was not acknowledged: %q", p.errs.String())
	}
}

// end reads what is left and returns the exit code, -1 after a kill, and all lines.
func (p *process) end(t *testing.T) (int, []object) {
	t.Helper()
	rest, err := io.ReadAll(p.out)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(p.errs.String(), "goroutine ") {
		t.Errorf("a stack trace:\n%s", p.errs.String())
	}
	text := strings.Join(p.lines, "") + string(rest)
	if p.ProcessState.ExitCode() < 0 { // killed: the last line may be cut short
		text = text[:strings.LastIndexByte(text, '\n')+1]
	}
	if text == "" {
		return p.ProcessState.ExitCode(), nil
	}
	return p.ProcessState.ExitCode(), jsonLines(t, text)
}

// long has far more samples than the pipe holds.
var long = []string{"--n", "10", "--rank", "2", "--measurements", "150", "--measure-every", "1",
	"--iterations", "2000"}

func TestInterruptedProcessResumes(t *testing.T) {
	want := runSmall(t, long...)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			p := begin(t, slices.Concat([]string{"run", "--out", dir}, long)...)
			p.read(t, 50)
			p.signal(t, s)
			p.acknowledged(t)
			code, lines := p.end(t)
			if code != exitInterrupted {
				t.Fatalf("exit code %d\n%s", code, p.errs.String())
			}
			last := lines[len(lines)-1]
			if last["event"] != "summary" || last["status"] != "canceled" ||
				!strings.Contains(last["status_text"].(string), "interrupted") {
				t.Errorf("the last line is %v", last)
			}
			sum := summaryOf(t, dir)
			n := int(sum["iterations"].(float64))
			if sum["status"] != "canceled" || n < 49 || n >= 2000 {
				t.Fatalf("status %v after %d iterations", sum["status"], n)
			}
			if !exists(checkpoint(dir, n, "DONE")) || !exists(dir, "factor.npy") ||
				!exists(dir, "trajectory.svg") {
				t.Errorf("not all was saved: %v", listDir(t, dir))
			}

			must(t, exitDone, "run", "--resume", "--out", dir)
			sameBits(t, dir, want)
			if from := summaryOf(t, dir)["resumed_from_iteration"]; from != float64(n) {
				t.Errorf("resumed from %v, want %d", from, n)
			}
		})
	}
}

// The second signal finds the process blocked by its full pipe, which nobody reads: it can only end by being
// stopped.
func TestSecondInterruptStopsAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	p := begin(t, slices.Concat([]string{"run", "--out", dir}, long)...)
	p.read(t, 10)
	p.signal(t, os.Interrupt)
	p.acknowledged(t)
	p.signal(t, os.Interrupt)
	if err := p.Wait(); err == nil || p.ProcessState.ExitCode() != exitInterrupted {
		t.Fatalf("it ended with %v\n%s", p.ProcessState, p.errs.String())
	}
	if exists(dir, "summary.json") {
		t.Error("it went on to write a summary")
	}
	must(t, exitDone, "run", "--resume", "--out", dir)
	sameBits(t, dir, runSmall(t, long...))
}

func TestKilledProcessResumes(t *testing.T) {
	flags := []string{"--iterations", "140", "--measure-every", "1"}
	want := runSmall(t, flags...)
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"run", "--resume", "--out", dir}
	from := -1
	for i, samples := range []int{30, 5, 15} {
		p := begin(t, map[bool][]string{true: slices.Concat([]string{"run", "--out", dir}, small, flags,
			always), false: args}[i == 0]...)
		p.read(t, samples)
		p.signal(t, os.Kill)
		code, lines := p.end(t)
		if code != -1 {
			t.Fatalf("it ended with %v before it was killed\n%s", p.ProcessState, p.errs.String())
		}
		begun := events(lines, "begin")
		if len(begun) != 1 || int(begun[0]["from_iteration"].(float64)) <= from && i > 0 {
			t.Fatalf("round %d goes on from %v, the one before from %d", i, begun, from)
		}
		from = int(begun[0]["from_iteration"].(float64))
		if exists(dir, "summary.json") {
			t.Error("a killed run has a summary")
		}
		// What is there can be drawn.
		must(t, exitDone, "plot", dir)
	}
	must(t, exitDone, args...)
	sameBits(t, dir, want)
}

// Flags alone decide the bits, not the process.
func TestProcessesAgree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	code, _ := begin(t, slices.Concat([]string{"run", "--out", dir}, small)...).end(t)
	if code != exitDone {
		t.Fatalf("exit code %d", code)
	}
	sameBits(t, dir, runSmall(t))
}
