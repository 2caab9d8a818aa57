package watch

import (
	"testing"
	"time"
)

// TestSilence: a process that writes counts as alive, whatever the clock of the disk shows; one that stopped
// counts as dead, also if nobody looked for long.
func TestSilence(t *testing.T) {
	const limit = 2 * time.Minute
	start := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for name, ahead := range map[string]time.Duration{
		"clocks agree": 0, "the disk is an hour ahead": time.Hour, "the disk is an hour behind": -time.Hour,
	} {
		now := start
		s := signs{now: func() time.Time { return now }}
		look := func(written time.Time, beat int) time.Duration {
			return s.silence("x", written.Add(ahead), beat)
		}
		// It writes every 5 s and is looked at every second.
		var silent time.Duration
		last := start
		for i := range 60 {
			now = start.Add(time.Duration(i) * time.Second)
			if i%5 == 0 {
				last = now.Add(-100 * time.Millisecond)
			}
			silent = look(last, i/5)
			// At first sight of a disk that is behind, a process that writes looks like a dead one.
			if i > 5 && silent > 7*time.Second {
				t.Errorf("%s: silent for %v at %d s while it writes", name, silent, i)
			}
		}
		// It is killed, and nobody looks for an hour but once.
		now = now.Add(time.Hour)
		if silent = look(last, 11); silent < time.Hour || silent > time.Hour+10*time.Second {
			t.Errorf("%s: silent for %v after an hour", name, silent)
		}
	}

	// It wrote on for a minute after the first look, died, and is looked at again an hour later: it is dead.
	now := start
	s := signs{now: func() time.Time { return now }}
	s.silence("x", start.Add(-time.Second), 1)
	now = start.Add(time.Hour)
	if silent := s.silence("x", start.Add(time.Minute), 20); silent < limit {
		t.Errorf("a process that died an hour ago is silent for %v", silent)
	}
}
