package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// timeLimit is the flag --stop-after: jobs of a cluster have a time limit, and are to save before it.
type timeLimit struct{ after time.Duration }

func (l *timeLimit) flag(c *cobra.Command) {
	c.Flags().DurationVar(&l.after, "stop-after", 0, "save and end after this `time`, like 3h45m, with exit "+
		"code 130, or 1 if no progress was made (0: never)")
	c.Flags().Lookup("stop-after").DefValue = "" // the usage says it
}

// check returns the problem of the flag, or an empty text.
func (l *timeLimit) check() string {
	if l.after >= 0 {
		return ""
	}
	return fmt.Sprintf("--stop-after takes a time from now, like 3h45m, got %s", l.after)
}

var errTimeIsUp = errors.New("the time of --stop-after is up")

// begin returns a context that is canceled when the time is up.
func (l *timeLimit) begin(ctx context.Context, env environment) (context.Context, func()) {
	if l.after == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(l.after, func() {
		fmt.Fprintln(env.err, "\nthe time of --stop-after is up: saving")
		cancel(errTimeIsUp)
	})
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// ended returns the error of a command that ended with err. If the time was too short for any progress, this
// is a failure and no interruption: a job that is queued again after each interruption would never end.
func (l *timeLimit) ended(ctx context.Context, err error, progress bool) error {
	if progress || exitCode(err) != exitInterrupted || !errors.Is(context.Cause(ctx), errTimeIsUp) {
		return err
	}
	return fmt.Errorf("--stop-after %s is too short: nothing was added to what was saved before", l.after)
}
