package gpucheck

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// adopt makes this process the parent of descendants whose parent has ended, so that they are found and ended
// too.
func adopt() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// run runs a process. When the limit has passed or ctx is done, the process and all of its descendants are
// asked to end (SIGTERM), and after the grace period they are killed. No descendant outlives the call. Lines
// that match show are written to stdout.
func (p process) run(ctx context.Context, stdout io.Writer) (e ended) {
	log, err := os.Create(p.log)
	if err != nil {
		return ended{err: err}
	}
	defer log.Close()
	c := exec.Command(p.argv[0], p.argv[1:]...)
	c.Dir, c.Stdout, c.Stderr = p.dir, log, log
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	others := descendants(os.Getpid())
	start := time.Now()
	if err := c.Start(); err != nil {
		return ended{err: err}
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	stop := follow(p.log, p.show, stdout)
	defer stop()
	limit := time.NewTimer(p.limit)
	defer limit.Stop()
	select {
	case err = <-done:
	case <-limit.C:
		e.late = true
	case <-ctx.Done():
		e.interrupted = true
	}
	if e.late || e.interrupted {
		e.err = p.end(c.Process.Pid, done)
	}
	e.took = time.Since(start)
	bury(others)
	var exit *exec.ExitError
	switch {
	case e.late || e.interrupted || err == nil:
	case errors.As(err, &exit):
		e.code = exit.ExitCode()
	default:
		e.err = err
	}
	return e
}

// end ends a process and its descendants, first with a request, then by force.
func (p process) end(pid int, done <-chan error) error {
	for _, s := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, p.grace}, {syscall.SIGKILL, 10 * time.Second}} {
		family := descendants(pid)
		_ = syscall.Kill(-pid, s.signal) // the other processes of its group
		for _, member := range family {
			_ = syscall.Kill(member, s.signal)
		}
		select {
		case <-done: //nolint:errcheck // how it ended is known
			return nil
		case <-time.After(s.wait):
		}
	}
	return fmt.Errorf("process %d could not be killed", pid)
}

// bury kills the descendants of this process that are not among others, which existed before.
func bury(others []int) {
	for range 100 { // a process may have started children meanwhile
		left := slices.DeleteFunc(descendants(os.Getpid()), func(pid int) bool {
			return slices.Contains(others, pid)
		})
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			// if the process has become a child of this one
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// descendants lists the children of a process, their children, and so on.
func descendants(pid int) []int {
	parents := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// 123 (a name) S 45 …
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil || len(fields) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(string(fields[1]))
		parents[parent] = append(parents[parent], child)
	}
	var all []int
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		all = append(all, parents[next[0]]...)
		next = append(next, parents[next[0]]...)
	}
	return all
}
