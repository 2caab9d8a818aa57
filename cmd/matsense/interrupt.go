package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/matsense/matsense/internal/atomicfile"
)

// work says whether a command has something that an interrupt must save. Its methods may be called on nil.
type work struct{ going atomic.Bool }

// begin says that from now on an interrupt must save.
func (w *work) begin() {
	if w != nil {
		w.going.Store(true)
	}
}

// end says that all is saved.
func (w *work) end() {
	if w != nil {
		w.going.Store(false)
	}
}

// interruptible returns a context that an interrupt cancels if the command has something to save. The second
// interrupt, or the first one if there is nothing to save, ends the process.
//
// An output that nobody reads any more, as after "| head", is an interrupt too, but a quiet one.
func interruptible(env environment) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE} {
		if !signal.Ignored(s) { // nohup ignores SIGHUP, and a shell's background jobs ignore Ctrl-C
			signal.Notify(signals, s)
		}
	}
	go func() {
		for canceled, told := false, false; ; canceled = true {
			s := <-signals
			quiet := s == syscall.SIGPIPE
			switch {
			case quiet && canceled: // what was saved is still being told
			case !env.work.going.Load() || told:
				stopNow(env, s)
			case quiet:
				cancel()
			default:
				told = true
				cancel()
				fmt.Fprintln(env.err, "\ninterrupted: saving what is done; once more stops at once")
			}
		}
	}()
	return ctx, cancel
}

// stopNow ends the process, without leaving half-written files behind.
func stopNow(env environment, s os.Signal) {
	atomicfile.Abandon()
	if s == syscall.SIGPIPE {
		os.Exit(exitPipe)
	}
	fmt.Fprintln(env.err, "\ninterrupted")
	os.Exit(exitInterrupted)
}
