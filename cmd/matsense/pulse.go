package main

import (
	"cmp"
	"fmt"
	"sync"
	"time"
)

const (
	// defaultSilence is the longest time without a line of progress, unless the environment has another.
	defaultSilence = 30 * time.Second
	// linesEvery is the least time between two lines of a sweep that say the same thing.
	linesEvery = 5 * time.Second
	// redrawEvery is the time between two states of a terminal's last line.
	redrawEvery = 200 * time.Millisecond
)

// teller tells how far some work has come: in the last line of a terminal, in lines elsewhere, or in JSON
// lines. Its pulse speaks while the work is silent.
type teller struct {
	env  environment
	json bool
	line *statusLine // nil if there is no terminal
	stop func()      // ends the pulse
	mu   sync.Mutex  // the pulse has a goroutine of its own
	told time.Time   // when something was printed last
}

// begin says what to tell while the work is silent: an event, or a text with the part of the work that is
// done, from 0 to 1. Both are called with the lock, until end is called.
func (t *teller) begin(event func() event, state func() (text string, done float64)) {
	t.told = time.Now()
	silence := cmp.Or(t.env.silence, defaultSilence)
	every := silence / 30
	if !t.json && t.env.terminal {
		t.line, every = &statusLine{w: t.env.err, columns: t.env.columns}, redrawEvery
	}
	t.stop = startPulse(every, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		switch {
		case t.line != nil:
			t.line.show(state())
		case time.Since(t.told)+every < silence: // the next beat comes early enough
		case t.json:
			t.emit(event())
		default:
			text, _ := state()
			t.print(text)
		}
	})
}

// end stops the pulse, and takes the last line away.
func (t *teller) end() {
	t.stop()
	if t.line != nil {
		t.line.clear()
	}
}

// print prints a line for people, and is called with the lock.
func (t *teller) print(text string) {
	if t.line != nil {
		t.line.clear()
	}
	fmt.Fprintln(t.env.err, text)
	t.told = time.Now()
}

// emit prints an event, and is called with the lock.
func (t *teller) emit(e event) {
	printJSON(t.env.out, e)
	t.told = time.Now()
}

// tell prints an event or, for people, a text.
func (t *teller) tell(e event, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.json {
		t.emit(e)
	} else {
		t.print(text)
	}
}

// notice prints a note, and is called with the lock.
func (t *teller) notice(text string) {
	if t.json {
		t.emit(noticeEvent{text})
	} else {
		t.print("note: " + text)
	}
}

// startPulse calls beat every so often, until stop is called and has returned.
func startPulse(every time.Duration, beat func()) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				beat()
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		ended.Wait()
	})
}
