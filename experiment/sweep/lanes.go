package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/matsense/matsense/experiment"
	"github.com/matsense/matsense/internal/atomicfile"
)

// spot is where a group is carried out.
type spot struct {
	device  string // empty: that of the settings
	workers int    // 0: those of the settings
}

// lane carries out groups on one spot, one after another. Several lanes may take theirs from one queue.
type lane struct {
	spot
	queue <-chan Group
}

// queue returns groups in their order, for one lane or for several.
func queue(groups []Group) <-chan Group {
	q := make(chan Group, len(groups))
	for _, g := range groups {
		q <- g
	}
	close(q)
	return q
}

// carrying is a sweep under way. Several groups may be under way at one time, each on a spot of its own.
type carrying struct {
	plan        *Plan
	data        dataSums
	out         *recorder
	checkpoints experiment.Checkpoints
	live        *liveWriter
	progress    Progress

	mu       sync.Mutex // of all that groups share
	failures int        // runs that failed
}

// all carries out groups: those that devices take for themselves, then the small ones, then the rest.
func (c *carrying) all(ctx context.Context, groups []Group) error {
	shares, rest := c.plan.shares(groups)
	small, rest := c.plan.sort(rest)
	var devices []lane
	for _, s := range shares {
		devices = append(devices, lane{spot{device: s.device}, queue(s.groups)})
	}
	for _, lanes := range [][]lane{devices, c.plan.beside(small), {{queue: queue(rest)}}} {
		if err := c.side(ctx, lanes); err != nil {
			return err
		}
	}
	return nil
}

// side carries out the groups of several lanes side by side. If a group ends with an error, the others are
// interrupted, so that their runs are saved.
func (c *carrying) side(ctx context.Context, lanes []lane) error {
	lanesCtx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	failures := make([]error, len(lanes))
	for i, l := range lanes {
		all.Go(func() {
			for g := range l.queue {
				if err := c.group(lanesCtx, g.Runs, l.spot); err != nil {
					if lanesCtx.Err() == nil && len(lanes) > 1 && l.device != "" {
						err = fmt.Errorf("%s: %w", l.device, err)
					}
					failures[i] = err
					stop()
					return
				}
			}
		})
	}
	all.Wait()
	var failed error
	for _, err := range failures {
		stopped := errors.Is(err, context.Canceled) || ctx.Err() != nil && errors.Is(err, ctx.Err())
		if !stopped { // by another, or by ctx
			failed = atomicfile.Join(failed, err)
		}
	}
	if failed == nil && slices.ContainsFunc(failures, func(err error) bool { return err != nil }) {
		return ctx.Err()
	}
	return failed
}
