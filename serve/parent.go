package serve

import (
	"context"
	"os"
	"time"
)

// WhileParentLives returns a context that is done when the process that has started this one is gone, and a
// function that ends the watch. Systems that keep the number of a parent that is gone, such as Windows, are
// left to the end of the input.
func WhileParentLives(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	parent := os.Getppid()
	ticker := time.NewTicker(time.Second)
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if os.Getppid() != parent {
					cancel()
				}
			}
		}
	}()
	return ctx, cancel
}
