package watch

import (
	"sync"
	"time"
)

// DefaultSilence is how long a process may give no sign of life before it counts as dead. Processes write
// every 5 seconds at least, but network file systems show changes up to a minute late.
const DefaultSilence = 2 * time.Minute

// signs are what was seen of files that processes keep writing. The clock of a shared disk may differ from
// this machine's, so a file that changes while it is watched tells how far the two are apart.
type signs struct {
	now func() time.Time

	mu     sync.Mutex
	byPath map[string]*sign
}

type sign struct {
	written time.Time     // by the clock of the disk
	beat    int           // the content differs if this does
	seen    time.Time     // when it was looked at last, by the clock of this machine
	ahead   time.Duration // how far the clock of the disk is ahead of this machine's, as far as is known
}

// silence returns how long ago a file was written, by the clock of this machine.
func (s *signs) silence(path string, written time.Time, beat int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byPath == nil {
		s.byPath = map[string]*sign{}
	}
	now := s.now()
	last := s.byPath[path]
	if last == nil {
		last = &sign{written: written, beat: beat}
		s.byPath[path] = last
	} else if !written.Equal(last.written) || beat != last.beat {
		// It was written after it was last looked at, and before now.
		last.ahead = min(last.ahead, written.Sub(last.seen))
		last.written, last.beat = written, beat
	}
	last.ahead = max(last.ahead, written.Sub(now)) // nothing was written in the future
	last.seen = now
	return now.Add(last.ahead).Sub(written)
}
