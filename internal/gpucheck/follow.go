package gpucheck

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// follow prints the lines of a growing file that match show, until stop is called; stop prints the remaining
// ones.
func follow(name string, show *regexp.Regexp, to io.Writer) (stop func()) {
	file, err := os.Open(name)
	if err != nil || show == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		defer file.Close()
		in, line := bufio.NewReader(file), ""
		for last := false; ; {
			text, err := in.ReadString('\n')
			line += text
			if err == nil {
				if show.MatchString(strings.TrimRight(line, "\n")) {
					fmt.Fprint(to, "    ", line)
				}
				line = ""
				continue
			}
			if last {
				return
			}
			select {
			case <-quit:
				last = true
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	return sync.OnceFunc(func() { close(quit); done.Wait() })
}
