package livefile

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestStart: the first beat comes at once, and none after stop.
func TestStart(t *testing.T) {
	var beats atomic.Int64
	stop := Start(func(number int) {
		if int64(number) != beats.Add(1) {
			t.Errorf("beat %d is number %d", beats.Load(), number)
		}
	})
	stop()
	if n := beats.Load(); n != 1 {
		t.Errorf("there were %d beats", n)
	}
	stop() // may be called again
}

// TestRest: a short run is told of each second, a long one each five seconds.
func TestRest(t *testing.T) {
	for elapsed, want := range map[time.Duration]time.Duration{
		0: time.Second, 20 * time.Second: time.Second, time.Minute: 3 * time.Second,
		time.Hour: 5 * time.Second,
	} {
		if got := rest(elapsed); got != want {
			t.Errorf("after %v the next beat is in %v, want %v", elapsed, got, want)
		}
	}
}

// TestWrite: a file is replaced as a whole; what cannot be written does no harm and leaves nothing.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".live.json")
	for _, v := range []map[string]int{{"a": 1}, {"b": 22}} {
		Write(path, v)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "{\"b\":22}\n" {
		t.Errorf("the file has %q, %v", text, err)
	}
	Write(path, func() {}) // is no JSON
	Write(filepath.Join(dir, "gone", ".live.json"), 1)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

// TestGone: only a process of this machine that has ended is gone.
func TestGone(t *testing.T) {
	if Self().Gone() || (Process{}).Gone() {
		t.Error("this process, or an unknown one, is gone")
	}
	if runtime.GOOS != "linux" {
		t.Skip("nothing more is known there")
	}
	c := exec.Command("true")
	if err := c.Run(); err != nil {
		t.Skip(err)
	}
	ended := Self()
	ended.PID = c.Process.Pid
	if !ended.Gone() {
		t.Error("a process that has ended is not gone")
	}
	if ended.Machine = "another"; ended.Gone() {
		t.Error("of another machine's process it is said that it is gone")
	}
}
