package gpucheck

import (
	"fmt"
	"regexp"
	"time"
)

// process is one program to run with a time limit.
type process struct {
	argv  []string
	dir   string
	log   string // the file for all of its output
	limit time.Duration
	grace time.Duration  // between the request to end and the kill
	show  *regexp.Regexp // lines that are also shown to the user at once
}

// ended is how a process ended.
type ended struct {
	code        int // exit status; −1 if a signal ended it
	late        bool
	interrupted bool
	took        time.Duration
	err         error // the process could not be started, or could not be ended
}

// why says as text how the process ended.
func (e ended) why(limit time.Duration) string {
	switch {
	case e.err != nil:
		return e.err.Error()
	case e.interrupted:
		return "interrupted"
	case e.late:
		return fmt.Sprintf("not done after %v", limit)
	case e.code < 0:
		return "ended by a signal"
	}
	return fmt.Sprintf("exit status %d", e.code)
}
