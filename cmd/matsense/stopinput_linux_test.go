package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStopOnInput: a program that starts the command interrupts it by a byte on its standard input or by the
// end of the input, and the run is saved.
func TestStopOnInput(t *testing.T) {
	want := runSmall(t, long...)
	for name, stop := range map[string]func(io.WriteCloser) error{
		"a byte":  func(in io.WriteCloser) error { _, err := in.Write([]byte("\n")); return err },
		"the end": func(in io.WriteCloser) error { return in.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			p := starting(t, append([]string{"run", "--out", dir}, long...)...)
			p.Env = append(os.Environ(), stopVariable+"=1")
			in, err := p.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			p.start(t)
			p.read(t, 50)
			if err := stop(in); err != nil {
				t.Fatal(err)
			}
			p.acknowledged(t)
			if code, _ := p.end(t); code != exitInterrupted {
				t.Fatalf("exit code %d\n%s", code, p.errs.String())
			}
			must(t, exitDone, "run", "--resume", "--out", dir)
			sameBits(t, dir, want)
			if summaryOf(t, dir)["resumed_from_iteration"] == nil {
				t.Error("nothing was saved")
			}
		})
	}
}

// TestStopWithParent: the command ends with its parent, even if another process keeps its input open and
// reads its output.
func TestStopWithParent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	defer to.Close()
	c := exec.Command("/bin/sh", "-c", stopVariable+`=1 "$0" run --json --n 10 --rank 1 --iterations 100000000 `+
		`--measure-every 1000 --out "$1" <&3 3<&- & sleep 0.3; echo $!; kill -9 $$`, program, dir)
	c.ExtraFiles = []*os.File{from}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }() // if it goes on
	ended := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(out) // until both have ended
		ended <- string(text)
	}()
	select {
	case text := <-ended:
		if !strings.Contains(text, `"status":"canceled"`) {
			t.Errorf("the run was not saved:\n%.2000s", text)
		}
	case <-time.After(20 * time.Second):
		t.Error("the command goes on without its parent")
	}
	_ = c.Wait() // it was killed
	if summaryOf(t, dir)["status"] != "canceled" {
		t.Error("the run was not saved")
	}
}
