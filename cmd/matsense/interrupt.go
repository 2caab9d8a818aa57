package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

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
// An output that nobody reads any more, as after "| head", is an interrupt too, but a quiet one. Programs
// that start the command interrupt it by its standard input: see [stopVariable].
func interruptible(env *environment) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup ignores SIGHUP, and a shell's background jobs ignore Ctrl-C
			signal.Notify(signals, s)
		}
	}
	if !signal.Ignored(syscall.SIGPIPE) {
		// The signal comes from sockets and other pipes too, and does not say from which. If the program did
		// not ask for it, a write to an output that nobody reads would end the process.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
		env.out, env.err = readOutput{env.out, signals}, readOutput{env.err, signals}
	}
	if os.Getenv(stopVariable) != "" {
		go interruptByInput(os.Stdin, signals)
	}
	go func() {
		for canceled, told := false, false; ; canceled = true {
			s := <-signals
			quiet := s == syscall.SIGPIPE
			switch {
			case quiet && canceled: // what was saved is still being told
			case !env.work.going.Load() || told:
				stopNow(*env, s)
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

// readOutput is an output that sends SIGPIPE to a channel if nobody reads it any more.
type readOutput struct {
	io.Writer
	signals chan<- os.Signal
}

func (o readOutput) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		select {
		case o.signals <- syscall.SIGPIPE:
		default: // enough have been sent
		}
	}
	return n, err
}

// stopVariable names the variable of the environment which says that the standard input interrupts. This
// works on every system and whatever signals are ignored, and a program that is killed need not do anything:
// the system closes its end of the pipe.
const stopVariable = "MATSENSE_STOP_ON_INPUT"

// interruptByInput sends an interrupt when the input has a byte or ends. It also watches for the end of the
// parent process, because other children of that process may hold the pipe open.
func interruptByInput(input io.Reader, signals chan<- os.Signal) {
	ended := make(chan struct{})
	go func() {
		_, _ = input.Read(make([]byte, 1)) // a byte, the end and an error mean the same
		close(ended)
	}()
	for parent := os.Getppid(); os.Getppid() == parent; {
		select {
		case <-ended:
			signals <- os.Interrupt
			return
		case <-time.After(time.Second):
		}
	}
	signals <- os.Interrupt
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
