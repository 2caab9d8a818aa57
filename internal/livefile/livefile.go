// Package livefile keeps small files fresh by which a process at work tells others, also on other machines
// that share the disk, that it is alive and how far it has come. What cannot be written is left out: a full
// disk must not harm the work.
package livefile

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/matsense/matsense/internal/atomicfile"
)

// Prefix begins the names of such files in the directory of a run or a sweep.
const Prefix = ".live"

// The least and the greatest time between two beats.
const (
	shortest = time.Second
	Longest  = 5 * time.Second
)

// rest is the time until the next beat. Who watches a short run wants to see it move; a long one need not
// burden a shared disk each second.
func rest(elapsed time.Duration) time.Duration { return min(max(elapsed/20, shortest), Longest) }

// Start calls beat at once and then every 1 to 5 seconds, with its number from 1, in a goroutine of its own:
// a step that takes an hour does not keep a process from telling that it is alive. stop returns when no call
// is under way any more.
func Start(beat func(number int)) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	began := time.Now()
	ended.Go(func() {
		for number := 1; ; number++ {
			beat(number)
			select {
			case <-done:
				return
			case <-time.After(rest(time.Since(began))):
			}
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		ended.Wait()
	})
}

// Write replaces a file by a value as JSON, if it can be written.
func Write(path string, value any) {
	_ = atomicfile.WriteFleeting(path, func(w io.Writer) error {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		_, err = w.Write(append(text, '\n'))
		return err
	})
}
